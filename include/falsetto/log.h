/* Log messages of the library go to a function of the caller; the library itself never prints. */
#ifndef FALSETTO_LOG_H
#define FALSETTO_LOG_H

#include <falsetto/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fal_log_level { FAL_LOG_ERROR, FAL_LOG_WARN, FAL_LOG_INFO, FAL_LOG_DEBUG } fal_log_level;

/* `component` is a short name such as "weights" or "face"; `text` one line without newline. May be called from any
 * thread that runs a library call. */
typedef void fal_log_fn(void *user, fal_log_level level, const char *component, const char *text);

/* Zero means silent. Passed by pointer in option structs and must outlive the call or object it was given to. */
typedef struct fal_log {
    fal_log_fn *write;    /* NULL: nothing is logged */
    void *user;           /* handed to write */
    fal_log_level level;  /* most detailed level wanted; zero: FAL_LOG_ERROR */
    const char *trace;    /* comma-separated components whose lines are wanted whatever `level` says; NULL: none */
} fal_log;

#ifdef __cplusplus
}
#endif
#endif
