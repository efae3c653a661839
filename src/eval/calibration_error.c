#include "core/alloc.h"
#include "core/status.h"

#include <falsetto/eval.h>

#include <math.h>
#include <string.h>

fal_status fal_reliability(const double *scores, const uint8_t *labels, size_t count, int bins,
                           fal_reliability_bin *out, fal_error *err)
{
    if (bins < 1 || !count)
        return fal_fail(err, FAL_ERR_ARGUMENT, "calibration bins need scores and at least one bin, not %zu and %d",
                        count, bins);
    memset(out, 0, (size_t)bins * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        double p = fal_probability(scores[i]);
        if (isnan(p))
            return fal_fail(err, FAL_ERR_ARGUMENT, "score %zu of %zu is not a number", i + 1, count);
        int which = (int)(p * bins);
        fal_reliability_bin *b = &out[which < bins ? which : bins - 1];
        b->count++;
        b->fakes += labels[i];
        b->probability += p;
    }
    for (int i = 0; i < bins; i++)
        if (out[i].count) {
            out[i].fakes /= (double)out[i].count;
            out[i].probability /= (double)out[i].count;
        }
    return FAL_OK;
}

fal_status fal_calibration_error(const double *scores, const uint8_t *labels, size_t count, int bins, double *expected,
                                 double *largest, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_reliability_bin *all = NULL;
    double mean = 0, most = 0;
    FAL_ALLOC(all, fal_calloc(bins > 0 ? (size_t)bins : 1, sizeof *all));
    FAL_TRY(fal_reliability(scores, labels, count, bins, all, err));
    for (int i = 0; i < bins; i++) {
        double gap = fabs(all[i].fakes - all[i].probability);
        mean += gap * (double)all[i].count / (double)count;
        most = gap > most ? gap : most;
    }
    *expected = mean;
    *largest = most;
done:
    fal_free(all);
    return st;
}
