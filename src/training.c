/* Training and calibrating heads: feature store + head. */
#include "core/alloc.h"
#include "core/json.h"
#include "feature/pack.h"
#include "head/head.h"
#include "recorded.h"

#include <stdio.h>
#include <string.h>

struct fal_training_data {
    const fal_head_kind *kind;
    fal_feature_set train, validation;
    fal_head_shape shape;
    fal_recorded recorded;
};

/* ---- the lists ---- */

static fal_status load_set(const fal_head_training *t, const fal_feature_query *query, fal_feature_set *out,
                           fal_feature_parts *parts, fal_error *err)
{
    fal_status st = FAL_OK;
    char *path = NULL;
    if (!t->fast)
        return fal_feature_set_read(query, out, parts, err);
    FAL_ALLOC(path, fal_pack_path(query, t->cache));
    FAL_TRY(fal_pack_read(query, path, t->progress, out, parts, err));
done:
    fal_free(path);
    return st;
}

static fal_status load_sets(const fal_head_training *t, fal_training_data *data, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_parts parts, other;
    fal_feature_query query = {.csv = t->train.csv,
                               .root = t->train.root,
                               .stream = t->stream ? t->stream : FAL_STREAM_AV,
                               .arrays = t->arrays ? t->arrays : data->kind->recipe.arrays,
                               .l2_normalise = !t->no_l2,
                               .threads = t->threads,
                               .log = t->log};
    FAL_TRY(load_set(t, &query, &data->train, &parts, err));
    query.csv = t->validation.csv;
    query.root = t->validation.root;
    FAL_TRY(load_set(t, &query, &data->validation, &other, err));
    data->shape = (fal_head_shape){.parts = parts.count, .dim = data->train.dim};
    memcpy(data->shape.dims, parts.dims, sizeof parts.dims);
done:
    return st;
}

/* Number of clips with a label, and the first of them. */
static size_t count_label(const fal_feature_set *set, int label, const char **first)
{
    size_t count = 0;
    for (size_t i = 0; i < set->count; i++)
        if (set->clips[i].label == label) {
            *first = count ? *first : set->clips[i].path;
            count++;
        }
    return count;
}

/* An anomaly detector learns what is real; fakes in its lists are a mistake, unless the caller says so. */
static fal_status refuse_fakes(const fal_head_training *t, const char *kind, const fal_feature_set *set,
                               const char *csv, fal_error *err)
{
    const char *first = NULL;
    size_t fakes = count_label(set, 1, &first);
    if (!fakes || t->allow_fakes)
        return FAL_OK;
    return fal_fail(
        err, FAL_ERR_ARGUMENT,
        "%s holds %zu fakes (the first: %s), but %s learns what real clips look like: list real clips only, or "
        "say that fakes are wanted",
        csv, fakes, first, kind);
}

static fal_status need_both_classes(const fal_training_data *data, const char *csv, fal_error *err)
{
    const char *first;
    size_t fakes = count_label(&data->train, 1, &first), reals = count_label(&data->train, 0, &first);
    if ((fakes && reals) || !data->train.count)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_ARGUMENT,
                    "%s: all %zu clips with features are %s, but %s learns from real and fake clips", csv,
                    data->train.count, fakes ? "fake" : "real", data->kind->name);
}

fal_status fal_training_data_open(const fal_head_training *t, fal_training_data **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_training_data *data = NULL;
    const char *kind = t->kind ? t->kind : "probe";
    FAL_ALLOC(data, fal_calloc(1, sizeof *data));
    data->kind = fal_head_kind_find(kind);
    if (!data->kind)
        FAL_FAIL(FAL_ERR_ARGUMENT, "there is no head called \"%s\" to train", kind);
    data->recorded = fal_recorded_read(t->train.root);
    FAL_TRY(load_sets(t, data, err));
    if (data->kind->recipe.real_only) {
        FAL_TRY(refuse_fakes(t, kind, &data->train, t->train.csv, err));
        FAL_TRY(refuse_fakes(t, kind, &data->validation, t->validation.csv, err));
    } else {
        FAL_TRY(need_both_classes(data, t->train.csv, err));
    }
    *out = data, data = NULL;
done:
    fal_training_data_free(&data);
    return st;
}

void fal_training_data_free(fal_training_data **data)
{
    if (!data || !*data)
        return;
    fal_feature_set_free(&(*data)->train);
    fal_feature_set_free(&(*data)->validation);
    fal_recorded_free(&(*data)->recorded);
    fal_release(data);
}

/* ---- a run ---- */

static fal_status write_trained(const fal_head *head, const fal_head_training *t, const fal_training_report *r,
                                const char *path, fal_error *err)
{
    char numbers[5][32];
    snprintf(numbers[0], sizeof *numbers, "%zu", r->train_clips);
    snprintf(numbers[1], sizeof *numbers, "%zu", r->validation_clips);
    snprintf(numbers[2], sizeof *numbers, "%d", r->best_epoch);
    fal_format_double(numbers[3], r->best_validation_loss);
    snprintf(numbers[4], sizeof *numbers, "%llu", (unsigned long long)fal_training_seed(t));
    const fal_metadata facts[] = {
        {"falsetto.train.clips", numbers[0]},      {"falsetto.validation.clips", numbers[1]},
        {"falsetto.train.best_epoch", numbers[2]}, {"falsetto.validation.loss", numbers[3]},
        {"falsetto.train.seed", numbers[4]},
    };
    return fal_head_write(head, facts, sizeof facts / sizeof *facts, path, err);
}

fal_status fal_head_train_on(const fal_training_data *data, const fal_head_training *training, const char *path,
                             fal_training_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_head *head = NULL;
    fal_training_report facts = {0};
    fal_head_training t = *training;
    t.encoder = t.encoder ? t.encoder : data->recorded.encoder;
    t.family = t.family ? t.family : data->recorded.family;
    t.feature = t.feature ? t.feature : data->recorded.feature;
    t.stream = t.stream ? t.stream : FAL_STREAM_AV;
    t.arrays = t.arrays ? t.arrays : data->kind->recipe.arrays;
    FAL_TRY(fal_head_create(data->kind, &data->shape, t.arrays, &t, &head, err));
    FAL_TRY(fal_head_fit(head, &t, &data->train, &data->validation, &facts, err));
    FAL_TRY(write_trained(head, &t, &facts, path, err));
    if (t.state && !t.keep_state)
        remove(t.state);
    *report = facts;
    facts = (fal_training_report){0};
done:
    fal_training_report_free(&facts);
    fal_head_free(&head);
    return st;
}

fal_status fal_head_train(const fal_head_training *training, const char *path, fal_training_report *report,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    fal_training_data *data = NULL;
    FAL_TRY(fal_training_data_open(training, &data, err));
    FAL_TRY(fal_head_train_on(data, training, path, report, err));
done:
    fal_training_data_free(&data);
    return st;
}

/* ---- kinds ---- */

bool fal_head_defaults_at(size_t index, fal_head_defaults *out)
{
    const fal_head_kind *kind = fal_head_kind_at(index);
    if (!kind)
        return false;
    const fal_head_recipe *r = &kind->recipe;
    *out = (fal_head_defaults){.kind = kind->name,
                               .what = kind->what,
                               .arrays = r->arrays,
                               .batch = r->batch,
                               .fast_batch = r->fast.batch ? r->fast.batch : r->batch,
                               .learning_rate = r->learning_rate,
                               .fast_learning_rate = r->fast.batch ? r->fast.learning_rate : r->learning_rate,
                               .max_epochs = r->max_epochs,
                               .patience = r->patience,
                               .real_only = r->real_only};
    return true;
}

/* ---- calibration ---- */

fal_status fal_calibration_fit(const fal_scored_list *clips, fal_calibration_method method, fal_calibration *out,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    double *scores = NULL;
    int64_t *frames = NULL;
    uint8_t *labels = NULL;
    fal_calibration made;
    size_t fakes = 0, used = 0;
    FAL_ALLOC(scores, fal_malloc_array(clips->count, sizeof *scores));
    FAL_ALLOC(frames, fal_malloc_array(clips->count, sizeof *frames));
    FAL_ALLOC(labels, fal_malloc_array(clips->count, sizeof *labels));
    for (size_t i = 0; i < clips->count; i++) {
        const fal_scored_clip *c = &clips->clips[i];
        if (c->label < 0)
            continue;
        scores[used] = c->logit;
        frames[used] = c->frames;
        fakes += labels[used++] = c->label == 1;
    }
    if (!fakes || fakes == used)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a calibration needs real and fake clips, here are %zu real and %zu fake",
                 used - fakes, fakes);
    const fal_labelled_scores labelled = {scores, frames, labels, used};
    FAL_TRY(fal_calibrate(&labelled, method, &made, err));
    if (!made.fitted)
        FAL_FAIL(FAL_ERR_ARGUMENT,
                 "the head does not score these fakes above these real clips: a calibration would turn "
                 "its verdicts around");
    *out = made;
done:
    fal_free(scores);
    fal_free(frames);
    fal_free(labels);
    return st;
}

fal_status fal_head_save(const fal_head *head, const fal_calibration *calibration, const char *path, fal_error *err)
{
    fal_head changed = *head;
    if (calibration)
        changed.about.calibration = *calibration;
    return fal_head_write(&changed, NULL, 0, path, err);
}
