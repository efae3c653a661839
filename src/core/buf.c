#include "core/buf.h"

#include "core/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool reserve(fal_buf *buf, size_t extra)
{
    size_t need;
    if (buf->failed || !fal_add_ok(buf->length, extra, &need) || !fal_add_ok(need, 1, &need))
        return !(buf->failed = true);
    if (need <= buf->capacity)
        return true;
    size_t capacity = buf->capacity ? buf->capacity : 64;
    while (capacity < need)
        if (!fal_mul_ok(capacity, 2, &capacity))
            return !(buf->failed = true);
    char *data = fal_realloc(buf->data, buf->length + (buf->data != NULL), capacity);
    if (!data)
        return !(buf->failed = true);
    buf->data = data;
    buf->capacity = capacity;
    return true;
}

void fal_buf_append(fal_buf *buf, const void *bytes, size_t length)
{
    if (!reserve(buf, length))
        return;
    if (length)
        memcpy(buf->data + buf->length, bytes, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void fal_buf_puts(fal_buf *buf, const char *text)
{
    fal_buf_append(buf, text, strlen(text));
}

void fal_buf_printf(fal_buf *buf, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int length = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (length < 0 || !reserve(buf, (size_t)length)) {
        buf->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, fmt, ap);
    va_end(ap);
    buf->length += (size_t)length;
}

void fal_buf_clear(fal_buf *buf)
{
    buf->length = 0;
    buf->failed = false;
    if (buf->data)
        buf->data[0] = '\0';
}

void fal_buf_free(fal_buf *buf)
{
    fal_free(buf->data);
    *buf = (fal_buf){0};
}
