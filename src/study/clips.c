/* All clips of a dataset, whatever its splits. */
#include "core/alloc.h"
#include "core/csv.h"
#include "study/work.h"

#include <stdlib.h>
#include <string.h>

static int by_path(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static fal_status add_list(const char *list, fal_study_clips *clips, size_t room, const fal_csv *csv, fal_error *err)
{
    int column = fal_csv_column(csv, "path");
    if (column < 0)
        return fal_fail(err, FAL_ERR_FORMAT, "%s has no column 'path'", list);
    for (size_t row = 0; row < csv->rows && clips->count < room; row++) {
        char *path = fal_arena_strdup(clips->arena, fal_csv_cell(csv, row, column));
        if (!path)
            return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
        clips->paths[clips->count++] = path;
    }
    return FAL_OK;
}

static void sort_once_each(fal_study_clips *clips)
{
    size_t kept = 0;
    if (clips->count)
        qsort(clips->paths, clips->count, sizeof *clips->paths, by_path);
    for (size_t i = 0; i < clips->count; i++)
        if (!kept || strcmp(clips->paths[i], clips->paths[kept - 1]))
            clips->paths[kept++] = clips->paths[i];
    clips->count = kept;
}

fal_status fal_study_clips_read(const fal_study_dataset *dataset, fal_study_clips *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv lists[FAL_SPLITS] = {{0}};
    fal_study_clips clips = {0};
    size_t room = 0;
    for (int i = 0; i < FAL_SPLITS; i++)
        if (dataset->lists[i]) {
            FAL_TRY(fal_csv_read(dataset->lists[i], &lists[i], err));
            room += lists[i].rows;
        }
    FAL_ALLOC(clips.arena, fal_arena_create());
    FAL_ALLOC(clips.paths, fal_malloc_array(room + 1, sizeof *clips.paths));
    for (int i = 0; i < FAL_SPLITS; i++)
        if (dataset->lists[i])
            FAL_TRY(add_list(dataset->lists[i], &clips, room, &lists[i], err));
    sort_once_each(&clips);
    *out = clips;
    clips = (fal_study_clips){0};
done:
    for (int i = 0; i < FAL_SPLITS; i++)
        fal_csv_free(&lists[i]);
    fal_study_clips_free(&clips);
    return st;
}

void fal_study_clips_free(fal_study_clips *clips)
{
    fal_free(clips->paths);
    fal_arena_free(&clips->arena);
    *clips = (fal_study_clips){0};
}
