/* safetensors: u64 little-endian header length, JSON header, data. https://huggingface.co/docs/safetensors */
#include "core/alloc.h"
#include "core/json.h"
#include "weights/container.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FAL_LOG_COMPONENT "weights"

/* Headers of released models stay below 1 MB. The format itself allows 100 MB. */
enum { LENGTH_BYTES = 8, MAX_HEADER = 1 << 25, MAX_NAME = 1024 };

static const struct {
    const char *name;
    fal_dtype dtype;
} dtypes[] = {
    {"F32", FAL_F32}, {"F64", FAL_F64}, {"F16", FAL_F16}, {"BF16", FAL_BF16}, {"I64", FAL_I64},
    {"I32", FAL_I32}, {"I16", FAL_I16}, {"I8", FAL_I8},   {"U8", FAL_U8},     {"BOOL", FAL_BOOL},
};

typedef struct span {
    int64_t begin, end;
    const char *name;
} span;

typedef struct reader {
    fal_checkpoint *ckpt;
    const fal_source *source;
    const uint8_t *data; /* behind the header */
    int64_t data_bytes;
    span *spans; /* one per tensor with data, to look for overlaps */
    size_t span_count;
} reader;

static bool sniff(const fal_source *source)
{
    return source->size > LENGTH_BYTES && source->bytes[LENGTH_BYTES] == '{';
}

static fal_status read_header(const fal_source *source, fal_json **out, size_t *header_bytes, fal_error *err)
{
    uint64_t length = 0;
    for (int i = LENGTH_BYTES - 1; i >= 0; i--)
        length = length << 8 | source->bytes[i];
    if (length > source->size - LENGTH_BYTES)
        return fal_fail(err, FAL_ERR_FORMAT,
                        "%s: a safetensors header of %" PRIu64 " bytes, the file has %zu: damaged, or downloaded only "
                        "in part", source->origin, length, source->size);
    if (length > MAX_HEADER)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: a safetensors header of %" PRIu64 " bytes, at most %d are read",
                        source->origin, length, MAX_HEADER);
    *header_bytes = (size_t)length;
    return fal_json_parse((const char *)source->bytes + LENGTH_BYTES, (size_t)length, source->origin, out, err);
}

static fal_status read_shape(const reader *r, const char *name, const fal_json *shape, fal_tensor *out,
                             fal_error *err)
{
    int64_t dims[FAL_MAX_RANK], count = 1;
    size_t rank = fal_json_count(shape);
    if (fal_json_kind(shape) != FAL_JSON_ARRAY || rank > FAL_MAX_RANK)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %.200s has %zu dimensions, at most %d are covered",
                        r->source->origin, name, rank, FAL_MAX_RANK);
    for (size_t i = 0; i < rank; i++) {
        const fal_json *dim = fal_json_at(shape, i);
        dims[i] = fal_json_kind(dim) == FAL_JSON_INT ? fal_json_int(dim, -1) : -1;
        /* Zero counts as one here, so that the product of the others must fit too. */
        if (dims[i] < 0 || __builtin_mul_overflow(count, dims[i] ? dims[i] : 1, &count))
            return fal_fail(err, FAL_ERR_FORMAT, "%s: the shape of %.200s is no list of sizes", r->source->origin,
                            name);
    }
    *out = fal_tensor_make(out->dtype, NULL, (int)rank, dims);
    return FAL_OK;
}

static fal_status read_span(const reader *r, const char *name, const fal_json *entry, const fal_tensor *t, span *out,
                            fal_error *err)
{
    const fal_json *offsets = fal_json_get(entry, "data_offsets");
    int64_t begin = fal_json_int(fal_json_at(offsets, 0), -1), end = fal_json_int(fal_json_at(offsets, 1), -1), bytes;
    char shape[96];
    if (fal_json_count(offsets) != 2 || begin < 0 || end < begin)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %.200s has no valid data_offsets", r->source->origin, name);
    if (end > r->data_bytes)
        return fal_fail(err, FAL_ERR_FORMAT,
                        "%s: %.200s ends at byte %" PRId64 " of the data, the file has %" PRId64 ": damaged, or "
                        "downloaded only in part", r->source->origin, name, end, r->data_bytes);
    if (__builtin_mul_overflow(fal_tensor_count(t), (int64_t)fal_dtype_size(t->dtype), &bytes) || bytes != end - begin)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %.200s is %s %s but has %" PRId64 " bytes", r->source->origin, name,
                        fal_dtype_name(t->dtype), fal_tensor_shape_text(shape, t), end - begin);
    *out = (span){begin, end, name};
    return FAL_OK;
}

static fal_status add_tensor(reader *r, const char *name, const fal_json *entry, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *dtype = fal_json_string(fal_json_get(entry, "dtype"), NULL);
    size_t i = 0, length = strlen(name);
    span at;
    char *copy;
    if (length > MAX_NAME)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: a name of %zu bytes, at most %d are read", r->source->origin, length, MAX_NAME);
    if (!dtype)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %.200s has no dtype", r->source->origin, name);
    while (i < sizeof dtypes / sizeof *dtypes && strcmp(dtypes[i].name, dtype) != 0)
        i++;
    if (i == sizeof dtypes / sizeof *dtypes) {
        fal_log_warn(r->ckpt->log, "%s: %s is left out: its type \"%s\" is not covered", r->source->origin, name,
                     dtype);
        return FAL_OK;
    }
    fal_tensor tensor = {.dtype = dtypes[i].dtype};
    FAL_TRY(read_shape(r, name, fal_json_get(entry, "shape"), &tensor, err));
    FAL_ALLOC(copy, fal_arena_alloc(r->ckpt->arena, length + 1, 1));
    memcpy(copy, name, length + 1);
    FAL_TRY(read_span(r, copy, entry, &tensor, &at, err));
    if (at.end > at.begin)
        r->spans[r->span_count++] = at;
    tensor.data = r->data + at.begin;
    FAL_TRY(fal_checkpoint_add(r->ckpt, copy, &tensor, err));
done:
    return st;
}

/* Data that lies at an odd address, since somebody did not pad the header, is copied; as no two tensors overlap, never
 * more than the file holds. */
static fal_status align_tensors(reader *r, size_t first, fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = first; i < r->ckpt->count; i++) {
        fal_tensor *t = &r->ckpt->tensors[i].tensor;
        size_t size = fal_dtype_size(t->dtype);
        const uint8_t *data;
        FAL_TRY(fal_checkpoint_align(r->ckpt, t->data, (size_t)fal_tensor_count(t) * size, size, &data, err));
        t->data = data;
    }
done:
    return st;
}

static int by_begin(const void *a, const void *b)
{
    const span *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static fal_status check_overlap(reader *r, fal_error *err)
{
    if (r->span_count)
        qsort(r->spans, r->span_count, sizeof *r->spans, by_begin);
    for (size_t i = 1; i < r->span_count; i++)
        if (r->spans[i].begin < r->spans[i - 1].end)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged: %.200s and %.200s overlap", r->source->origin,
                            r->spans[i - 1].name, r->spans[i].name);
    return FAL_OK;
}

static fal_status read_metadata(fal_checkpoint *ckpt, const fal_json *object, const char *origin, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = fal_json_count(object);
    fal_value_pool pool = {.arena = ckpt->arena, .budget = SIZE_MAX};
    void *iter = NULL;
    const char *key;
    const fal_json *item;
    FAL_ALLOC(ckpt->metadata, fal_arena_alloc(ckpt->arena, count, sizeof *ckpt->metadata));
    ckpt->metadata_count = 0;
    while (fal_json_next(object, &iter, &key, &item)) {
        const char *text = fal_json_string(item, NULL);
        if (!text)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: metadata \"%.100s\" is not text", origin, key);
        fal_metadata_item *m = &ckpt->metadata[ckpt->metadata_count];
        FAL_ALLOC(m->key, fal_pool_text(&pool, key, strlen(key)));
        FAL_ALLOC(m->value, fal_pool_text(&pool, text, strlen(text)));
        ckpt->metadata_count++;
    }
    const char *config = fal_checkpoint_metadata(ckpt, "falsetto.config");
    if (config)
        FAL_TRY(fal_checkpoint_json(ckpt, config, strlen(config), origin, &ckpt->config, err));
done:
    return st;
}

static fal_status read_entries(reader *r, const fal_json *header, fal_error *err)
{
    fal_status st = FAL_OK;
    void *iter = NULL;
    const char *name;
    const fal_json *entry;
    size_t first = r->ckpt->count;
    FAL_ALLOC(r->spans, fal_malloc_array(fal_json_count(header) + 1, sizeof *r->spans));
    while (fal_json_next(header, &iter, &name, &entry)) {
        if (strcmp(name, "__metadata__") == 0)
            FAL_TRY(read_metadata(r->ckpt, entry, r->source->origin, err));
        else
            FAL_TRY(add_tensor(r, name, entry, err));
    }
    FAL_TRY(check_overlap(r, err));
    FAL_TRY(align_tensors(r, first, err));
done:
    return st;
}

static fal_status read(fal_checkpoint *ckpt, const fal_source *source, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *header = NULL;
    size_t header_bytes = 0;
    reader r = {.ckpt = ckpt, .source = source};
    ckpt->container = FAL_CONTAINER_SAFETENSORS;
    FAL_TRY(read_header(source, &header, &header_bytes, err));
    if (fal_json_kind(header) != FAL_JSON_OBJECT)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: the safetensors header is not a JSON object", source->origin);
    r.data = source->bytes + LENGTH_BYTES + header_bytes;
    r.data_bytes = (int64_t)(source->size - LENGTH_BYTES - header_bytes);
    FAL_TRY(read_entries(&r, header, err));
done:
    fal_json_free(&header);
    fal_free(r.spans);
    return st;
}

const fal_container_reader fal_reader_safetensors = {.sniff = sniff, .read = read};
