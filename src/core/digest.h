/* Checksums of files: SHA-256 (FIPS 180-4) and, where only that is published, MD5 (RFC 1321; says that a file arrived
 * whole, not that nobody changed it), both by nettle. They take bytes piece by piece. */
#ifndef FAL_CORE_DIGEST_H
#define FAL_CORE_DIGEST_H

#include "core/progress.h"
#include "core/status.h"

#include <nettle/md5.h>
#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAL_SHA256_HEX = 65, FAL_MD5_HEX = 33 }; /* text with its NUL */

/* Plain data: may be copied, needs no freeing. */
typedef struct fal_digest {
    union {
        struct sha256_ctx sha256;
        struct md5_ctx md5;
    } of;
} fal_digest;

fal_digest fal_sha256_start(void);
void fal_sha256_add(fal_digest *d, const void *bytes, size_t length);
void fal_sha256_text(const fal_digest *d, char out[FAL_SHA256_HEX]); /* of what was added; d may take more */

fal_digest fal_md5_start(void);
void fal_md5_add(fal_digest *d, const void *bytes, size_t length);
void fal_md5_text(const fal_digest *d, char out[FAL_MD5_HEX]);

typedef struct fal_file_digest {
    int64_t bytes;
    char sha256[FAL_SHA256_HEX], md5[FAL_MD5_HEX]; /* md5 is empty when not wanted */
} fal_file_digest;
/* Of a whole file; `what` is the phrase for progress, reported in megabytes. */
fal_status fal_digest_file(const char *path, bool with_md5, const char *what, const fal_progress *progress,
                           fal_file_digest *out, fal_error *err);

/* True when `digest` (hex, lower case) begins with `published`, hex in either case. */
bool fal_digest_agrees(const char *digest, const char *published);

#endif
