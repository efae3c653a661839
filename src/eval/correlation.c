#include "core/alloc.h"
#include "eval/ranking.h"

#include <falsetto/compare.h>

#include <math.h>

/* Two passes: scores with a large mean lose no digits. */
double fal_pearson(const double *a, const double *b, size_t count)
{
    double mean_a = 0, mean_b = 0, ab = 0, aa = 0, bb = 0;
    if (count < 2)
        return NAN;
    for (size_t i = 0; i < count; i++) {
        mean_a += a[i];
        mean_b += b[i];
    }
    mean_a /= (double)count;
    mean_b /= (double)count;
    for (size_t i = 0; i < count; i++) {
        ab += (a[i] - mean_a) * (b[i] - mean_b);
        aa += (a[i] - mean_a) * (a[i] - mean_a);
        bb += (b[i] - mean_b) * (b[i] - mean_b);
    }
    if (!(aa > 0 && bb > 0))
        return NAN;
    return fmax(-1, fmin(1, ab / (sqrt(aa) * sqrt(bb))));
}

fal_status fal_spearman(const double *a, const double *b, size_t count, double *out, fal_error *err)
{
    fal_status st = FAL_OK;
    double *ranks = NULL; /* of a, then of b */
    FAL_ALLOC(ranks, fal_malloc_array(2 * count + 1, sizeof *ranks));
    for (size_t i = 0; i < count; i++)
        if (isnan(a[i]) || isnan(b[i])) {
            *out = NAN;
            goto done;
        }
    FAL_TRY(fal_average_ranks(a, count, ranks, err));
    FAL_TRY(fal_average_ranks(b, count, ranks + count, err));
    *out = fal_pearson(ranks, ranks + count, count);
done:
    fal_free(ranks);
    return st;
}
