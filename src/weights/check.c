#include "weights/check.h"

#include "core/alloc.h"
#include "weights/container.h"
#include "weights/zip_dir.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

/* ---- checksums ---- */

/* Parts that no tensor uses (code of a TorchScript archive) may be deflated too. */
enum { UNUSED_BYTES = 1 << 26 };

typedef struct tally {
    const fal_progress *progress;
    size_t members, wrong;
    char first[256]; /* name of the first wrong one */
    uint64_t bytes_read;
    uint64_t bytes_left; /* members of a damaged directory may overlap: no more than this is read */
} tally;

static uint32_t crc_of(const uint8_t *bytes, uint64_t length)
{
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), bytes, (z_size_t)length);
}

static fal_status member_crc(const fal_zip *zip, const fal_zip_member *m, uint32_t *crc, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *stored;
    uint8_t *inflated = NULL;
    if (m->deflated) {
        FAL_ALLOC(inflated, fal_malloc(m->bytes));
        FAL_TRY(fal_zip_inflate(zip, m, inflated, err));
        *crc = crc_of(inflated, m->bytes);
    } else {
        FAL_TRY(fal_zip_locate(zip, m, &stored, err));
        *crc = crc_of(stored, m->bytes);
    }
done:
    fal_free(inflated);
    return st;
}

static fal_status check_member(const fal_zip *zip, const fal_zip_member *m, tally *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    uint32_t crc = 0;
    if (m->bytes > sum->bytes_left)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged zip: its members hold more bytes than the file", zip->origin);
    if (fal_progress_cancelled(sum->progress))
        FAL_FAIL(FAL_ERR_CANCELLED, "%s: stopped while it was checked", zip->origin);
    fal_progress_report(sum->progress, "checking its parts (MB)", 1e-6 * (double)sum->bytes_read,
                        1e-6 * (double)zip->size);
    sum->bytes_read += m->bytes;
    sum->bytes_left -= m->bytes;
    FAL_TRY(member_crc(zip, m, &crc, err));
    sum->members++;
    if (crc != m->crc && sum->wrong++ == 0)
        snprintf(sum->first, sizeof sum->first, "%.200s", m->name);
done:
    return st;
}

static fal_status check_zip(const fal_mapped_file *file, tally *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = NULL;
    fal_zip zip = {.origin = file->path, .bytes = file->map.data, .size = file->map.size};
    FAL_ALLOC(arena, fal_arena_create());
    FAL_TRY(fal_zip_open(&zip, arena, err));
    for (size_t i = 0; i < zip.count; i++)
        FAL_TRY(check_member(&zip, &zip.members[i], sum, err));
done:
    fal_arena_free(&arena);
    return st;
}

fal_status fal_checkpoint_check_sums(const fal_checkpoint *ckpt, const fal_progress *progress, size_t *checked,
                                     fal_error *err)
{
    fal_status st = FAL_OK;
    *checked = 0;
    for (size_t i = 0; i < ckpt->file_count; i++) {
        const fal_mapped_file *file = &ckpt->files[i];
        tally sum = {.progress = progress, .bytes_left = file->map.size + ckpt->inflated + UNUSED_BYTES};
        if (!fal_zip_sniff(file->map.data, file->map.size))
            continue;
        FAL_TRY(check_zip(file, &sum, err));
        bool none_kept = sum.wrong == sum.members;
        if (sum.wrong && !none_kept)
            FAL_FAIL(FAL_ERR_FORMAT,
                     "%s: damaged: %zu of its %zu parts are not what was written, the first is %s; download it again",
                     file->path, sum.wrong, sum.members, sum.first);
        *checked += none_kept ? 0 : sum.members;
    }
done:
    return st;
}

/* ---- values ---- */

/* `n` elements `stride` apart, of which those are counted whose exponent bits are all ones. */
#define COUNT_BITS(type, ones)                                  \
    do {                                                        \
        const type *in = first;                                 \
        for (int64_t i = 0; i < n; i++)                         \
            count += (in[i * stride] & (type)(ones)) == (ones); \
    } while (0)

static int64_t line_non_finite(fal_dtype dtype, const void *first, int64_t stride, int64_t n)
{
    int64_t count = 0;
    const double *wide = first;
    switch (dtype) {
    case FAL_F32: COUNT_BITS(uint32_t, 0x7f800000u); break;
    case FAL_F16: COUNT_BITS(uint16_t, 0x7c00u); break;
    case FAL_BF16: COUNT_BITS(uint16_t, 0x7f80u); break;
    case FAL_F64:
        for (int64_t i = 0; i < n; i++)
            count += !(fabs(wide[i * stride]) <= FLT_MAX);
        break;
    default: break;
    }
    return count;
}

int64_t fal_tensor_non_finite(const fal_tensor *t)
{
    int64_t count = fal_tensor_count(t), found = 0, index[FAL_MAX_RANK] = {0};
    if (count == 0)
        return 0;
    if (fal_tensor_is_contiguous(t))
        return line_non_finite(t->dtype, t->data, 1, count);
    int last = t->rank - 1;
    for (int64_t done = 0; done < count; done += t->shape[last]) {
        int64_t offset = 0;
        for (int axis = 0; axis < last; axis++)
            offset += index[axis] * t->stride[axis];
        const char *first = (const char *)t->data + (size_t)offset * fal_dtype_size(t->dtype);
        found += line_non_finite(t->dtype, first, t->stride[last], t->shape[last]);
        for (int axis = last - 1; axis >= 0 && ++index[axis] == t->shape[axis]; axis--)
            index[axis] = 0;
    }
    return found;
}
