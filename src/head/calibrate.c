/* P(fake) = sigmoid(a (s - log T) + b log T + c), fitted by Newton's method with step halving on the log-likelihood.
 * Targets are smoothed as in Platt, "Probabilistic outputs for support vector machines" (1999): (n1 + 1)/(n1 + 2) and
 * 1/(n0 + 2), so that separable data gives finite slopes. s - log T is the log of the mean exponential, which does not
 * grow with length. */
#include "core/alloc.h"
#include "head/head.h"

#include <math.h>
#include <string.h>

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

/* Keeps the slopes finite, and the length's slope at zero when all clips are equally long. */
static const double ridge[TERMS] = {1e-6, 1e-1, 1e-6};

static double linear(const double w[TERMS], const double x[TERMS])
{
    return w[0] * x[0] + w[1] * x[1] + w[2] * x[2];
}

/* Cross-entropy with the smoothed targets, plus the ridge. */
static double objective(const point *points, size_t n, const double w[TERMS])
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double z = linear(w, points[i].x);
        sum += fmax(z, 0) + log1p(exp(-fabs(z))) - points[i].target * z;
    }
    for (int r = 0; r < TERMS; r++)
        sum += ridge[r] * w[r] * w[r] / 2;
    return sum;
}

static void newton_direction(const point *points, size_t n, const double w[TERMS], double direction[TERMS])
{
    double hessian[TERMS][TERMS] = {{0}};
    memset(direction, 0, TERMS * sizeof *direction);
    for (size_t i = 0; i < n; i++) {
        const double *x = points[i].x;
        double p = 1 / (1 + exp(-linear(w, x)));
        for (int r = 0; r < TERMS; r++) {
            direction[r] += (p - points[i].target) * x[r];
            for (int c = 0; c < TERMS; c++)
                hessian[r][c] += p * (1 - p) * x[r] * x[c];
        }
    }
    for (int r = 0; r < TERMS; r++) {
        direction[r] += ridge[r] * w[r];
        hessian[r][r] += ridge[r];
    }
    solve(hessian, direction);
}

/* One step, halved until the objective falls: where nearly every P is 0 or 1 the full step overshoots. Returns by how
 * much it fell, 0 at the minimum. */
static double newton_step(const point *points, size_t n, double w[TERMS])
{
    double direction[TERMS], trial[TERMS], before = objective(points, n, w);
    newton_direction(points, n, w, direction);
    for (double scale = 1; scale > 1e-9; scale /= 2) {
        for (int r = 0; r < TERMS; r++)
            trial[r] = w[r] - scale * direction[r];
        double after = objective(points, n, trial);
        if (after < before) {
            memcpy(w, trial, sizeof trial);
            return before - after;
        }
    }
    return 0;
}

/* Platt's fit; false when it says nothing or would turn the head around. */
static bool fit_line(point *points, size_t count, fal_calibration *made)
{
    double w[TERMS] = {0};
    for (int k = 0; k < ITERATIONS && newton_step(points, count, w) > 1e-12; k++)
        ;
    if (!isfinite(w[0]) || !isfinite(w[1]) || !isfinite(w[2]) || w[0] <= 0)
        return false;
    made->slope = w[0];
    made->length_slope = w[1] - w[0];
    made->offset = w[2];
    return true;
}

fal_status fal_calibrate(const fal_labelled_scores *clips, fal_calibration_method method, fal_calibration *out,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    point *points = NULL;
    size_t per_class[2] = {0};
    fal_calibration made = {.slope = 2, .low = 0.3, .high = 0.7};
    FAL_ALLOC(points, fal_malloc_array(clips->count, sizeof *points));
    for (size_t i = 0; i < clips->count; i++)
        per_class[clips->labels[i] != 0]++;
    double fake = fal_platt_target(1, per_class[1]), real = fal_platt_target(0, per_class[0]);
    for (size_t i = 0; i < clips->count; i++) {
        double length = log((double)clips->frames[i]);
        points[i] = (point){{clips->scores[i] - length, length, 1}, clips->labels[i] ? fake : real};
    }
    made.fitted = per_class[0] && per_class[1] && fit_line(points, clips->count, &made);
    if (made.fitted && method == FAL_CALIBRATE_ISOTONIC)
        FAL_TRY(fal_calibrate_isotonic(clips, &made, err));
    *out = made;
done:
    fal_free(points);
    return st;
}
