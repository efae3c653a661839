/* A workspace: bump allocation for the scratch of one forward pass.
 *
 * The first pass may take several chunks; fal_arena_reset then merges them into one of the combined size, so that the
 * second pass of the same shape allocates nothing. Pointers live until the next reset (or release to an earlier mark).
 * */
#ifndef FAL_CORE_ARENA_H
#define FAL_CORE_ARENA_H

#include <stddef.h>

typedef struct fal_arena fal_arena;

fal_arena *fal_arena_create(void);
void fal_arena_free(fal_arena **arena);

/* count*size bytes, 64-byte aligned, not zeroed; NULL when out of memory or when count*size overflows. */
void *fal_arena_alloc(fal_arena *arena, size_t count, size_t size);

/* A copy of `text`; NULL when out of memory. */
char *fal_arena_strdup(fal_arena *arena, const char *text);

/* Everything allocated after fal_arena_mark is given back by fal_arena_release: for scratch inside a layer. */
typedef struct fal_arena_mark { size_t chunk, used; } fal_arena_mark;
fal_arena_mark fal_arena_save(const fal_arena *arena);
void fal_arena_release(fal_arena *arena, fal_arena_mark mark);

void fal_arena_reset(fal_arena *arena);
size_t fal_arena_peak(const fal_arena *arena); /* most bytes ever in use at once */

#endif
