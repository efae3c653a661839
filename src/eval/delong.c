/* DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988); midranks as in Sun and Xu, IEEE Signal Processing Letters 21
 * (2014). */
#include "core/alloc.h"
#include "eval/ranking.h"

#include <falsetto/compare.h>

#include <math.h>

#define Z_95 1.959963984540054

/* Scores of one model by class, and the clip's part in the AUC: the share of the other class it ranks right against. */
typedef struct components {
    size_t fakes, reals;
    double *fake, *real; /* [fakes], [reals], one allocation that starts at fake */
} components;

static fal_status check(const double *scores, const uint8_t *labels, size_t model, size_t n, size_t *fakes,
                        fal_error *err)
{
    *fakes = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(scores[i]))
            return fal_fail(err, FAL_ERR_ARGUMENT, "score %zu of %zu of model %zu is not a number", i + 1, n, model + 1);
        if (labels[i] > 1)
            return fal_fail(err, FAL_ERR_ARGUMENT, "label %zu of %zu is %d, expected 0 or 1", i + 1, n, labels[i]);
        *fakes += labels[i];
    }
    if (*fakes == 0 || *fakes == n)
        return fal_fail(err, FAL_ERR_ARGUMENT, "an AUC needs real and fake clips; all %zu are %s", n,
                        *fakes ? "fake" : "real");
    return FAL_OK;
}

/* Midranks within the class, [fakes] then [reals], and among all clips in the same places. */
static fal_status midranks(const double *by_class, size_t fakes, size_t n, double *own, double *all, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_average_ranks(by_class, fakes, own, err));
    FAL_TRY(fal_average_ranks(by_class + fakes, n - fakes, own + fakes, err));
    FAL_TRY(fal_average_ranks(by_class, n, all, err));
done:
    return st;
}

static fal_status find_components(const double *scores, const uint8_t *labels, size_t n, components *c, double *auc,
                                  fal_error *err)
{
    fal_status st = FAL_OK;
    double *by_class = NULL, *own = NULL, *all = NULL, sum = 0;
    size_t fake = 0, real = c->fakes;
    FAL_ALLOC(by_class, fal_malloc_array(n, sizeof *by_class));
    FAL_ALLOC(own, fal_malloc_array(n, sizeof *own));
    FAL_ALLOC(all, fal_malloc_array(n, sizeof *all));
    FAL_ALLOC(c->fake, fal_malloc_array(n, sizeof *c->fake));
    c->real = c->fake + c->fakes;
    for (size_t i = 0; i < n; i++)
        by_class[labels[i] ? fake++ : real++] = scores[i];
    FAL_TRY(midranks(by_class, c->fakes, n, own, all, err));
    double m = (double)c->fakes, k = (double)c->reals;
    for (size_t i = 0; i < c->fakes; i++) {
        sum += all[i];
        c->fake[i] = (all[i] - own[i]) / k;
    }
    for (size_t i = 0; i < c->reals; i++)
        c->real[i] = 1 - (all[c->fakes + i] - own[c->fakes + i]) / m;
    *auc = sum / (m * k) - (m + 1) / (2 * k);
done:
    fal_free(by_class);
    fal_free(own);
    fal_free(all);
    return st;
}

static double mean(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* Divisor n - 1; NaN with fewer than two. */
static double covariance_of(const double *a, const double *b, size_t n)
{
    double sum = 0, mean_a = mean(a, n), mean_b = mean(b, n);
    for (size_t i = 0; i < n; i++)
        sum += (a[i] - mean_a) * (b[i] - mean_b);
    return n > 1 ? sum / (double)(n - 1) : NAN;
}

fal_status fal_delong(const double *const *scores, size_t models, const uint8_t *labels, size_t count, double *auc,
                      double *covariance, fal_error *err)
{
    fal_status st = FAL_OK;
    components *all = NULL;
    FAL_ALLOC(all, fal_calloc(models, sizeof *all));
    for (size_t k = 0; k < models; k++) {
        FAL_TRY(check(scores[k], labels, k, count, &all[k].fakes, err));
        all[k].reals = count - all[k].fakes;
        FAL_TRY(find_components(scores[k], labels, count, &all[k], &auc[k], err));
    }
    for (size_t r = 0; r < models; r++)
        for (size_t c = 0; c < models; c++)
            covariance[r * models + c] =
                covariance_of(all[r].fake, all[c].fake, all[r].fakes) / (double)all[r].fakes +
                covariance_of(all[r].real, all[c].real, all[r].reals) / (double)all[r].reals;
done:
    for (size_t k = 0; all && k < models; k++)
        fal_free(all[k].fake);
    fal_free(all);
    return st;
}

fal_interval fal_auc_interval(double auc, double variance, fal_interval_kind kind)
{
    double se = sqrt(variance);
    if (kind == FAL_INTERVAL_NORMAL)
        return isnan(se) ? (fal_interval){NAN, NAN} : (fal_interval){fmax(auc - Z_95 * se, 0), fmin(auc + Z_95 * se, 1)};
    if (!(auc > 0 && auc < 1 && se > 0))
        return (fal_interval){NAN, NAN};
    double logit = log(auc / (1 - auc)), width = Z_95 * se / (auc * (1 - auc));
    return (fal_interval){1 / (1 + exp(width - logit)), 1 / (1 + exp(-width - logit))};
}

fal_paired_test fal_delong_test(const double *auc, const double *covariance, size_t models, size_t first, size_t second)
{
    fal_paired_test test = {.difference = auc[first] - auc[second]};
    double variance = covariance[first * models + first] + covariance[second * models + second] -
                      2 * covariance[first * models + second];
    if (variance > 1e-20 || isnan(variance))
        test.z = test.difference / sqrt(variance);
    else
        test.z = fabs(test.difference) < 1e-15 ? 0 : copysign(INFINITY, test.difference);
    test.p = erfc(fabs(test.z) / sqrt(2.0));
    return test;
}
