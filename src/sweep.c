/* One probe per layer: feature store + head + metrics. */
#include "core/alloc.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/str.h"
#include "feature/feature_set.h"
#include "head/head.h"

#include <falsetto/eval.h>
#include <falsetto/sweep.h>

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAL_LOG_COMPONENT "sweep"

enum { MOST_LAYERS = 512, PATTERN_BYTES = 64 };

/* ---- names ---- */

/* The feature file of the first clip of the list that has one. */
static fal_status open_first(const fal_feature_list *list, fal_npz **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv csv = {0};
    char *path = NULL;
    FAL_TRY(fal_csv_read(list->csv, &csv, err));
    int column = fal_csv_column(&csv, "path");
    if (column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column 'path'", list->csv);
    for (size_t row = 0; row < csv.rows; row++) {
        fal_free(path);
        path = fal_feature_path(list->root, fal_csv_cell(&csv, row, column), ".npz");
        if (path && fal_path_exists(path))
            break;
        fal_release(&path);
    }
    if (!path)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "no clip of %s has a .npz file below %s", list->csv, list->root);
    FAL_TRY(fal_npz_open(path, out, err));
done:
    fal_free(path);
    fal_csv_free(&csv);
    return st;
}

static bool fits(const char *name, const char *patterns)
{
    char pattern[PATTERN_BYTES];
    for (const char *at = patterns; at; at = strchr(at, '+') ? strchr(at, '+') + 1 : NULL) {
        size_t length = strcspn(at, "+");
        if (length >= sizeof pattern)
            continue;
        memcpy(pattern, at, length);
        pattern[length] = '\0';
        if (fnmatch(pattern, name, 0) == 0)
            return true;
    }
    return false;
}

/* hidden_2 before hidden_10. */
static int in_layer_order(const void *a, const void *b)
{
    const fal_layer_result *left = a, *right = b;
    size_t one = strlen(left->array), other = strlen(right->array);
    return one != other ? (one > other ? 1 : -1) : strcmp(left->array, right->array);
}

static fal_status list_layers(const fal_feature_list *list, const char *patterns, fal_arena *arena,
                              fal_layer_sweep *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npz *npz = NULL;
    FAL_TRY(open_first(list, &npz, err));
    FAL_ALLOC(out->layers, fal_arena_alloc(arena, MOST_LAYERS, sizeof *out->layers));
    for (size_t i = 0; i < fal_npz_count(npz) && out->count < MOST_LAYERS; i++) {
        fal_layer_result *layer = &out->layers[out->count];
        if (!fits(fal_npz_name(npz, i), patterns))
            continue;
        *layer = (fal_layer_result){.auc = NAN, .ap = NAN};
        FAL_ALLOC(layer->array, fal_arena_strdup(arena, fal_npz_name(npz, i)));
        out->count++;
    }
    if (!out->count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no array of the features below %s fits '%s'; the first clip has %zu%s%s",
                 list->root, patterns, fal_npz_count(npz), fal_npz_count(npz) ? ", such as " : "",
                 fal_npz_count(npz) ? fal_npz_name(npz, 0) : "");
    qsort(out->layers, out->count, sizeof *out->layers, in_layer_order);
done:
    fal_npz_free(&npz);
    return st;
}

/* ---- one layer ---- */

/* AUC and AP of the validation clips; left alone when they are of one class. */
static fal_status judge(const fal_head *head, const fal_feature_set *set, fal_layer_result *layer, fal_error *err)
{
    fal_status st = FAL_OK;
    double *scores = NULL;
    uint8_t *labels = NULL;
    float *logits = NULL;
    size_t count = 0, fakes = 0;
    fal_metrics metrics;
    FAL_ALLOC(scores, fal_malloc_array(set->count, sizeof *scores));
    FAL_ALLOC(labels, fal_malloc_array(set->count, sizeof *labels));
    for (size_t i = 0; i < set->count; i++) {
        const fal_clip_features *clip = &set->clips[i];
        if (clip->frames < 1)
            continue;
        fal_release(&logits);
        FAL_ALLOC(logits, fal_malloc_array((size_t)clip->frames, sizeof *logits));
        FAL_TRY(fal_head_score(head, clip->rows, clip->frames, set->dim, logits, &scores[count], err));
        fakes += labels[count++] = clip->label == 1;
    }
    if (fakes && fakes < count) {
        FAL_TRY(fal_evaluate(scores, labels, count, &metrics, err));
        layer->auc = metrics.auc;
        layer->ap = metrics.ap;
    }
done:
    fal_free(scores);
    fal_free(labels);
    fal_free(logits);
    return st;
}

static fal_status keep(const fal_head *head, const char *folder, const char *array, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    FAL_TRY(fal_make_dirs(folder, err));
    FAL_ALLOC(path, fal_asprintf("%s/%s.safetensors", folder, array));
    FAL_TRY(fal_head_write(head, NULL, 0, path, err));
done:
    fal_free(path);
    return st;
}

typedef struct layer_sets {
    fal_feature_set train, validation;
} layer_sets;

static fal_status load_sets(const fal_head_training *t, layer_sets *sets, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_query query = {
        .csv = t->train.csv, .root = t->train.root, .arrays = t->arrays, .l2_normalise = !t->no_l2, .log = t->log};
    FAL_TRY(fal_feature_set_read(&query, &sets->train, NULL, err));
    query.csv = t->validation.csv;
    query.root = t->validation.root;
    FAL_TRY(fal_feature_set_read(&query, &sets->validation, NULL, err));
done:
    return st;
}

static fal_status train_layer(const fal_head_training *training, const char *folder, fal_layer_result *layer,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    layer_sets sets = {0};
    fal_head *head = NULL;
    fal_training_report report = {0};
    fal_head_training t = *training;
    const double start = fal_now_s();
    t.kind = "probe";
    t.arrays = layer->array;
    t.state = NULL;
    FAL_TRY(load_sets(&t, &sets, err));
    const fal_head_shape shape = {.parts = 1, .dims = {sets.train.dim}, .dim = sets.train.dim};
    FAL_TRY(fal_head_create(&fal_head_probe, &shape, layer->array, &t, &head, err));
    FAL_TRY(fal_head_fit(head, &t, &sets.train, &sets.validation, &report, err));
    FAL_TRY(judge(head, &sets.validation, layer, err));
    if (folder)
        FAL_TRY(keep(head, folder, layer->array, err));
    layer->dim = shape.dim;
    layer->epochs_run = report.epochs_run;
    layer->best_epoch = report.best_epoch;
    layer->validation_loss = report.best_validation_loss;
    layer->seconds = fal_now_s() - start;
    fal_log_info(t.log, "%s: validation loss %.5f, AUC %.4f", layer->array, layer->validation_loss, layer->auc);
done:
    fal_training_report_free(&report);
    fal_head_free(&head);
    fal_feature_set_free(&sets.train);
    fal_feature_set_free(&sets.validation);
    return st;
}

/* ---- all of them ---- */

static bool better(const fal_layer_result *a, const fal_layer_result *b)
{
    if (isnan(a->auc) || a->auc == b->auc)
        return a->validation_loss < b->validation_loss;
    return a->auc > b->auc;
}

fal_status fal_layer_sweep_run(const fal_head_training *training, const char *patterns, const char *folder,
                               fal_layer_sweep *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = NULL;
    fal_layer_sweep sweep = {0};
    FAL_ALLOC(arena, fal_arena_create());
    FAL_TRY(list_layers(&training->train, patterns, arena, &sweep, err));
    for (size_t i = 0; i < sweep.count; i++) {
        FAL_TRY(train_layer(training, folder, &sweep.layers[i], err));
        if (better(&sweep.layers[i], &sweep.layers[sweep.best]))
            sweep.best = i;
    }
    sweep.storage = arena, arena = NULL;
    *out = sweep;
done:
    fal_arena_free(&arena);
    return st;
}

void fal_layer_sweep_free(fal_layer_sweep *sweep)
{
    if (!sweep)
        return;
    fal_arena *arena = sweep->storage;
    fal_arena_free(&arena);
    *sweep = (fal_layer_sweep){0};
}
