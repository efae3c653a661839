#include "encoder/w2v_frontend.h"

#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    BLOCK_ROWS = 64,       /* output rows per block: 4096 rows of 512 channels after layer 0, 8 MB */
    STATISTICS_ROWS = 4096 /* layer-0 rows per block while collecting GroupNorm statistics */
};
#define NORM_EPS 1e-5

typedef struct layer {
    fal_conv *conv;
    fal_norm norm; /* gamma NULL: none */
    fal_w2v_conv shape;
} layer;

struct fal_w2v_frontend {
    layer layers[FAL_W2V_MAX_CONVS];
    int64_t count;
    bool group_norm; /* layers[0].norm is over time, not over channels */
};

/* ---- weights ---- */

void fal_w2v_frontend_bind(fal_bind *bind, const fal_w2v_config *config, fal_w2v_conv_weights *weights)
{
    for (int64_t i = 0, in = 1; i < config->conv_count; in = config->convs[i++].dim) {
        const fal_w2v_conv *c = &config->convs[i];
        double fan_in = (double)(in * c->kernel);
        /* Hugging Face: Conv1d weights He normal over the fan-in, biases as PyTorch draws them. */
        const fal_weight_row rows[] = {
            {FAL_FIELD(fal_w2v_conv_weights, conv), "conv.weight|0.weight", "C I K", FAL_INIT_NORMAL(sqrt(2 / fan_in))},
            {FAL_FIELD(fal_w2v_conv_weights, norm.gamma), "layer_norm.weight|2.1.weight|2.weight", "C", FAL_INIT_ONE},
            {FAL_FIELD(fal_w2v_conv_weights, norm.beta), "layer_norm.bias|2.1.bias|2.bias", "C", FAL_INIT_ZERO},
            {FAL_FIELD(fal_w2v_conv_weights, bias), "conv.bias|0.bias", "C", FAL_INIT_UNIFORM(1 / sqrt(fan_in))},
        };
        char group[64];
        snprintf(group, sizeof group, "feature_extractor.conv_layers.%d.", (int)i);
        fal_bind_dim(bind, 'C', c->dim);
        fal_bind_dim(bind, 'I', in);
        fal_bind_dim(bind, 'K', c->kernel);
        fal_bind_rows(bind, group, rows, config->layer_front || i == 0 ? 3 : 1, &weights[i]);
        if (config->conv_bias)
            fal_bind_rows(bind, group, rows + 3, 1, &weights[i]);
    }
}

/* ---- building ---- */

static fal_status create_layer(const fal_w2v_conv_weights *w, const fal_w2v_conv *shape, fal_precision precision,
                               layer *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_conv_params params = {.dims = 1,
                              .weight = w->conv,
                              .bias = w->bias.data ? &w->bias : NULL,
                              .stride = {shape->stride},
                              .precision = precision,
                              .act = w->norm.gamma.data ? FAL_ACT_NONE : FAL_ACT_GELU};
    out->shape = *shape;
    FAL_TRY(fal_conv_create(&params, &out->conv, err));
    if (w->norm.gamma.data)
        FAL_TRY(fal_norm_create(&w->norm, NORM_EPS, &out->norm, err));
done:
    return st; /* the front end frees what was made */
}

fal_status fal_w2v_frontend_create(const fal_w2v_config *config, const fal_w2v_conv_weights *weights,
                                   const fal_build *build, fal_w2v_frontend **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_w2v_frontend *front = NULL;
    FAL_ALLOC(front, fal_calloc(1, sizeof *front));
    front->count = config->conv_count;
    front->group_norm = !config->layer_front;
    for (int64_t i = 0; i < front->count; i++) /* layer 0 reads one channel: nothing to gain from shorter numbers */
        FAL_TRY(create_layer(&weights[i], &config->convs[i], i == 0 ? FAL_PRECISION_F32 : build->precision,
                             &front->layers[i], err));
    fal_build_release(build, weights, (size_t)front->count * sizeof *weights);
    *out = front;
    front = NULL;
done:
    fal_w2v_frontend_free(&front);
    return st;
}

void fal_w2v_frontend_free(fal_w2v_frontend **front)
{
    if (!*front)
        return;
    for (int64_t i = 0; i < (*front)->count; i++) {
        fal_conv_free(&(*front)->layers[i].conv);
        fal_norm_free(&(*front)->layers[i].norm);
    }
    fal_release(front);
}

/* ---- sizes ---- */

static int64_t layer_rows(const layer *l, int64_t rows)
{
    return rows < l->shape.kernel ? 0 : (rows - l->shape.kernel) / l->shape.stride + 1;
}

int64_t fal_w2v_frontend_rows(const fal_w2v_frontend *front, int64_t samples)
{
    for (int64_t i = 0; i < front->count; i++)
        samples = layer_rows(&front->layers[i], samples);
    return samples;
}

int64_t fal_w2v_frontend_samples(const fal_w2v_frontend *front, int64_t rows)
{
    for (int64_t i = front->count - 1; i >= 0; i--)
        rows = (rows - 1) * front->layers[i].shape.stride + front->layers[i].shape.kernel;
    return rows;
}

static int64_t hop_samples(const fal_w2v_frontend *front)
{
    int64_t hop = 1;
    for (int64_t i = 0; i < front->count; i++)
        hop *= front->layers[i].shape.stride;
    return hop;
}

/* ---- running ---- */

static fal_status run_conv(const layer *l, fal_run *run, const float *x, int64_t rows, float *y, fal_error *err)
{
    return fal_conv_run(l->conv, run, &(fal_conv_args){.x = x, .batch = 1, .size = {rows}, .y = y}, err);
}

/* GroupNorm with one group per channel as scale [C] and shift [C]: mean and variance of layer 0 over all its rows, the
 * tail that later layers drop included. Sums row by row in double, so that blocks leave no trace. */
static fal_status group_statistics(const fal_w2v_frontend *front, fal_run *run, const float *wave, int64_t samples,
                                   float *scale, float *shift, fal_error *err)
{
    fal_status st = FAL_OK;
    const layer *l = &front->layers[0];
    int64_t rows = layer_rows(l, samples), dim = l->shape.dim;
    fal_arena_mark mark = fal_arena_save(fal_run_arena(run));
    double *sums; /* [dim] sums, [dim] sums of squares */
    float *y;
    FAL_ALLOC(sums, fal_arena_alloc(fal_run_arena(run), 2 * (size_t)dim, sizeof *sums));
    memset(sums, 0, 2 * (size_t)dim * sizeof *sums);
    FAL_FLOATS(y, run, (rows < STATISTICS_ROWS ? rows : STATISTICS_ROWS) * dim);
    for (int64_t first = 0, count; first < rows; first += count) {
        count = fal_block_size(rows - first, STATISTICS_ROWS);
        FAL_TRY(
            run_conv(l, run, wave + first * l->shape.stride, (count - 1) * l->shape.stride + l->shape.kernel, y, err));
        for (int64_t r = 0; r < count; r++)
            for (int64_t c = 0; c < dim; c++) {
                double v = y[r * dim + c];
                sums[c] += v;
                sums[dim + c] += v * v;
            }
    }
    for (int64_t c = 0; c < dim; c++) {
        double mean = sums[c] / (double)rows, var = fmax(sums[dim + c] / (double)rows - mean * mean, 0);
        double gain = l->norm.gamma[c] / sqrt(var + NORM_EPS);
        scale[c] = (float)gain;
        shift[c] = (float)(l->norm.beta[c] - mean * gain);
    }
    fal_arena_release(fal_run_arena(run), mark);
done:
    return st;
}

/* One block: wave [samples] through all layers to out. `affine` is scale and shift of the GroupNorm. */
static fal_status run_block(const fal_w2v_frontend *front, fal_run *run, const float *wave, int64_t samples,
                            const float *affine, float *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena_mark mark = fal_arena_save(fal_run_arena(run));
    const float *x = wave;
    for (int64_t i = 0; i < front->count; i++) {
        const layer *l = &front->layers[i];
        int64_t rows = layer_rows(l, samples), dim = l->shape.dim;
        float *y = out;
        if (i < front->count - 1)
            FAL_FLOATS(y, run, rows * dim);
        FAL_TRY(run_conv(l, run, x, samples, y, err));
        if (i == 0 && front->group_norm)
            fal_channel_affine(run, y, rows, dim, affine, affine + dim, y);
        else if (l->norm.gamma)
            fal_norm_run(&l->norm, run, y, rows, y);
        if (l->norm.gamma)
            fal_act_apply(run, FAL_ACT_GELU, y, rows * dim, y);
        if (i == 0)
            fal_run_stage(run, "conv0", y, 2, (int64_t[]){rows, dim});
        x = y;
        samples = rows;
    }
    fal_arena_release(fal_run_arena(run), mark);
done:
    return st;
}

fal_status fal_w2v_frontend_run(const fal_w2v_frontend *front, fal_forward *pass, const float *wave, int64_t samples,
                                float *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = pass->run;
    int64_t rows = fal_w2v_frontend_rows(front, samples), hop = hop_samples(front);
    int64_t dim0 = front->layers[0].shape.dim, dim = front->layers[front->count - 1].shape.dim;
    bool whole = fal_run_has_stage_hook(run); /* a stage is shown in one piece */
    float *affine;
    FAL_FLOATS(affine, run, 2 * dim0);
    if (front->group_norm)
        FAL_TRY(group_statistics(front, run, wave, samples, affine, affine + dim0, err));
    for (int64_t first = 0, count; first < rows; first += count) {
        count = whole ? rows : fal_block_size(rows - first, BLOCK_ROWS);
        FAL_TRY(fal_forward_check(pass, err));
        FAL_TRY(run_block(front, run, wave + first * hop, whole ? samples : fal_w2v_frontend_samples(front, count),
                          affine, out + first * dim, err));
    }
done:
    return st;
}
