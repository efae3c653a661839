#include "core/arena.h"

#include "core/alloc.h"

#include <stdint.h>
#include <string.h>

enum { ALIGNMENT = 64, FIRST_CHUNK_BYTES = 1 << 16 };

typedef struct chunk {
    char *data;
    size_t size, used;
} chunk;

/* chunks[0..count) hold memory; current is the one being bumped, those after it are empty and kept for reuse. */
struct fal_arena {
    chunk *chunks;
    size_t count, capacity, current;
    size_t in_use, peak;
};

fal_arena *fal_arena_create(void)
{
    return fal_calloc(1, sizeof(fal_arena));
}

static void free_chunks(fal_arena *arena)
{
    for (size_t i = 0; i < arena->count; i++)
        fal_free(arena->chunks[i].data);
    arena->count = arena->current = 0;
}

void fal_arena_free(fal_arena **arena)
{
    if (!*arena)
        return;
    free_chunks(*arena);
    fal_free((*arena)->chunks);
    fal_release(arena);
}

static bool add_chunk(fal_arena *arena, size_t bytes)
{
    if (arena->count == arena->capacity) {
        size_t capacity = arena->capacity ? 2 * arena->capacity : 8;
        chunk *grown = fal_realloc(arena->chunks, arena->capacity * sizeof *grown, capacity * sizeof *grown);
        if (!grown)
            return false;
        arena->chunks = grown;
        arena->capacity = capacity;
    }
    char *data = fal_malloc(bytes);
    if (!data)
        return false;
    arena->chunks[arena->count++] = (chunk){.data = data, .size = bytes};
    return true;
}

/* Moves to a later chunk with room for `bytes`, making one when there is none. Doubling keeps the number of chunks of a
 * first pass logarithmic in its scratch size. */
static bool next_chunk(fal_arena *arena, size_t bytes)
{
    size_t next = arena->count ? arena->current + 1 : 0;
    while (next < arena->count && arena->chunks[next].size < bytes)
        next++;
    if (next == arena->count) {
        size_t last = arena->count ? arena->chunks[arena->count - 1].size : FIRST_CHUNK_BYTES / 2;
        size_t grown = last > SIZE_MAX / 2 ? last : 2 * last;
        /* A huge request gets exactly its size, so that doubling does not waste as much again. */
        if (!add_chunk(arena, bytes > last ? bytes : grown))
            return false;
    }
    arena->current = next;
    return true;
}

void *fal_arena_alloc(fal_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (!fal_mul_ok(count, size, &bytes) || !fal_add_ok(bytes, ALIGNMENT - 1, &bytes))
        return NULL;
    bytes &= ~(size_t)(ALIGNMENT - 1);
    if (bytes == 0)
        bytes = ALIGNMENT;
    chunk *at = arena->count ? &arena->chunks[arena->current] : NULL;
    if (!at || at->size - at->used < bytes) {
        if (!next_chunk(arena, bytes))
            return NULL;
        at = &arena->chunks[arena->current];
    }
    void *ptr = at->data + at->used;
    at->used += bytes;
    arena->in_use += bytes;
    if (arena->in_use > arena->peak)
        arena->peak = arena->in_use;
    return ptr;
}

char *fal_arena_strdup(fal_arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = fal_arena_alloc(arena, size, 1);
    return copy ? memcpy(copy, text, size) : NULL;
}

fal_arena_mark fal_arena_save(const fal_arena *arena)
{
    return (fal_arena_mark){.chunk = arena->current, .used = arena->count ? arena->chunks[arena->current].used : 0};
}

void fal_arena_release(fal_arena *arena, fal_arena_mark mark)
{
    for (size_t i = mark.chunk; i < arena->count && i <= arena->current; i++) {
        size_t keep = i == mark.chunk ? mark.used : 0;
        arena->in_use -= arena->chunks[i].used - keep;
        arena->chunks[i].used = keep;
    }
    arena->current = mark.chunk;
}

void fal_arena_reset(fal_arena *arena)
{
    fal_arena_release(arena, (fal_arena_mark){0});
    if (arena->count < 2)
        return;
    size_t total = 0;
    for (size_t i = 0; i < arena->count; i++)
        total += arena->chunks[i].size;
    free_chunks(arena);
    /* Without memory for the merged chunk the arena is empty again and grows as it did the first time. */
    (void)add_chunk(arena, total);
}

size_t fal_arena_peak(const fal_arena *arena)
{
    return arena->peak;
}
