#include "core/alloc.h"
#include "core/status.h"

#include <falsetto/eval.h>

#include <math.h>

typedef struct bin {
    double count, labels, probability; /* sums */
} bin;

fal_status fal_calibration_error(const double *scores, const uint8_t *labels, size_t count, int bins, double *expected,
                                 double *largest, fal_error *err)
{
    fal_status st = FAL_OK;
    bin *sums = NULL;
    double mean = 0, most = 0;
    if (bins < 1 || !count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a calibration error needs scores and at least one bin, not %zu and %d", count, bins);
    FAL_ALLOC(sums, fal_calloc((size_t)bins, sizeof *sums));
    for (size_t i = 0; i < count; i++) {
        double p = fal_probability(scores[i]);
        if (isnan(p))
            FAL_FAIL(FAL_ERR_ARGUMENT, "score %zu of %zu is not a number", i + 1, count);
        int which = (int)(p * bins);
        bin *b = &sums[which < bins ? which : bins - 1];
        b->count++;
        b->labels += labels[i];
        b->probability += p;
    }
    for (int i = 0; i < bins; i++) {
        double gap = sums[i].count > 0 ? fabs(sums[i].labels - sums[i].probability) / sums[i].count : 0;
        mean += gap * sums[i].count / (double)count;
        most = gap > most ? gap : most;
    }
    *expected = mean;
    *largest = most;
done:
    fal_free(sums);
    return st;
}
