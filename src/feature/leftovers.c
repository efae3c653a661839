#include "feature/leftovers.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"
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

/* The folder of one clip's feature file. */
static void sweep_folder_of(const char *clip, const fal_extract_target *target)
{
    char *file = fal_feature_path(target->folder, clip, ".npz");
    char *folder = file ? fal_path_dir(file) : NULL;
    if (folder)
        fal_atomic_sweep(folder);
    fal_free(folder);
    fal_free(file);
}

void fal_leftovers_remove(const fal_extract_target *targets, size_t count, const fal_csv *list, int path_column)
{
    size_t found = 0;
    const char **clips = fal_malloc_array(list->rows, sizeof *clips);
    fal_atomic_sweep(targets->options->out);
    for (size_t i = 0; i < count; i++)
        fal_atomic_sweep(targets[i].folder);
    for (size_t row = 0; clips && row < list->rows; row++) {
        clips[found] = fal_csv_cell(list, row, path_column);
        found += fal_feature_path_fits(clips[found]);
    }
    if (clips)
        qsort(clips, found, sizeof *clips, by_folder);
    for (size_t i = 0; i < found; i++)
        for (size_t k = 0; k < count && (i == 0 || by_folder(&clips[i - 1], &clips[i]) != 0); k++)
            sweep_folder_of(clips[i], &targets[k]);
    fal_free(clips);
}
