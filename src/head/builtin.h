/* Heads that are part of the library. The bytes are files of data/, embedded by the build. */
#ifndef FAL_HEAD_BUILTIN_H
#define FAL_HEAD_BUILTIN_H

#include <stddef.h>
#include <stdint.h>

typedef struct fal_builtin_head {
    const char *name;     /* "builtin:puppet" */
    const uint8_t *bytes; /* a safetensors file */
    size_t size;
} fal_builtin_head;

/* NULL when there is none of that name. */
const fal_builtin_head *fal_builtin_find(const char *name);

#endif
