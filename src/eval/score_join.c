#include "core/alloc.h"
#include "core/buf.h"
#include "eval/path_index.h"

#include <falsetto/scores.h>

#include <stdlib.h>
#include <string.h>

/* A clip of the first table that all hold. */
typedef struct common {
    const char *path;
    uint8_t label;
    size_t row; /* in the first table */
} common;

typedef struct joining {
    const fal_score_table *tables;
    size_t models;
    fal_path_index *indices; /* [models]; of the first none */
    common *clips;
    size_t count;
} joining;

typedef struct storage {
    char *text; /* paths */
    const char **paths;
    uint8_t *labels;
    double **scores;
    size_t *left_out;
    size_t models;
} storage;

static void free_storage(storage *s)
{
    for (size_t k = 0; s && s->scores && k < s->models; k++)
        fal_free(s->scores[k]);
    if (s) {
        fal_free(s->text);
        fal_free(s->paths);
        fal_free(s->labels);
        fal_free(s->scores);
        fal_free(s->left_out);
    }
    fal_free(s);
}

static fal_status index_tables(joining *j, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(j->indices, fal_calloc(j->models, sizeof *j->indices));
    for (size_t k = 1; k < j->models; k++) {
        FAL_TRY(fal_path_index_make(j->tables[k].paths, j->tables[k].count, &j->indices[k], err));
        for (size_t i = 0; i < j->tables[k].count; i++)
            fal_path_index_put(&j->indices[k], i);
    }
done:
    return st;
}

/* Whether every other table has the clip of row `row` of the first one; they must agree about what it is. */
static fal_status find_everywhere(const joining *j, size_t row, bool *everywhere, fal_error *err)
{
    const fal_score_table *first = &j->tables[0];
    *everywhere = true;
    for (size_t k = 1; k < j->models; k++) {
        size_t there = fal_path_index_find(&j->indices[k], first->paths[row]);
        if (there == FAL_PATH_NONE)
            *everywhere = false;
        else if (j->tables[k].labels[there] != first->labels[row])
            return fal_fail(err, FAL_ERR_FORMAT, "%s: label %d in %s, %d in %s", first->paths[row], first->labels[row],
                            first->origin, j->tables[k].labels[there], j->tables[k].origin);
    }
    return FAL_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const common *)a)->path, ((const common *)b)->path);
}

static fal_status find_common(joining *j, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_score_table *first = &j->tables[0];
    FAL_ALLOC(j->clips, fal_malloc_array(first->count, sizeof *j->clips));
    for (size_t i = 0; i < first->count; i++) {
        bool everywhere;
        FAL_TRY(find_everywhere(j, i, &everywhere, err));
        if (everywhere)
            j->clips[j->count++] = (common){first->paths[i], first->labels[i], i};
    }
    if (!j->count && j->models == 1)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s holds no clip with a label", first->origin);
    if (!j->count)
        FAL_FAIL(FAL_ERR_ARGUMENT,
                 "%s and the other %zu score files have no clip in common; the first clips are %s and %s",
                 first->origin, j->models - 1, first->count ? first->paths[0] : "none",
                 j->tables[1].count ? j->tables[1].paths[0] : "none");
    qsort(j->clips, j->count, sizeof *j->clips, by_path);
done:
    return st;
}

static fal_status copy_clips(const joining *j, storage *s, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t bytes = 0;
    for (size_t i = 0; i < j->count; i++)
        bytes += strlen(j->clips[i].path) + 1;
    FAL_ALLOC(s->text, fal_malloc(bytes));
    FAL_ALLOC(s->paths, fal_malloc_array(j->count, sizeof *s->paths));
    FAL_ALLOC(s->labels, fal_malloc(j->count));
    char *at = s->text;
    for (size_t i = 0; i < j->count; i++) {
        size_t size = strlen(j->clips[i].path) + 1;
        s->paths[i] = memcpy(at, j->clips[i].path, size);
        s->labels[i] = j->clips[i].label;
        at += size;
    }
done:
    return st;
}

static fal_status copy_scores(const joining *j, storage *s, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(s->left_out, fal_malloc_array(j->models, sizeof *s->left_out));
    FAL_ALLOC(s->scores, fal_calloc(j->models, sizeof *s->scores));
    s->models = j->models;
    for (size_t k = 0; k < j->models; k++) {
        const fal_score_table *t = &j->tables[k];
        s->left_out[k] = t->count - j->count;
        FAL_ALLOC(s->scores[k], fal_malloc_array(j->count, sizeof(double)));
        for (size_t i = 0; i < j->count; i++)
            s->scores[k][i] = t->scores[k ? fal_path_index_find(&j->indices[k], j->clips[i].path) : j->clips[i].row];
    }
done:
    return st;
}

fal_status fal_scores_join(const fal_score_table *tables, size_t count, fal_score_join *out, fal_error *err)
{
    fal_status st = FAL_OK;
    joining j = {.tables = tables, .models = count};
    storage *s = NULL;
    if (!count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no scores to join");
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_TRY(index_tables(&j, err));
    FAL_TRY(find_common(&j, err));
    FAL_TRY(copy_clips(&j, s, err));
    FAL_TRY(copy_scores(&j, s, err));
    *out = (fal_score_join){.models = count,
                            .count = j.count,
                            .paths = s->paths,
                            .labels = s->labels,
                            .scores = (const double *const *)s->scores,
                            .left_out = s->left_out,
                            .storage = s};
    s = NULL;
done:
    for (size_t k = 0; j.indices && k < count; k++)
        fal_path_index_free(&j.indices[k]);
    fal_free(j.indices);
    fal_free(j.clips);
    free_storage(s);
    return st;
}

void fal_scores_join_free(fal_score_join *join)
{
    if (!join)
        return;
    free_storage(join->storage);
    *join = (fal_score_join){0};
}
