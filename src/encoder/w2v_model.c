#include "encoder/w2v_model.h"

#include "core/alloc.h"
#include "encoder/wave.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LN_EPS 1e-5

/* ---- binding: Hugging Face names first, fairseq names second ---- */

static const fal_weight_row block_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.q_w), "attention.q_proj.weight|self_attn.q_proj.weight", "H H",
     FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.q_b), "attention.q_proj.bias|self_attn.q_proj.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.k_w), "attention.k_proj.weight|self_attn.k_proj.weight", "H H",
     FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.k_b), "attention.k_proj.bias|self_attn.k_proj.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.v_w), "attention.v_proj.weight|self_attn.v_proj.weight", "H H",
     FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.v_b), "attention.v_proj.bias|self_attn.v_proj.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.out_w), "attention.out_proj.weight|self_attn.out_proj.weight", "H H",
     FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.out_b), "attention.out_proj.bias|self_attn.out_proj.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn_norm.gamma), "layer_norm.weight|self_attn_layer_norm.weight", "H", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, attn_norm.beta), "layer_norm.bias|self_attn_layer_norm.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc1_w), "feed_forward.intermediate_dense.weight|fc1.weight", "F H",
     FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, ffn.fc1_b), "feed_forward.intermediate_dense.bias|fc1.bias", "F", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc2_w), "feed_forward.output_dense.weight|fc2.weight", "H F",
     FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, ffn.fc2_b), "feed_forward.output_dense.bias|fc2.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.norm.gamma), "final_layer_norm.weight", "H", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, ffn.norm.beta), "final_layer_norm.bias", "H", FAL_INIT_ZERO},
};

static const fal_weight_row norm_rows[] = {
    {FAL_FIELD(fal_w2v_weights, feature_norm.gamma), "feature_projection.layer_norm.weight|layer_norm.weight", "C",
     FAL_INIT_ONE},
    {FAL_FIELD(fal_w2v_weights, feature_norm.beta), "feature_projection.layer_norm.bias|layer_norm.bias", "C",
     FAL_INIT_ZERO},
    {FAL_FIELD(fal_w2v_weights, encoder_norm.gamma), "encoder.layer_norm.weight", "H", FAL_INIT_ONE},
    {FAL_FIELD(fal_w2v_weights, encoder_norm.beta), "encoder.layer_norm.bias", "H", FAL_INIT_ZERO},
};

/* WavLM's gate, in every layer. */
static const fal_weight_row gate_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.gate_w), "attention.gru_rel_pos_linear.weight|self_attn.grep_linear.weight",
     "8 E", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.gate_b), "attention.gru_rel_pos_linear.bias|self_attn.grep_linear.bias", "8",
     FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.gate_const), "attention.gru_rel_pos_const|self_attn.grep_a", "1 A 1 1",
     FAL_INIT_ONE},
};

static const fal_weight_row bucket_row = {FAL_FIELD(fal_w2v_weights, buckets), FAL_W2V_BUCKETS, "B A",
                                          FAL_INIT_NORMAL(0.02)};

/* Heads of pre-training and fine-tuning, in both spellings. */
const char *const fal_w2v_ignored[] = {
    "masked_spec_embed", "mask_emb",     "quantizer.*",       "project_hid.*", "project_q.*", "project_inp.*",
    "final_proj.*",      "target_glu.*", "label_embs_concat", "lm_head.*",     NULL,
};

static void bind_blocks(const fal_w2v_config *config, fal_bind *bind, fal_w2v_weights *w)
{
    bool wavlm = config->buckets > 0;
    if (wavlm) {
        fal_bind_dim(bind, 'A', config->heads);
        fal_bind_dim(bind, 'B', config->buckets);
        fal_bind_dim(bind, 'E', config->width / config->heads);
        fal_bind_rows(bind, "", &bucket_row, 1, w);
    }
    for (int64_t l = 0; l < config->layers; l++) {
        char group[64];
        snprintf(group, sizeof group, "encoder.layers.%lld.", (long long)l);
        fal_bind_rows(bind, group, block_rows, FAL_COUNT(block_rows), &w->blocks[l]);
        if (wavlm)
            fal_bind_rows(bind, group, gate_rows, FAL_COUNT(gate_rows), &w->blocks[l]);
    }
}

static void bind_all(const fal_w2v_config *config, fal_bind *bind, fal_w2v_weights *w)
{
    fal_w2v_frontend_bind(bind, config, w->convs);
    int64_t features = config->convs[config->conv_count - 1].dim;
    fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)features));
    const fal_weight_row project_rows[] = {
        {FAL_FIELD(fal_w2v_weights, project_w), "feature_projection.projection.weight|post_extract_proj.weight", "H C",
         uniform},
        {FAL_FIELD(fal_w2v_weights, project_b), "feature_projection.projection.bias|post_extract_proj.bias", "H",
         uniform},
    };
    fal_bind_dim(bind, 'C', features);
    fal_bind_dim(bind, 'H', config->width);
    fal_bind_dim(bind, 'F', config->ffn);
    fal_bind_rows(bind, "", norm_rows, FAL_COUNT(norm_rows), w);
    if (config->projection)
        fal_bind_rows(bind, "", project_rows, FAL_COUNT(project_rows), w);
    fal_posconv_bind(bind, FAL_W2V_POSITIONS, config->width, config->taps, config->groups, &w->positions);
    bind_blocks(config, bind, w);
}

void fal_w2v_clear(void *model)
{
    fal_w2v_model *m = model;
    fal_w2v_frontend_free(&m->front);
    fal_norm_free(&m->feature_norm);
    fal_norm_free(&m->encoder_norm);
    fal_linear_free(&m->project);
    fal_posconv_free(&m->positions);
    fal_transformer_free(&m->layers);
    fal_free(m->weights.blocks);
}

fal_status fal_w2v_bind(void *model, fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_w2v_model *m = model;
    FAL_ALLOC(m->weights.blocks, fal_calloc((size_t)m->config.layers, sizeof *m->weights.blocks));
    bind_all(&m->config, bind, &m->weights);
done:
    return st;
}

/* ---- building ---- */

fal_status fal_w2v_build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_w2v_model *m = model;
    const fal_w2v_config *config = &m->config;
    fal_w2v_weights *w = &m->weights;
    FAL_TRY(fal_w2v_frontend_create(config, w->convs, build, &m->front, err));
    FAL_TRY(fal_norm_create(&w->feature_norm, LN_EPS, &m->feature_norm, err));
    if (config->projection)
        FAL_TRY(fal_linear_create(&w->project_w, &w->project_b, build->precision, &m->project, err));
    FAL_TRY(fal_posconv_create(&w->positions, build, &m->positions, err));
    FAL_TRY(fal_norm_create(&w->encoder_norm, config->norm_eps, &m->encoder_norm, err));
    fal_transformer_params layers = {.width = config->width,
                                     .ffn = config->ffn,
                                     .heads = config->heads,
                                     .layers = config->layers,
                                     .pre_norm = config->pre_norm,
                                     .norm_eps = config->norm_eps,
                                     .act = FAL_ACT_GELU};
    if (config->buckets > 0) {
        layers.positions = FAL_POSITIONS_BUCKETED;
        layers.bucket_table = &w->buckets;
        layers.max_distance = config->max_distance;
    }
    FAL_TRY(fal_transformer_create(&layers, w->blocks, build, &m->layers, err));
done:
    fal_release(&w->blocks);
    return st;
}

/* ---- forward ---- */

/* wave [samples], normalised if the model wants that, to features [T, C]. */
static fal_status run_front(const fal_w2v_model *m, fal_forward *pass, int64_t samples, float *features, fal_error *err)
{
    fal_status st = FAL_OK;
    const float *wave = pass->audio->data;
    float *normalised;
    if (m->config.normalise) {
        FAL_FLOATS(normalised, pass->run, samples);
        fal_wave_normalise(wave, samples, m->config.wave_eps, normalised);
        wave = normalised;
    }
    fal_run_stage(pass->run, "input_values", wave, 1, &samples);
    FAL_TRY(fal_w2v_frontend_run(m->front, pass, wave, samples, features, err));
done:
    return st;
}

/* The waveform to x [T, H], with room for one more row. */
static fal_status embed(const fal_w2v_model *m, fal_forward *pass, float **out, int64_t *rows, fal_error *err)
{
    fal_status st = FAL_OK;
    float *x, *features;
    int64_t samples = 0, dim = m->feature_norm.dim;
    FAL_TRY(fal_wave_check(pass->audio, fal_w2v_frontend_samples(m->front, 1), &samples, err));
    *rows = fal_w2v_frontend_rows(m->front, samples);
    FAL_FLOATS(x, pass->run, (*rows + 1) * m->config.width);
    fal_arena_mark mark = fal_arena_save(fal_run_arena(pass->run));
    features = x;
    if (m->project)
        FAL_FLOATS(features, pass->run, *rows * dim);
    FAL_TRY(run_front(m, pass, samples, features, err));
    fal_forward_stage(pass, "conv", features, *rows, dim, 0);
    fal_norm_run(&m->feature_norm, pass->run, features, *rows, features);
    fal_forward_stage(pass, "conv_ln", features, *rows, dim, 0);
    if (m->project)
        FAL_TRY(fal_apply_linear(m->project, pass->run, features, *rows, FAL_ACT_NONE, x, err));
    fal_forward_stage(pass, "projected", x, *rows, m->config.width, 0);
    fal_arena_release(fal_run_arena(pass->run), mark);
    *out = x;
done:
    return st;
}

fal_status fal_w2v_forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_w2v_model *m = model;
    int64_t width = m->config.width, rows = 0;
    float *x = NULL; /* [T + 1, H] */
    FAL_TRY(embed(m, pass, &x, &rows, err));
    FAL_TRY(fal_posconv_run(m->positions, pass, x, rows, err));
    if (!m->config.pre_norm)
        fal_norm_run(&m->encoder_norm, pass->run, x, rows, x);
    FAL_TRY(fal_transformer_run(m->layers, pass, x, rows, rows, err));
    if (pass->last_layer == m->config.layers) {
        fal_forward_stage(pass, "last_layer_raw", x, rows, width, 0);
        if (m->config.pre_norm) /* the last hidden state is after the norm, the ones before it are not */
            fal_norm_run(&m->encoder_norm, pass->run, x, rows, x);
    }
    FAL_TRY(fal_forward_keep(pass, pass->last_layer, x, rows, width, err));
    if (!pass->features)
        goto done;
    if (rows % 2)
        memcpy(x + rows * width, x + (rows - 1) * width, (size_t)width * sizeof *x);
    pass->out = x; /* [T, H] is [T/2, 2H]: two rows joined are two rows in a row */
    pass->rows = (rows + 1) / 2;
done:
    return st;
}

/* ---- facts ---- */

void fal_w2v_describe(const void *in, fal_encoder_description *out)
{
    const fal_w2v_config *config = in;
    out->dim = 2 * config->width;
    out->width = config->width;
    out->layers = config->layers;
    out->heads = config->heads;
}

fal_pooling fal_w2v_pooling(const void *config)
{
    (void)config;
    return (fal_pooling){.kind = FAL_POOL_JOIN, .group = 2};
}
