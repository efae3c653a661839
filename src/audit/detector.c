#include "audit/detector.h"

#include "core/alloc.h"
#include "core/sort.h"

#include <falsetto/compare.h>

#include <math.h>

/* Variance of the AUC when scores and labels have nothing to do with each other: (N + 1 - sum(t^3 - t) / (N (N - 1))) /
 * (12 m n), t the sizes of groups of equal scores (Lehmann 1975, section 1.4). */
static fal_status null_variance(const double *scores, size_t count, double fakes, fal_error *err, double *out)
{
    size_t *order = fal_malloc_array(count, sizeof *order);
    fal_status st =
        order ? fal_order_f64(scores, count, order, err) : fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", __func__);
    double n = (double)count, ties = 0;
    for (size_t i = 0, next; st == FAL_OK && i < count; i = next) {
        for (next = i + 1; next < count && scores[order[next]] == scores[order[i]];)
            next++;
        double t = (double)(next - i);
        ties += t * t * t - t;
    }
    fal_free(order);
    if (st == FAL_OK)
        *out = (n + 1 - ties / (n * (n - 1))) / (12 * fakes * (n - fakes));
    return st;
}

fal_status fal_detector_measure(const double *scores, const uint8_t *labels, size_t count, fal_detector_power *out,
                                fal_error *err)
{
    fal_status st = FAL_OK;
    fal_detector_power power;
    double fakes = 0, spread = 0;
    for (size_t i = 0; i < count; i++)
        fakes += labels[i];
    FAL_TRY(fal_delong(&scores, 1, labels, count, &power.auc, &power.variance, err));
    FAL_TRY(null_variance(scores, count, fakes, err, &spread));
    power.p = spread > 0 ? erfc(fabs(power.auc - 0.5) / sqrt(2 * spread)) : 1;
    *out = power;
done:
    return st;
}
