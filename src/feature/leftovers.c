#include "feature/leftovers.h"

#include "core/alloc.h"
#include "core/file.h"
#include "feature/store.h"

#include <stdlib.h>
#include <string.h>

static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static int by_folder(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    size_t n = folder_length(x), m = folder_length(y);
    int order = memcmp(x, y, n < m ? n : m);
    return order ? order : (n > m) - (n < m);
}

static void sweep_folder_of(const char *clip, const char *root)
{
    char *folder = fal_asprintf("%s/%.*s", root, (int)folder_length(clip), clip);
    if (folder)
        fal_atomic_sweep(folder);
    fal_free(folder);
}

void fal_leftovers_remove(const char *root, const fal_csv *list, int path_column)
{
    size_t count = 0;
    const char **clips = fal_malloc_array(list->rows, sizeof *clips);
    fal_atomic_sweep(root);
    for (size_t row = 0; clips && row < list->rows; row++) {
        clips[count] = fal_csv_cell(list, row, path_column);
        count += fal_feature_path_fits(clips[count]);
    }
    if (clips)
        qsort(clips, count, sizeof *clips, by_folder);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || by_folder(&clips[i - 1], &clips[i]) != 0)
            sweep_folder_of(clips[i], root);
    fal_free(clips);
}
