/* How the library reports failure. Public part: <falsetto/status.h>. */
#ifndef FAL_CORE_STATUS_H
#define FAL_CORE_STATUS_H

#include <falsetto/status.h>

#include <stdarg.h>

/* Fills err (may be NULL) and returns `code`, so that `return fal_fail(...)` and FAL_FAIL read as one sentence. */
fal_status fal_fail(fal_error *err, fal_status code, const char *fmt, ...) FAL_PRINTF(3, 4);

/* As fal_fail with FAL_ERR_IO and ": <strerror(errno)>" appended. */
fal_status fal_fail_errno(fal_error *err, const char *fmt, ...) FAL_PRINTF(2, 3);

/* Puts "<prefix>: " before the text of err, e.g. the clip a deeper error belongs to. Does nothing for NULL. */
void fal_error_prefix(fal_error *err, const char *fmt, ...) FAL_PRINTF(2, 3);

/* For functions with one exit: `fal_status st = FAL_OK;` at the top, a `done:` label that frees everything.
 * FAL_TRY passes a failure on unchanged, FAL_FAIL makes one. */
#define FAL_TRY(expr)                     \
    do {                                  \
        if ((st = (expr)) != FAL_OK)      \
            goto done;                    \
    } while (0)
#define FAL_FAIL(...)                     \
    do {                                  \
        st = fal_fail(err, __VA_ARGS__);  \
        goto done;                        \
    } while (0)
/* FAL_ALLOC(p, fal_malloc(n)): assigns, fails with FAL_ERR_MEMORY when NULL. */
#define FAL_ALLOC(ptr, expr)                                                              \
    do {                                                                                  \
        if (!((ptr) = (expr)))                                                            \
            FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", __func__);                      \
    } while (0)

#endif
