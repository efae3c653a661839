#include "tensor/naive.h"

#include <math.h>

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

void fal_naive_dense(const fal_dense *dense, const fal_dense_args *args)
{
    int64_t w_stride = or_default(dense->weight_stride, dense->in);
    for (int64_t row = 0; row < args->rows; row++) {
        const float *x = args->x + row * or_default(args->x_stride, dense->in);
        float *y = args->y + row * or_default(args->y_stride, dense->out);
        for (int64_t o = 0; o < dense->out; o++) {
            double sum = (dense->bias ? dense->bias[o] : 0) + (args->accumulate ? y[o] : 0);
            for (int64_t i = 0; i < dense->in; i++)
                sum += (double)x[i] * dense->weight[o * w_stride + i];
            y[o] = (float)sum;
        }
    }
}

static void dense_dx(const fal_dense *dense, const fal_dense_gradient *args, int64_t row, int64_t i)
{
    const float *dy = args->dy + row * or_default(args->dy_stride, dense->out);
    float *dx = args->dx + row * or_default(args->dx_stride, dense->in) + i;
    double sum = args->accumulate_dx ? *dx : 0;
    for (int64_t o = 0; o < dense->out; o++)
        sum += (double)dy[o] * dense->weight[o * or_default(dense->weight_stride, dense->in) + i];
    *dx = (float)sum;
}

void fal_naive_dense_backward(const fal_dense *dense, const fal_dense_gradient *args)
{
    int64_t w_stride = or_default(dense->weight_stride, dense->in), dy_stride = or_default(args->dy_stride, dense->out);
    int64_t x_stride = or_default(args->x_stride, dense->in);
    for (int64_t row = 0; args->dx && row < args->rows; row++)
        for (int64_t i = 0; i < dense->in; i++)
            dense_dx(dense, args, row, i);
    for (int64_t o = 0; o < dense->out; o++) {
        double bias = args->dbias ? args->dbias[o] : 0;
        for (int64_t row = 0; row < args->rows; row++)
            bias += args->dy[row * dy_stride + o];
        if (args->dbias)
            args->dbias[o] = (float)bias;
        for (int64_t i = 0; args->dweight && i < dense->in; i++) {
            double sum = args->dweight[o * w_stride + i];
            for (int64_t row = 0; row < args->rows; row++)
                sum += (double)args->dy[row * dy_stride + o] * args->x[row * x_stride + i];
            args->dweight[o * w_stride + i] = (float)sum;
        }
    }
}

/* y_i = (x_i - mean) / s: dy_j/dx_i = (1_ij - 1/n - y_i y_j / n) / s. */
static void layer_norm_row(const fal_layer_norm_gradient *a, int64_t row)
{
    const float *x = a->x + row * a->dim, *dy = a->dy + row * a->dim;
    double mean = 0, variance = 0, sum = 0, along = 0, n = (double)a->dim;
    for (int64_t i = 0; i < a->dim; i++)
        mean += x[i] / n;
    for (int64_t i = 0; i < a->dim; i++)
        variance += (x[i] - mean) * (x[i] - mean) / n;
    double s = sqrt(variance + a->eps);
    for (int64_t i = 0; i < a->dim; i++) {
        double g = (double)dy[i] * (a->gamma ? a->gamma[i] : 1);
        sum += g;
        along += g * (x[i] - mean) / s;
    }
    for (int64_t i = 0; i < a->dim; i++) {
        double y = (x[i] - mean) / s, g = (double)dy[i] * (a->gamma ? a->gamma[i] : 1);
        double dx = (g - sum / n - y * along / n) / s;
        if (a->dx)
            a->dx[row * a->dim + i] = (float)(dx + (a->accumulate_dx ? a->dx[row * a->dim + i] : 0));
        if (a->dgamma)
            a->dgamma[i] += (float)(dy[i] * y);
        if (a->dbeta)
            a->dbeta[i] += dy[i];
    }
}

void fal_naive_layer_norm_backward(const fal_layer_norm_gradient *args)
{
    for (int64_t row = 0; row < args->rows; row++)
        layer_norm_row(args, row);
}

double fal_naive_gelu_slope(double x)
{
    const double root_2_pi = 2.5066282746310002;
    return 0.5 * (1 + erf(x / sqrt(2))) + x * exp(-0.5 * x * x) / root_2_pi;
}

/* Query row i of one head: probabilities into p, their gradients into dp. */
static void attention_row(const fal_attention_gradient *a, int64_t head, int64_t i, double *p, double *dp)
{
    int64_t stride = or_default(a->qkv_stride, a->dim), width = a->dim / a->heads, keys = a->causal ? i + 1 : a->rows;
    double scale = a->scale != 0 ? a->scale : 1 / sqrt((double)width), sum = 0, along = 0;
    for (int64_t j = 0; j < keys; j++) {
        p[j] = dp[j] = 0;
        for (int64_t c = head * width; c < (head + 1) * width; c++) {
            p[j] += scale * a->q[i * stride + c] * a->k[j * stride + c];
            dp[j] += (double)a->dout[i * a->dim + c] * a->v[j * stride + c];
        }
        sum += p[j] = exp(p[j]);
    }
    for (int64_t j = 0; j < keys; j++) {
        p[j] /= sum;
        along += p[j] * dp[j];
    }
    for (int64_t j = 0; j < keys; j++)
        dp[j] = scale * p[j] * (dp[j] - along);
}

void fal_naive_attention_backward(const fal_attention_gradient *a, double *scratch)
{
    int64_t stride = or_default(a->qkv_stride, a->dim), to = or_default(a->dqkv_stride, a->dim);
    int64_t width = a->dim / a->heads;
    double *p = scratch, *dp = scratch + a->rows;
    for (int64_t head = 0; head < a->heads; head++)
        for (int64_t i = 0; i < a->rows; i++) {
            attention_row(a, head, i, p, dp);
            for (int64_t j = 0; j < (a->causal ? i + 1 : a->rows); j++)
                for (int64_t c = head * width; c < (head + 1) * width; c++) {
                    a->dq[i * to + c] += (float)(dp[j] * a->k[j * stride + c]);
                    a->dk[j * to + c] += (float)(dp[j] * a->q[i * stride + c]);
                    a->dv[j * to + c] += (float)(p[j] * a->dout[i * a->dim + c]);
                }
        }
}
