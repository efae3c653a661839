/* Status codes and error text.
 *
 * Every call that can fail returns fal_status and takes a `fal_error *err` (NULL: the text is not wanted). On failure
 * the sentence in err->text names the file, what was found and what was wanted, and out parameters are untouched. */
#ifndef FALSETTO_STATUS_H
#define FALSETTO_STATUS_H

#include <falsetto/export.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fal_status {
    FAL_OK = 0,
    FAL_ERR_ARGUMENT,    /* the caller's mistake: bad option, bad combination, bad shape */
    FAL_ERR_MEMORY,      /* an allocation failed or would be absurd */
    FAL_ERR_IO,          /* open, read, write, rename failed */
    FAL_ERR_FORMAT,      /* a file is not what it claims: truncated, overflowing, malformed */
    FAL_ERR_UNSUPPORTED, /* well-formed, but outside what this build covers */
    FAL_ERR_NOT_FOUND,   /* a file, tensor, key or name that is not there */
    FAL_ERR_NO_FACE,     /* no face in the clip where one is needed */
    FAL_ERR_TOO_SHORT,   /* not enough audio or video for one output frame */
    FAL_ERR_CANCELLED,   /* stopped on request */
    FAL_ERR_INTERNAL     /* our own mistake */
} fal_status;

enum { FAL_ERROR_TEXT = 1024 };

typedef struct fal_error {
    fal_status code;
    char text[FAL_ERROR_TEXT]; /* UTF-8, NUL-terminated, no trailing newline */
} fal_error;

/* A short lower-case name such as "format"; never NULL. */
FAL_API const char *fal_status_name(fal_status status);

/* Frees a text that the library handed to the caller; leaves NULL. */
FAL_API void fal_text_free(char **text);

#ifdef __cplusplus
}
#endif
#endif
