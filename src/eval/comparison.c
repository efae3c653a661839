#include "core/alloc.h"
#include "core/arena.h"
#include "eval/subset.h"

#include <math.h>
#include <string.h>

/* The results being made; everything they point to lies in the arena. */
typedef struct making {
    const fal_score_join *join;
    fal_fusion fusion;
    size_t models;
    fal_arena *arena;
    fal_compared_model *alone;
    double *pearson, *spearman, *fused_auc, *improvement, *p, *p_holm;
    bool *members;
    fal_comparison made;
} making;

static fal_status make_room(making *m, fal_error *err)
{
    fal_status st = FAL_OK;
    double **const matrices[] = {&m->pearson, &m->spearman, &m->fused_auc, &m->improvement, &m->p, &m->p_holm};
    FAL_ALLOC(m->arena, fal_arena_create());
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        FAL_ALLOC(*matrices[i], fal_arena_alloc(m->arena, m->models * m->models, sizeof(double)));
    FAL_ALLOC(m->alone, fal_arena_alloc(m->arena, m->models, sizeof *m->alone));
    FAL_ALLOC(m->members, fal_arena_alloc(m->arena, m->models, sizeof *m->members));
done:
    return st;
}

/* Each pair once, then Holm over the pairs. */
static fal_status test_pairs(making *m, const double *auc, const double *covariance, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t n = m->models, pairs = n * (n - 1) / 2, at = 0;
    double *p = NULL;
    FAL_ALLOC(p, fal_malloc_array(2 * pairs + 1, sizeof *p));
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            p[at++] = fal_delong_test(auc, covariance, n, i, j).p;
    FAL_TRY(fal_holm(p, pairs, p + pairs, err));
    at = 0;
    for (size_t i = 0; i < n; i++) {
        m->p[i * n + i] = m->p_holm[i * n + i] = 1;
        for (size_t j = i + 1; j < n; j++, at++) {
            m->p[i * n + j] = m->p[j * n + i] = p[at];
            m->p_holm[i * n + j] = m->p_holm[j * n + i] = p[pairs + at];
        }
    }
done:
    fal_free(p);
    return st;
}

static fal_status measure_alone(making *m, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_score_join *join = m->join;
    fal_metrics metrics;
    double *auc = NULL, *covariance = NULL;
    FAL_ALLOC(auc, fal_malloc_array(m->models, sizeof *auc));
    FAL_ALLOC(covariance, fal_malloc_array(m->models * m->models, sizeof *covariance));
    FAL_TRY(fal_delong(join->scores, m->models, join->labels, join->count, auc, covariance, err));
    for (size_t k = 0; k < m->models; k++) {
        FAL_TRY(fal_evaluate(join->scores[k], join->labels, join->count, &metrics, err));
        m->alone[k] = (fal_compared_model){
            metrics.auc, metrics.ap, fal_auc_interval(metrics.auc, covariance[k * m->models + k], FAL_INTERVAL_NORMAL)};
    }
    m->made.fakes = metrics.fakes;
    m->made.reals = metrics.reals;
    FAL_TRY(test_pairs(m, auc, covariance, err));
done:
    fal_free(auc);
    fal_free(covariance);
    return st;
}

static fal_status measure_pair(making *m, size_t i, size_t j, bool *members, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_score_join *join = m->join;
    size_t n = m->models, ij = i * n + j, ji = j * n + i;
    m->pearson[ij] = m->pearson[ji] = fal_pearson(join->scores[i], join->scores[j], join->count);
    FAL_TRY(fal_spearman(join->scores[i], join->scores[j], join->count, &m->spearman[ij], err));
    m->spearman[ji] = m->spearman[ij];
    m->fused_auc[ij] = m->alone[i].auc;
    if (i != j) {
        memset(members, 0, n * sizeof *members);
        members[i] = members[j] = true;
        FAL_TRY(fal_subset_auc(join, m->fusion, members, &m->fused_auc[ij], err));
    }
    m->fused_auc[ji] = m->fused_auc[ij];
    m->improvement[ij] = fal_relative_improvement(m->alone[i].auc, m->fused_auc[ij]);
    m->improvement[ji] = fal_relative_improvement(m->alone[j].auc, m->fused_auc[ij]);
done:
    return st;
}

static fal_status measure_together(making *m, fal_error *err)
{
    fal_status st = FAL_OK;
    bool *members = NULL;
    FAL_ALLOC(members, fal_malloc_array(m->models, sizeof *members));
    for (size_t i = 0; i < m->models; i++)
        for (size_t j = i; j < m->models; j++)
            FAL_TRY(measure_pair(m, i, j, members, err));
    memset(members, 1, m->models * sizeof *members);
    for (int fusion = 0; fusion < 2; fusion++)
        FAL_TRY(fal_subset_auc(m->join, (fal_fusion)fusion, members, &m->made.all_auc[fusion], err));
done:
    fal_free(members);
    return st;
}

static fal_status find_best(making *m, const fal_score_join *validation, int exhaustive_up_to, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t most = exhaustive_up_to > 0 ? (size_t)exhaustive_up_to : FAL_EXHAUSTIVE_MODELS;
    fal_best_subset *best = &m->made.best;
    best->exhaustive = m->models <= most && m->models <= FAL_SUBSET_MOST_EXHAUSTIVE;
    best->on_validation = validation != NULL;
    FAL_TRY(fal_subset_choose(validation ? validation : m->join, m->fusion, best->exhaustive, m->members,
                              &best->chosen_auc, err));
    FAL_TRY(fal_subset_auc(m->join, m->fusion, m->members, &best->auc, err));
    best->members = m->members;
done:
    return st;
}

static fal_status check_validation(const fal_score_join *test, const fal_score_join *validation, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_metrics m;
    if (validation->models != test->models)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%zu detectors, %zu on validation clips: give each one's scores, in the same order",
                 test->models, validation->models);
    FAL_TRY(fal_evaluate(validation->scores[0], validation->labels, validation->count, &m, err));
    if (isnan(m.auc))
        FAL_FAIL(FAL_ERR_ARGUMENT, "choosing on validation clips needs real and fake ones; all %zu are %s", m.count,
                 m.fakes ? "fake" : "real");
done:
    return st;
}

fal_status fal_compare(const fal_score_join *test, const fal_score_join *validation,
                       const fal_comparison_options *options, fal_comparison *out, fal_error *err)
{
    static const fal_comparison_options defaults = {0};
    fal_status st = FAL_OK;
    const fal_comparison_options *o = options ? options : &defaults;
    making m = {.join = test, .fusion = o->fusion, .models = test->models};
    if (!test->models)
        FAL_FAIL(FAL_ERR_ARGUMENT, "nothing to compare");
    if (validation)
        FAL_TRY(check_validation(test, validation, err));
    FAL_TRY(make_room(&m, err));
    FAL_TRY(measure_alone(&m, err));
    FAL_TRY(measure_together(&m, err));
    FAL_TRY(find_best(&m, validation, o->exhaustive_up_to, err));
    m.made.count = m.models;
    m.made.clips = test->count;
    m.made.models = m.alone;
    m.made.pearson = m.pearson;
    m.made.spearman = m.spearman;
    m.made.fused_auc = m.fused_auc;
    m.made.improvement = m.improvement;
    m.made.p = m.p;
    m.made.p_holm = m.p_holm;
    m.made.storage = m.arena;
    m.arena = NULL;
    *out = m.made;
done:
    fal_arena_free(&m.arena);
    return st;
}

void fal_comparison_free(fal_comparison *comparison)
{
    if (!comparison)
        return;
    fal_arena *arena = comparison->storage;
    fal_arena_free(&arena);
    *comparison = (fal_comparison){0};
}
