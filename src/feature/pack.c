#include "feature/pack.h"

#include "core/alloc.h"
#include "core/digest.h"
#include "core/half.h"
#include "core/str.h"
#include "feature/set_reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FAL_LOG_COMPONENT "features"

enum { VERSION = 1, ROWS_AT = 4096, ALIGNMENT = 64 };
static const char magic[8] = "FALPACK";

typedef struct header {
    char magic[8];
    uint32_t version, bits; /* bits per number: 16 or 32 */
    char sources[16];       /* fingerprint */
    uint64_t clips, missing, empty, zero_rows;
    uint64_t index_at, names_at, names_bytes, file_bytes;
    uint64_t part_count, dims[FAL_QUERY_PARTS];
} header;

typedef struct record {
    uint64_t rows_at, frames, name_at; /* name_at: from names_at */
    int64_t label;
} record;

_Static_assert(sizeof(header) <= ROWS_AT, "the header lies before the rows");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "packed features are written as they lie in memory");

/* ---- writing ---- */

typedef struct packer {
    const char *path;
    FILE *to;
    header head;
    uint64_t at; /* bytes written */
    fal_buf index, names;
    uint16_t *half;
    size_t half_count;
} packer;

static fal_status put(packer *p, const void *bytes, size_t size, fal_error *err)
{
    if (size && fwrite(bytes, size, 1, p->to) != 1)
        return fal_fail_errno(err, "%s: cannot write", p->path);
    p->at += size;
    return FAL_OK;
}

static fal_status pad(packer *p, size_t multiple, fal_error *err)
{
    static const char zeros[ROWS_AT];
    return put(p, zeros, (size_t)(-p->at & (multiple - 1)), err);
}

static fal_status put_rows(packer *p, const float *rows, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    if (p->head.bits == 32)
        return put(p, rows, count * sizeof *rows, err);
    if (count > p->half_count) {
        fal_release(&p->half);
        p->half_count = 0;
        FAL_ALLOC(p->half, fal_malloc_array(count, sizeof *p->half));
        p->half_count = count;
    }
    fal_f32_to_f16_n(rows, p->half, count);
    FAL_TRY(put(p, p->half, count * sizeof *p->half, err));
done:
    return st;
}

static fal_status pack_clip(void *user, fal_listed_clip *clip, fal_error *err)
{
    fal_status st = FAL_OK;
    packer *p = user;
    uint64_t dim = 0;
    if (clip->missing) {
        p->head.missing++;
        return FAL_OK;
    }
    p->head.part_count = clip->parts.count;
    for (size_t i = 0; i < clip->parts.count; i++)
        dim += p->head.dims[i] = (uint64_t)clip->parts.dims[i];
    FAL_TRY(pad(p, ALIGNMENT, err));
    const record r = {p->at, (uint64_t)clip->frames, p->names.length, clip->label};
    FAL_TRY(put_rows(p, clip->rows, (size_t)clip->frames * dim, err));
    fal_buf_append(&p->index, &r, sizeof r);
    fal_buf_append(&p->names, clip->path, strlen(clip->path) + 1);
    p->head.clips++;
    p->head.empty += clip->frames == 0;
    p->head.zero_rows += clip->zero_rows;
    fal_release(&clip->rows);
done:
    return st;
}

static fal_status put_index(packer *p, fal_error *err)
{
    fal_status st = FAL_OK;
    if (p->index.failed || p->names.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", p->path);
    FAL_TRY(pad(p, ALIGNMENT, err));
    p->head.index_at = p->at;
    FAL_TRY(put(p, p->index.data, p->index.length, err));
    p->head.names_at = p->at;
    p->head.names_bytes = p->names.length;
    FAL_TRY(put(p, p->names.data, p->names.length, err));
    p->head.file_bytes = p->at;
    if (fseek(p->to, 0, SEEK_SET) != 0) {
        st = fal_fail_errno(err, "%s: cannot go back to the header", p->path);
        goto done;
    }
    FAL_TRY(put(p, &p->head, sizeof p->head, err));
done:
    return st;
}

static fal_status write_pack(const fal_set_reader *reader, const fal_feature_query *query, const char *sources,
                             const char *path, const fal_progress *progress, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    packer p = {.path = path, .head = {.version = VERSION, .bits = query->l2_normalise ? 16 : 32}};
    memcpy(p.head.magic, magic, sizeof magic);
    memcpy(p.head.sources, sources, sizeof p.head.sources);
    FAL_TRY(fal_atomic_open(path, &file, err));
    p.to = fal_atomic_stream(file);
    FAL_TRY(put(&p, "", 1, err));
    FAL_TRY(pad(&p, ROWS_AT, err)); /* the header is written last */
    FAL_TRY(fal_set_reader_each(reader, progress, pack_clip, &p, err));
    FAL_TRY(put_index(&p, err));
    FAL_TRY(fal_atomic_commit(&file, err));
done:
    fal_atomic_abort(&file);
    fal_buf_free(&p.index);
    fal_buf_free(&p.names);
    fal_free(p.half);
    return st;
}

fal_status fal_pack_write(const fal_feature_query *query, const char *path, const fal_progress *progress,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    fal_set_reader *reader = NULL;
    char sources[FAL_SOURCES_TEXT];
    FAL_TRY(fal_set_reader_open(query, &reader, err));
    FAL_TRY(fal_set_reader_fingerprint(reader, sources, err));
    FAL_TRY(write_pack(reader, query, sources, path, progress, err));
done:
    fal_set_reader_free(&reader);
    return st;
}

/* ---- opening ---- */

static fal_status damaged(const char *path, const char *what, fal_error *err)
{
    return fal_fail(err, FAL_ERR_FORMAT, "%s is no packed feature file or is damaged: %s", path, what);
}

/* [at, at + count * size) lies in the file after the header, aligned for its type. */
static bool fits(const header *h, uint64_t at, uint64_t count, uint64_t size)
{
    uint64_t bytes;
    return at >= ROWS_AT && at <= h->file_bytes && at % sizeof(uint64_t) == 0 &&
           !__builtin_mul_overflow(count, size, &bytes) && bytes <= h->file_bytes - at;
}

static fal_status read_header(const char *path, const fal_map *map, header *h, fal_error *err)
{
    if (map->size < ROWS_AT)
        return damaged(path, "it is shorter than a header", err);
    memcpy(h, map->data, sizeof *h);
    if (memcmp(h->magic, magic, sizeof magic) != 0 || h->version != VERSION)
        return damaged(path, "it begins with something else", err);
    if (h->file_bytes != map->size)
        return damaged(path, "its length is not what it says", err);
    if (h->bits != 16 && h->bits != 32)
        return damaged(path, "its numbers are neither 16 nor 32 bits", err);
    if (!fits(h, h->index_at, h->clips, sizeof(record)) || h->names_at < ROWS_AT || h->names_at > h->file_bytes ||
        h->names_bytes > h->file_bytes - h->names_at)
        return damaged(path, "its index lies outside of it", err);
    if (h->names_bytes && map->data[h->names_at + h->names_bytes - 1] != '\0')
        return damaged(path, "its last path has no end", err);
    if (h->part_count > FAL_QUERY_PARTS || (h->clips && !h->part_count))
        return damaged(path, "it has no channels, or too many parts", err);
    return FAL_OK;
}

static fal_status read_parts(const char *path, const header *h, fal_feature_parts *parts, int64_t *dim, fal_error *err)
{
    *parts = (fal_feature_parts){.count = (size_t)h->part_count};
    *dim = 0;
    for (size_t i = 0; i < parts->count; i++) {
        if (h->dims[i] < 1 || h->dims[i] > INT32_MAX)
            return damaged(path, "an array has no channels, or too many", err);
        parts->dims[i] = (int64_t)h->dims[i];
        *dim += parts->dims[i];
    }
    return FAL_OK;
}

static fal_status read_record(const char *path, const fal_map *map, const header *h, uint64_t index, int64_t dim,
                              fal_clip_features *clip, fal_error *err)
{
    record r;
    uint64_t numbers;
    memcpy(&r, map->data + h->index_at + index * sizeof r, sizeof r);
    if (r.name_at >= h->names_bytes || (r.label != 0 && r.label != 1) || r.rows_at % ALIGNMENT != 0 ||
        r.frames > INT64_MAX || __builtin_mul_overflow(r.frames, (uint64_t)dim, &numbers) ||
        !fits(h, r.rows_at, numbers, h->bits / 8))
        return damaged(path, "a clip lies outside of it", err);
    const void *rows = map->data + r.rows_at;
    *clip = (fal_clip_features){.path = (const char *)map->data + h->names_at + r.name_at,
                                .label = (int)r.label,
                                .frames = (int64_t)r.frames,
                                .rows = h->bits == 32 ? rows : NULL,
                                .half = h->bits == 16 ? rows : NULL};
    return FAL_OK;
}

static fal_status read_set(const char *path, const char *sources, fal_set_storage *storage, fal_feature_set *set,
                           fal_feature_parts *parts, fal_error *err)
{
    fal_status st = FAL_OK;
    header h;
    const fal_map *map = &storage->map;
    FAL_TRY(read_header(path, map, &h, err));
    if (sources && memcmp(h.sources, sources, sizeof h.sources) != 0)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "%s was packed from other features than those there now", path);
    FAL_TRY(read_parts(path, &h, parts, &set->dim, err));
    FAL_ALLOC(storage->arena, fal_arena_create());
    FAL_ALLOC(set->clips, fal_arena_alloc(storage->arena, (size_t)h.clips + 1, sizeof *set->clips));
    for (uint64_t i = 0; i < h.clips; i++)
        FAL_TRY(read_record(path, map, &h, i, set->dim, &set->clips[i], err));
    set->count = (size_t)h.clips;
    set->missing = (size_t)h.missing;
    set->empty = (size_t)h.empty;
    set->zero_rows = (size_t)h.zero_rows;
done:
    return st;
}

fal_status fal_pack_open(const char *path, const char *sources, fal_feature_set *out, fal_feature_parts *parts,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set set = {0};
    fal_feature_parts found;
    fal_set_storage *storage = NULL;
    FAL_ALLOC(storage, fal_calloc(1, sizeof *storage));
    set.storage = storage;
    FAL_TRY(fal_map_open(path, &storage->map, err));
    FAL_TRY(read_set(path, sources, storage, &set, &found, err));
    if (parts)
        *parts = found;
    *out = set;
    set = (fal_feature_set){0};
done:
    fal_feature_set_free(&set);
    return st;
}

/* ---- either ---- */

char *fal_pack_path(const fal_feature_query *q, const char *folder)
{
    char hex[FAL_SHA256_HEX], *path = NULL;
    const char *name = fal_path_base(q->csv), *array = q->arrays ? q->arrays : fal_feature_key(q->stream);
    fal_digest d = fal_sha256_start();
    fal_sha256_add(&d, q->csv, strlen(q->csv) + 1);
    fal_sha256_add(&d, q->root, strlen(q->root) + 1);
    fal_sha256_add(&d, array ? array : "", array ? strlen(array) + 1 : 1);
    fal_sha256_add(&d, q->l2_normalise ? "l2" : "", q->l2_normalise ? 2 : 0);
    fal_sha256_text(&d, hex);
    char *file = fal_asprintf("%.*s-%.12s.pack", (int)strcspn(name, "."), name, hex);
    char *where = folder ? fal_strdup(folder) : fal_path_join(q->root, "packed");
    if (file && where)
        path = fal_path_join(where, file);
    fal_free(file);
    fal_free(where);
    return path;
}

fal_status fal_pack_read(const fal_feature_query *query, const char *path, const fal_progress *progress,
                         fal_feature_set *out, fal_feature_parts *parts, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_set_reader *reader = NULL;
    fal_error why;
    char sources[FAL_SOURCES_TEXT];
    FAL_TRY(fal_set_reader_open(query, &reader, err));
    FAL_TRY(fal_set_reader_fingerprint(reader, sources, err));
    fal_status opened = fal_pack_open(path, sources, out, parts, &why);
    if (opened == FAL_OK)
        goto done;
    if (opened != FAL_ERR_NOT_FOUND && opened != FAL_ERR_FORMAT)
        FAL_FAIL(opened, "%s", why.text);
    fal_log_info(query->log, "%s: packing the features", why.text);
    FAL_TRY(write_pack(reader, query, sources, path, progress, err));
    FAL_TRY(fal_pack_open(path, sources, out, parts, err));
done:
    fal_set_reader_free(&reader);
    return st;
}
