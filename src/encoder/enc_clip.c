/* The image tower of CLIP (Radford et al. 2021). Originals: openai/CLIP (model.py), mlfoundations/open_clip,
 * huggingface/transformers (modeling_clip.py). The text tower in the same files is left alone.
 *
 *   picture [3,n,n] ─ P x P patches ─ Linear, no bias ─ [class; G*G patches] + positions ─ LN_pre
 *     ─ L pre-norm layers ─► [G*G + 1, D]         tokens: rows 1.. of it
 *     ─ class token ─ LN_post ─► [D]              pooled
 *     ─ W_proj ─► [E]                             projected
 *
 * docs/models/clip.md has the rest. */
#include "core/alloc.h"
#include "core/str.h"
#include "encoder/vit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LN_EPS 1e-5
#define OPENAI_MEAN                          \
    {                                        \
        0.48145466f, 0.4578275f, 0.40821073f \
    }
#define OPENAI_STD                            \
    {                                         \
        0.26862954f, 0.26130258f, 0.27577711f \
    }

typedef enum clip_feature { PROJECTED, POOLED, TOKENS } clip_feature;
static const char *const features[] = {"projected", "pooled", "tokens", NULL};

typedef struct clip_config {
    fal_vit_config vit;
    int64_t embed; /* E; 0: a vision model saved without its projection */
    bool separate; /* q, k and v are three matrices (Hugging Face) */
    clip_feature feature;
} clip_config;

typedef struct clip_weights {
    fal_vit_weights vit;
    fal_norm_weights post_norm;
    fal_tensor proj, proj_rows; /* [D,E], or as a Linear has it, [E,D] */
} clip_weights;

typedef struct clip {
    clip_config config;
    clip_weights weights;      /* views, valid while building */
    fal_block_weights *blocks; /* [L], likewise */
    fal_vit *vit;
    fal_norm post_norm;
    fal_linear *proj;
} clip;

extern const fal_family fal_family_clip;

#define CLASS_TOKEN "visual.class_embedding|vision_model.embeddings.class_embedding"
#define PATCH "visual.conv1.weight|vision_model.embeddings.patch_embedding.weight"
#define POSITIONS "visual.positional_embedding|vision_model.embeddings.position_embedding.weight"
#define BLOCK "visual.transformer.resblocks.%lld.|vision_model.encoder.layers.%lld."
#define RESNET "visual.attnpool.positional_embedding"

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    return fal_find_prefix(ckpt, "visual.class_embedding", prefix) ||
           fal_find_prefix(ckpt, "vision_model.embeddings.class_embedding", prefix) ||
           fal_find_prefix(ckpt, RESNET, prefix);
}

/* ---- configuration ---- */

static fal_status from_shapes(const fal_bind *bind, clip_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_vit_config *vit = &config->vit;
    if (fal_bind_peek(bind, RESNET))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "this is a CLIP model with a ResNet image tower (visual.attnpool); only vision "
                                      "transformers (ViT-*) are covered");
    FAL_TRY(fal_vit_read_patch(fal_bind_peek(bind, PATCH), "the patch convolution", vit, err));
    FAL_TRY(fal_vit_read_positions(fal_bind_peek(bind, POSITIONS), "the table of positions", vit, err));
    FAL_TRY(fal_vit_read_ffn(fal_bind_peek(bind, "visual.transformer.resblocks.0.mlp.c_fc.weight|"
                                                 "vision_model.encoder.layers.0.mlp.fc1.weight"),
                             "the first layer's feed-forward (mlp.c_fc or mlp.fc1)", vit, err));
    vit->frames = 1;
    vit->layers = fal_bind_count(bind, "visual.transformer.resblocks.%d.");
    if (!vit->layers)
        vit->layers = fal_bind_count(bind, "vision_model.encoder.layers.%d.");
    vit->layer_scale = fal_bind_peek(bind, "visual.transformer.resblocks.0.ls_1.gamma") != NULL;
    config->separate = fal_bind_peek(bind, "visual.transformer.resblocks.0.attn.in_proj_weight") == NULL;
    const fal_tensor *columns = fal_bind_peek(bind, "visual.proj");
    const fal_tensor *rows = fal_bind_peek(bind, "visual_projection.weight");
    config->embed = columns && columns->rank == 2 ? columns->shape[1] : rows && rows->rank == 2 ? rows->shape[0] : 0;
done:
    return st;
}

/* What no tensor tells, for files without a configuration: OpenAI's rule of 64 channels per head and its activation;
 * widths that only open_clip released, and files of its training ("module."), are open_clip's. */
static void assume(const fal_checkpoint *ckpt, clip_config *config)
{
    fal_vit_config *vit = &config->vit;
    bool open_clip_width = vit->width == 1280 || vit->width == 1408 || vit->width == 1664;
    bool trained_by_open_clip = fal_checkpoint_find(ckpt, "module.visual.class_embedding") != NULL;
    vit->heads = open_clip_width ? 16 : vit->width / 64;
    vit->act = open_clip_width || trained_by_open_clip ? FAL_ACT_GELU : FAL_ACT_QUICK_GELU;
    vit->norm_eps = LN_EPS;
    memcpy(vit->mean, (float[3])OPENAI_MEAN, sizeof vit->mean);
    memcpy(vit->std, (float[3])OPENAI_STD, sizeof vit->std);
    vit->picture.shorter = vit->picture.side;
    vit->picture.scaling = FAL_SCALE_BICUBIC;
}

/* config.json of the whole model, of its image tower alone, or our own text. */
static fal_status from_hugging_face(const fal_checkpoint *ckpt, const fal_value *json, clip_config *config,
                                    fal_error *err)
{
    fal_status st = FAL_OK;
    static const char file[] = "config.json";
    fal_vit_config *vit = &config->vit;
    const fal_value *vision = fal_value_get(json, "vision_config"), *processor = fal_value_get(json, "preprocessor");
    const char *type = fal_value_string(fal_value_get(json, "model_type"), "clip");
    if (!fal_str_eq(type, "clip") && !fal_str_eq(type, "clip_vision_model"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "model_type \"%s\" is not covered by family clip", type);
    if (fal_value_type(vision) != FAL_VALUE_DICT)
        vision = json;
    const char *act = fal_value_string(fal_value_get(vision, "hidden_act"), "quick_gelu");
    if (!fal_str_eq(act, "quick_gelu") && !fal_str_eq(act, "gelu"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "hidden_act \"%s\" is not covered, only \"quick_gelu\" and \"gelu\"", act);
    FAL_TRY(fal_vit_same(vision, file, "hidden_size", 768, vit->width, err));
    FAL_TRY(fal_vit_same(vision, file, "num_hidden_layers", 12, vit->layers, err));
    FAL_TRY(fal_vit_same(vision, file, "intermediate_size", 3072, vit->ffn, err));
    FAL_TRY(fal_vit_same(vision, file, "patch_size", 32, vit->patch, err));
    FAL_TRY(fal_vit_same(vision, file, "image_size", 224, vit->picture.side, err));
    vit->act = fal_str_eq(act, "gelu") ? FAL_ACT_GELU : FAL_ACT_QUICK_GELU;
    vit->heads = fal_value_int(fal_value_get(vision, "num_attention_heads"), 12);
    vit->norm_eps = fal_value_real(fal_value_get(vision, "layer_norm_eps"), LN_EPS);
    FAL_TRY(fal_vit_read_processor(processor ? processor : fal_checkpoint_preprocessor(ckpt), vit, err));
done:
    return st;
}

/* Variants of open_clip's vision tower that are not this network. */
static fal_status refuse_uncovered(const fal_value *vision, fal_error *err)
{
    static const char *const switches[] = {"attentional_pool", "global_average_pool", "no_ln_pre", "input_patchnorm"};
    const char *pool = fal_value_string(fal_value_get(vision, "pool_type"), "tok");
    for (size_t i = 0; i < FAL_COUNT(switches); i++)
        if (fal_value_bool(fal_value_get(vision, switches[i]), false))
            return fal_fail(err, FAL_ERR_UNSUPPORTED, "open_clip_config.json sets %s, which is not covered",
                            switches[i]);
    if (!fal_str_eq(pool, "tok"))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "pool_type \"%s\" is not covered, only \"tok\"", pool);
    return FAL_OK;
}

static fal_status pictures_of_open_clip(const fal_value *json, fal_vit_config *vit, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *filter = fal_value_string(fal_value_get(json, "interpolation"), "bicubic");
    const char *resize = fal_value_string(fal_value_get(json, "resize_mode"), "shortest");
    if (!fal_str_eq(filter, "bicubic") && !fal_str_eq(filter, "bilinear"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "interpolation \"%s\" is not covered, only bicubic and bilinear", filter);
    if (!fal_str_eq(resize, "shortest") && !fal_str_eq(resize, "squash"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "resize_mode \"%s\" is not covered, only shortest and squash", resize);
    vit->picture.scaling = fal_str_eq(filter, "bicubic") ? FAL_SCALE_BICUBIC : FAL_SCALE_BILINEAR;
    vit->picture.shorter = fal_str_eq(resize, "shortest") ? vit->picture.side : 0;
    FAL_TRY(fal_vit_read_channels(fal_value_get(json, "mean"), "preprocess_cfg.mean", false, vit->mean, err));
    FAL_TRY(fal_vit_read_channels(fal_value_get(json, "std"), "preprocess_cfg.std", true, vit->std, err));
done:
    return st;
}

static fal_status from_open_clip(const fal_value *json, clip_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    static const char file[] = "open_clip_config.json";
    fal_vit_config *vit = &config->vit;
    const fal_value *model = fal_value_get(json, "model_cfg"), *vision = fal_value_get(model, "vision_cfg");
    if (fal_value_type(vision) != FAL_VALUE_DICT)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no model_cfg.vision_cfg", file);
    FAL_TRY(refuse_uncovered(vision, err));
    FAL_TRY(fal_vit_same(model, file, "embed_dim", config->embed, config->embed, err));
    FAL_TRY(fal_vit_same(vision, file, "width", 768, vit->width, err));
    FAL_TRY(fal_vit_same(vision, file, "layers", 12, vit->layers, err));
    FAL_TRY(fal_vit_same(vision, file, "patch_size", 16, vit->patch, err));
    FAL_TRY(fal_vit_same(vision, file, "image_size", 224, vit->picture.side, err));
    int64_t head_width = fal_value_int(fal_value_get(vision, "head_width"), 64);
    vit->heads = head_width > 0 && vit->width % head_width == 0 ? vit->width / head_width : 0;
    if (vit->heads < 1)
        FAL_FAIL(FAL_ERR_FORMAT, "%s says head_width %lld, which does not divide the %lld channels", file,
                 (long long)head_width, (long long)vit->width);
    vit->act = fal_value_bool(fal_value_get(model, "quick_gelu"), false) ? FAL_ACT_QUICK_GELU : FAL_ACT_GELU;
    FAL_TRY(pictures_of_open_clip(fal_value_get(json, "preprocess_cfg"), vit, err));
done:
    return st;
}

static fal_status choose_feature(const fal_encoder_options *options, clip_config *config, fal_error *err)
{
    int chosen = PROJECTED;
    fal_status st = fal_family_feature(&fal_family_clip, options, &chosen, err);
    config->feature = (clip_feature)chosen;
    if (st != FAL_OK || config->embed || config->feature != PROJECTED)
        return st;
    if (options->feature)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "this file has no projection (visual.proj, visual_projection.weight); ask "
                        "for the feature \"pooled\" or \"tokens\"");
    config->feature = POOLED;
    return FAL_OK;
}

static fal_status configure(const fal_config_source *source, void *out, fal_error *err)
{
    fal_status st = FAL_OK;
    clip_config *config = out;
    const fal_checkpoint *ckpt = source->ckpt;
    const fal_value *json = fal_checkpoint_config(ckpt), *open_clip = fal_checkpoint_open_clip_config(ckpt);
    bool imported = fal_checkpoint_metadata(ckpt, "falsetto.config") != NULL;
    FAL_TRY(from_shapes(source->bind, config, err));
    assume(ckpt, config);
    bool hugging_face = fal_bind_peek(source->bind, "vision_model.embeddings.class_embedding") != NULL;
    if (json && (imported || hugging_face)) /* a folder may hold the configurations of both layouts */
        FAL_TRY(from_hugging_face(ckpt, json, config, err));
    else if (open_clip && !hugging_face)
        FAL_TRY(from_open_clip(open_clip, config, err));
    if (source->options->heads > 0)
        config->vit.heads = source->options->heads;
    FAL_TRY(choose_feature(source->options, config, err));
    FAL_TRY(fal_vit_check(&config->vit, err));
done:
    return st;
}

static void config_json(const void *in, fal_jw *w)
{
    const clip_config *config = in;
    fal_jw_put_string(w, "model_type", "clip_vision_model");
    fal_vit_write_json(&config->vit, w);
    fal_jw_put_int(w, "projection_dim", config->embed);
}

/* ---- binding: OpenAI's names first, Hugging Face's second ---- */

/* Initial values as the original's constructor leaves them: PyTorch's own for Linear, Conv2d and MultiheadAttention. */
static const fal_weight_row block_rows[] = {
    {FAL_FIELD(fal_block_weights, attn_norm.gamma), "ln_1.weight|layer_norm1.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, attn_norm.beta), "ln_1.bias|layer_norm1.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.out_w), "attn.out_proj.weight|self_attn.out_proj.weight", "D D",
     FAL_INIT_FAN_IN(1)},
    {FAL_FIELD(fal_block_weights, attn.out_b), "attn.out_proj.bias|self_attn.out_proj.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.norm.gamma), "ln_2.weight|layer_norm2.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, ffn.norm.beta), "ln_2.bias|layer_norm2.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc1_w), "mlp.c_fc.weight|mlp.fc1.weight", "F D", FAL_INIT_FAN_IN(1)},
    {FAL_FIELD(fal_block_weights, ffn.fc1_b), "mlp.c_fc.bias|mlp.fc1.bias", "F", FAL_INIT_FAN_IN_OF(1, "D")},
    {FAL_FIELD(fal_block_weights, ffn.fc2_w), "mlp.c_proj.weight|mlp.fc2.weight", "D F", FAL_INIT_FAN_IN(1)},
    {FAL_FIELD(fal_block_weights, ffn.fc2_b), "mlp.c_proj.bias|mlp.fc2.bias", "D", FAL_INIT_FAN_IN_OF(1, "F")},
};

static const fal_weight_row fused_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.qkv_w), "attn.in_proj_weight", "3D D", FAL_INIT_XAVIER(1)},
    {FAL_FIELD(fal_block_weights, attn.qkv_b), "attn.in_proj_bias", "3D", FAL_INIT_ZERO},
};

static const fal_weight_row separate_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.q_w), "self_attn.q_proj.weight", "D D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.q_b), "self_attn.q_proj.bias", "D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.k_w), "self_attn.k_proj.weight", "D D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.k_b), "self_attn.k_proj.bias", "D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.v_w), "self_attn.v_proj.weight", "D D", FAL_INIT_NONE},
    {FAL_FIELD(fal_block_weights, attn.v_b), "self_attn.v_proj.bias", "D", FAL_INIT_NONE},
};

static const fal_weight_row scale_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.scale), "ls_1.gamma", "D", FAL_INIT_CONST(0.1)},
    {FAL_FIELD(fal_block_weights, ffn.scale), "ls_2.gamma", "D", FAL_INIT_CONST(0.1)},
};

static const fal_weight_row norm_rows[] = {
    {FAL_FIELD(clip_weights, vit.pre_norm.gamma), "visual.ln_pre.weight|vision_model.pre_layrnorm.weight", "D",
     FAL_INIT_ONE},
    {FAL_FIELD(clip_weights, vit.pre_norm.beta), "visual.ln_pre.bias|vision_model.pre_layrnorm.bias", "D",
     FAL_INIT_ZERO},
    {FAL_FIELD(clip_weights, post_norm.gamma), "visual.ln_post.weight|vision_model.post_layernorm.weight", "D",
     FAL_INIT_ONE},
    {FAL_FIELD(clip_weights, post_norm.beta), "visual.ln_post.bias|vision_model.post_layernorm.bias", "D",
     FAL_INIT_ZERO},
};

/* The text tower, in all spellings, and what the archives keep beside the weights. */
static const char *const ignored[] = {
    "transformer.*",        "text.*",     "text_model.*",    "token_embedding.weight",
    "positional_embedding", "ln_final.*", "text_projection", "text_projection.*",
    "logit_scale",          "logit_bias", "attn_mask",       "context_length",
    "input_resolution",     "vocab_size", "*.position_ids",  NULL,
};

static void bind_block(const clip_config *config, fal_bind *bind, int64_t layer, fal_block_weights *block)
{
    char group[128];
    snprintf(group, sizeof group, BLOCK, (long long)layer, (long long)layer);
    fal_bind_rows(bind, group, block_rows, FAL_COUNT(block_rows), block);
    if (config->separate)
        fal_bind_rows(bind, group, separate_rows, FAL_COUNT(separate_rows), block);
    else
        fal_bind_rows(bind, group, fused_rows, FAL_COUNT(fused_rows), block);
    if (config->vit.layer_scale)
        fal_bind_rows(bind, group, scale_rows, FAL_COUNT(scale_rows), block);
}

static void bind_all(const clip_config *config, fal_bind *bind, clip *m)
{
    const fal_vit_config *vit = &config->vit;
    fal_init normal = FAL_INIT_NORMAL(1 / sqrt((double)vit->width));
    const fal_weight_row rows[] = {
        {FAL_FIELD(clip_weights, vit.patch_w), PATCH, "D 3 P P", FAL_INIT_FAN_IN(1)},
        {FAL_FIELD(clip_weights, vit.class_token), CLASS_TOKEN, "D", normal},
        {FAL_FIELD(clip_weights, vit.positions), POSITIONS, "N D", normal},
    };
    const fal_weight_row proj_rows[] = {
        {FAL_FIELD(clip_weights, proj), "?visual.proj", "D E", normal},
        {FAL_FIELD(clip_weights, proj_rows), "?visual_projection.weight", "E D", FAL_INIT_NONE},
    };
    fal_bind_dim(bind, 'D', vit->width);
    fal_bind_dim(bind, 'F', vit->ffn);
    fal_bind_dim(bind, 'P', vit->patch);
    fal_bind_dim(bind, 'N', fal_vit_grid(vit) + 1);
    fal_bind_dim(bind, 'E', config->embed);
    fal_bind_rows(bind, "", rows, FAL_COUNT(rows), &m->weights);
    fal_bind_rows(bind, "", norm_rows, FAL_COUNT(norm_rows), &m->weights);
    if (config->embed)
        fal_bind_rows(bind, "", proj_rows, FAL_COUNT(proj_rows), &m->weights);
    for (int64_t l = 0; l < vit->layers; l++)
        bind_block(config, bind, l, &m->blocks[l]);
}

static void clear(void *model)
{
    clip *m = model;
    fal_vit_free(&m->vit);
    fal_norm_free(&m->post_norm);
    fal_linear_free(&m->proj);
    fal_free(m->blocks);
}

static fal_status bind_model(void *model, fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    clip *m = model;
    FAL_ALLOC(m->blocks, fal_calloc((size_t)m->config.vit.layers, sizeof *m->blocks));
    bind_all(&m->config, bind, m);
done:
    return st;
}

/* ---- building ---- */

/* [D,E] as a Linear has it. */
static fal_tensor transposed(const fal_tensor *t)
{
    fal_tensor out = *t;
    for (int axis = 0; axis < 2; axis++) {
        out.shape[axis] = t->shape[1 - axis];
        out.stride[axis] = t->stride[1 - axis];
    }
    return out;
}

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    clip *m = model;
    clip_weights *w = &m->weights;
    FAL_TRY(fal_vit_create(&m->config.vit, &w->vit, m->blocks, build, &m->vit, err));
    FAL_TRY(fal_norm_create(&w->post_norm, m->config.vit.norm_eps, &m->post_norm, err));
    if (w->proj.data)
        w->proj_rows = transposed(&w->proj);
    if (w->proj_rows.data)
        FAL_TRY(fal_linear_create(&w->proj_rows, NULL, build->precision, &m->proj, err));
done:
    fal_release(&m->blocks);
    return st;
}

/* ---- forward ---- */

/* The class tokens of a batch to its features. */
static fal_status read_class(const clip *m, fal_forward *pass, const fal_vit_batch *batch, float *out, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = m->config.vit.width;
    float *pooled = out; /* [count, D] */
    if (m->config.feature == PROJECTED)
        FAL_FLOATS(pooled, pass->run, batch->count * width);
    fal_vit_class_rows(m->vit, batch, pooled);
    fal_norm_run(&m->post_norm, pass->run, pooled, batch->count, pooled);
    fal_forward_stage(pass, "ln_post", pooled, batch->count, width, 0);
    if (m->config.feature == PROJECTED)
        FAL_TRY(fal_apply_linear(m->proj, pass->run, pooled, batch->count, FAL_ACT_NONE, out, err));
done:
    return st;
}

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const clip *m = model;
    fal_vit_batch batch;
    float *out = NULL; /* [pictures * rows, dim] */
    FAL_TRY(fal_vit_start(m->vit, pass, FAL_PICTURES_FRAMES, &batch, err));
    bool patches = m->config.feature == TOKENS;
    int64_t rows = patches ? batch.tokens - 1 : 1; /* of a picture */
    int64_t dim = m->config.feature == PROJECTED ? m->config.embed : m->config.vit.width;
    if (pass->features)
        FAL_FLOATS(out, pass->run, batch.windows * rows * dim);
    while (batch.first + batch.count < batch.windows) {
        FAL_TRY(fal_vit_next(m->vit, pass, &batch, err));
        if (pass->features && patches)
            fal_vit_patch_rows(m->vit, &batch, out + batch.first * rows * dim);
        else if (pass->features)
            FAL_TRY(read_class(m, pass, &batch, out + batch.first * dim, err));
    }
    pass->out = out;
    pass->rows = batch.windows * rows;
done:
    return st;
}

/* ---- the row ---- */

static void describe(const void *in, fal_encoder_description *out)
{
    const clip_config *config = in;
    fal_vit_describe(&config->vit, out);
    out->feature = features[config->feature];
    out->dim = config->feature == PROJECTED ? config->embed : config->vit.width;
    out->rate_hz = FAL_FRAME_RATE_HZ * (double)(config->feature == TOKENS ? fal_vit_grid(&config->vit) : 1);
}

static fal_pooling pooling(const void *in)
{
    const clip_config *config = in;
    if (config->feature == TOKENS)
        return (fal_pooling){.kind = FAL_POOL_NONE};
    return (fal_pooling){.kind = FAL_POOL_FIRST, .group = fal_vit_grid(&config->vit) + 1};
}

/* clang-format off */
#define CONFIG(D, L, h, F, P, n, E, activation, floor_rule)                                                        \
    {.vit = {.width = D, .ffn = F, .layers = L, .heads = h, .patch = P, .depth = 1, .frames = 1,                   \
             .norm_eps = LN_EPS, .act = activation, .mean = OPENAI_MEAN, .std = OPENAI_STD,                        \
             .picture = {.side = n, .shorter = n, .scaling = FAL_SCALE_BICUBIC, .crop_floor = floor_rule}},        \
     .embed = E}
/* clang-format on */

static void tiny(void *out)
{
    clip_config config = CONFIG(28, 3, 4, 40, 6, 18, 22, FAL_ACT_QUICK_GELU, false);
    config.vit.layer_scale = true;
    *(clip_config *)out = config;
}

#define B_32(floor_rule) CONFIG(768, 12, 12, 3072, 32, 224, 512, FAL_ACT_QUICK_GELU, floor_rule)
#define B_16(floor_rule) CONFIG(768, 12, 12, 3072, 16, 224, 512, FAL_ACT_QUICK_GELU, floor_rule)
#define L_14(floor_rule) CONFIG(1024, 24, 16, 4096, 14, 224, 768, FAL_ACT_QUICK_GELU, floor_rule)
#define L_14_336(floor_rule) CONFIG(1024, 24, 16, 4096, 14, 336, 768, FAL_ACT_QUICK_GELU, floor_rule)
static const clip_config b_32 = B_32(false), b_32_hf = B_32(true), b_16 = B_16(false), b_16_hf = B_16(true);
static const clip_config l_14 = L_14(false), l_14_hf = L_14(true);
static const clip_config l_14_336 = L_14_336(false), l_14_336_hf = L_14_336(true);
static const clip_config h_14 = CONFIG(1280, 32, 16, 5120, 14, 224, 1024, FAL_ACT_GELU, false);
static const clip_config g_14 = CONFIG(1664, 48, 16, 8192, 14, 224, 1280, FAL_ACT_GELU, false);

/* clang-format off */
#define MODEL(id, size_name, channels, from)                                                                       \
    .name = "clip-" id, .family = "clip", .size = size_name, .streams = "video", .dim = channels,                  \
    .rate_hz = FAL_FRAME_RATE_HZ, .licence = "MIT", .source = from
/* The folder of a file at OpenAI is the file's SHA-256. */
#define OPENAI(id, channels, config, file, sha)                                                                    \
    {{MODEL(id, id, channels, "github.com/openai/CLIP"),                                                           \
      .files = {{.name = file, .sha256 = sha,                                                                      \
                 .urls = {"https://openaipublic.azureedge.net/clip/models/" sha "/" file}}}}, config, false}
#define HUB(repo, file) {.name = file, .urls = {"https://huggingface.co/" repo "/resolve/main/" file}}
#define OPENAI_HUB(id, size_name, channels, config, repo)                                                          \
    {{MODEL(id, size_name, channels, "huggingface.co/" repo),                                                      \
      .files = {HUB(repo, "pytorch_model.bin"), HUB(repo, "config.json"),                                          \
                HUB(repo, "preprocessor_config.json")}}, config, false}
#define OPEN_CLIP(id, channels, config, repo)                                                                      \
    {{MODEL(id, id, channels, "huggingface.co/" repo),                                                             \
      .files = {HUB(repo, "open_clip_pytorch_model.bin"), HUB(repo, "open_clip_config.json")}}, config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    OPENAI("vit-l-14", 768, &l_14, "ViT-L-14.pt", "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836"),
    OPENAI("vit-l-14-336", 768, &l_14_336, "ViT-L-14-336px.pt",
           "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02"),
    OPENAI("vit-b-16", 512, &b_16, "ViT-B-16.pt", "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f"),
    OPENAI("vit-b-32", 512, &b_32, "ViT-B-32.pt", "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af"),
    OPENAI_HUB("vit-large-patch14", "vit-l-14", 768, &l_14_hf, "openai/clip-vit-large-patch14"),
    OPENAI_HUB("vit-large-patch14-336", "vit-l-14-336", 768, &l_14_336_hf, "openai/clip-vit-large-patch14-336"),
    OPENAI_HUB("vit-base-patch16", "vit-b-16", 512, &b_16_hf, "openai/clip-vit-base-patch16"),
    OPENAI_HUB("vit-base-patch32", "vit-b-32", 512, &b_32_hf, "openai/clip-vit-base-patch32"),
    OPEN_CLIP("vit-h-14", 1024, &h_14, "laion/CLIP-ViT-H-14-laion2B-s32B-b79K"),
    OPEN_CLIP("vit-bigg-14", 1280, &g_14, "laion/CLIP-ViT-bigG-14-laion2B-39B-b160k"),
};

const fal_family fal_family_clip = {
    .name = "clip",
    .streams = 1 << FAL_STREAM_VIDEO,
    .default_stream = FAL_STREAM_VIDEO,
    .video_input = FAL_INPUT_FRAME,
    .rate_hz = FAL_FRAME_RATE_HZ,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(clip_config),
    .model_size = sizeof(clip),
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
