/* P(fake) = sigmoid(a (s - log T) + b log T + c), fitted by Newton's method on the log-likelihood.
 * Targets are smoothed as in Platt, "Probabilistic outputs for support vector machines" (1999): (n1 + 1)/(n1 + 2) and
 * 1/(n0 + 2), so that separable data gives finite slopes. s - log T is the log of the mean exponential, which does not
 * grow with length; a small ridge on b keeps it at zero when all clips are equally long. */
#include "core/alloc.h"
#include "head/probe_fit.h"

#include <math.h>

enum { TERMS = 3, ITERATIONS = 100 };

typedef struct point {
    double x[TERMS];
    double target;
} point;

/* Solves the symmetric positive definite 3x3 system in place by Gaussian elimination. */
static void solve(double a[TERMS][TERMS], double b[TERMS])
{
    for (int i = 0; i < TERMS; i++)
        for (int r = i + 1; r < TERMS; r++) {
            double factor = a[r][i] / a[i][i];
            for (int c = i; c < TERMS; c++)
                a[r][c] -= factor * a[i][c];
            b[r] -= factor * b[i];
        }
    for (int i = TERMS - 1; i >= 0; i--) {
        for (int c = i + 1; c < TERMS; c++)
            b[i] -= a[i][c] * b[c];
        b[i] /= a[i][i];
    }
}

static double newton_step(const point *points, size_t n, double w[TERMS])
{
    static const double ridge[TERMS] = {1e-6, 1e-1, 1e-6};
    double hessian[TERMS][TERMS] = {{0}}, gradient[TERMS] = {0}, size = 0;
    for (size_t i = 0; i < n; i++) {
        const double *x = points[i].x;
        double p = 1 / (1 + exp(-(w[0] * x[0] + w[1] * x[1] + w[2] * x[2])));
        for (int r = 0; r < TERMS; r++) {
            gradient[r] += (p - points[i].target) * x[r];
            for (int c = 0; c < TERMS; c++)
                hessian[r][c] += p * (1 - p) * x[r] * x[c];
        }
    }
    for (int r = 0; r < TERMS; r++) {
        gradient[r] += ridge[r] * w[r];
        hessian[r][r] += ridge[r] + 1e-9;
    }
    solve(hessian, gradient);
    for (int r = 0; r < TERMS; r++) {
        w[r] -= gradient[r];
        size += gradient[r] * gradient[r];
    }
    return size;
}

static fal_status make_points(const fal_probe *probe, const fal_feature_set *set, point *points, size_t *count,
                              size_t per_class[2], fal_error *err)
{
    fal_status st = FAL_OK;
    for (size_t i = 0; i < set->count; i++) {
        const fal_clip_features *clip = &set->clips[i];
        float *f = NULL;
        if (clip->frames < 1 || clip->label < 0)
            continue;
        FAL_ALLOC(f, fal_malloc_array((size_t)clip->frames, sizeof *f));
        fal_probe_logits(probe, clip->rows, clip->frames, f);
        double length = log((double)clip->frames), s = fal_log_sum_exp(f, clip->frames);
        fal_free(f);
        points[(*count)++] = (point){{s - length, length, 1}, clip->label};
        per_class[clip->label]++;
    }
done:
    return st;
}

fal_status fal_probe_calibrate(const fal_probe *probe, const fal_feature_set *set, fal_calibration *out, fal_error *err)
{
    fal_status st = FAL_OK;
    point *points = NULL;
    size_t n = 0, per_class[2] = {0};
    double w[TERMS] = {0};
    fal_calibration made = {.slope = 2, .low = 0.3, .high = 0.7};
    FAL_ALLOC(points, fal_malloc_array(set->count, sizeof *points));
    FAL_TRY(make_points(probe, set, points, &n, per_class, err));
    if (per_class[0] && per_class[1]) {
        double fake = ((double)per_class[1] + 1) / ((double)per_class[1] + 2), real = 1 / ((double)per_class[0] + 2);
        for (size_t i = 0; i < n; i++)
            points[i].target = points[i].target > 0 ? fake : real;
        for (int k = 0; k < ITERATIONS && newton_step(points, n, w) > 1e-18; k++)
            ;
        if (isfinite(w[0]) && isfinite(w[1]) && isfinite(w[2]) && w[0] > 0) {
            made.fitted = true;
            made.slope = w[0];
            made.length_slope = w[1] - w[0];
            made.offset = w[2];
        }
    }
    *out = made;
done:
    fal_free(points);
    return st;
}
