#include "head/pooling.h"

#include <math.h>

double fal_log_sum_exp(const float *f, int64_t frames)
{
    float top = f[0];
    for (int64_t t = 1; t < frames; t++)
        top = f[t] > top ? f[t] : top;
    if (!isfinite(top))
        return top;
    double sum = 0;
    for (int64_t t = 0; t < frames; t++)
        sum += exp((double)f[t] - top);
    return top + log(sum);
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

double fal_pair_loss(double s, int label)
{
    return softplus(label ? -2 * s : 2 * s);
}

double fal_pair_loss_slope(double s, int label)
{
    double e = exp(-2 * fabs(s)), p = s >= 0 ? 1 / (1 + e) : e / (1 + e);
    return 2 * (p - label);
}
