/* What the header of an HTTP response says about the file in its body. */
#ifndef FAL_FETCH_RESPONSE_H
#define FAL_FETCH_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAL_VALIDATOR_BYTES = 256 };

typedef struct fal_response {
    int status;                     /* 0: no status line yet */
    int64_t length;                 /* Content-Length; -1: not said */
    bool ranged;                    /* a well-formed Content-Range came: */
    int64_t first, last, total;     /* its numbers; -1 where it has '*' */
    char etag[FAL_VALIDATOR_BYTES]; /* texts are empty when absent, too long or not printable */
    char modified[FAL_VALIDATOR_BYTES];
    char type[FAL_VALIDATOR_BYTES]; /* Content-Type */
    char encoding[FAL_VALIDATOR_BYTES];
} fal_response;

/* Takes one line of a header, with or without its line end. A status line begins a new response: of a chain of
 * redirects the last one stays. Lines that mean nothing here, or are damaged, change nothing. */
void fal_response_line(fal_response *response, const char *line, size_t length);

/* A text that may be sent back in a request: not empty, printable ASCII. */
bool fal_is_validator(const char *text);
/* Only a strong ETag says that bytes are the same ones (RFC 9110, 8.8.1). */
bool fal_is_strong_etag(const char *etag);

#endif
