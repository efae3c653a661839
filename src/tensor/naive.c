#include "tensor/naive.h"

#include <math.h>

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

double fal_naive_act(fal_act act, double x, double prelu_slope)
{
    switch (act) {
    case FAL_ACT_NONE: return x;
    case FAL_ACT_RELU: return x < 0 ? 0 : x;
    case FAL_ACT_GELU: return 0.5 * x * (1 + erf(x / sqrt(2)));
    case FAL_ACT_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case FAL_ACT_SWISH: return x / (1 + exp(-x));
    case FAL_ACT_PRELU: return x >= 0 ? x : prelu_slope * x;
    case FAL_ACT_TANH: return tanh(x);
    }
    return NAN;
}

void fal_naive_linear(const float *weight, const float *bias, int64_t in, int64_t out, const fal_linear_args *args)
{
    int64_t x_stride = or_default(args->x_stride, in), y_stride = or_default(args->y_stride, out);
    int64_t residual_stride = or_default(args->residual_stride, out);
    for (int64_t row = 0; row < args->rows; row++)
        for (int64_t o = 0; o < out; o++) {
            double sum = bias ? bias[o] : 0;
            for (int64_t i = 0; i < in; i++)
                sum += (double)args->x[row * x_stride + i] * weight[o * in + i];
            sum = fal_naive_act(args->act, sum, 0);
            if (args->residual)
                sum += args->residual[row * residual_stride + o];
            args->y[row * y_stride + o] = (float)sum;
        }
}

void fal_naive_matmul(const fal_matmul_args *args)
{
    double alpha = args->alpha != 0 ? args->alpha : 1;
    for (int64_t batch = 0; batch < args->batch; batch++) {
        const float *a = args->a + batch * args->a_batch, *b = args->b + batch * args->b_batch;
        float *c = args->c + batch * args->c_batch;
        for (int64_t i = 0; i < args->m; i++)
            for (int64_t j = 0; j < args->n; j++) {
                double sum = 0;
                for (int64_t k = 0; k < args->k; k++)
                    sum += (double)(args->a_transposed ? a[k * args->a_row + i] : a[i * args->a_row + k]) *
                           (args->b_transposed ? b[j * args->b_row + k] : b[k * args->b_row + j]);
                float *to = &c[i * args->c_row + j];
                *to = (float)(alpha * sum + (args->bias ? args->bias[j] : 0) + (args->accumulate ? *to : 0));
            }
    }
}

/* ---- convolution, always as [depth, height, width]: missing axes have extent 1 ----------------------------------- */

typedef struct geometry {
    int64_t in[3], out[3], kernel[3], stride[3], pad[3];
    int64_t in_channels, out_channels, groups;
} geometry;

static geometry conv_geometry(const fal_conv_params *p, const fal_conv_args *args)
{
    geometry g = {.in = {1, 1, 1}, .out = {1, 1, 1}, .kernel = {1, 1, 1}, .stride = {1, 1, 1}};
    g.groups = or_default(p->groups, 1);
    g.out_channels = p->weight.shape[0];
    g.in_channels = p->weight.shape[1] * g.groups;
    for (int used = 0; used < p->dims; used++) {
        int axis = 3 - p->dims + used;
        g.in[axis] = args->size[used];
        g.kernel[axis] = p->weight.shape[2 + used];
        g.stride[axis] = or_default(p->stride[used], 1);
        g.pad[axis] = p->pad[used];
        g.out[axis] = (g.in[axis] + 2 * g.pad[axis] - g.kernel[axis]) / g.stride[axis] + 1;
    }
    return g;
}

/* One output value before bias: x is one batch item, at = output position, oc = output channel. */
static double conv_sum(const geometry *g, const float *x, const float *weight, const int64_t at[3], int64_t oc)
{
    int64_t in_per_group = g->in_channels / g->groups;
    int64_t first_channel = oc / (g->out_channels / g->groups) * in_per_group;
    double sum = 0;
    for (int64_t ic = 0; ic < in_per_group; ic++)
        for (int64_t kd = 0; kd < g->kernel[0]; kd++)
            for (int64_t kh = 0; kh < g->kernel[1]; kh++)
                for (int64_t kw = 0; kw < g->kernel[2]; kw++) {
                    int64_t d = at[0] * g->stride[0] + kd - g->pad[0], h = at[1] * g->stride[1] + kh - g->pad[1];
                    int64_t w = at[2] * g->stride[2] + kw - g->pad[2];
                    if (d < 0 || d >= g->in[0] || h < 0 || h >= g->in[1] || w < 0 || w >= g->in[2])
                        continue;
                    int64_t pixel = (d * g->in[1] + h) * g->in[2] + w;
                    int64_t tap =
                        (((oc * in_per_group + ic) * g->kernel[0] + kd) * g->kernel[1] + kh) * g->kernel[2] + kw;
                    sum += (double)x[pixel * g->in_channels + first_channel + ic] * weight[tap];
                }
    return sum;
}

static double tensor_at(const fal_tensor *t, int64_t i)
{
    return ((const float *)t->data)[i];
}

/* Bias, BatchNorm, activation, residual. */
static double conv_finish(const fal_conv_params *p, double sum, int64_t oc, const float *residual)
{
    if (p->bias)
        sum += tensor_at(p->bias, oc);
    if (p->bn_gamma) {
        double eps = p->bn_eps != 0 ? p->bn_eps : 1e-5;
        sum = (sum - tensor_at(p->bn_mean, oc)) / sqrt(tensor_at(p->bn_var, oc) + eps) * tensor_at(p->bn_gamma, oc) +
              tensor_at(p->bn_beta, oc);
    }
    double slope = p->prelu ? tensor_at(p->prelu, oc) : 0;
    if (p->act_after_residual)
        return fal_naive_act(p->act, sum + (residual ? *residual : 0), slope);
    return fal_naive_act(p->act, sum, slope) + (residual ? *residual : 0);
}

void fal_naive_conv(const fal_conv_params *params, const fal_conv_args *args)
{
    geometry g = conv_geometry(params, args);
    int64_t in_pixels = g.in[0] * g.in[1] * g.in[2], at[3], i = 0;
    for (int64_t batch = 0; batch < args->batch; batch++) {
        const float *x = args->x + batch * in_pixels * g.in_channels;
        for (at[0] = 0; at[0] < g.out[0]; at[0]++)
            for (at[1] = 0; at[1] < g.out[1]; at[1]++)
                for (at[2] = 0; at[2] < g.out[2]; at[2]++)
                    for (int64_t oc = 0; oc < g.out_channels; oc++, i++)
                        args->y[i] = (float)conv_finish(params, conv_sum(&g, x, params->weight.data, at, oc), oc,
                                                        args->residual ? args->residual + i : NULL);
    }
}

static float pool_window(const fal_pool_args *args, const float *x, int64_t top, int64_t left)
{
    float best = -INFINITY;
    for (int64_t h = top; h < top + args->kernel; h++)
        for (int64_t w = left; w < left + args->kernel; w++)
            if (h >= 0 && h < args->height && w >= 0 && w < args->width)
                best = fmaxf(best, x[(h * args->width + w) * args->channels]);
    return best;
}

void fal_naive_max_pool2d(const fal_pool_args *args)
{
    int64_t out_height = (args->height + 2 * args->pad - args->kernel) / args->stride + 1;
    int64_t out_width = (args->width + 2 * args->pad - args->kernel) / args->stride + 1, i = 0;
    for (int64_t batch = 0; batch < args->batch; batch++)
        for (int64_t h = 0; h < out_height; h++)
            for (int64_t w = 0; w < out_width; w++)
                for (int64_t c = 0; c < args->channels; c++, i++)
                    args->y[i] = pool_window(args, args->x + batch * args->height * args->width * args->channels + c,
                                             h * args->stride - args->pad, w * args->stride - args->pad);
}

/* ---- norms, elementwise ------------------------------------------------------------------------------------------ */

void fal_naive_layer_norm(const float *x, int64_t rows, int64_t dim, const float *gamma, const float *beta, double eps,
                          float *y)
{
    for (int64_t row = 0; row < rows; row++, x += dim, y += dim) {
        double mean = 0, var = 0;
        for (int64_t i = 0; i < dim; i++)
            mean += x[i] / (double)dim;
        for (int64_t i = 0; i < dim; i++)
            var += (x[i] - mean) * (x[i] - mean) / (double)dim;
        for (int64_t i = 0; i < dim; i++)
            y[i] = (float)((x[i] - mean) / sqrt(var + eps) * (gamma ? gamma[i] : 1) + (beta ? beta[i] : 0));
    }
}

void fal_naive_channel_affine(const float *x, int64_t rows, int64_t dim, const float *scale, const float *shift,
                              float *y)
{
    for (int64_t i = 0; i < rows * dim; i++)
        y[i] = (float)((double)x[i] * scale[i % dim] + shift[i % dim]);
}

int64_t fal_naive_l2_normalise_rows(const float *x, int64_t rows, int64_t dim, float *y)
{
    int64_t zero_rows = 0;
    for (int64_t row = 0; row < rows; row++, x += dim, y += dim) {
        double sum = 0;
        for (int64_t i = 0; i < dim; i++)
            sum += (double)x[i] * x[i];
        for (int64_t i = 0; i < dim; i++)
            y[i] = sum > 0 ? (float)(x[i] / sqrt(sum)) : 0;
        zero_rows += !(sum > 0);
    }
    return zero_rows;
}

void fal_naive_act_apply(fal_act act, const float *x, int64_t count, float *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = (float)fal_naive_act(act, x[i], 0);
}

void fal_naive_add(const float *a, const float *b, int64_t count, float *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = a[i] + b[i];
}

void fal_naive_glu(const float *x, int64_t rows, int64_t dim, float *y)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < dim; c++)
            y[r * dim + c] = (float)(x[r * 2 * dim + c] / (1 + exp(-(double)x[r * 2 * dim + dim + c])));
}

void fal_naive_mean_rows(const float *x, int64_t rows, int64_t dim, int64_t group, float *y)
{
    for (int64_t out = 0; out < rows / group; out++)
        for (int64_t c = 0; c < dim; c++) {
            double sum = 0;
            for (int64_t row = 0; row < group; row++)
                sum += x[(out * group + row) * dim + c];
            y[out * dim + c] = (float)(sum / (double)group);
        }
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

/* scale * q_i.k_j plus position and bias terms, for channels [first, first + width) of head `head`. */
static double attention_score(const fal_attention_args *args, int64_t head, int64_t i, int64_t j)
{
    int64_t width = args->dim / args->heads, first = head * width, stride = or_default(args->qkv_stride, args->dim);
    double scale = args->scale != 0 ? args->scale : 1 / sqrt((double)width), sum = 0;
    const float *q = args->q + i * stride + first, *k = args->k + j * stride + first;
    for (int64_t c = 0; c < width; c++)
        sum += (q[c] + (args->pos ? (double)args->pos_u[first + c] : 0)) * k[c];
    if (args->pos) {
        const float *pos = args->pos + (args->rows - 1 - i + j) * args->dim + first;
        for (int64_t c = 0; c < width; c++)
            sum += ((double)q[c] + args->pos_w[first + c]) * pos[c];
    }
    sum *= scale;
    if (args->rel_bias)
        sum += (args->gate ? (double)args->gate[head * args->rows + i] : 1) *
               args->rel_bias[head * (2 * args->rows - 1) + j - i + args->rows - 1];
    return sum;
}

static void attention_row(const fal_attention_args *args, int64_t head, int64_t i, double *scores)
{
    int64_t width = args->dim / args->heads, first = head * width, stride = or_default(args->qkv_stride, args->dim);
    int64_t keys = args->causal ? i + 1 : args->rows;
    double top = -INFINITY, total = 0;
    for (int64_t j = 0; j < keys; j++)
        top = fmax(top, scores[j] = attention_score(args, head, i, j));
    for (int64_t j = 0; j < keys; j++)
        total += scores[j] = exp(scores[j] - top);
    for (int64_t c = 0; c < width; c++) {
        double sum = 0;
        for (int64_t j = 0; j < keys; j++)
            sum += scores[j] * args->v[j * stride + first + c];
        args->out[i * args->dim + first + c] = (float)(sum / total);
    }
}

void fal_naive_attention(const fal_attention_args *args, double *scores)
{
    for (int64_t head = 0; head < args->heads; head++)
        for (int64_t i = 0; i < args->rows; i++)
            attention_row(args, head, i, scores);
}
