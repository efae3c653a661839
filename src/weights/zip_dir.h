/* Private to this folder: the members of a zip file in memory, for use in place.
 *
 * Everything is taken from the central directory (local headers of PyTorch files carry no sizes); zip64 is covered.
 * Finding a member checks its local header against the directory. */
#ifndef FAL_WEIGHTS_ZIP_DIR_H
#define FAL_WEIGHTS_ZIP_DIR_H

#include "core/arena.h"
#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct fal_zip_member {
    const char *name;
    bool deflated;
    uint32_t crc;
    uint64_t stored_bytes, bytes; /* in the file, and after inflating */
    uint64_t header_at;           /* local header */
    const uint8_t *ready;         /* aligned or inflated copy, once made */
} fal_zip_member;

typedef struct fal_zip {
    const char *origin;
    const uint8_t *bytes;
    size_t size;
    uint64_t data_end;       /* where the central directory starts */
    fal_zip_member *members; /* by name; no two are equal */
    size_t count;
} fal_zip;

/* A zip file, or the start of one. */
bool fal_zip_sniff(const uint8_t *bytes, size_t size);

/* origin, bytes and size are set by the caller; members live in the arena. */
fal_status fal_zip_open(fal_zip *zip, fal_arena *arena, fal_error *err);

fal_zip_member *fal_zip_find(const fal_zip *zip, const char *name);

/* Where a member's stored bytes lie. */
fal_status fal_zip_locate(const fal_zip *zip, const fal_zip_member *member, const uint8_t **out, fal_error *err);

/* Inflates a deflated member into out[0..member->bytes). */
fal_status fal_zip_inflate(const fal_zip *zip, const fal_zip_member *member, uint8_t *out, fal_error *err);

#endif
