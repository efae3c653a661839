/* Every number about one detector on one set of clips. */
#include "core/alloc.h"
#include "eval/ranking.h"

#include <falsetto/compare.h>

#include <math.h>

enum { DEFAULT_BINS = 10, DEFAULT_RESAMPLES = 2000 };

static int wanted_resamples(const fal_evaluation_options *o, size_t count)
{
    if (o->resamples)
        return o->resamples > 0 ? o->resamples : 0;
    return count <= FAL_BOOTSTRAP_CLIPS ? DEFAULT_RESAMPLES : 0;
}

static fal_status measure_ranking(const fal_score_group *groups, size_t count, const fal_evaluation_options *o,
                                  fal_evaluation *e, fal_error *err)
{
    const fal_interval none = {NAN, NAN};
    fal_ranking_metrics(groups, count, &e->metrics);
    e->tpr_at_fpr_1 = e->tpr_at_fpr_5 = e->tpr_at_fpr_10 = e->auc_variance = NAN;
    e->delong = e->bootstrap = none;
    if (!e->metrics.fakes || !e->metrics.reals)
        return FAL_OK;
    e->tpr_at_fpr_1 = fal_group_tpr_at_fpr(groups, count, 0.01);
    e->tpr_at_fpr_5 = fal_group_tpr_at_fpr(groups, count, 0.05);
    e->tpr_at_fpr_10 = fal_group_tpr_at_fpr(groups, count, 0.1);
    e->auc_variance = fal_group_auc_variance(groups, count, e->metrics.auc);
    e->delong = fal_auc_interval(e->metrics.auc, e->auc_variance, FAL_INTERVAL_NORMAL);
    e->resamples = wanted_resamples(o, e->metrics.count);
    if (!e->resamples)
        return FAL_OK;
    fal_bootstrap_options how = {.resamples = e->resamples, .seed = o->seed};
    return fal_group_bootstrap(groups, count, &how, &e->bootstrap, err);
}

fal_status fal_evaluate_fully(const double *scores, const uint8_t *labels, size_t count,
                              const fal_evaluation_options *options, fal_evaluation *out, fal_error *err)
{
    static const fal_evaluation_options defaults = {0};
    fal_status st = FAL_OK;
    fal_score_group *groups = NULL;
    size_t group_count = 0;
    const fal_evaluation_options *o = options ? options : &defaults;
    fal_evaluation e = {.has_threshold = o->has_threshold, .threshold = o->threshold};
    if (!count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no scores to evaluate");
    FAL_TRY(fal_score_groups(scores, labels, count, &groups, &group_count, err));
    FAL_TRY(measure_ranking(groups, group_count, o, &e, err));
    fal_probability_metrics(scores, labels, count, &e.metrics);
    FAL_TRY(fal_calibration_error(scores, labels, count, o->bins > 0 ? o->bins : DEFAULT_BINS, &e.ece, &e.mce, err));
    fal_confusion_at(scores, labels, count, 0, &e.at_zero);
    if (o->has_threshold)
        fal_confusion_at(scores, labels, count, o->threshold, &e.at_threshold);
    *out = e;
done:
    fal_free(groups);
    return st;
}
