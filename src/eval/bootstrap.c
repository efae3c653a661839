#include "core/alloc.h"
#include "core/rng.h"
#include "eval/ranking.h"

#include <falsetto/eval.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_RESAMPLES = 2000, DEFAULT_SEED = 1 };

/* Clips of one class in each group of equal scores, and where each clip is: drawing a clip is drawing its group. */
typedef struct classes {
    size_t groups, fakes, reals;
    size_t *fake_group, *real_group; /* [fakes], [reals] */
    size_t *fake_drawn, *real_drawn; /* [groups] */
} classes;

static fal_status make_classes(const fal_score_group *groups, size_t count, classes *c, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t fake = 0, real = 0;
    c->groups = count;
    c->fakes = groups[count - 1].true_positives;
    c->reals = groups[count - 1].false_positives;
    if (!c->fakes || !c->reals)
        FAL_FAIL(FAL_ERR_ARGUMENT, "an interval of the AUC needs real and fake clips; all are %s",
                 c->fakes ? "fake" : "real");
    FAL_ALLOC(c->fake_group, fal_malloc_array(c->fakes, sizeof(size_t)));
    FAL_ALLOC(c->real_group, fal_malloc_array(c->reals, sizeof(size_t)));
    FAL_ALLOC(c->fake_drawn, fal_malloc_array(count, sizeof(size_t)));
    FAL_ALLOC(c->real_drawn, fal_malloc_array(count, sizeof(size_t)));
    for (size_t g = 0; g < count; g++) {
        while (fake < groups[g].true_positives)
            c->fake_group[fake++] = g;
        while (real < groups[g].false_positives)
            c->real_group[real++] = g;
    }
done:
    return st;
}

static void free_classes(classes *c)
{
    fal_free(c->fake_group);
    fal_free(c->real_group);
    fal_free(c->fake_drawn);
    fal_free(c->real_drawn);
}

/* AUC of one resample; groups are in descending order of score. */
static double resample(classes *c, fal_rng *rng)
{
    double pairs = 0, above = 0; /* fakes drawn with a higher score */
    memset(c->fake_drawn, 0, c->groups * sizeof(size_t));
    memset(c->real_drawn, 0, c->groups * sizeof(size_t));
    for (size_t i = 0; i < c->fakes; i++)
        c->fake_drawn[c->fake_group[fal_rng_index(rng, c->fakes)]]++;
    for (size_t i = 0; i < c->reals; i++)
        c->real_drawn[c->real_group[fal_rng_index(rng, c->reals)]]++;
    for (size_t g = 0; g < c->groups; g++) {
        double fakes = (double)c->fake_drawn[g];
        pairs += (double)c->real_drawn[g] * (above + fakes / 2);
        above += fakes;
    }
    return pairs / ((double)c->fakes * (double)c->reals);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between the two nearest of n sorted values. */
static double quantile(const double *sorted, size_t n, double share)
{
    double place = share * (double)(n - 1);
    size_t below = (size_t)place;
    double rest = place - (double)below;
    return below + 1 < n ? sorted[below] + rest * (sorted[below + 1] - sorted[below]) : sorted[n - 1];
}

fal_status fal_group_bootstrap(const fal_score_group *groups, size_t count, const fal_bootstrap_options *o,
                               fal_interval *out, fal_error *err)
{
    fal_status st = FAL_OK;
    classes c = {0};
    double *aucs = NULL;
    size_t resamples = o->resamples > 0 ? (size_t)o->resamples : DEFAULT_RESAMPLES;
    double level = o->level > 0 ? o->level : 0.95;
    FAL_TRY(make_classes(groups, count, &c, err));
    FAL_ALLOC(aucs, fal_malloc_array(resamples, sizeof *aucs));
    for (size_t r = 0; r < resamples; r++) {
        fal_rng rng = fal_rng_make(o->seed ? o->seed : DEFAULT_SEED, r);
        aucs[r] = resample(&c, &rng);
    }
    qsort(aucs, resamples, sizeof *aucs, ascending);
    *out = (fal_interval){quantile(aucs, resamples, (1 - level) / 2), quantile(aucs, resamples, (1 + level) / 2)};
done:
    free_classes(&c);
    fal_free(aucs);
    return st;
}

fal_status fal_bootstrap_auc(const double *scores, const uint8_t *labels, size_t count,
                             const fal_bootstrap_options *options, fal_interval *out, fal_error *err)
{
    static const fal_bootstrap_options defaults = {0};
    fal_status st = FAL_OK;
    fal_score_group *groups = NULL;
    size_t group_count = 0;
    const fal_bootstrap_options *o = options ? options : &defaults;
    if (!count || !(o->level < 1))
        FAL_FAIL(FAL_ERR_ARGUMENT, "an interval needs scores and a level below 1, not %zu and %g", count, o->level);
    FAL_TRY(fal_score_groups(scores, labels, count, &groups, &group_count, err));
    FAL_TRY(fal_group_bootstrap(groups, group_count, o, out, err));
done:
    fal_free(groups);
    return st;
}
