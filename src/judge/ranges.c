#include "judge/ranges.h"

#include "core/alloc.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { GRID_HZ = 25, MERGE_FRAMES = 5 };
static const double FLAT = 1e-3;

static double end_time(const fal_opinion *o)
{
    return o->start_s + (double)o->frames / o->rate_hz;
}

static int64_t grid_size(const fal_opinion *opinions, size_t count)
{
    double end = 0;
    for (size_t i = 0; i < count; i++)
        if (opinions[i].usable)
            end = fmax(end, end_time(&opinions[i]));
    return (int64_t)floor(end * GRID_HZ + 0.5);
}

/* NAN where no opinion covers the grid point. */
static double mean_at(const fal_opinion *opinions, size_t count, int64_t point)
{
    double sum = 0, time = ((double)point + 0.5) / GRID_HZ;
    int n = 0;
    for (size_t i = 0; i < count; i++) {
        const fal_opinion *o = &opinions[i];
        int64_t frame = (int64_t)floor((time - o->start_s) * o->rate_hz);
        if (!o->usable || frame < 0 || frame >= o->frames)
            continue;
        sum += o->frame_logits[frame];
        n++;
    }
    return n ? sum / n : NAN;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int stronger(const void *a, const void *b)
{
    double x = ((const fal_range *)a)->peak_logit, y = ((const fal_range *)b)->peak_logit;
    return (x < y) - (x > y);
}

static void grow(fal_range *range, int64_t point, double value)
{
    range->end_s = (double)(point + 1) / GRID_HZ;
    if (value > range->peak_logit) {
        range->peak_logit = value;
        range->peak_s = ((double)point + 0.5) / GRID_HZ;
    }
}

/* Writes all runs above `level`; `runs` has room for one per grid point. */
static size_t find_runs(const double *curve, int64_t n, double level, fal_range *runs)
{
    size_t count = 0;
    int64_t last = -1 - MERGE_FRAMES;
    for (int64_t p = 0; p < n; p++) {
        if (!(curve[p] >= level))
            continue;
        if (p - last > MERGE_FRAMES)
            runs[count++] = (fal_range){.start_s = (double)p / GRID_HZ, .peak_logit = -INFINITY};
        grow(&runs[count - 1], p, curve[p]);
        last = p;
    }
    return count;
}

fal_status fal_ranges_find(const fal_opinion *opinions, size_t count, fal_range out[FAL_MAX_RANGES], size_t *out_count,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    double *curve = NULL, *sorted = NULL;
    fal_range *runs = NULL;
    size_t found = 0, known = 0;
    int64_t n = grid_size(opinions, count);
    FAL_ALLOC(curve, fal_malloc_array((size_t)n, sizeof *curve));
    FAL_ALLOC(sorted, fal_malloc_array((size_t)n, sizeof *sorted));
    FAL_ALLOC(runs, fal_malloc_array((size_t)n, sizeof *runs));
    for (int64_t p = 0; p < n; p++) {
        curve[p] = mean_at(opinions, count, p);
        if (!isnan(curve[p]))
            sorted[known++] = curve[p];
    }
    qsort(sorted, known, sizeof *sorted, ascending);
    if (known && sorted[known - 1] - sorted[0] > FLAT)
        found = find_runs(curve, n, (sorted[known - 1] + sorted[known / 2]) / 2, runs);
    qsort(runs, found, sizeof *runs, stronger);
    *out_count = found < FAL_MAX_RANGES ? found : FAL_MAX_RANGES;
    memcpy(out, runs, *out_count * sizeof *runs);
done:
    fal_free(curve);
    fal_free(sorted);
    fal_free(runs);
    return st;
}
