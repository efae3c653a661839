#include "core/digest.h"

#include "core/alloc.h"
#include "core/file.h"

#include <ctype.h>

enum { FILE_STEP = 1 << 22 };

/* `bytes` as lower-case hex with a NUL. */
static void put_hex(const uint8_t *bytes, size_t count, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

fal_digest fal_sha256_start(void)
{
    fal_digest d;
    sha256_init(&d.of.sha256);
    return d;
}

void fal_sha256_add(fal_digest *d, const void *bytes, size_t length)
{
    sha256_update(&d->of.sha256, length, bytes);
}

void fal_sha256_text(const fal_digest *d, char out[FAL_SHA256_HEX])
{
    fal_digest last = *d;
    uint8_t bytes[SHA256_DIGEST_SIZE];
    sha256_digest(&last.of.sha256, sizeof bytes, bytes);
    put_hex(bytes, sizeof bytes, out);
}

fal_digest fal_md5_start(void)
{
    fal_digest d;
    md5_init(&d.of.md5);
    return d;
}

void fal_md5_add(fal_digest *d, const void *bytes, size_t length)
{
    md5_update(&d->of.md5, length, bytes);
}

void fal_md5_text(const fal_digest *d, char out[FAL_MD5_HEX])
{
    fal_digest last = *d;
    uint8_t bytes[MD5_DIGEST_SIZE];
    md5_digest(&last.of.md5, sizeof bytes, bytes);
    put_hex(bytes, sizeof bytes, out);
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
        if (fal_progress_cancelled(progress))
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
