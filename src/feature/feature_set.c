#include "feature/feature_set.h"

#include "core/alloc.h"
#include "feature/set_reader.h"

#include <string.h>

typedef struct gathering {
    fal_feature_set *set;
    fal_feature_parts parts;
    fal_arena *arena;
} gathering;

static fal_status keep_clip(void *user, fal_listed_clip *clip, fal_error *err)
{
    fal_status st = FAL_OK;
    gathering *g = user;
    fal_feature_set *set = g->set;
    char *name;
    float *rows;
    if (clip->missing) {
        set->missing++;
        return FAL_OK;
    }
    set->dim = 0;
    for (size_t i = 0; i < clip->parts.count; i++)
        set->dim += clip->parts.dims[i];
    const size_t count = (size_t)(clip->frames * set->dim);
    FAL_ALLOC(name, fal_arena_strdup(g->arena, clip->path));
    FAL_ALLOC(rows, fal_arena_alloc(g->arena, count, sizeof *rows));
    memcpy(rows, clip->rows, count * sizeof *rows);
    fal_release(&clip->rows);
    g->parts = clip->parts;
    set->zero_rows += clip->zero_rows;
    set->empty += clip->frames == 0;
    set->clips[set->count++] =
        (fal_clip_features){.path = name, .label = clip->label, .frames = clip->frames, .rows = rows};
done:
    return st;
}

fal_status fal_feature_set_read(const fal_feature_query *query, fal_feature_set *out, fal_feature_parts *parts,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set set = {0};
    fal_set_reader *reader = NULL;
    fal_set_storage *storage = NULL;
    FAL_TRY(fal_set_reader_open(query, &reader, err));
    FAL_ALLOC(storage, fal_calloc(1, sizeof *storage));
    set.storage = storage;
    FAL_ALLOC(storage->arena, fal_arena_create());
    FAL_ALLOC(set.clips, fal_arena_alloc(storage->arena, fal_set_reader_count(reader) + 1, sizeof *set.clips));
    gathering g = {.set = &set, .arena = storage->arena};
    FAL_TRY(fal_set_reader_each(reader, NULL, keep_clip, &g, err));
    if (parts)
        *parts = g.parts;
    *out = set;
    set = (fal_feature_set){0};
done:
    fal_feature_set_free(&set);
    fal_set_reader_free(&reader);
    return st;
}

fal_status fal_feature_set_load(const char *csv_path, const char *root, fal_stream stream, bool l2_normalise,
                                const fal_log *log, fal_feature_set *out, fal_error *err)
{
    fal_feature_query query = {
        .csv = csv_path, .root = root, .stream = stream, .l2_normalise = l2_normalise, .threads = 1, .log = log};
    return fal_feature_set_read(&query, out, NULL, err);
}

void fal_feature_set_free(fal_feature_set *set)
{
    fal_set_storage *storage = set->storage;
    if (storage) {
        fal_arena_free(&storage->arena);
        fal_map_close(&storage->map);
    }
    fal_free(storage);
    *set = (fal_feature_set){0};
}
