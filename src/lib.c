/* The facade: calls that join folders which must not know each other. Everything else of the public interface is
 * implemented in the folder it belongs to. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "feature/feature_set.h"
#include "head/head.h"
#include "tensor/run.h"

#include <falsetto/falsetto.h>

#define FAL_LOG_COMPONENT "score"

#include <stdio.h>
#include <string.h>

const char *fal_version(void)
{
    return FAL_VERSION;
}

const char *fal_instruction_set(void)
{
    return fal_cpu_isa();
}

/* ---- training: feature store + head ---- */

/* What `extract` recorded beside the features; NULL when it did not. The caller's to fal_json_free. */
static fal_json *recorded_settings(const char *root)
{
    fal_json *settings = NULL;
    char *path = fal_path_join(root, "extract.json");
    if (path && fal_path_exists(path))
        (void)fal_json_read(path, &settings, NULL);
    fal_free(path);
    return settings;
}

static void take_recorded(const char **text, const fal_json *settings, const char *key)
{
    *text = *text ? *text : fal_json_string(fal_json_get(settings, key), NULL);
}

typedef struct training_sets {
    fal_feature_set train, validation;
    fal_head_shape shape;
} training_sets;

static fal_status load_sets(const fal_head_training *t, training_sets *sets, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_parts parts, other;
    fal_feature_query query = {.csv = t->train.csv,
                               .root = t->train.root,
                               .stream = t->stream,
                               .arrays = t->arrays,
                               .l2_normalise = !t->no_l2,
                               .log = t->log};
    FAL_TRY(fal_feature_set_read(&query, &sets->train, &parts, err));
    query.csv = t->validation.csv;
    query.root = t->validation.root;
    FAL_TRY(fal_feature_set_read(&query, &sets->validation, &other, err));
    sets->shape = (fal_head_shape){.parts = parts.count, .dim = sets->train.dim};
    memcpy(sets->shape.dims, parts.dims, sizeof parts.dims);
done:
    return st;
}

/* An anomaly detector learns what is real; fakes in its lists are a mistake, unless the caller says so. */
static fal_status refuse_fakes(const fal_head_training *t, const char *kind, const fal_feature_set *set, const char *csv,
                               fal_error *err)
{
    size_t fakes = 0;
    const char *first = NULL;
    for (size_t i = 0; i < set->count; i++)
        if (set->clips[i].label == 1) {
            first = first ? first : set->clips[i].path;
            fakes++;
        }
    if (!fakes || t->allow_fakes)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_ARGUMENT,
                    "%s holds %zu fakes (the first: %s), but %s learns what real clips look like: list real clips only, or "
                    "say that fakes are wanted",
                    csv, fakes, first, kind);
}

static fal_status write_trained(const fal_head *head, const fal_training_report *r, const char *path, fal_error *err)
{
    char numbers[4][32];
    snprintf(numbers[0], sizeof *numbers, "%zu", r->train_clips);
    snprintf(numbers[1], sizeof *numbers, "%zu", r->validation_clips);
    snprintf(numbers[2], sizeof *numbers, "%d", r->best_epoch);
    fal_format_double(numbers[3], r->best_validation_loss);
    const fal_metadata facts[] = {
        {"falsetto.train.clips", numbers[0]},
        {"falsetto.validation.clips", numbers[1]},
        {"falsetto.train.best_epoch", numbers[2]},
        {"falsetto.validation.loss", numbers[3]},
    };
    return fal_head_write(head, facts, sizeof facts / sizeof *facts, path, err);
}

static fal_status train_kind(const fal_head_kind *kind, const fal_head_training *t, const char *path,
                             fal_training_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    training_sets sets = {0};
    fal_head *head = NULL;
    fal_training_report facts = {0};
    FAL_TRY(load_sets(t, &sets, err));
    if (kind->recipe.real_only) {
        FAL_TRY(refuse_fakes(t, kind->name, &sets.train, t->train.csv, err));
        FAL_TRY(refuse_fakes(t, kind->name, &sets.validation, t->validation.csv, err));
    }
    FAL_TRY(fal_head_create(kind, &sets.shape, t->arrays, t, &head, err));
    FAL_TRY(fal_head_fit(head, t, &sets.train, &sets.validation, &facts, err));
    FAL_TRY(write_trained(head, &facts, path, err));
    if (t->state)
        remove(t->state);
    *report = facts;
    facts = (fal_training_report){0};
done:
    fal_training_report_free(&facts);
    fal_head_free(&head);
    fal_feature_set_free(&sets.train);
    fal_feature_set_free(&sets.validation);
    return st;
}

fal_status fal_head_train(const fal_head_training *training, const char *path, fal_training_report *report,
                          fal_error *err)
{
    fal_head_training t = *training;
    const fal_head_kind *kind = fal_head_kind_find(t.kind ? t.kind : "probe");
    if (!kind)
        return fal_fail(err, FAL_ERR_ARGUMENT, "there is no head called \"%s\" to train", t.kind);
    fal_json *settings = recorded_settings(t.train.root);
    take_recorded(&t.encoder, settings, "encoder");
    take_recorded(&t.family, settings, "family");
    take_recorded(&t.feature, settings, "feature");
    t.stream = t.stream ? t.stream : FAL_STREAM_AV;
    t.arrays = t.arrays ? t.arrays : kind->recipe.arrays;
    fal_status st = train_kind(kind, &t, path, report, err);
    fal_json_free(&settings);
    return st;
}

/* ---- scoring a list: feature store + head ---- */

static fal_status score_clip(const fal_head *head, const fal_clip_features *clip, int64_t dim, fal_scored_clip *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    float *logits = NULL;
    *out = (fal_scored_clip){.path = clip->path, .label = clip->label, .frames = clip->frames};
    FAL_ALLOC(logits, fal_malloc_array((size_t)clip->frames, sizeof *logits));
    FAL_TRY(fal_head_score(head, clip->rows, clip->frames, dim, logits, &out->logit, err));
    out->p_fake = fal_head_probability(&fal_head_describe(head)->calibration, out->logit, clip->frames);
    out->frame_logits = logits, logits = NULL;
done:
    fal_free(logits);
    return st;
}

/* Those of too few frames for the head are named and counted. */
static fal_status score_clips(const fal_head *head, const fal_feature_set *set, const fal_log *log, fal_scored_list *out,
                              fal_error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        fal_error reason = {0};
        if (set->clips[i].frames < 1)
            continue;
        fal_status st = score_clip(head, &set->clips[i], set->dim, &out->clips[out->count], &reason);
        if (st == FAL_OK) {
            out->count++;
        } else if (st == FAL_ERR_TOO_SHORT) {
            out->empty++;
            fal_log_warn(log, "%s is left out: %s", set->clips[i].path, reason.text);
        } else {
            return fal_fail(err, st, "%s: %s", set->clips[i].path, reason.text);
        }
    }
    return FAL_OK;
}

/* "visual+audio" for a head that says which arrays its rows are made of, into `out`; left empty for others. */
static void name_arrays(const fal_head_description *about, fal_buf *out)
{
    for (size_t i = 0; i < about->part_count && about->parts[i].array; i++)
        fal_buf_printf(out, "%s%s", i ? "+" : "", about->parts[i].array);
}

fal_status fal_head_score_list(const fal_head *head, const fal_feature_list *list, fal_stream stream,
                               const fal_log *log, fal_scored_list *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set *set = NULL;
    fal_scored_list made = {0};
    fal_buf arrays = {0};
    const fal_head_description *about = fal_head_describe(head);
    name_arrays(about, &arrays);
    fal_feature_query query = {.csv = list->csv,
                               .root = list->root,
                               .stream = stream ? stream : about->stream_known ? about->stream : FAL_STREAM_AV,
                               .arrays = stream ? NULL : arrays.data,
                               .log = log};
    FAL_ALLOC(set, fal_calloc(1, sizeof *set));
    FAL_TRY(fal_feature_set_read(&query, set, NULL, err));
    FAL_ALLOC(made.clips, fal_malloc_array(set->count, sizeof *made.clips));
    made.missing = set->missing;
    made.empty = set->empty;
    FAL_TRY(score_clips(head, set, log, &made, err));
    made.storage = set, set = NULL;
    *out = made;
    made = (fal_scored_list){0};
done:
    if (set)
        fal_feature_set_free(set);
    fal_free(set);
    fal_scored_list_free(&made);
    fal_buf_free(&arrays);
    return st;
}

void fal_scored_list_free(fal_scored_list *list)
{
    if (!list)
        return;
    if (list->storage)
        fal_feature_set_free(list->storage);
    fal_free(list->storage);
    for (size_t i = 0; i < list->count; i++)
        fal_free((float *)list->clips[i].frame_logits);
    fal_free(list->clips);
    *list = (fal_scored_list){0};
}
