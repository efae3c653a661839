#include "eval/path_index.h"

#include "core/alloc.h"

#include <string.h>

/* FNV-1a, folded so that the low bits depend on all of it. */
static size_t hash(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* Where `path` is, or the free slot where it belongs: at most half of the slots are taken. */
static size_t slot_of(const fal_path_index *index, const char *path)
{
    size_t slot = hash(path) & index->mask;
    while (index->slots[slot] != FAL_PATH_NONE && strcmp(index->paths[index->slots[slot]], path) != 0)
        slot = (slot + 1) & index->mask;
    return slot;
}

fal_status fal_path_index_make(const char *const *paths, size_t count, fal_path_index *out, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t size = 16;
    while (size / 2 < count && size <= SIZE_MAX / 2)
        size *= 2;
    size_t *slots = NULL;
    FAL_ALLOC(slots, fal_malloc_array(size, sizeof *slots));
    memset(slots, 0xff, size * sizeof *slots); /* FAL_PATH_NONE */
    *out = (fal_path_index){paths, slots, size - 1};
done:
    return st;
}

size_t fal_path_index_put(fal_path_index *index, size_t item)
{
    size_t slot = slot_of(index, index->paths[item]), there = index->slots[slot];
    if (there == FAL_PATH_NONE)
        index->slots[slot] = item;
    return there;
}

size_t fal_path_index_find(const fal_path_index *index, const char *path)
{
    return index->slots[slot_of(index, path)];
}

void fal_path_index_free(fal_path_index *index)
{
    fal_release(&index->slots);
}
