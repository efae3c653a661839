/* VideoMAE (Tong et al. 2022). Originals: MCG-NJU/VideoMAE (modeling_pretrain.py, modeling_finetune.py),
 * huggingface/transformers (modeling_videomae.py).
 *
 *   16 pictures [3,n,n] ─ tubelets of 2 x P x P ─ Linear ─ + positions over the flattened index ─ L pre-norm layers
 *     ─ LN on every token (pre-trained files) ─► [8 * G*G, D], a step of two pictures after the other
 *     steps   mean of each step's tokens, 12.5 Hz
 *     clip    mean of all tokens of the window; fine-tuned files: LN_fc of it, which is what their classifier reads
 *     tokens  all of them
 *
 * A clip is cut into consecutive windows; the last one is completed by its last picture, whose steps are dropped.
 * docs/models/videomae.md has the rest. */
#include "core/alloc.h"
#include "core/str.h"
#include "encoder/vit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OFFICIAL_EPS 1e-6
#define HUB_EPS 1e-12 /* Hugging Face's default; its LN_fc has PyTorch's */
#define HUB_POOL_EPS 1e-5
enum { MAX_TOKENS = 1 << 14, MAX_SIDE = 1 << 12 }; /* of a window; released models have 1568 */

typedef enum videomae_feature { STEPS, CLIP, TOKENS } videomae_feature;
static const char *const features[] = {"steps", "clip", "tokens", NULL};

typedef struct videomae_config {
    fal_vit_config vit;
    bool hub;      /* Hugging Face's layout: q, k and v are three matrices, pixel_values have time first */
    bool qkv_bias; /* q and v have biases; k never has */
    bool learned_positions;
    bool token_norm, pool_norm; /* the file has LN, LN_fc */
    double pool_eps;
    videomae_feature feature;
} videomae_config;

typedef struct videomae_weights {
    fal_vit_weights vit;
    fal_norm_weights token_norm, pool_norm; /* [D] */
} videomae_weights;

typedef struct videomae {
    videomae_config config;
    videomae_weights weights;  /* views, valid while building */
    fal_block_weights *blocks; /* [L], likewise */
    fal_vit *vit;
    fal_norm token_norm, pool_norm;
} videomae;

extern const fal_family fal_family_videomae;

/* Official names first; Hugging Face's below "videomae.", or without it when the bare encoder was saved. */
#define HUB(name) "videomae." name "|" name
#define HUB_PATCH "embeddings.patch_embeddings.projection.weight"
#define PATCH "patch_embed.proj.weight|" HUB(HUB_PATCH)
#define BLOCK "blocks.%lld.|videomae.encoder.layer.%lld.|encoder.layer.%lld."

static bool is_clip_conv(const fal_checkpoint *ckpt, const char *prefix, const char *name)
{
    char full[FAL_PREFIX_BYTES + 64];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const fal_named_tensor *t = fal_checkpoint_find(ckpt, full);
    return t && t->tensor.rank == 5;
}

/* In Hugging Face's files LN_fc is outside "videomae.", which therefore is no prefix. */
static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    if (fal_find_prefix(ckpt, "patch_embed.proj.weight", prefix))
        return is_clip_conv(ckpt, prefix, "patch_embed.proj.weight");
    if (!fal_find_prefix(ckpt, HUB_PATCH, prefix) || !is_clip_conv(ckpt, prefix, HUB_PATCH))
        return false;
    if (fal_str_ends(prefix, "videomae."))
        prefix[strlen(prefix) - strlen("videomae.")] = '\0';
    return true;
}

/* ---- configuration ---- */

static const fal_tensor *peek_first_block(const fal_bind *bind, const char *official, const char *hub)
{
    char names[256];
    snprintf(names, sizeof names, "blocks.0.%s|videomae.encoder.layer.0.%s|encoder.layer.0.%s", official, hub, hub);
    return fal_bind_peek(bind, names);
}

static int64_t count_blocks(const fal_bind *bind)
{
    static const char *const patterns[] = {"blocks.%d.", "videomae.encoder.layer.%d.", "encoder.layer.%d."};
    int64_t count = 0;
    for (size_t i = 0; i < FAL_COUNT(patterns) && count == 0; i++)
        count = fal_bind_count(bind, patterns[i]);
    return count;
}

static fal_status from_shapes(const fal_bind *bind, videomae_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_vit_config *vit = &config->vit;
    FAL_TRY(fal_vit_read_patch(fal_bind_peek(bind, PATCH), "the tubelet convolution", vit, err));
    FAL_TRY(fal_vit_read_ffn(peek_first_block(bind, "mlp.fc1.weight", "intermediate.dense.weight"),
                             "the first layer's feed-forward (mlp.fc1 or intermediate.dense)", vit, err));
    vit->layers = count_blocks(bind);
    vit->layer_scale = fal_bind_peek(bind, "blocks.0.gamma_1") != NULL;
    config->hub = fal_bind_peek(bind, "blocks.0.attn.qkv.weight") == NULL;
    config->qkv_bias = peek_first_block(bind, "attn.q_bias", "attention.attention.q_bias") != NULL;
    config->learned_positions = fal_bind_peek(bind, "pos_embed") != NULL;
    config->token_norm = fal_bind_peek(bind, "norm.weight|" HUB("layernorm.weight")) != NULL;
    config->pool_norm = fal_bind_peek(bind, "fc_norm.weight") != NULL;
done:
    return st;
}

/* What official files do not say: heads by width, and pictures of 14 patches across (224 pixels). */
static void assume(videomae_config *config)
{
    static const int64_t heads[][2] = {{384, 6}, {768, 12}, {1024, 16}, {1280, 16}};
    fal_vit_config *vit = &config->vit;
    for (size_t i = 0; i < FAL_COUNT(heads); i++)
        if (heads[i][0] == vit->width)
            vit->heads = heads[i][1];
    vit->act = FAL_ACT_GELU;
    vit->norm_eps = config->pool_eps = OFFICIAL_EPS;
    vit->frames = 16;
    vit->picture = (fal_picture_rule){.scaling = FAL_SCALE_BILINEAR, .crop_floor = true};
    vit->picture.side = vit->picture.shorter = vit->patch <= MAX_SIDE ? 14 * vit->patch : 0;
    memcpy(vit->mean, (float[3])FAL_IMAGENET_MEAN, sizeof vit->mean);
    memcpy(vit->std, (float[3])FAL_IMAGENET_STD, sizeof vit->std);
}

/* config.json, or our own text. The library's default mean and std of 0.5 are in no published file: without a
 * preprocessor's file ImageNet's stay. */
static fal_status from_json(const fal_checkpoint *ckpt, const fal_value *json, videomae_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    static const char file[] = "config.json";
    fal_vit_config *vit = &config->vit;
    const fal_value *processor = fal_value_get(json, "preprocessor");
    const char *type = fal_value_string(fal_value_get(json, "model_type"), "videomae");
    const char *act = fal_value_string(fal_value_get(json, "hidden_act"), "gelu");
    if (!fal_str_eq(type, "videomae"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "model_type \"%s\" is not covered by family videomae", type);
    if (!fal_str_eq(act, "gelu"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "hidden_act \"%s\" is not covered, only \"gelu\"", act);
    FAL_TRY(fal_vit_same(json, file, "hidden_size", 768, vit->width, err));
    FAL_TRY(fal_vit_same(json, file, "num_hidden_layers", 12, vit->layers, err));
    FAL_TRY(fal_vit_same(json, file, "intermediate_size", 3072, vit->ffn, err));
    FAL_TRY(fal_vit_same(json, file, "patch_size", 16, vit->patch, err));
    FAL_TRY(fal_vit_same(json, file, "tubelet_size", 2, vit->depth, err));
    vit->heads = fal_value_int(fal_value_get(json, "num_attention_heads"), 12);
    vit->frames = fal_value_int(fal_value_get(json, "num_frames"), 16);
    vit->picture.side = vit->picture.shorter = fal_value_int(fal_value_get(json, "image_size"), 224);
    vit->norm_eps = fal_value_real(fal_value_get(json, "layer_norm_eps"), HUB_EPS);
    config->pool_eps = fal_value_real(fal_value_get(json, "fc_norm_eps"), HUB_POOL_EPS);
    FAL_TRY(fal_vit_read_processor(processor ? processor : fal_checkpoint_preprocessor(ckpt), vit, err));
done:
    return st;
}

static fal_status check(const videomae_config *config, fal_error *err)
{
    const fal_vit_config *vit = &config->vit;
    int64_t side = vit->picture.side, frames = vit->frames;
    if (side < vit->patch || side > MAX_SIDE || side % vit->patch)
        return fal_fail(err, FAL_ERR_FORMAT, "pictures of %lld pixels do not divide into patches of %lld",
                        (long long)side, (long long)vit->patch);
    if (frames < vit->depth || frames > MAX_TOKENS || frames % vit->depth ||
        frames / vit->depth * fal_vit_grid(vit) > MAX_TOKENS)
        return fal_fail(err, FAL_ERR_FORMAT, "windows of %lld frames do not divide into at most %d tubelets of %lld",
                        (long long)frames, MAX_TOKENS, (long long)vit->depth);
    if (!(config->pool_eps >= 0) || isinf(config->pool_eps))
        return fal_fail(err, FAL_ERR_FORMAT, "fc_norm_eps is %g, expected at least 0", config->pool_eps);
    return fal_vit_check(vit, err);
}

static fal_status configure(const fal_config_source *source, void *out, fal_error *err)
{
    fal_status st = FAL_OK;
    videomae_config *config = out;
    int feature = STEPS;
    const fal_value *json = fal_checkpoint_config(source->ckpt);
    FAL_TRY(from_shapes(source->bind, config, err));
    assume(config);
    if (json && (config->hub || fal_checkpoint_metadata(source->ckpt, "falsetto.config")))
        FAL_TRY(from_json(source->ckpt, json, config, err));
    if (source->options->heads > 0)
        config->vit.heads = source->options->heads;
    FAL_TRY(fal_family_feature(&fal_family_videomae, source->options, &feature, err));
    config->feature = (videomae_feature)feature;
    FAL_TRY(check(config, err));
done:
    return st;
}

static void config_json(const void *in, fal_jw *w)
{
    const videomae_config *config = in;
    fal_jw_put_string(w, "model_type", "videomae");
    fal_vit_write_json(&config->vit, w);
    fal_jw_put_int(w, "tubelet_size", config->vit.depth);
    fal_jw_put_int(w, "num_frames", config->vit.frames);
    fal_jw_put_bool(w, "qkv_bias", config->qkv_bias);
    fal_jw_put_bool(w, "use_mean_pooling", config->pool_norm);
    fal_jw_put_double(w, "fc_norm_eps", config->pool_eps);
}

/* ---- binding ---- */

static const fal_weight_row norm_rows[] = {
    {FAL_FIELD(fal_block_weights, attn_norm.gamma), "norm1.weight|layernorm_before.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, attn_norm.beta), "norm1.bias|layernorm_before.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.norm.gamma), "norm2.weight|layernorm_after.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, ffn.norm.beta), "norm2.bias|layernorm_after.bias", "D", FAL_INIT_ZERO},
};

static const fal_weight_row bias_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.q_b), "attn.q_bias|attention.attention.q_bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.v_b), "attn.v_bias|attention.attention.v_bias", "D", FAL_INIT_ZERO},
};

static const fal_weight_row separate_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.q_w), "attention.attention.query.weight", "D D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.k_w), "attention.attention.key.weight", "D D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.v_w), "attention.attention.value.weight", "D D", FAL_INIT_NONE},
};

static const fal_weight_row scale_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.scale), "gamma_1", "D", FAL_INIT_CONST(0.1)},
    {FAL_FIELD(fal_block_weights, ffn.scale), "gamma_2", "D", FAL_INIT_CONST(0.1)},
};

static const fal_weight_row token_norm_rows[] = {
    {FAL_FIELD(videomae_weights, token_norm.gamma), "norm.weight|" HUB("layernorm.weight"), "D", FAL_INIT_ONE},
    {FAL_FIELD(videomae_weights, token_norm.beta), "norm.bias|" HUB("layernorm.bias"), "D", FAL_INIT_ZERO},
};

static const fal_weight_row pool_norm_rows[] = {
    {FAL_FIELD(videomae_weights, pool_norm.gamma), "fc_norm.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(videomae_weights, pool_norm.beta), "fc_norm.bias", "D", FAL_INIT_ZERO},
};

/* Below "encoder." of an official pre-trained file there is nothing else; the rest are the other layouts' decoders and
 * classifiers. */
static const char *const ignored[] = {
    "decoder.*", "encoder_to_decoder.*", "mask_token", "head.*", "classifier.*", NULL,
};

static void bind_block(const videomae_config *config, fal_bind *bind, int64_t layer, fal_block_weights *block)
{
    char group[128];
    /* As the originals' constructors: Xavier for pre-training, normal (cut off far outside) for fine-tuning. */
    fal_init linear = FAL_INIT_XAVIER(1), normal = FAL_INIT_NORMAL(0.02);
    if (config->pool_norm)
        linear = normal;
    const fal_weight_row fused_rows[] = {
        {FAL_FIELD(fal_block_weights, attn.qkv_w), "attn.qkv.weight", "3D D", linear},
    };
    const fal_weight_row linear_rows[] = {
        {FAL_FIELD(fal_block_weights, attn.out_w), "attn.proj.weight|attention.output.dense.weight", "D D", linear},
        {FAL_FIELD(fal_block_weights, attn.out_b), "attn.proj.bias|attention.output.dense.bias", "D", FAL_INIT_ZERO},
        {FAL_FIELD(fal_block_weights, ffn.fc1_w), "mlp.fc1.weight|intermediate.dense.weight", "F D", linear},
        {FAL_FIELD(fal_block_weights, ffn.fc1_b), "mlp.fc1.bias|intermediate.dense.bias", "F", FAL_INIT_ZERO},
        {FAL_FIELD(fal_block_weights, ffn.fc2_w), "mlp.fc2.weight|output.dense.weight", "D F", linear},
        {FAL_FIELD(fal_block_weights, ffn.fc2_b), "mlp.fc2.bias|output.dense.bias", "D", FAL_INIT_ZERO},
    };
    snprintf(group, sizeof group, BLOCK, (long long)layer, (long long)layer, (long long)layer);
    fal_bind_rows(bind, group, norm_rows, FAL_COUNT(norm_rows), block);
    fal_bind_rows(bind, group, linear_rows, FAL_COUNT(linear_rows), block);
    if (config->hub)
        fal_bind_rows(bind, group, separate_rows, FAL_COUNT(separate_rows), block);
    else
        fal_bind_rows(bind, group, fused_rows, FAL_COUNT(fused_rows), block);
    if (config->qkv_bias)
        fal_bind_rows(bind, group, bias_rows, FAL_COUNT(bias_rows), block);
    if (config->vit.layer_scale)
        fal_bind_rows(bind, group, scale_rows, FAL_COUNT(scale_rows), block);
}

static void bind_all(const videomae_config *config, fal_bind *bind, videomae *m)
{
    static const fal_weight_row patch_rows[] = {
        {FAL_FIELD(videomae_weights, vit.patch_w), PATCH, "D 3 T P P", FAL_INIT_FAN_IN(1)},
        {FAL_FIELD(videomae_weights, vit.patch_b),
         "patch_embed.proj.bias|" HUB("embeddings.patch_embeddings.projection.bias"), "D",
         FAL_INIT_FAN_IN_OF(1, "3 T P P")},
    };
    static const fal_weight_row position_rows[] = {
        {FAL_FIELD(videomae_weights, vit.positions), "pos_embed", "1 N D", FAL_INIT_NORMAL(0.02)},
    };
    const fal_vit_config *vit = &config->vit;
    fal_bind_dim(bind, 'D', vit->width);
    fal_bind_dim(bind, 'F', vit->ffn);
    fal_bind_dim(bind, 'T', vit->depth);
    fal_bind_dim(bind, 'P', vit->patch);
    fal_bind_dim(bind, 'N', vit->frames / vit->depth * fal_vit_grid(vit));
    fal_bind_rows(bind, "", patch_rows, FAL_COUNT(patch_rows), &m->weights);
    if (config->learned_positions)
        fal_bind_rows(bind, "", position_rows, FAL_COUNT(position_rows), &m->weights);
    if (config->token_norm)
        fal_bind_rows(bind, "", token_norm_rows, FAL_COUNT(token_norm_rows), &m->weights);
    if (config->pool_norm)
        fal_bind_rows(bind, "", pool_norm_rows, FAL_COUNT(pool_norm_rows), &m->weights);
    for (int64_t l = 0; l < vit->layers; l++)
        bind_block(config, bind, l, &m->blocks[l]);
}

static void clear(void *model)
{
    videomae *m = model;
    fal_vit_free(&m->vit);
    fal_norm_free(&m->token_norm);
    fal_norm_free(&m->pool_norm);
    fal_free(m->blocks);
}

static fal_status bind_model(void *model, fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    videomae *m = model;
    FAL_ALLOC(m->blocks, fal_calloc((size_t)m->config.vit.layers, sizeof *m->blocks));
    bind_all(&m->config, bind, m);
done:
    return st;
}

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    videomae *m = model;
    FAL_TRY(fal_vit_create(&m->config.vit, &m->weights.vit, m->blocks, build, &m->vit, err));
    if (m->config.token_norm)
        FAL_TRY(fal_norm_create(&m->weights.token_norm, m->config.vit.norm_eps, &m->token_norm, err));
    if (m->config.pool_norm)
        FAL_TRY(fal_norm_create(&m->weights.pool_norm, m->config.pool_eps, &m->pool_norm, err));
done:
    fal_release(&m->blocks);
    return st;
}

/* ---- forward ---- */

/* The batch's windows to rows of `out`, the first of the clip's features. */
static void read_batch(const videomae *m, fal_forward *pass, const fal_vit_batch *batch, float *out)
{
    fal_run *run = pass->run;
    int64_t width = m->config.vit.width, first_step = batch->first * batch->window_steps;
    int64_t all = batch->count * batch->tokens, left = (batch->steps - first_step) * batch->step_rows;
    int64_t rows = left < all ? left : all; /* without the steps that only complete the last window */
    if (m->config.token_norm)
        fal_norm_run(&m->token_norm, run, batch->x, all, batch->x);
    switch (m->config.feature) {
    case STEPS: fal_mean_rows(run, batch->x, rows, width, batch->step_rows, out + first_step * width); break;
    case TOKENS:
        memcpy(out + first_step * batch->step_rows * width, batch->x, (size_t)(rows * width) * sizeof *out);
        break;
    case CLIP:
        out += batch->first * width;
        fal_mean_rows(run, batch->x, all, width, batch->tokens, out);
        fal_forward_stage(pass, "clip_mean", out, batch->count, width, 0);
        if (m->config.pool_norm)
            fal_norm_run(&m->pool_norm, run, out, batch->count, out);
        break;
    }
}

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const videomae *m = model;
    fal_vit_batch batch;
    float *out = NULL; /* [rows, D] */
    fal_picture_order order = m->config.hub ? FAL_PICTURES_CLIP : FAL_PICTURES_CHANNELS;
    FAL_TRY(fal_vit_start(m->vit, pass, order, &batch, err));
    pass->rows = m->config.feature == STEPS  ? batch.steps
                 : m->config.feature == CLIP ? batch.windows
                                             : batch.steps * batch.step_rows;
    if (pass->features)
        FAL_FLOATS(out, pass->run, pass->rows * m->config.vit.width);
    while (batch.first + batch.count < batch.windows) {
        FAL_TRY(fal_vit_next(m->vit, pass, &batch, err));
        if (pass->features)
            read_batch(m, pass, &batch, out);
    }
    pass->out = out;
done:
    return st;
}

/* ---- the row ---- */

static void describe(const void *in, fal_encoder_description *out)
{
    const videomae_config *config = in;
    double steps_hz = FAL_FRAME_RATE_HZ / (double)config->vit.depth;
    fal_vit_describe(&config->vit, out);
    if (!config->hub)
        out->exact_scaling = FAL_SCALE_OPENCV_BILINEAR; /* kinetics.py: cv2.resize of each frame */
    out->feature = features[config->feature];
    out->dim = config->vit.width;
    out->rate_hz = config->feature == STEPS  ? steps_hz
                   : config->feature == CLIP ? FAL_FRAME_RATE_HZ / (double)config->vit.frames
                                             : steps_hz * (double)fal_vit_grid(&config->vit);
}

static fal_pooling pooling(const void *in)
{
    const videomae_config *config = in;
    int64_t grid = fal_vit_grid(&config->vit);
    switch (config->feature) {
    case STEPS: return (fal_pooling){.kind = FAL_POOL_MEAN, .group = grid};
    case CLIP: return (fal_pooling){.kind = FAL_POOL_MEAN, .group = config->vit.frames / config->vit.depth * grid};
    default: return (fal_pooling){.kind = FAL_POOL_NONE};
    }
}

/* clang-format off */
#define CONFIG(D, L, h, F, P, n, eps, tokens_normed)                                                               \
    {.vit = {.width = D, .ffn = F, .layers = L, .heads = h, .patch = P, .depth = 2, .frames = 16,                  \
             .norm_eps = eps, .act = FAL_ACT_GELU, .mean = FAL_IMAGENET_MEAN, .std = FAL_IMAGENET_STD,             \
             .picture = {.side = n, .shorter = n, .scaling = FAL_SCALE_BILINEAR, .crop_floor = true}},             \
     .qkv_bias = true, .token_norm = tokens_normed, .pool_norm = !tokens_normed,                                   \
     .pool_eps = eps == HUB_EPS ? HUB_POOL_EPS : OFFICIAL_EPS}
#define SMALL(heads, eps, tokens_normed) CONFIG(384, 12, heads, 1536, 16, 224, eps, tokens_normed)
#define BASE(eps, tokens_normed) CONFIG(768, 12, 12, 3072, 16, 224, eps, tokens_normed)
#define LARGE(eps, tokens_normed) CONFIG(1024, 24, 16, 4096, 16, 224, eps, tokens_normed)
#define HUGE_MODEL(eps, tokens_normed) CONFIG(1280, 32, 16, 5120, 16, 224, eps, tokens_normed)
/* clang-format on */

static void tiny(void *out)
{
    videomae_config config = CONFIG(28, 3, 4, 40, 6, 18, OFFICIAL_EPS, true);
    config.vit.layer_scale = true;
    *(videomae_config *)out = config;
}

static const videomae_config vit_s = SMALL(6, OFFICIAL_EPS, true), vit_s_tuned = SMALL(6, OFFICIAL_EPS, false);
static const videomae_config vit_b = BASE(OFFICIAL_EPS, true), vit_b_tuned = BASE(OFFICIAL_EPS, false);
static const videomae_config vit_l = LARGE(OFFICIAL_EPS, true), vit_l_tuned = LARGE(OFFICIAL_EPS, false);
static const videomae_config vit_h = HUGE_MODEL(OFFICIAL_EPS, true), vit_h_tuned = HUGE_MODEL(OFFICIAL_EPS, false);
static const videomae_config base = BASE(HUB_EPS, true), base_tuned = BASE(HUB_EPS, false);
static const videomae_config large = LARGE(HUB_EPS, true), large_tuned = LARGE(HUB_EPS, false);
/* Hugging Face's conversion gives the small model 16 heads. */
static const videomae_config small_tuned = SMALL(16, HUB_EPS, false), huge_tuned = HUGE_MODEL(HUB_EPS, false);

/* clang-format off */
#define MODEL(id, channels, from)                                                                                  \
    .name = "videomae-" id, .family = "videomae", .size = id, .streams = "video", .dim = channels,                 \
    .rate_hz = FAL_FRAME_RATE_HZ / 2, .licence = "CC BY-NC 4.0", .non_commercial = true, .source = from
#define FILE_AT(repo, file) {.name = file, .urls = {"https://huggingface.co/" repo "/resolve/main/" file}}
#define ON_HUB(id, channels, config)                                                                               \
    {{MODEL(id, channels, "huggingface.co/MCG-NJU/videomae-" id),                                                  \
      .files = {FILE_AT("MCG-NJU/videomae-" id, "pytorch_model.bin"),                                              \
                FILE_AT("MCG-NJU/videomae-" id, "config.json"),                                                    \
                FILE_AT("MCG-NJU/videomae-" id, "preprocessor_config.json")}}, config, false}
#define ON_DRIVE(id, channels, config, drive)                                                                      \
    {{MODEL(id, channels, "github.com/MCG-NJU/VideoMAE"),                                                          \
      .page = "https://drive.google.com/file/d/" drive "/view", .files = {{.name = "checkpoint.pth"}}}, config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    ON_HUB("large", 1024, &large),
    ON_HUB("base", 768, &base),
    ON_HUB("small-finetuned-kinetics", 384, &small_tuned),
    ON_HUB("base-finetuned-kinetics", 768, &base_tuned),
    ON_HUB("large-finetuned-kinetics", 1024, &large_tuned),
    ON_HUB("huge-finetuned-kinetics", 1280, &huge_tuned),
    ON_DRIVE("vit-s", 384, &vit_s, "1nU-H1u3eJ-VuyCveU7v-WIOcAVxs5Hww"),
    ON_DRIVE("vit-b", 768, &vit_b, "1tEhLyskjb755TJ65ptsrafUG2llSwQE1"),
    ON_DRIVE("vit-l", 1024, &vit_l, "1qLOXWb_MGEvaI7tvuAe94CV7S2HXRwT3"),
    ON_DRIVE("vit-h", 1280, &vit_h, "1AJQR1Rsi2N1pDn9tLyJ8DQrUREiBA1bO"),
    ON_DRIVE("vit-s-kinetics", 384, &vit_s_tuned, "1ygjLRm1kvs9mwGsP3lLxUExhRo6TWnrx"),
    ON_DRIVE("vit-b-kinetics", 768, &vit_b_tuned, "1MzwteHH-1yuMnFb8vRBQDvngV1Zl-d3z"),
    ON_DRIVE("vit-l-kinetics", 1024, &vit_l_tuned, "1jX1CiqxSkCfc94y8FRW1YGHy-GNvHCuD"),
    ON_DRIVE("vit-h-kinetics", 1280, &vit_h_tuned, "104ouJZxSVPSAm0LwJXd6IzjdA_RGLqZi"),
};

const fal_family fal_family_videomae = {
    .name = "videomae",
    .streams = 1 << FAL_STREAM_VIDEO,
    .default_stream = FAL_STREAM_VIDEO,
    .video_input = FAL_INPUT_FRAME,
    .rate_hz = FAL_FRAME_RATE_HZ / 2,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(videomae_config),
    .model_size = sizeof(videomae),
    .recognise = recognise,
    .configure = configure,
    .features = features,
    .tiny = tiny,
    .bind = bind_model,
    .build = build,
    .forward = forward,
    .describe = describe,
    .pooling = pooling,
    .config_json = config_json,
    .clear = clear,
    .ignored = ignored,
};
