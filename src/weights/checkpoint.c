#include "weights/checkpoint.h"

#include "core/alloc.h"
#include "core/str.h"
#include "weights/container.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const fal_container_reader *const readers[] = {
    &fal_reader_safetensors,
    &fal_reader_torch_zip,
    &fal_reader_torch_legacy,
};

static const char *const container_names[] = {
    [FAL_CONTAINER_SAFETENSORS] = "safetensors",
    [FAL_CONTAINER_TORCH_ZIP] = "PyTorch zip",
    [FAL_CONTAINER_TORCH_LEGACY] = "PyTorch legacy",
    [FAL_CONTAINER_TORCHSCRIPT] = "TorchScript",
};

const char *fal_container_name(fal_container container)
{
    return container_names[container];
}

/* ---- for readers ---- */

fal_status fal_checkpoint_add(fal_checkpoint *ckpt, const char *name, const fal_tensor *tensor, fal_error *err)
{
    fal_status st = FAL_OK;
    if (ckpt->count == ckpt->capacity) {
        size_t capacity = ckpt->capacity ? 2 * ckpt->capacity : 256;
        fal_named_tensor *grown;
        FAL_ALLOC(grown, fal_arena_alloc(ckpt->arena, capacity, sizeof *grown));
        if (ckpt->count)
            memcpy(grown, ckpt->tensors, ckpt->count * sizeof *grown);
        ckpt->tensors = grown;
        ckpt->capacity = capacity;
    }
    ckpt->tensors[ckpt->count++] = (fal_named_tensor){.name = name, .tensor = *tensor};
done:
    return st;
}

fal_status fal_checkpoint_block(fal_checkpoint *ckpt, size_t bytes, uint8_t **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_owned_block *block;
    uint8_t *data;
    FAL_ALLOC(block, fal_arena_alloc(ckpt->arena, 1, sizeof *block));
    FAL_ALLOC(data, fal_malloc(bytes));
    *block = (fal_owned_block){.next = ckpt->blocks, .data = data};
    ckpt->blocks = block;
    *out = data;
done:
    return st;
}

fal_status fal_checkpoint_align(fal_checkpoint *ckpt, const uint8_t *data, size_t bytes, size_t alignment,
                                const uint8_t **out, fal_error *err)
{
    fal_status st = FAL_OK;
    uint8_t *copy = NULL;
    if (bytes == 0 || (uintptr_t)data % alignment == 0) {
        *out = data;
        return FAL_OK;
    }
    FAL_TRY(fal_checkpoint_block(ckpt, bytes, &copy, err));
    memcpy(copy, data, bytes);
    *out = copy;
done:
    return st;
}

fal_status fal_checkpoint_values(fal_checkpoint *ckpt, const fal_json *json, const char *origin, const fal_value **out,
                                 fal_error *err)
{
    fal_value_pool pool = {.arena = ckpt->arena, .budget = SIZE_MAX};
    const fal_value *value = fal_value_from_json(&pool, json);
    if (!value && pool.exhausted)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: values of more than %d MB", origin, FAL_VALUES_MAX_BYTES >> 20);
    if (!value)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", origin);
    *out = value;
    return FAL_OK;
}

fal_status fal_checkpoint_json(fal_checkpoint *ckpt, const char *text, size_t length, const char *origin,
                               const fal_value **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *json = NULL;
    FAL_TRY(fal_json_parse(text, length, origin, &json, err));
    FAL_TRY(fal_checkpoint_values(ckpt, json, origin, out, err));
done:
    fal_json_free(&json);
    return st;
}

/* ---- opening ---- */

static fal_status read_source(fal_checkpoint *ckpt, const fal_source *source, fal_error *err)
{
    ckpt->bytes += source->size;
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (readers[i]->sniff(source))
            return readers[i]->read(ckpt, source, err);
    return fal_refuse_unknown(source, err);
}

fal_status fal_checkpoint_read_file(fal_checkpoint *ckpt, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = ckpt->file_count;
    fal_mapped_file *grown, *file;
    const char *copy;
    FAL_ALLOC(copy, fal_arena_strdup(ckpt->arena, path));
    FAL_ALLOC(grown, fal_realloc(ckpt->files, count * sizeof *grown, (count + 1) * sizeof *grown));
    ckpt->files = grown;
    file = &grown[count];
    *file = (fal_mapped_file){.path = copy};
    FAL_TRY(fal_map_open(path, &file->map, err));
    ckpt->file_count++;
    fal_source source = {.bytes = file->map.data, .size = file->map.size, .origin = path};
    FAL_TRY(read_source(ckpt, &source, err));
done:
    return st;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const fal_named_tensor *const *)a)->name, (*(const fal_named_tensor *const *)b)->name);
}

/* Sorted pointers rather than a hash table: no choice of names makes look-up slow, and equal names end up side by
 * side. */
fal_status fal_checkpoint_index(fal_checkpoint *ckpt, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(ckpt->by_name, fal_arena_alloc(ckpt->arena, ckpt->count, sizeof *ckpt->by_name));
    for (size_t i = 0; i < ckpt->count; i++)
        ckpt->by_name[i] = &ckpt->tensors[i];
    if (ckpt->count)
        qsort(ckpt->by_name, ckpt->count, sizeof *ckpt->by_name, by_name);
    for (size_t i = 1; i < ckpt->count; i++)
        if (strcmp(ckpt->by_name[i - 1]->name, ckpt->by_name[i]->name) == 0)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: there are two tensors called %.200s", ckpt->path, ckpt->by_name[i]->name);
done:
    return st;
}

static fal_status create(const char *path, const fal_log *log, fal_checkpoint **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    FAL_ALLOC(ckpt, fal_calloc(1, sizeof *ckpt));
    FAL_ALLOC(ckpt->arena, fal_arena_create());
    FAL_ALLOC(ckpt->path, fal_strdup(path));
    ckpt->root_key = "";
    ckpt->log = log;
    *out = ckpt;
    ckpt = NULL;
done:
    fal_checkpoint_free(&ckpt);
    return st;
}

fal_status fal_checkpoint_parse(const fal_source *source, const fal_log *log, fal_checkpoint **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    FAL_TRY(create(source->origin, log, &ckpt, err));
    FAL_TRY(read_source(ckpt, source, err));
    FAL_TRY(fal_checkpoint_index(ckpt, err));
    ckpt->log = NULL;
    *out = ckpt;
    ckpt = NULL;
done:
    fal_checkpoint_free(&ckpt);
    return st;
}

static fal_status read_path(fal_checkpoint *ckpt, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    char *folder = NULL;
    if (fal_path_is_dir(path)) {
        FAL_TRY(fal_folder_read_weights(ckpt, path, err));
        FAL_TRY(fal_folder_read_configs(ckpt, path, true, err));
    } else {
        FAL_TRY(fal_checkpoint_read_file(ckpt, path, err));
        FAL_ALLOC(folder, fal_path_dir(path));
        FAL_TRY(fal_folder_read_configs(ckpt, folder, false, err));
    }
done:
    fal_free(folder);
    return st;
}

fal_status fal_checkpoint_open(const char *path, const fal_log *log, fal_checkpoint **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    FAL_TRY(create(path, log, &ckpt, err));
    FAL_TRY(read_path(ckpt, path, err));
    FAL_TRY(fal_checkpoint_index(ckpt, err));
    ckpt->log = NULL;
    *out = ckpt;
    ckpt = NULL;
done:
    fal_checkpoint_free(&ckpt);
    return st;
}

void fal_checkpoint_free(fal_checkpoint **ckpt)
{
    fal_checkpoint *c = *ckpt;
    if (!c)
        return;
    for (fal_owned_block *block = c->blocks; block; block = block->next)
        fal_free(block->data);
    for (size_t i = 0; i < c->file_count; i++)
        fal_map_close(&c->files[i].map);
    fal_free(c->files);
    fal_arena_free(&c->arena);
    fal_free(c->path);
    fal_release(ckpt);
}

/* ---- looking ---- */

const char *fal_checkpoint_path(const fal_checkpoint *ckpt)
{
    return ckpt->path;
}

fal_container fal_checkpoint_container(const fal_checkpoint *ckpt)
{
    return ckpt->container;
}

size_t fal_checkpoint_count(const fal_checkpoint *ckpt)
{
    return ckpt->count;
}

const fal_named_tensor *fal_checkpoint_at(const fal_checkpoint *ckpt, size_t index)
{
    return index < ckpt->count ? &ckpt->tensors[index] : NULL;
}

const fal_named_tensor *fal_checkpoint_find(const fal_checkpoint *ckpt, const char *name)
{
    size_t at = fal_checkpoint_lower_bound(ckpt, name);
    return at < ckpt->count && strcmp(ckpt->by_name[at]->name, name) == 0 ? ckpt->by_name[at] : NULL;
}

size_t fal_checkpoint_lower_bound(const fal_checkpoint *ckpt, const char *name)
{
    size_t low = 0, high = ckpt->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(ckpt->by_name[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const fal_named_tensor *fal_checkpoint_sorted_at(const fal_checkpoint *ckpt, size_t index)
{
    return index < ckpt->count ? ckpt->by_name[index] : NULL;
}

const char *fal_checkpoint_root_key(const fal_checkpoint *ckpt)
{
    return ckpt->root_key;
}

const fal_value *fal_checkpoint_object(const fal_checkpoint *ckpt)
{
    return ckpt->object;
}

const fal_value *fal_checkpoint_config(const fal_checkpoint *ckpt)
{
    return ckpt->config;
}

const fal_value *fal_checkpoint_preprocessor(const fal_checkpoint *ckpt)
{
    return ckpt->preprocessor;
}

const fal_value *fal_checkpoint_open_clip_config(const fal_checkpoint *ckpt)
{
    return ckpt->open_clip;
}

const char *fal_checkpoint_metadata(const fal_checkpoint *ckpt, const char *key)
{
    for (size_t i = 0; i < ckpt->metadata_count; i++)
        if (strcmp(ckpt->metadata[i].key, key) == 0)
            return ckpt->metadata[i].value;
    return NULL;
}

size_t fal_checkpoint_metadata_count(const fal_checkpoint *ckpt)
{
    return ckpt->metadata_count;
}

const char *fal_checkpoint_metadata_at(const fal_checkpoint *ckpt, size_t index, const char **value)
{
    *value = ckpt->metadata[index].value;
    return ckpt->metadata[index].key;
}

size_t fal_checkpoint_class_count(const fal_checkpoint *ckpt)
{
    return ckpt->class_count;
}

const char *fal_checkpoint_class_at(const fal_checkpoint *ckpt, size_t index)
{
    return index < ckpt->class_count ? ckpt->classes[index] : NULL;
}

uint64_t fal_checkpoint_memory(const fal_checkpoint *ckpt)
{
    return ckpt->bytes + ckpt->inflated;
}

size_t fal_checkpoint_file_count(const fal_checkpoint *ckpt)
{
    return ckpt->file_count;
}

const char *fal_checkpoint_file_at(const fal_checkpoint *ckpt, size_t index)
{
    return index < ckpt->file_count ? ckpt->files[index].path : NULL;
}

uint64_t fal_checkpoint_bytes(const fal_checkpoint *ckpt)
{
    return ckpt->bytes;
}

/* Only whole pages inside the tensor: the ones it shares with neighbours may be in use. */
void fal_checkpoint_release(const fal_checkpoint *ckpt, const fal_tensor *tensor)
{
    const uint8_t *data = tensor->data;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    if (!fal_tensor_is_contiguous(tensor))
        return;
    for (size_t i = 0; i < ckpt->file_count; i++) {
        const fal_map *map = &ckpt->files[i].map;
        if (data < map->data || data >= map->data + map->size)
            continue;
        uintptr_t begin = ((uintptr_t)data + page - 1) / page * page;
        uintptr_t end = (uintptr_t)data + (size_t)fal_tensor_count(tensor) * fal_dtype_size(tensor->dtype);
        if (end / page * page > begin)
            madvise((void *)begin, end / page * page - begin, MADV_DONTNEED);
    }
}
