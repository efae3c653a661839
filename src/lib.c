/* The facade: calls that join folders which must not know each other. Everything else of the public interface is
 * implemented in the folder it belongs to. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "feature/store.h"
#include "head/probe_fit.h"
#include "tensor/run.h"

#include <falsetto/falsetto.h>

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

static fal_status load_lists(const fal_probe_training *t, fal_feature_set *train, fal_feature_set *validation,
                             fal_error *err)
{
    fal_status st = fal_feature_set_load(t->train.csv, t->train.root, t->stream, !t->no_l2, t->log, train, err);
    if (st == FAL_OK)
        st = fal_feature_set_load(t->validation.csv, t->validation.root, t->stream, !t->no_l2, t->log, validation, err);
    return st;
}

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

static fal_status fit_and_save(const fal_probe_training *t, const fal_feature_set *train,
                               const fal_feature_set *validation, const char *path, fal_probe_report *report,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    fal_probe probe = {0};
    fal_probe_report facts;
    fal_probe_fit_options fit = {.batch_size = t->batch_size,
                                 .max_epochs = t->max_epochs,
                                 .patience = t->patience,
                                 .learning_rate = t->learning_rate,
                                 .seed = t->seed,
                                 .progress = t->progress,
                                 .log = t->log};
    FAL_TRY(fal_probe_fit(train, validation, &fit, &probe, &facts, err));
    probe.l2_normalise = !t->no_l2;
    FAL_TRY(fal_probe_calibrate(&probe, validation, &facts.calibration, err));
    FAL_TRY(fal_probe_save(path, &probe, t, &facts, err));
    *report = facts;
done:
    fal_free(probe.weight);
    return st;
}

fal_status fal_probe_train(const fal_probe_training *training, const char *path, fal_probe_report *report,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set train = {0}, validation = {0};
    fal_probe_training t = *training;
    fal_json *settings = recorded_settings(t.train.root);
    take_recorded(&t.encoder, settings, "encoder");
    take_recorded(&t.family, settings, "family");
    take_recorded(&t.feature, settings, "feature");
    t.stream = t.stream ? t.stream : FAL_STREAM_AV;
    FAL_TRY(load_lists(&t, &train, &validation, err));
    FAL_TRY(fit_and_save(&t, &train, &validation, path, report, err));
done:
    fal_feature_set_free(&train);
    fal_feature_set_free(&validation);
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
done:
    fal_free(logits);
    return st;
}

fal_status fal_head_score_list(const fal_head *head, const fal_feature_list *list, fal_stream stream,
                               const fal_log *log, fal_scored_list *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set *set = NULL;
    fal_scored_list made = {0};
    const fal_head_description *about = fal_head_describe(head);
    stream = stream ? stream : about->stream_known ? about->stream : FAL_STREAM_AV;
    FAL_ALLOC(set, fal_calloc(1, sizeof *set));
    FAL_TRY(fal_feature_set_load(list->csv, list->root, stream, false, log, set, err));
    FAL_ALLOC(made.clips, fal_malloc_array(set->count, sizeof *made.clips));
    for (size_t i = 0; i < set->count; i++)
        if (set->clips[i].frames > 0)
            FAL_TRY(score_clip(head, &set->clips[i], set->dim, &made.clips[made.count++], err));
    made.missing = set->missing;
    made.empty = set->empty;
    made.storage = set, set = NULL;
    *out = made;
    made = (fal_scored_list){0};
done:
    if (set)
        fal_feature_set_free(set);
    fal_free(set);
    fal_free(made.clips);
    return st;
}

void fal_scored_list_free(fal_scored_list *list)
{
    if (!list)
        return;
    if (list->storage)
        fal_feature_set_free(list->storage);
    fal_free(list->storage);
    fal_free(list->clips);
    *list = (fal_scored_list){0};
}
