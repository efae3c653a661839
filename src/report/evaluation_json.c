#include "core/json.h"
#include "core/status.h"

#include <falsetto/report.h>

static void put_interval(fal_jw *w, const char *key, fal_interval i)
{
    fal_jw_key(w, key);
    fal_jw_array(w);
    fal_jw_double(w, i.low);
    fal_jw_double(w, i.high);
    fal_jw_end_array(w);
}

static void put_confusion(fal_jw *w, const char *key, const fal_confusion *c, double threshold)
{
    fal_jw_key(w, key);
    fal_jw_object(w);
    fal_jw_put_double(w, "threshold", threshold);
    fal_jw_put_int(w, "true_positives", (int64_t)c->true_positives);
    fal_jw_put_int(w, "false_positives", (int64_t)c->false_positives);
    fal_jw_put_int(w, "false_negatives", (int64_t)c->false_negatives);
    fal_jw_put_int(w, "true_negatives", (int64_t)c->true_negatives);
    fal_jw_put_double(w, "accuracy", c->accuracy);
    fal_jw_put_double(w, "balanced_accuracy", c->balanced_accuracy);
    fal_jw_put_double(w, "precision", c->precision);
    fal_jw_put_double(w, "recall", c->recall);
    fal_jw_put_double(w, "f1", c->f1);
    fal_jw_end_object(w);
}

/* Members of the object at hand. */
static void put_evaluation(fal_jw *w, const fal_evaluation *e)
{
    const fal_metrics *m = &e->metrics;
    fal_jw_put_int(w, "clips", (int64_t)m->count);
    fal_jw_put_int(w, "fakes", (int64_t)m->fakes);
    fal_jw_put_int(w, "reals", (int64_t)m->reals);
    fal_jw_put_double(w, "auc", m->auc);
    put_interval(w, "auc_delong_95", e->delong);
    put_interval(w, "auc_bootstrap_95", e->bootstrap);
    fal_jw_put_int(w, "bootstrap_resamples", e->resamples);
    fal_jw_put_double(w, "ap", m->ap);
    fal_jw_put_double(w, "eer", m->eer);
    fal_jw_put_double(w, "eer_threshold", m->eer_threshold);
    fal_jw_put_double(w, "tpr_at_fpr_1", e->tpr_at_fpr_1);
    fal_jw_put_double(w, "tpr_at_fpr_5", e->tpr_at_fpr_5);
    fal_jw_put_double(w, "tpr_at_fpr_10", e->tpr_at_fpr_10);
    fal_jw_put_double(w, "log_loss", m->log_loss);
    fal_jw_put_double(w, "brier", m->brier);
    fal_jw_put_double(w, "ece", e->ece);
    fal_jw_put_double(w, "mce", e->mce);
    put_confusion(w, "at_zero", &e->at_zero, 0);
    if (e->has_threshold)
        put_confusion(w, "at_threshold", &e->at_threshold, e->threshold);
}

static void put_group(fal_jw *w, const fal_group *g)
{
    static const char *const rules[] = {"by-itself", "against-all-reals", "reals-only"};
    fal_jw_object(w);
    fal_jw_put_string(w, "group", g->name);
    fal_jw_put_string(w, "rule", rules[g->rule]);
    fal_jw_put_int(w, "group_fakes", (int64_t)g->fakes);
    fal_jw_put_int(w, "group_reals", (int64_t)g->reals);
    if (g->rule != FAL_GROUP_REALS_ONLY)
        put_evaluation(w, &g->evaluation);
    fal_jw_end_object(w);
}

static void put_breakdown(fal_jw *w, const char *column, const fal_breakdown *b)
{
    fal_jw_put_string(w, "by", column);
    fal_jw_put_int(w, "unlisted", (int64_t)b->unlisted);
    fal_jw_key(w, "groups");
    fal_jw_array(w);
    for (size_t i = 0; i < b->count; i++)
        put_group(w, &b->groups[i]);
    fal_jw_end_array(w);
}

static void put_localisation(fal_jw *w, const fal_localisation *l)
{
    fal_jw_key(w, "frames");
    fal_jw_object(w);
    fal_jw_put_int(w, "clips", (int64_t)l->clips);
    fal_jw_put_int(w, "frames", (int64_t)l->frames);
    fal_jw_put_int(w, "fake_frames", (int64_t)l->fake_frames);
    fal_jw_put_double(w, "auc", l->auc);
    fal_jw_put_double(w, "ap", l->ap);
    fal_jw_put_int(w, "clips_with_both_classes", (int64_t)l->clips_with_both);
    fal_jw_put_double(w, "macro_auc", l->macro_auc);
    fal_jw_put_int(w, "unknown_clips", (int64_t)l->unknown);
    fal_jw_end_object(w);
}

/* Members of the object at hand. */
static void put_ap_ar(fal_jw *w, const fal_ap_ar *a)
{
    fal_jw_put_int(w, "segments", (int64_t)a->segments);
    fal_jw_put_int(w, "proposals", (int64_t)a->proposals);
    fal_jw_key(w, "ap_at_iou");
    fal_jw_array(w);
    for (size_t i = 0; i < FAL_AP_IOUS; i++) {
        fal_jw_object(w);
        fal_jw_put_double(w, "iou", a->iou[i]);
        fal_jw_put_double(w, "ap", a->ap[i]);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
    fal_jw_key(w, "ar_at_n");
    fal_jw_array(w);
    for (size_t i = 0; i < FAL_AR_COUNTS; i++) {
        fal_jw_object(w);
        fal_jw_put_int(w, "n", (int64_t)a->first[i]);
        fal_jw_put_double(w, "ar", a->ar[i]);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
    fal_jw_put_double(w, "score", a->score);
}

static void put_row(fal_jw *w, const fal_evaluation_row *row)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "name", row->name);
    put_evaluation(w, &row->evaluation);
    fal_jw_put_int(w, "left_out_without_features", (int64_t)row->missing);
    fal_jw_put_int(w, "left_out_without_frames", (int64_t)row->empty);
    fal_jw_put_int(w, "left_out_without_label", (int64_t)row->unlabelled);
    if (row->breakdown)
        put_breakdown(w, row->column, row->breakdown);
    if (row->localisation)
        put_localisation(w, row->localisation);
    if (row->ap_ar) {
        fal_jw_key(w, "segments");
        fal_jw_object(w);
        put_ap_ar(w, row->ap_ar);
        fal_jw_end_object(w);
    }
    fal_jw_end_object(w);
}

static fal_status give(fal_buf *text, char **json, fal_error *err)
{
    if (text->failed) {
        fal_buf_free(text);
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory while writing an evaluation as JSON");
    }
    *json = text->data;
    return FAL_OK;
}

fal_status fal_evaluation_json(const fal_evaluation_row *rows, size_t count, char **json, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-evaluation-1");
    fal_jw_key(&w, "rows");
    fal_jw_array(&w);
    for (size_t i = 0; i < count; i++)
        put_row(&w, &rows[i]);
    fal_jw_end_array(&w);
    fal_jw_end_object(&w);
    return give(&text, json, err);
}

fal_status fal_ap_ar_json(const fal_ap_ar *measured, char **json, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-segments-1");
    put_ap_ar(&w, measured);
    fal_jw_end_object(&w);
    return give(&text, json, err);
}
