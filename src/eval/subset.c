#include "eval/subset.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* What each model adds to the mean, and the sum over the members at hand. The mean is formed by summing in the order of
 * the models, so that the same subset gives the same bits whichever way it was reached. */
typedef struct search {
    const fal_score_join *join;
    double **terms; /* [models][clips]: scores or probabilities */
    double *mean;   /* [clips] */
} search;

static fal_status begin(const fal_score_join *join, fal_fusion fusion, search *s, fal_error *err)
{
    fal_status st = FAL_OK;
    s->join = join;
    FAL_ALLOC(s->mean, fal_malloc_array(join->count, sizeof *s->mean));
    FAL_ALLOC(s->terms, fal_calloc(join->models, sizeof *s->terms));
    for (size_t k = 0; k < join->models; k++) {
        FAL_ALLOC(s->terms[k], fal_malloc_array(join->count, sizeof(double)));
        fal_fuse(&join->scores[k], 1, join->count, fusion, s->terms[k]);
    }
done:
    return st;
}

static void end(search *s)
{
    for (size_t k = 0; s->terms && k < s->join->models; k++)
        fal_free(s->terms[k]);
    fal_free(s->terms);
    fal_free(s->mean);
}

static fal_status measure(search *s, const bool *members, double *auc, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_metrics m;
    size_t used = 0;
    memset(s->mean, 0, s->join->count * sizeof *s->mean);
    for (size_t k = 0; k < s->join->models; k++) {
        if (!members[k])
            continue;
        used++;
        for (size_t i = 0; i < s->join->count; i++)
            s->mean[i] += s->terms[k][i];
    }
    for (size_t i = 0; i < s->join->count; i++)
        s->mean[i] /= (double)used;
    FAL_TRY(fal_evaluate(s->mean, s->join->labels, s->join->count, &m, err));
    *auc = m.auc;
done:
    return st;
}

static void set_members(bool *members, size_t models, uint32_t bits)
{
    for (size_t k = 0; k < models; k++)
        members[k] = bits >> k & 1;
}

static fal_status try_all(search *s, bool *members, double *auc, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t models = s->join->models;
    uint32_t best = 0;
    *auc = -INFINITY;
    for (uint32_t bits = 1; bits < UINT32_C(1) << models; bits++) {
        double here;
        set_members(members, models, bits);
        FAL_TRY(measure(s, members, &here, err));
        if (here > *auc || (here == *auc && __builtin_popcount(bits) < __builtin_popcount(best))) {
            *auc = here;
            best = bits;
        }
    }
    set_members(members, models, best);
done:
    return st;
}

/* The model that helps most, or none: *added is the number of models then. */
static fal_status find_next(search *s, bool *members, double *auc, size_t *added, fal_error *err)
{
    fal_status st = FAL_OK;
    *added = s->join->models;
    for (size_t k = 0; k < s->join->models; k++) {
        double here;
        if (members[k])
            continue;
        members[k] = true;
        FAL_TRY(measure(s, members, &here, err));
        members[k] = false;
        if (here > *auc) {
            *auc = here;
            *added = k;
        }
    }
done:
    return st;
}

static fal_status grow(search *s, bool *members, double *auc, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t added;
    *auc = -INFINITY;
    memset(members, 0, s->join->models * sizeof *members);
    do {
        FAL_TRY(find_next(s, members, auc, &added, err));
        if (added < s->join->models)
            members[added] = true;
    } while (added < s->join->models);
done:
    return st;
}

fal_status fal_subset_choose(const fal_score_join *join, fal_fusion fusion, bool exhaustive, bool *members, double *auc,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    search s = {0};
    FAL_TRY(begin(join, fusion, &s, err));
    FAL_TRY((exhaustive ? try_all : grow)(&s, members, auc, err));
done:
    end(&s);
    return st;
}

fal_status fal_subset_auc(const fal_score_join *join, fal_fusion fusion, const bool *members, double *auc,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    search s = {0};
    FAL_TRY(begin(join, fusion, &s, err));
    FAL_TRY(measure(&s, members, auc, err));
done:
    end(&s);
    return st;
}
