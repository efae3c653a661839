#include "core/digest_block.h"

#include "core/alloc.h"
#include "core/file.h"

#include <ctype.h>
#include <string.h>

enum { BLOCK = 64, LENGTH_AT = BLOCK - 8, FILE_STEP = 1 << 22 };

void fal_digest_add(fal_digest *d, const void *bytes, size_t length, fal_digest_block_fn *block)
{
    const uint8_t *in = bytes;
    size_t held = d->bytes % BLOCK;
    d->bytes += length;
    if (held > 0) {
        size_t take = length < BLOCK - held ? length : BLOCK - held;
        memcpy(d->block + held, in, take);
        in += take, length -= take;
        if (held + take < BLOCK)
            return;
        block(d->state, d->block);
    }
    for (; length >= BLOCK; in += BLOCK, length -= BLOCK)
        block(d->state, in);
    if (length > 0)
        memcpy(d->block, in, length);
}

void fal_digest_pad(fal_digest *d, bool big_endian, fal_digest_block_fn *block)
{
    uint64_t bits = d->bytes * 8;
    size_t held = d->bytes % BLOCK;
    d->block[held++] = 0x80;
    if (held > LENGTH_AT) {
        memset(d->block + held, 0, BLOCK - held);
        block(d->state, d->block);
        held = 0;
    }
    memset(d->block + held, 0, LENGTH_AT - held);
    for (int i = 0; i < 8; i++)
        d->block[LENGTH_AT + i] = (uint8_t)(bits >> 8 * (big_endian ? 7 - i : i));
    block(d->state, d->block);
}

void fal_digest_hex(const uint8_t *bytes, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

bool fal_digest_agrees(const char *digest, const char *published)
{
    for (; *published; digest++, published++)
        if (*digest != tolower((unsigned char)*published))
            return false;
    return true;
}

fal_status fal_digest_file(const char *path, bool with_md5, const char *what, const fal_progress *progress,
                           fal_file_digest *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_map map = {0};
    fal_file_digest made = {0};
    fal_digest sha256 = fal_sha256_start(), md5 = fal_md5_start();
    FAL_TRY(fal_map_open(path, &map, err));
    for (size_t at = 0; at < map.size; at += FILE_STEP) {
        size_t length = map.size - at < FILE_STEP ? map.size - at : FILE_STEP;
        if (progress && progress->cancel && *progress->cancel)
            FAL_FAIL(FAL_ERR_CANCELLED, "%s: stopped while it was checked", path);
        fal_progress_report(progress, what, 1e-6 * (double)at, 1e-6 * (double)map.size);
        fal_sha256_add(&sha256, map.data + at, length);
        if (with_md5)
            fal_md5_add(&md5, map.data + at, length);
    }
    made.bytes = (int64_t)map.size;
    fal_sha256_text(&sha256, made.sha256);
    if (with_md5)
        fal_md5_text(&md5, made.md5);
    *out = made;
done:
    fal_map_close(&map);
    return st;
}
