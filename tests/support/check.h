/* Checks that show what they compared. A failing check ends the current cmocka test. */
#ifndef FAL_TESTS_SUPPORT_CHECK_H
#define FAL_TESTS_SUPPORT_CHECK_H

#include "core/status.h"

#include <stddef.h>

/* Numeric parity of one stage. Prints a line
 *   parity <name>  max_abs 1.2e-07  rel_l2 3.4e-08  non_finite 0/110  tolerance 4e-05 + 1e-05*|want|
 * and fails, showing both values at the worst element, unless every |got - want| <= atol + rtol*|want|. A non-finite
 * element passes only when both sides are the same infinity or both NaN. n = 0 fails: nothing was compared. */
#define fal_check_close(name, got, want, n, atol, rtol) \
    fal_check_close_at((name), (got), (want), (n), (atol), (rtol), __FILE__, __LINE__)
#define fal_check_close_f64(name, got, want, n, atol, rtol) \
    fal_check_close_f64_at((name), (got), (want), (n), (atol), (rtol), __FILE__, __LINE__)

/* The call must return FAL_OK; shows its error text otherwise: fal_check_ok(fal_npy_read(path, &a, &err), &err). */
#define fal_check_ok(call, err) fal_check_ok_at(#call, (call), (err), __FILE__, __LINE__)

/* The call must fail with status `want` and an error text that contains `part` (NULL: any non-empty text). */
#define fal_check_fails(call, want, part, err) \
    fal_check_fails_at(#call, (call), (want), (part), (err), __FILE__, __LINE__)

void fal_check_close_at(const char *name, const float *got, const float *want, size_t n, double atol, double rtol,
                        const char *file, int line);
void fal_check_close_f64_at(const char *name, const double *got, const double *want, size_t n, double atol, double rtol,
                            const char *file, int line);
void fal_check_ok_at(const char *call, fal_status got, const fal_error *err, const char *file, int line);
void fal_check_fails_at(const char *call, fal_status got, fal_status want, const char *part, const fal_error *err,
                        const char *file, int line);

#endif
