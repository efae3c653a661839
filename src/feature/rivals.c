#include "feature/rivals.h"

#include "core/alloc.h"
#include "feature/store.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *path;
    size_t stem, row; /* stem: bytes of the path that the feature file keeps */
} entry;

static int compare_stems(const entry *x, const entry *y)
{
    int order = memcmp(x->path, y->path, x->stem < y->stem ? x->stem : y->stem);
    return order ? order : (x->stem > y->stem) - (x->stem < y->stem);
}

static int by_stem_and_path(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    int order = compare_stems(x, y);
    return order ? order : strcmp(x->path, y->path);
}

/* `sorted` puts paths of one file side by side: the first and the last differ if any do. */
static void note_rivals(const entry *sorted, size_t count, const char **rivals)
{
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && compare_stems(&sorted[first], &sorted[end]) == 0;)
            end++;
        const char *low = sorted[first].path, *high = sorted[end - 1].path;
        if (strcmp(low, high) == 0)
            continue;
        for (size_t i = first; i < end; i++)
            rivals[sorted[i].row] = strcmp(sorted[i].path, low) == 0 ? high : low;
    }
}

fal_status fal_rivals_find(const fal_csv *list, int path_column, const char ***out, fal_error *err)
{
    fal_status st = FAL_OK;
    entry *sorted = NULL;
    const char **rivals = NULL;
    FAL_ALLOC(sorted, fal_malloc_array(list->rows, sizeof *sorted));
    FAL_ALLOC(rivals, fal_calloc(list->rows, sizeof *rivals));
    for (size_t row = 0; row < list->rows; row++) {
        const char *path = fal_csv_cell(list, row, path_column);
        size_t length = strlen(path);
        sorted[row] = (entry){path, length > FAL_FEATURE_CUT ? length - FAL_FEATURE_CUT : 0, row};
    }
    qsort(sorted, list->rows, sizeof *sorted, by_stem_and_path);
    note_rivals(sorted, list->rows, rivals);
    *out = rivals;
done:
    fal_free(sorted);
    return st;
}
