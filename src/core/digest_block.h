/* Cutting a byte stream into the 64-byte blocks that both checksums work on. */
#ifndef FAL_CORE_DIGEST_BLOCK_H
#define FAL_CORE_DIGEST_BLOCK_H

#include "core/digest.h"

typedef void fal_digest_block_fn(uint32_t state[8], const uint8_t *block);

void fal_digest_add(fal_digest *d, const void *bytes, size_t length, fal_digest_block_fn *block);
/* Pads with 0x80 and zeros up to the last 8 bytes of a block and puts the length in bits there. */
void fal_digest_pad(fal_digest *d, bool big_endian, fal_digest_block_fn *block);
/* `bytes` as lower-case hex with a NUL. */
void fal_digest_hex(const uint8_t *bytes, size_t count, char *out);

#endif
