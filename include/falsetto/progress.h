/* Progress reports and cancellation of long calls. */
#ifndef FALSETTO_PROGRESS_H
#define FALSETTO_PROGRESS_H

#include <falsetto/export.h>

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `what` is a short phrase ("decoding", "face track", "encoding"); done and total share a unit, total 0 = unknown.
 * Called often and possibly from worker threads, one call at a time. */
typedef void fal_progress_fn(void *user, const char *what, double done, double total);

typedef struct fal_progress {
    fal_progress_fn *report;               /* NULL: no reports */
    void *user;
    const volatile sig_atomic_t *cancel;   /* non-zero: the call ends soon with FAL_ERR_CANCELLED; NULL: never */
} fal_progress;

/* The text of a progress bar, `width` columns at most: "encoding  [#####-----]  52%  3.1/s  0:12 left". `elapsed_s` is
 * the time since the start. Writes at most `size` bytes including the NUL. */
FAL_API void fal_progress_format(char *out, unsigned long size, int width, const char *what, double done, double total,
                                 double elapsed_s);

#ifdef __cplusplus
}
#endif
#endif
