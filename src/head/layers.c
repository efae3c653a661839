/* The multi-layer probe: which hidden layers of an encoder tell fakes, all asked at once.
 *
 *   m   = softmax(a)                      weight of every layer, learnt with the rest
 *   x_t = sum_l m_l x_l,t / |x_l,t|       rows are normalised layer by layer before they come here
 *   f_t = w . x_t + b
 *   s   = log sum_t exp(f_t)
 *
 * This is a probe on all layers side by side whose weight is [m_1 w, ..., m_L w]; so that is what runs over the rows,
 * and the chain rule from that weight v to w and a is applied once per step:
 *
 *   dL/dw = sum_l m_l dL/dv_l       dL/da_l = m_l (w . dL/dv_l - sum_k m_k w . dL/dv_k) */
#include "core/alloc.h"
#include "head/head.h"
#include "head/inner_probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct layers {
    int64_t count, dim; /* of one layer */
} layers;

/* Places of the parameters: a [count], w [dim], b. */
static const float *head_weight(const layers *l, const float *values)
{
    return values + l->count;
}

/* ---- configuration ---- */

static bool recognise(const fal_checkpoint *ckpt)
{
    return fal_checkpoint_find(ckpt, "mix.weight") && fal_checkpoint_find(ckpt, "head.weight") &&
           fal_checkpoint_count(ckpt) == 3;
}

static fal_head_shape shape_of(const layers *l)
{
    fal_head_shape shape = {.parts = (size_t)l->count, .dim = l->count * l->dim};
    for (size_t i = 0; i < shape.parts; i++)
        shape.dims[i] = l->dim;
    return shape;
}

static fal_status read_config(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err)
{
    layers *l = config;
    char text[96];
    const fal_tensor *mix = &fal_checkpoint_find(ckpt, "mix.weight")->tensor;
    const fal_tensor *weight = &fal_checkpoint_find(ckpt, "head.weight")->tensor;
    if (mix->rank != 1 || mix->shape[0] < 1 || mix->shape[0] > FAL_HEAD_PARTS)
        return fal_fail(err, FAL_ERR_FORMAT, "mix.weight is %s, expected one number for each of up to %d layers",
                        fal_tensor_shape_text(text, mix), FAL_HEAD_PARTS);
    if (weight->rank != 2 || weight->shape[0] != 1 || weight->shape[1] < 1)
        return fal_fail(err, FAL_ERR_FORMAT, "head.weight is %s, expected [1,D]", fal_tensor_shape_text(text, weight));
    *l = (layers){.count = mix->shape[0], .dim = weight->shape[1]};
    *shape = shape_of(l);
    return FAL_OK;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err)
{
    (void)training;
    if (shape->parts < 2)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "layers mixes two or more feature arrays, such as hidden_6+hidden_12; one "
                        "was given");
    for (size_t i = 1; i < shape->parts; i++)
        if (shape->dims[i] != shape->dims[0])
            return fal_fail(err, FAL_ERR_ARGUMENT,
                            "layers mixes arrays of one size; the first has %lld channels, number %zu has %lld",
                            (long long)shape->dims[0], i + 1, (long long)shape->dims[i]);
    *(layers *)config = (layers){.count = (int64_t)shape->parts, .dim = shape->dims[0]};
    return FAL_OK;
}

static fal_status declare(const void *config, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const layers *l = config;
    const fal_init zero = FAL_INIT_ZERO, uniform = FAL_INIT_UNIFORM(1 / sqrt((double)l->dim));
    FAL_TRY(fal_params_add(params, "mix.weight", 1, &l->count, zero, NULL, err));
    FAL_TRY(fal_params_add(params, "head.weight", 2, (int64_t[]){1, l->dim}, uniform, NULL, err));
    FAL_TRY(fal_params_add(params, "head.bias", 1, (int64_t[]){1}, uniform, NULL, err));
done:
    return st;
}

/* ---- the mix ---- */

static void mix_weights(const layers *l, const float *values, double m[FAL_HEAD_PARTS])
{
    double top = values[0], sum = 0;
    for (int64_t i = 1; i < l->count; i++)
        top = fmax(top, values[i]);
    for (int64_t i = 0; i < l->count; i++)
        sum += m[i] = exp(values[i] - top);
    for (int64_t i = 0; i < l->count; i++)
        m[i] /= sum;
}

/* Parameters of the probe on all layers side by side: [count * dim], then the bias. */
static fal_status joined_values(const layers *l, const float *values, fal_run *run, const float **out, fal_error *err)
{
    fal_status st = FAL_OK;
    double m[FAL_HEAD_PARTS];
    const float *w = head_weight(l, values);
    float *joined;
    FAL_ALLOC(joined, fal_run_floats(run, l->count * l->dim + 1));
    mix_weights(l, values, m);
    for (int64_t i = 0; i < l->count; i++)
        for (int64_t c = 0; c < l->dim; c++)
            joined[i * l->dim + c] = (float)(m[i] * w[c]);
    joined[l->count * l->dim] = w[l->dim];
    *out = joined;
done:
    return st;
}

/* From the gradient by the joined weight to those by a, w and b. */
static void share_gradient(const layers *l, const float *values, const float *joined, float *gradient)
{
    double m[FAL_HEAD_PARTS], along[FAL_HEAD_PARTS] = {0}, mean = 0;
    const float *w = head_weight(l, values);
    mix_weights(l, values, m);
    for (int64_t i = 0; i < l->count; i++) {
        const float *from = joined + i * l->dim;
        for (int64_t c = 0; c < l->dim; c++) {
            along[i] += (double)w[c] * from[c];
            gradient[l->count + c] += (float)(m[i] * from[c]);
        }
        mean += m[i] * along[i];
    }
    for (int64_t i = 0; i < l->count; i++)
        gradient[i] += (float)(m[i] * (along[i] - mean));
    gradient[l->count + l->dim] += joined[l->count * l->dim];
}

/* ---- scoring and training ---- */

static fal_status score(const void *config, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const layers *l = config;
    fal_inner_probe probe;
    fal_head_pass joined = *pass;
    FAL_TRY(fal_inner_probe_make(l->count * l->dim, &probe, err));
    FAL_TRY(joined_values(l, pass->values, pass->run, &joined.values, err));
    FAL_TRY(fal_head_probe.score(probe.config, &joined, err));
done:
    return st;
}

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames > 0;
}

static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    const layers *l = config;
    const int64_t count = l->count * l->dim + 1;
    fal_inner_probe probe;
    fal_step joined = *step;
    FAL_TRY(fal_inner_probe_make(l->count * l->dim, &probe, err));
    FAL_TRY(joined_values(l, step->values, step->run, &joined.values, err));
    if (step->gradient) {
        FAL_ALLOC(joined.gradient, fal_run_floats(step->run, count));
        memset(joined.gradient, 0, (size_t)count * sizeof *joined.gradient);
    }
    FAL_TRY(fal_head_probe.trainable.loss(probe.config, &joined, sum, err));
    if (step->gradient)
        share_gradient(l, step->values, joined.gradient, step->gradient);
done:
    return st;
}

/* "hidden_12 0.52, hidden_9 0.31, 23 others 0.17": the layers that carry the weight, the strongest first. */
static void summarise(const void *config, const float *values, const fal_head_part *parts, fal_buf *out)
{
    enum { SHOWN = 5 };
    const layers *l = config;
    double m[FAL_HEAD_PARTS], rest = 1;
    mix_weights(l, values, m);
    int64_t shown = l->count < SHOWN ? l->count : SHOWN;
    for (int64_t k = 0; k < shown; k++) {
        int64_t best = 0;
        for (int64_t i = 1; i < l->count; i++)
            best = m[i] > m[best] ? i : best;
        fal_buf_printf(out, "%s%s %.3f", k ? ", " : "", parts[best].array ? parts[best].array : "layer", m[best]);
        rest -= m[best];
        m[best] = -1;
    }
    if (shown < l->count)
        fal_buf_printf(out, ", %lld others %.3f", (long long)(l->count - shown), fmax(rest, 0));
}

const fal_head_kind fal_head_layers = {
    .name = "layers",
    .what = "probe on a learnt mix of hidden layers",
    .config_size = sizeof(layers),
    .recipe = {.batch = 1, .max_epochs = 100, .patience = 10, .learning_rate = 1e-3},
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "layers", .samples = samples, .loss = loss},
    .summarise = summarise,
};
