#include "core/status.h"

#include "core/alloc.h"
#include "core/str.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [FAL_OK] = "ok",
    [FAL_ERR_ARGUMENT] = "argument",
    [FAL_ERR_MEMORY] = "memory",
    [FAL_ERR_IO] = "io",
    [FAL_ERR_FORMAT] = "format",
    [FAL_ERR_UNSUPPORTED] = "unsupported",
    [FAL_ERR_NOT_FOUND] = "not found",
    [FAL_ERR_NO_FACE] = "no face",
    [FAL_ERR_TOO_SHORT] = "too short",
    [FAL_ERR_CANCELLED] = "cancelled",
    [FAL_ERR_INTERNAL] = "internal",
};

const char *fal_status_name(fal_status status)
{
    size_t i = (size_t)status;
    return i < sizeof names / sizeof *names ? names[i] : "unknown";
}

fal_status fal_fail(fal_error *err, fal_status code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        err->code = code;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        fal_str_tame(err->text);
    }
    return code;
}

fal_status fal_fail_errno(fal_error *err, const char *fmt, ...)
{
    int saved = errno;
    if (err) {
        va_list ap;
        err->code = FAL_ERR_IO;
        va_start(ap, fmt);
        vsnprintf(err->text, sizeof err->text, fmt, ap);
        va_end(ap);
        size_t used = strlen(err->text);
        snprintf(err->text + used, sizeof err->text - used, ": %s", strerror(saved));
        fal_str_tame(err->text);
    }
    return FAL_ERR_IO;
}

void fal_error_prefix(fal_error *err, const char *fmt, ...)
{
    if (!err)
        return;
    char old[FAL_ERROR_TEXT];
    memcpy(old, err->text, sizeof old);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->text, sizeof err->text, fmt, ap);
    va_end(ap);
    size_t used = strlen(err->text);
    snprintf(err->text + used, sizeof err->text - used, ": %s", old);
}

void fal_text_free(char **text)
{
    if (text)
        fal_release(text);
}
