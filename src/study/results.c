#include "study/results.h"

#include "core/alloc.h"

#include <falsetto/compare.h>
#include <falsetto/scores.h>

#include <math.h>

static fal_study_value over_seeds(const double *values, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (fal_study_value){mean, count > 1 ? sqrt(squares / (double)(count - 1)) : NAN};
}

static fal_status percent_auc(const double *scores, const uint8_t *labels, size_t count, double *out, fal_error *err)
{
    fal_metrics m;
    fal_status st = fal_evaluate(scores, labels, count, &m, err);
    if (st == FAL_OK && isnan(m.auc))
        return fal_fail(err, FAL_ERR_ARGUMENT, "an AUC needs real and fake clips: %zu and %zu were scored", m.reals,
                        m.fakes);
    if (st == FAL_OK)
        *out = 100 * m.auc;
    return st;
}

static fal_status scores_of(fal_study_work *work, const fal_study_trial *trial, fal_score_table *out, fal_error *err)
{
    char *path = NULL;
    fal_status st = fal_study_scores(work, trial, &path, err);
    if (st == FAL_OK)
        st = fal_scores_read(path, out, err);
    fal_free(path);
    return st;
}

/* Two single encoders' scores on the clips of both. */
static fal_status join_two(fal_study_work *work, const fal_study_trial *trial, fal_study_subject first,
                           fal_study_subject second, fal_score_join *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_table tables[2] = {{0}};
    fal_study_trial one = *trial;
    one.subject = first;
    FAL_TRY(scores_of(work, &one, &tables[0], err));
    one.subject = second;
    FAL_TRY(scores_of(work, &one, &tables[1], err));
    FAL_TRY(fal_scores_join(tables, 2, out, err));
done:
    fal_scores_free(&tables[0]);
    fal_scores_free(&tables[1]);
    return st;
}

static fal_status fused_auc(const fal_score_join *join, double *out, fal_error *err)
{
    fal_status st = FAL_OK;
    double *fused = NULL;
    FAL_ALLOC(fused, fal_malloc_array(join->count, sizeof *fused));
    fal_fuse(join->scores, join->models, join->count, FAL_FUSE_PROBABILITIES, fused);
    FAL_TRY(percent_auc(fused, join->labels, join->count, out, err));
done:
    fal_free(fused);
    return st;
}

static fal_status auc_of_seed(fal_study_work *work, const fal_study_trial *trial, double *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_table table = {0};
    fal_score_join join = {0};
    if (trial->head == FAL_STUDY_PROBE && trial->subject.is_pair) {
        const fal_study_pair *pair = &work->plan.pairs[trial->subject.index];
        const fal_study_subject visual = {false, pair->visual}, audio = {false, pair->audio};
        FAL_TRY(join_two(work, trial, visual, audio, &join, err));
        FAL_TRY(fused_auc(&join, out, err));
    } else {
        FAL_TRY(scores_of(work, trial, &table, err));
        FAL_TRY(percent_auc(table.scores, table.labels, table.count, out, err));
    }
done:
    fal_scores_free(&table);
    fal_scores_join_free(&join);
    return st;
}

fal_status fal_study_auc(fal_study_work *work, const fal_study_trial *trial, fal_study_value *out, fal_error *err)
{
    fal_status st = FAL_OK;
    double *values = NULL;
    fal_study_trial one = *trial;
    FAL_ALLOC(values, fal_malloc_array(work->plan.seed_count, sizeof *values));
    for (size_t i = 0; i < work->plan.seed_count; i++) {
        one.seed = work->plan.seeds[i];
        FAL_TRY(auc_of_seed(work, &one, &values[i], err));
    }
    *out = over_seeds(values, work->plan.seed_count);
done:
    fal_free(values);
    return st;
}

static fal_status pair_up_seed(fal_study_work *work, const fal_study_trial *trial, fal_study_subject first,
                               fal_study_subject second, fal_study_together *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_score_join join = {0};
    double alone, fused;
    FAL_TRY(join_two(work, trial, first, second, &join, err));
    FAL_TRY(percent_auc(join.scores[0], join.labels, join.count, &alone, err));
    FAL_TRY(fused_auc(&join, &fused, err));
    sum->correlation += 100 * fal_pearson(join.scores[0], join.scores[1], join.count);
    sum->improvement += fal_relative_improvement(alone, fused);
done:
    fal_scores_join_free(&join);
    return st;
}

fal_status fal_study_pair_up(fal_study_work *work, const fal_study_column *column, fal_study_subject first,
                             fal_study_subject second, fal_study_together *out, fal_error *err)
{
    fal_study_together sum = {0};
    fal_study_trial trial = {.head = FAL_STUDY_PROBE, .train = column->train, .test = column->test};
    for (size_t i = 0; i < work->plan.seed_count; i++) {
        trial.seed = work->plan.seeds[i];
        fal_status st = pair_up_seed(work, &trial, first, second, &sum, err);
        if (st != FAL_OK)
            return st;
    }
    double seeds = (double)work->plan.seed_count;
    *out = (fal_study_together){sum.correlation / seeds, sum.improvement / seeds};
    return FAL_OK;
}
