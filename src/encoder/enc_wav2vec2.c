/* wav2vec 2.0 (Baevski et al. 2020), XLSR (Conneau et al. 2020), XLS-R (Babu et al. 2021); HuBERT (Hsu et al. 2021) is
 * the same network. Originals: facebookresearch/fairseq, huggingface/transformers (modeling_wav2vec2.py).
 *
 *   wave [n], 16 kHz ─ (normalise) ─ 7 x Conv1d ─► [T,C], 50 Hz ─ LN ─ Linear ─► [T,H] ─ + posconv
 *     post-norm:  ─ LN_enc ─ L layers            pre-norm:  ─ L layers ─ LN_enc
 *     ─► [T,H] ─ two rows joined (the last one repeated when T is odd) ─► [ceil(T/2), 2H], 25 Hz
 *
 * The feature at 25 Hz is that of the paper's extractor (bit-ml/ssr-dfd, wav2vec2.py). docs/models/wav2vec2.md has the
 * rest. */
#include "core/alloc.h"
#include "encoder/family.h"
#include "encoder/posconv.h"
#include "encoder/transformer.h"
#include "encoder/w2v_config.h"
#include "encoder/w2v_frontend.h"
#include "encoder/wave.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LN_EPS 1e-5

typedef struct w2v_weights {
    fal_w2v_conv_weights convs[FAL_W2V_MAX_CONVS];
    fal_norm_weights feature_norm;   /* [C] */
    fal_tensor project_w, project_b; /* [H,C], [H] */
    fal_posconv_weights positions;
    fal_norm_weights encoder_norm; /* [H] */
    fal_block_weights *blocks;     /* [L] */
} w2v_weights;

typedef struct wav2vec2 {
    fal_w2v_config config;
    w2v_weights weights; /* views, valid while building */
    fal_w2v_frontend *front;
    fal_norm feature_norm, encoder_norm;
    fal_linear *project; /* NULL: C equals H and there is none */
    fal_posconv *positions;
    fal_transformer *layers;
} wav2vec2;

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    return fal_find_prefix(ckpt, "feature_extractor.conv_layers.0.conv.weight", prefix) ||
           fal_find_prefix(ckpt, "feature_extractor.conv_layers.0.0.weight", prefix);
}

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
    {FAL_FIELD(fal_block_weights, ffn.fc2_w), "feed_forward.output_dense.weight|fc2.weight", "H F", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, ffn.fc2_b), "feed_forward.output_dense.bias|fc2.bias", "H", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.norm.gamma), "final_layer_norm.weight", "H", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, ffn.norm.beta), "final_layer_norm.bias", "H", FAL_INIT_ZERO},
};

static const fal_weight_row norm_rows[] = {
    {FAL_FIELD(w2v_weights, feature_norm.gamma), "feature_projection.layer_norm.weight|layer_norm.weight", "C",
     FAL_INIT_ONE},
    {FAL_FIELD(w2v_weights, feature_norm.beta), "feature_projection.layer_norm.bias|layer_norm.bias", "C",
     FAL_INIT_ZERO},
    {FAL_FIELD(w2v_weights, encoder_norm.gamma), "encoder.layer_norm.weight", "H", FAL_INIT_ONE},
    {FAL_FIELD(w2v_weights, encoder_norm.beta), "encoder.layer_norm.bias", "H", FAL_INIT_ZERO},
};

/* Heads of pre-training and fine-tuning, in both spellings. */
static const char *const ignored[] = {
    "masked_spec_embed", "mask_emb",     "quantizer.*",       "project_hid.*", "project_q.*", "project_inp.*",
    "final_proj.*",      "target_glu.*", "label_embs_concat", "lm_head.*",     NULL,
};

static void bind_all(const fal_w2v_config *config, fal_bind *bind, w2v_weights *w)
{
    fal_w2v_frontend_bind(bind, config, w->convs);
    int64_t features = config->convs[config->conv_count - 1].dim;
    fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)features));
    const fal_weight_row project_rows[] = {
        {FAL_FIELD(w2v_weights, project_w), "feature_projection.projection.weight|post_extract_proj.weight", "H C",
         uniform},
        {FAL_FIELD(w2v_weights, project_b), "feature_projection.projection.bias|post_extract_proj.bias", "H", uniform},
    };
    fal_bind_dim(bind, 'C', features);
    fal_bind_dim(bind, 'H', config->width);
    fal_bind_dim(bind, 'F', config->ffn);
    fal_bind_rows(bind, "", norm_rows, FAL_COUNT(norm_rows), w);
    if (config->projection)
        fal_bind_rows(bind, "", project_rows, FAL_COUNT(project_rows), w);
    fal_posconv_bind(bind, FAL_W2V_POSITIONS, config->width, config->taps, config->groups, &w->positions);
    for (int64_t l = 0; l < config->layers; l++) {
        char group[64];
        snprintf(group, sizeof group, "encoder.layers.%lld.", (long long)l);
        fal_bind_rows(bind, group, block_rows, FAL_COUNT(block_rows), &w->blocks[l]);
    }
}

static void free_model(void **model)
{
    wav2vec2 *m = *model;
    if (!m)
        return;
    fal_w2v_frontend_free(&m->front);
    fal_norm_free(&m->feature_norm);
    fal_norm_free(&m->encoder_norm);
    fal_linear_free(&m->project);
    fal_posconv_free(&m->positions);
    fal_transformer_free(&m->layers);
    fal_free(m->weights.blocks);
    fal_release(model);
}

static fal_status bind_model(const void *config, fal_bind *bind, void **model, fal_error *err)
{
    fal_status st = FAL_OK;
    wav2vec2 *m = NULL;
    FAL_ALLOC(m, fal_calloc(1, sizeof *m));
    m->config = *(const fal_w2v_config *)config;
    FAL_ALLOC(m->weights.blocks, fal_calloc((size_t)m->config.layers, sizeof *m->weights.blocks));
    bind_all(&m->config, bind, &m->weights);
    *model = m;
    m = NULL;
done:
    free_model((void **)&m);
    return st;
}

/* ---- building ---- */

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    wav2vec2 *m = model;
    const fal_w2v_config *config = &m->config;
    w2v_weights *w = &m->weights;
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
    FAL_TRY(fal_transformer_create(&layers, w->blocks, build, &m->layers, err));
done:
    fal_release(&w->blocks);
    return st;
}

/* ---- forward ---- */

/* Layout and length of the input: *samples. */
static fal_status check_wave(const wav2vec2 *m, const fal_tensor *audio, int64_t *samples, fal_error *err)
{
    char shape[96];
    int64_t count = fal_tensor_count(audio), least = fal_w2v_frontend_samples(m->front, 1);
    if (audio->dtype != FAL_F32 || audio->rank < 1 || count != audio->shape[audio->rank - 1])
        return fal_fail(err, FAL_ERR_ARGUMENT, "audio is %s%s, want F32[samples], 16 kHz mono",
                        fal_dtype_name(audio->dtype), fal_tensor_shape_text(shape, audio));
    if (count < least)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "audio has %lld samples, one frame needs %lld", (long long)count,
                        (long long)least);
    *samples = count;
    return FAL_OK;
}

/* wave [samples], normalised if the model wants that, to features [T, C]. */
static fal_status run_front(const wav2vec2 *m, fal_forward *pass, int64_t samples, float *features, fal_error *err)
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
static fal_status embed(const wav2vec2 *m, fal_forward *pass, float **out, int64_t *rows, fal_error *err)
{
    fal_status st = FAL_OK;
    float *x, *features;
    int64_t samples = 0, dim = m->feature_norm.dim;
    FAL_TRY(check_wave(m, pass->audio, &samples, err));
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

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const wav2vec2 *m = model;
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

/* ---- the row ---- */

static void describe(const void *in, fal_encoder_description *out)
{
    const fal_w2v_config *config = in;
    out->dim = 2 * config->width;
    out->width = config->width;
    out->layers = config->layers;
    out->heads = config->heads;
}

static fal_pooling pooling(const void *config)
{
    (void)config;
    return (fal_pooling){.kind = FAL_POOL_JOIN, .group = 2};
}

static void tiny(void *out)
{
    *(fal_w2v_config *)out =
        (fal_w2v_config){.width = 32,
                         .ffn = 40,
                         .layers = 3,
                         .heads = 4,
                         .conv_count = 7,
                         .conv_bias = true,
                         .layer_front = true,
                         .convs = {{6, 10, 5}, {7, 3, 2}, {8, 3, 2}, {9, 3, 2}, {10, 3, 2}, {11, 2, 2}, {12, 2, 2}},
                         .projection = true,
                         .taps = 8,
                         .groups = 4,
                         .pre_norm = true,
                         .norm_eps = 1e-5,
                         .normalise = true,
                         .wave_eps = 1e-7};
}

/* clang-format off */
#define CONVS {{512, 10, 5}, {512, 3, 2}, {512, 3, 2}, {512, 3, 2}, {512, 3, 2}, {512, 2, 2}, {512, 2, 2}}
#define COMMON .conv_count = 7, .convs = CONVS, .projection = true, .taps = 128, .groups = 16, .norm_eps = 1e-5, \
               .normalise = true, .wave_eps = 1e-7
#define LAYER_TYPE .conv_bias = true, .layer_front = true, .pre_norm = true, COMMON
/* clang-format on */
static const fal_w2v_config base = {.width = 768, .ffn = 3072, .layers = 12, .heads = 12, COMMON};
static const fal_w2v_config large = {.width = 1024, .ffn = 4096, .layers = 24, .heads = 16, COMMON};
static const fal_w2v_config large_layer = {.width = 1024, .ffn = 4096, .layers = 24, .heads = 16, LAYER_TYPE};
static const fal_w2v_config xls_r_1b = {.width = 1280, .ffn = 5120, .layers = 48, .heads = 16, LAYER_TYPE};
static const fal_w2v_config xls_r_2b = {.width = 1920, .ffn = 7680, .layers = 48, .heads = 16, LAYER_TYPE};

/* clang-format off */
#define ENTRY(id, size_name, width, weights_licence, config)                                                       \
    {{.name = "wav2vec2-" id, .family = "wav2vec2", .size = size_name, .streams = "audio", .dim = 2 * (width),      \
      .rate_hz = 25, .licence = weights_licence, .source = "huggingface.co/facebook/wav2vec2-" id}, config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    ENTRY("base", "base", 768, "Apache-2.0", &base),
    ENTRY("large", "large", 1024, "Apache-2.0", &large),
    ENTRY("large-lv60", "large-lv60", 1024, "Apache-2.0", &large_layer),
    ENTRY("large-xlsr-53", "large-xlsr-53", 1024, "Apache-2.0", &large_layer),
    ENTRY("xls-r-300m", "xls-r-300m", 1024, "Apache-2.0", &large_layer),
    ENTRY("xls-r-1b", "xls-r-1b", 1280, "Apache-2.0", &xls_r_1b),
    ENTRY("xls-r-2b", "xls-r-2b", 1920, "Apache-2.0", &xls_r_2b),
};

const fal_family fal_family_wav2vec2 = {
    .name = "wav2vec2",
    .streams = 1 << FAL_STREAM_AUDIO,
    .default_stream = FAL_STREAM_AUDIO,
    .audio_input = FAL_INPUT_WAVE,
    .rate_hz = 25,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(fal_w2v_config),
    .recognise = recognise,
    .configure = fal_w2v_configure,
    .tiny = tiny,
    .bind = bind_model,
    .build = build,
    .forward = forward,
    .describe = describe,
    .pooling = pooling,
    .config_json = fal_w2v_config_json,
    .free = free_model,
    .ignored = ignored,
    .draw = fal_posconv_draw_gain,
};
