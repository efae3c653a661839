#include "core/json.h"
#include "core/status.h"

#include <falsetto/report.h>

static void put_matrix(fal_jw *w, const char *key, const double *values, size_t n)
{
    fal_jw_key(w, key);
    fal_jw_array(w);
    for (size_t r = 0; r < n; r++) {
        fal_jw_array(w);
        for (size_t c = 0; c < n; c++)
            fal_jw_double(w, values[r * n + c]);
        fal_jw_end_array(w);
    }
    fal_jw_end_array(w);
}

static void put_models(fal_jw *w, const fal_comparison *c, const char *const *names)
{
    fal_jw_key(w, "detectors");
    fal_jw_array(w);
    for (size_t k = 0; k < c->count; k++) {
        fal_jw_object(w);
        fal_jw_put_string(w, "name", names[k]);
        fal_jw_put_double(w, "auc", c->models[k].auc);
        fal_jw_key(w, "auc_delong_95");
        fal_jw_array(w);
        fal_jw_double(w, c->models[k].interval.low);
        fal_jw_double(w, c->models[k].interval.high);
        fal_jw_end_array(w);
        fal_jw_put_double(w, "ap", c->models[k].ap);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

static void put_best(fal_jw *w, const fal_comparison *c, const char *const *names)
{
    fal_jw_key(w, "best_subset");
    fal_jw_object(w);
    fal_jw_key(w, "members");
    fal_jw_array(w);
    for (size_t k = 0; k < c->count; k++)
        if (c->best.members[k])
            fal_jw_string(w, names[k]);
    fal_jw_end_array(w);
    fal_jw_put_double(w, "auc", c->best.auc);
    fal_jw_put_double(w, "auc_where_chosen", c->best.chosen_auc);
    fal_jw_put_bool(w, "every_subset_tried", c->best.exhaustive);
    fal_jw_put_bool(w, "chosen_on_validation", c->best.on_validation);
    fal_jw_end_object(w);
}

fal_status fal_comparison_json(const fal_comparison *c, const char *const *names, fal_fusion fusion, char **json,
                               fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", "falsetto-comparison-1");
    fal_jw_put_int(&w, "clips", (int64_t)c->clips);
    fal_jw_put_int(&w, "fakes", (int64_t)c->fakes);
    fal_jw_put_int(&w, "reals", (int64_t)c->reals);
    put_models(&w, c, names);
    put_matrix(&w, "pearson", c->pearson, c->count);
    put_matrix(&w, "spearman", c->spearman, c->count);
    put_matrix(&w, "delong_p", c->p, c->count);
    put_matrix(&w, "delong_p_holm", c->p_holm, c->count);
    fal_jw_put_string(&w, "fusion", fusion == FAL_FUSE_SCORES ? "mean_score" : "mean_probability");
    put_matrix(&w, "fused_auc", c->fused_auc, c->count);
    put_matrix(&w, "relative_improvement_percent", c->improvement, c->count);
    fal_jw_put_double(&w, "all_fused_auc_mean_probability", c->all_auc[FAL_FUSE_PROBABILITIES]);
    fal_jw_put_double(&w, "all_fused_auc_mean_score", c->all_auc[FAL_FUSE_SCORES]);
    put_best(&w, c, names);
    fal_jw_end_object(&w);
    if (text.failed) {
        fal_buf_free(&text);
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory while writing a comparison as JSON");
    }
    *json = text.data;
    return FAL_OK;
}
