#include "core/alloc.h"
#include "perturb/grid.h"

#include <falsetto/compare.h>

#include <math.h>

/* The clips judged both clean and in one cell. */
typedef struct paired {
    size_t count, fakes;
    double *clean, *here;
    uint8_t *labels;
} paired;

static fal_status gather(const fal_score_grid *grid, size_t cell, paired *p, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(p->clean, fal_malloc_array(grid->clips, sizeof *p->clean));
    FAL_ALLOC(p->here, fal_malloc_array(grid->clips, sizeof *p->here));
    FAL_ALLOC(p->labels, fal_malloc_array(grid->clips, sizeof *p->labels));
    for (size_t clip = 0; clip < grid->clips; clip++) {
        const fal_grid_score *clean = fal_grid_at(grid, clip, 0), *here = fal_grid_at(grid, clip, cell);
        if (clean->status != FAL_SCORE_JUDGED || here->status != FAL_SCORE_JUDGED)
            continue;
        p->clean[p->count] = clean->logit;
        p->here[p->count] = here->logit;
        p->labels[p->count++] = grid->labels[clip];
        p->fakes += grid->labels[clip];
    }
done:
    return st;
}

/* Mean difference over the clips whose label is in `wanted` (bit 0: real, bit 1: fake); NaN without one. */
static double mean_shift(const paired *p, unsigned wanted)
{
    double sum = 0, count = 0;
    for (size_t i = 0; i < p->count; i++)
        if (wanted >> p->labels[i] & 1) {
            sum += p->here[i] - p->clean[i];
            count++;
        }
    return count > 0 ? sum / count : NAN;
}

static fal_status compare(const paired *p, fal_robustness_cell *out, fal_error *err)
{
    double auc[2], covariance[4];
    const double *scores[2] = {p->here, p->clean};
    if (!p->fakes || p->fakes == p->count)
        return FAL_OK;
    fal_status st = fal_delong(scores, 2, p->labels, p->count, auc, covariance, err);
    if (st != FAL_OK)
        return st;
    out->auc = auc[0];
    out->clean_auc = auc[1];
    out->interval = fal_auc_interval(auc[0], covariance[0], FAL_INTERVAL_NORMAL);
    return FAL_OK;
}

fal_status fal_grid_summarise(const fal_score_grid *grid, size_t cell, fal_robustness_cell *out, fal_error *err)
{
    fal_status st = FAL_OK;
    paired p = {0};
    const fal_grid_cell *c = &grid->columns[cell];
    fal_robustness_cell summary = {.name = c->name,
                                   .unit = c->unit,
                                   .severity = c->severity,
                                   .auc = NAN,
                                   .clean_auc = NAN,
                                   .interval = {NAN, NAN}};
    FAL_TRY(gather(grid, cell, &p, err));
    summary.clips = p.count;
    summary.left_out = grid->clips - p.count;
    summary.shift = mean_shift(&p, 3);
    summary.real_shift = mean_shift(&p, 1);
    summary.fake_shift = mean_shift(&p, 2);
    FAL_TRY(compare(&p, &summary, err));
    *out = summary;
done:
    fal_free(p.clean);
    fal_free(p.here);
    fal_free(p.labels);
    return st;
}
