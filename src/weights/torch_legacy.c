/* torch.save before PyTorch 1.6: five pickles in a row (magic number, protocol, facts about the machine, the object,
 * the list of storage keys), then for every key an int64 element count and the data.
 * torch/serialization.py, _legacy_save */
#include "core/alloc.h"
#include "weights/container.h"
#include "weights/pickle.h"

#include <stdlib.h>
#include <string.h>

/* 0x1950a86a20f9469cfc6c as LONG1 writes it; a PROTO and perhaps a FRAME come before. */
static const uint8_t magic[] = {0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19};
enum { MAX_BEFORE_MAGIC = 11, PROTOCOL = 1001, COUNT_BYTES = 8 };

typedef struct reader {
    fal_checkpoint *ckpt;
    const fal_source *source;
    size_t at;
    fal_storage **storages; /* by key */
    size_t storage_count;
} reader;

static bool sniff(const fal_source *source)
{
    size_t last = source->size < sizeof magic ? 0 : source->size - sizeof magic;
    if (source->size < sizeof magic || source->bytes[0] != 0x80)
        return false;
    for (size_t at = 0; at <= last && at <= MAX_BEFORE_MAGIC; at++)
        if (memcmp(source->bytes + at, magic, sizeof magic) == 0)
            return true;
    return false;
}

static fal_status next_pickle(reader *r, fal_pickle *pickle, fal_error *err)
{
    *pickle = (fal_pickle){.origin = r->source->origin, .arena = r->ckpt->arena};
    fal_status st = fal_pickle_read(r->source->bytes + r->at, r->source->size - r->at, pickle, err);
    if (st == FAL_OK)
        r->at += pickle->consumed;
    return st;
}

/* Magic number, protocol, machine. */
static fal_status read_preamble(reader *r, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_pickle pickle;
    FAL_TRY(next_pickle(r, &pickle, err));
    FAL_TRY(next_pickle(r, &pickle, err));
    if (fal_value_int(pickle.object, 0) != PROTOCOL)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: PyTorch file format %lld, %d is known", r->source->origin,
                 (long long)fal_value_int(pickle.object, 0), PROTOCOL);
    FAL_TRY(next_pickle(r, &pickle, err));
    if (!fal_value_bool(fal_value_get(pickle.object, "little_endian"), true))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: its numbers are not little-endian", r->source->origin);
done:
    return st;
}

/* ---- storages ---- */

static int by_key(const void *a, const void *b)
{
    return strcmp((*(fal_storage *const *)a)->key, (*(fal_storage *const *)b)->key);
}

static fal_status sort_storages(reader *r, const fal_pickle *pickle, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = 0;
    for (const fal_storage *s = pickle->storages; s; s = s->next)
        count++;
    FAL_ALLOC(r->storages, fal_malloc_array(count, sizeof *r->storages));
    for (fal_storage *s = pickle->storages; s; s = s->next)
        r->storages[r->storage_count++] = s;
    if (count)
        qsort(r->storages, count, sizeof *r->storages, by_key);
done:
    return st;
}

/* The first of the records of a key; they stand side by side. */
static size_t first_record(const reader *r, const char *key)
{
    size_t low = 0, high = r->storage_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(r->storages[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static fal_status read_count(reader *r, const char *key, const fal_storage *storage, fal_error *err)
{
    const uint8_t *p = r->source->bytes + r->at;
    size_t left = r->source->size - r->at, bytes;
    uint64_t count = 0;
    for (int i = COUNT_BYTES - 1; left >= COUNT_BYTES && i >= 0; i--)
        count = count << 8 | p[i];
    if (left < COUNT_BYTES || storage->bytes > left - COUNT_BYTES)
        return fal_fail(err, FAL_ERR_FORMAT,
                        "%s: %zu bytes are left for storage %.40s of %zu: it was probably downloaded only in part",
                        r->source->origin, left, key, storage->bytes);
    if (__builtin_mul_overflow(count, storage->item_size, &bytes) || bytes != storage->bytes)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged: storage %.40s has %llu elements of %zu bytes, expected %zu "
                        "bytes", r->source->origin, key, (unsigned long long)count, storage->item_size,
                        storage->bytes);
    r->at += COUNT_BYTES;
    return FAL_OK;
}

static fal_status read_storage(reader *r, const char *key, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t first = first_record(r, key);
    const uint8_t *data;
    if (first == r->storage_count || strcmp(r->storages[first]->key, key) != 0 || r->storages[first]->data)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged: storage %.40s is listed %s", r->source->origin, key,
                 first < r->storage_count && strcmp(r->storages[first]->key, key) == 0 ? "twice" : "but never used");
    const fal_storage *storage = r->storages[first];
    /* Bytes may be those of any type; the members of a complex number are no larger than 8. */
    size_t alignment = storage->item_size == 1 || storage->item_size > 8 ? 8 : storage->item_size;
    FAL_TRY(read_count(r, key, storage, err));
    FAL_TRY(fal_checkpoint_align(r->ckpt, r->source->bytes + r->at, storage->bytes, alignment, &data, err));
    r->at += storage->bytes;
    for (size_t i = first; i < r->storage_count && strcmp(r->storages[i]->key, key) == 0; i++) {
        if (r->storages[i]->bytes != storage->bytes || r->storages[i]->item_size != storage->item_size)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged: storage %.40s has two sizes", r->source->origin, key);
        r->storages[i]->data = data;
    }
done:
    return st;
}

static fal_status read_storages(reader *r, const fal_pickle *object, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_pickle keys;
    FAL_TRY(sort_storages(r, object, err));
    FAL_TRY(next_pickle(r, &keys, err));
    if (fal_value_type(keys.object) != FAL_VALUE_LIST)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged: its storages are not listed", r->source->origin);
    for (size_t i = 0; i < fal_value_count(keys.object); i++) {
        const char *key = fal_value_string(fal_value_at(keys.object, i), NULL);
        if (!key)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged: the key of storage %zu is not text", r->source->origin, i);
        FAL_TRY(read_storage(r, key, err));
    }
    for (size_t i = 0; i < r->storage_count; i++)
        if (!r->storages[i]->data)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged: storage %.40s is not listed", r->source->origin,
                     r->storages[i]->key);
done:
    return st;
}

static fal_status read(fal_checkpoint *ckpt, const fal_source *source, fal_error *err)
{
    fal_status st = FAL_OK;
    reader r = {.ckpt = ckpt, .source = source};
    fal_pickle pickle;
    FAL_TRY(read_preamble(&r, err));
    FAL_TRY(next_pickle(&r, &pickle, err));
    FAL_TRY(read_storages(&r, &pickle, err));
    fal_pickle_place_tensors(&pickle);
    ckpt->container = FAL_CONTAINER_TORCH_LEGACY;
    ckpt->object = pickle.object;
    ckpt->classes = pickle.classes;
    ckpt->class_count = pickle.class_count;
    FAL_TRY(fal_state_dict_read(ckpt, pickle.object, source->origin, err));
done:
    fal_free(r.storages);
    return st;
}

const fal_container_reader fal_reader_torch_legacy = {.sniff = sniff, .read = read};
