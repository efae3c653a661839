#include "invariant.h"

#include <falsetto/scores.h>

#include <math.h>
#include <string.h>

/* A table joined with itself is itself, sorted; and it can be evaluated. */
static void use(const fal_score_table *t)
{
    fal_score_join join = {0};
    fal_evaluation e;
    const fal_evaluation_options how = {.resamples = -1};
    const fal_score_table twice[] = {*t, *t};
    fal_status st = fal_scores_join(twice, 2, &join, NULL);
    FAL_INVARIANT(st == FAL_OK || st == FAL_ERR_MEMORY);
    for (size_t i = 1; st == FAL_OK && i < join.count; i++)
        FAL_INVARIANT(strcmp(join.paths[i - 1], join.paths[i]) < 0);
    FAL_INVARIANT(st != FAL_OK || (join.count == t->count && join.left_out[1] == 0));
    fal_scores_join_free(&join);
    st = fal_evaluate_fully(t->scores, t->labels, t->count, &how, &e, NULL);
    FAL_INVARIANT(st == FAL_OK || st == FAL_ERR_MEMORY);
    if (st == FAL_OK && !isnan(e.metrics.auc))
        FAL_INVARIANT(e.metrics.auc >= 0 && e.metrics.auc <= 1 && e.metrics.eer >= 0 && e.metrics.eer <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_score_table t = {0};
    fal_error err = {0};
    if (fal_scores_parse((const char *)data, size, "fuzz", &t, &err) != FAL_OK) {
        FAL_INVARIANT(t.storage == NULL && err.text[0]);
        return 0;
    }
    for (size_t i = 0; i < t.count; i++)
        FAL_INVARIANT(!isnan(t.scores[i]) && t.labels[i] <= 1);
    if (t.count)
        use(&t);
    fal_scores_free(&t);
    return 0;
}
