/* Finding texts among millions: an open hash table over an array that somebody else holds. */
#ifndef FAL_EVAL_PATH_INDEX_H
#define FAL_EVAL_PATH_INDEX_H

#include "core/status.h"

#include <stddef.h>

#define FAL_PATH_NONE ((size_t)-1)

typedef struct fal_path_index {
    const char *const *paths;
    size_t *slots; /* [mask + 1]: FAL_PATH_NONE or an index into paths */
    size_t mask;
} fal_path_index;

/* Room for `count` texts of `paths`, none of them in it yet. */
fal_status fal_path_index_make(const char *const *paths, size_t count, fal_path_index *out, fal_error *err);
/* Puts paths[item] in; returns the equal one that is there already, or FAL_PATH_NONE. At most `count` are put in. */
size_t fal_path_index_put(fal_path_index *index, size_t item);
size_t fal_path_index_find(const fal_path_index *index, const char *path); /* or FAL_PATH_NONE */
void fal_path_index_free(fal_path_index *index);

#endif
