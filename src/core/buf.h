/* A growing byte buffer that is also a string builder: `data` is always NUL-terminated once something was added.
 * Zero-initialise, free with fal_buf_free. A failed append leaves the buffer as it was and sticks: `failed` stays set,
 * so a writer may append many times and check once. */
#ifndef FAL_CORE_BUF_H
#define FAL_CORE_BUF_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct fal_buf {
    char *data;
    size_t length;
    size_t capacity;
    bool failed;
} fal_buf;

void fal_buf_append(fal_buf *buf, const void *bytes, size_t length);
void fal_buf_puts(fal_buf *buf, const char *text);
void fal_buf_printf(fal_buf *buf, const char *fmt, ...) FAL_PRINTF(2, 3);
void fal_buf_clear(fal_buf *buf); /* keeps the memory */
void fal_buf_free(fal_buf *buf);

#endif
