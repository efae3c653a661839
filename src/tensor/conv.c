/* Convolution layers: making them (checks, BatchNorm folding, packing) and choosing the algorithm of a call. */
#include "tensor/conv_layer.h"

#include "core/alloc.h"

#include <math.h>

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

/* ---- checks ------------------------------------------------------------------------------------------------------ */

static fal_status check_vector(const char *what, const fal_tensor *t, int64_t out, fal_error *err)
{
    char text[96];
    if (t && !fal_tensor_has_shape(t, 1, &out))
        return fal_fail(err, FAL_ERR_ARGUMENT, "convolution %s is %s, expected [%lld]", what,
                        fal_tensor_shape_text(text, t), (long long)out);
    return FAL_OK;
}

static fal_status check_weight(const fal_conv_params *p, fal_error *err)
{
    char text[96];
    int64_t groups = or_default(p->groups, 1);
    if (p->dims < 1 || p->dims > 3 || p->weight.rank != 2 + p->dims)
        return fal_fail(err, FAL_ERR_ARGUMENT, "convolution weight %s does not have 2 + %d axes",
                        fal_tensor_shape_text(text, &p->weight), p->dims);
    for (int axis = 0; axis < p->weight.rank; axis++)
        if (p->weight.shape[axis] < 1)
            return fal_fail(err, FAL_ERR_ARGUMENT, "convolution weight %s has an empty axis",
                            fal_tensor_shape_text(text, &p->weight));
    if (groups < 1 || p->weight.shape[0] % groups)
        return fal_fail(err, FAL_ERR_ARGUMENT, "convolution with %lld output channels cannot have %lld groups",
                        (long long)p->weight.shape[0], (long long)groups);
    for (int axis = 0; axis < p->dims; axis++)
        if (p->stride[axis] < 0 || p->pad[axis] < 0)
            return fal_fail(err, FAL_ERR_ARGUMENT, "convolution has stride %lld and padding %lld on axis %d",
                            (long long)p->stride[axis], (long long)p->pad[axis], axis);
    return FAL_OK;
}

static fal_status check_params(const fal_conv_params *p, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t out = p->weight.shape[0];
    FAL_TRY(check_weight(p, err));
    FAL_TRY(check_vector("bias", p->bias, out, err));
    FAL_TRY(check_vector("BatchNorm gamma", p->bn_gamma, out, err));
    FAL_TRY(check_vector("BatchNorm beta", p->bn_beta, out, err));
    FAL_TRY(check_vector("BatchNorm mean", p->bn_mean, out, err));
    FAL_TRY(check_vector("BatchNorm variance", p->bn_var, out, err));
    FAL_TRY(check_vector("PReLU slope", p->prelu, out, err));
    int given = !!p->bn_gamma + !!p->bn_beta + !!p->bn_mean + !!p->bn_var;
    if (given != 0 && given != 4)
        FAL_FAIL(FAL_ERR_ARGUMENT, "convolution has %d of the 4 BatchNorm tensors; all or none are wanted", given);
    if ((p->act == FAL_ACT_PRELU) != (p->prelu != NULL))
        FAL_FAIL(FAL_ERR_ARGUMENT, "convolution %s", p->prelu ? "has PReLU slopes but another activation"
                                                              : "with PReLU has no slopes");
done:
    return st;
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static void set_geometry(fal_conv *conv, const fal_conv_params *p)
{
    conv->dims = p->dims;
    conv->groups = or_default(p->groups, 1);
    conv->out = p->weight.shape[0];
    conv->in = p->weight.shape[1] * conv->groups;
    conv->act = p->act;
    conv->act_after_residual = p->act_after_residual;
    for (int axis = 0; axis < 3; axis++)
        conv->kernel[axis] = conv->stride[axis] = 1;
    for (int used = 0; used < p->dims; used++) {
        int axis = 3 - p->dims + used;
        conv->kernel[axis] = p->weight.shape[2 + used];
        conv->stride[axis] = or_default(p->stride[used], 1);
        conv->pad[axis] = p->pad[used];
    }
}

static fal_status copy_vector(const fal_tensor *t, float **out, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!t)
        return FAL_OK;
    FAL_ALLOC(*out, fal_malloc_array((size_t)fal_tensor_count(t), sizeof(float)));
    fal_tensor_copy_f32(t, *out);
done:
    return st;
}

/* Folds y = (conv + b - mean) / sqrt(var + eps) * gamma + beta into `weight` ([out, per_out], changed in place) and the
 * layer's bias. */
static fal_status fold_batch_norm(fal_conv *conv, const fal_conv_params *p, float *weight, int64_t per_out,
                                  fal_error *err)
{
    fal_status st = FAL_OK;
    float *gamma = NULL, *beta = NULL, *mean = NULL, *var = NULL;
    double eps = p->bn_eps != 0 ? p->bn_eps : 1e-5;
    FAL_TRY(copy_vector(p->bn_gamma, &gamma, err));
    FAL_TRY(copy_vector(p->bn_beta, &beta, err));
    FAL_TRY(copy_vector(p->bn_mean, &mean, err));
    FAL_TRY(copy_vector(p->bn_var, &var, err));
    if (!conv->bias)
        FAL_ALLOC(conv->bias, fal_calloc((size_t)conv->out, sizeof(float)));
    for (int64_t o = 0; o < conv->out; o++) {
        double scale = (double)gamma[o] / sqrt((double)var[o] + eps);
        conv->bias[o] = (float)(((double)conv->bias[o] - (double)mean[o]) * scale + (double)beta[o]);
        for (int64_t i = 0; i < per_out; i++)
            weight[o * per_out + i] = (float)((double)weight[o * per_out + i] * scale);
    }
done:
    fal_free(gamma);
    fal_free(beta);
    fal_free(mean);
    fal_free(var);
    return st;
}

/* [out, in, taps] to [out, taps, in]: the order in which a channels-last input is gathered. */
static void taps_outermost(const float *from, int64_t out, int64_t in, int64_t taps, float *to)
{
    for (int64_t o = 0; o < out; o++, from += in * taps, to += in * taps)
        for (int64_t i = 0; i < in; i++)
            for (int64_t tap = 0; tap < taps; tap++)
                to[tap * in + i] = from[i * taps + tap];
}

/* weight: [out, taps, in/groups]. */
static fal_status pack_groups(fal_conv *conv, const float *weight, int64_t k, fal_precision precision, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t out_per_group = conv->out / conv->groups;
    FAL_ALLOC(conv->group, fal_calloc((size_t)conv->groups, sizeof *conv->group));
    for (int64_t g = 0; g < conv->groups; g++) {
        fal_matrix m = {weight + g * out_per_group * k, .k = k, .n = out_per_group, .k_stride = 1, .n_stride = k};
        FAL_TRY(fal_packed_create(&m, precision, &conv->group[g], err));
    }
done:
    return st;
}

static fal_status transpose_depthwise(fal_conv *conv, const float *weight, int64_t taps, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(conv->depthwise, fal_malloc_array((size_t)(conv->out * taps), sizeof(float)));
    for (int64_t tap = 0; tap < taps; tap++)
        for (int64_t c = 0; c < conv->out; c++)
            conv->depthwise[tap * conv->out + c] = weight[c * taps + tap];
done:
    return st;
}

static fal_status set_weights(fal_conv *conv, const fal_conv_params *p, fal_error *err)
{
    fal_status st = FAL_OK;
    float *plain = NULL, *ordered = NULL;
    int64_t taps = conv->kernel[0] * conv->kernel[1] * conv->kernel[2];
    int64_t in_per_group = p->weight.shape[1], count = fal_tensor_count(&p->weight);
    FAL_ALLOC(plain, fal_malloc_array((size_t)count, sizeof *plain));
    FAL_ALLOC(ordered, fal_malloc_array((size_t)count, sizeof *ordered));
    fal_tensor_copy_f32(&p->weight, plain);
    FAL_TRY(copy_vector(p->bias, &conv->bias, err));
    FAL_TRY(copy_vector(p->prelu, &conv->slope, err));
    if (p->bn_gamma)
        FAL_TRY(fold_batch_norm(conv, p, plain, count / conv->out, err));
    taps_outermost(plain, conv->out, in_per_group, taps, ordered);
    if (in_per_group == 1 && conv->groups == conv->out && conv->groups > 1)
        FAL_TRY(transpose_depthwise(conv, ordered, taps, err));
    else if (fal_conv_suits_winograd(conv) && (p->precision == FAL_PRECISION_F32 || !fal_cpu_has_bf16()))
        FAL_TRY(fal_conv_set_winograd(conv, ordered, err));
    else
        FAL_TRY(pack_groups(conv, ordered, taps * in_per_group, p->precision, err));
done:
    fal_free(plain);
    fal_free(ordered);
    return st;
}

fal_status fal_conv_create(const fal_conv_params *params, fal_conv **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_conv *conv = NULL;
    FAL_TRY(check_params(params, err));
    FAL_ALLOC(conv, fal_calloc(1, sizeof *conv));
    set_geometry(conv, params);
    FAL_TRY(set_weights(conv, params, err));
    *out = conv;
    conv = NULL;
done:
    fal_conv_free(&conv);
    return st;
}

void fal_conv_free(fal_conv **conv)
{
    fal_conv *c = *conv;
    if (!c)
        return;
    for (int64_t g = 0; c->group && g < c->groups; g++)
        fal_packed_clear(&c->group[g]);
    for (int64_t i = 0; c->point && i < fal_conv_points(c); i++)
        fal_packed_clear(&c->point[i]);
    fal_free(c->group);
    fal_free(c->point);
    fal_free(c->depthwise);
    fal_free(c->bias);
    fal_free(c->slope);
    fal_release(conv);
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

int64_t fal_conv_out_channels(const fal_conv *conv)
{
    return conv->out;
}

int64_t fal_conv_in_channels(const fal_conv *conv)
{
    return conv->in;
}

static int64_t out_extent(const fal_conv *conv, int axis, int64_t size)
{
    int64_t room = size + 2 * conv->pad[axis] - conv->kernel[axis];
    return room < 0 ? 0 : room / conv->stride[axis] + 1;
}

void fal_conv_out_size(const fal_conv *conv, const int64_t size[3], int64_t out[3])
{
    for (int used = 0; used < conv->dims; used++)
        out[used] = out_extent(conv, 3 - conv->dims + used, size[used]);
}

fal_finish fal_conv_finish(const fal_conv *conv, const fal_conv_args *args)
{
    return (fal_finish){
        .alpha = 1,
        .bias = conv->bias,
        .slope = conv->slope,
        .act = conv->act,
        .act_after_residual = conv->act_after_residual,
        .residual = args->residual,
        .residual_stride = conv->out,
        .y = args->y,
        .y_stride = conv->out,
    };
}

static fal_status set_shape(const fal_conv *conv, const fal_conv_args *args, fal_conv_shape *shape, fal_error *err)
{
    *shape = (fal_conv_shape){.batch = args->batch, .in = {1, 1, 1}};
    if (args->batch < 0)
        return fal_fail(err, FAL_ERR_ARGUMENT, "convolution wants a batch of 0 or more, not %lld",
                        (long long)args->batch);
    for (int axis = 0; axis < 3; axis++) {
        int used = axis - (3 - conv->dims);
        if (used >= 0)
            shape->in[axis] = args->size[used];
        shape->out[axis] = out_extent(conv, axis, shape->in[axis]);
        if (shape->in[axis] < 1 || shape->out[axis] < 1)
            return fal_fail(err, FAL_ERR_TOO_SHORT,
                            "convolution axis %d has extent %lld and padding %lld, the kernel needs %lld", used,
                            (long long)shape->in[axis], (long long)conv->pad[axis], (long long)conv->kernel[axis]);
    }
    return FAL_OK;
}

fal_status fal_conv_run(const fal_conv *conv, fal_run *run, const fal_conv_args *args, fal_error *err)
{
    fal_conv_shape shape;
    fal_status st = set_shape(conv, args, &shape, err);
    if (st != FAL_OK || shape.batch == 0)
        return st;
    if (conv->depthwise)
        return fal_conv_run_depthwise(conv, run, &shape, args, err);
    if (conv->point)
        return fal_conv_run_winograd(conv, run, &shape, args, err);
    return fal_conv_run_gathered(conv, run, &shape, args, err);
}
