/* AV-HuBERT (Shi et al. 2022, arXiv 2201.02184; original: facebookresearch/av_hubert, hubert.py and resnet.py).
 *
 *   audio  [T,104] ─ Linear ─► [T,D] ┐
 *                                    ├ [audio | video] ─ LN ─ Linear ─ + posconv ─ L layers (─ LN) ─► [T,D], 25 Hz
 *   video  [T,88,88] ─ trunk ─► [T,W] ─ Linear ─► [T,D] ┘
 *
 * A stream that is not given is a block of zeros after its Linear (the fusion LN sees them). `add` fusion sums the two
 * instead of joining them and has no Linear after the LN. The same `encoder.layer_norm` closes a pre-norm model and
 * opens a post-norm one. docs/models/avhubert.md has the rest. */
#include "core/alloc.h"
#include "core/str.h"
#include "encoder/fairseq.h"
#include "encoder/family.h"
#include "encoder/mouth_frames.h"
#include "encoder/posconv.h"
#include "encoder/resnet.h"
#include "encoder/transformer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LN_EPS 1e-5
#define AUDIO "feature_extractor_audio.proj."
#define VIDEO "feature_extractor_video.proj."
#define TRUNK "feature_extractor_video.resnet."
#define POSITIONS "encoder.pos_conv.0."

typedef struct avhubert_config {
    int64_t width, ffn, layers, heads; /* D, F, L, H */
    int64_t audio_dim, taps, groups;   /* 104; positional convolution */
    bool pre_norm, concat;
    fal_trunk_config trunk;
} avhubert_config;

typedef struct linear_weights {
    fal_tensor w, b;
} linear_weights;

typedef struct avhubert_weights {
    linear_weights audio, video, post; /* [D,104], [D,W], [D,2D] */
    fal_trunk_weights trunk;
    fal_norm_weights fusion_norm, last_norm; /* [2D] ([D] for add), [D] */
    fal_posconv_weights positions;
    fal_block_weights *blocks; /* [L] */
} avhubert_weights;

typedef struct avhubert {
    avhubert_config config;
    avhubert_weights weights;         /* views, valid while building */
    fal_linear *audio, *video, *post; /* post NULL for add */
    fal_trunk *trunk;
    fal_norm fusion_norm, last_norm;
    fal_posconv *positions;
    fal_transformer *layers;
} avhubert;

/* ---- recognising and configuring ---- */

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    return fal_find_prefix(ckpt, AUDIO "weight", prefix);
}

/* What the tensors say. */
static fal_status configure_from_shapes(const fal_bind *bind, avhubert_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_tensor *audio = fal_bind_peek(bind, AUDIO "weight");
    const fal_tensor *fc1 = fal_bind_peek(bind, "encoder.layers.0.fc1.weight");
    if (!audio || audio->rank != 2 || !fc1 || fc1->rank != 2)
        FAL_FAIL(FAL_ERR_FORMAT, "AV-HuBERT: " AUDIO "weight or encoder.layers.0.fc1.weight is missing or no matrix");
    if (fal_bind_peek(bind, "feature_extractor_audio.encoder.layers.0.fc1.weight") ||
        fal_bind_peek(bind, "feature_extractor_video.encoder.layers.0.fc1.weight"))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "AV-HuBERT with encoders inside its streams (sub_encoder_layers above 0) is not "
                                      "covered");
    if (!fal_posconv_shape(bind, POSITIONS, &config->taps, &config->groups))
        FAL_FAIL(FAL_ERR_FORMAT, "AV-HuBERT: " POSITIONS "weight_v is missing or not [D, D/groups, taps]");
    config->width = audio->shape[0];
    config->audio_dim = audio->shape[1];
    config->ffn = fc1->shape[0];
    config->layers = fal_bind_count(bind, "encoder.layers.%d.");
    config->concat = fal_bind_peek(bind, "post_extract_proj.weight") != NULL;
    FAL_TRY(fal_trunk_configure(bind, TRUNK, FAL_ACT_RELU, &config->trunk, err));
done:
    return st;
}

/* The two facts no shape holds. The model section may be sparse: what it leaves out has fairseq's class default. Files
 * without any configuration are taken to be like the released ones: heads of 64 channels, pre-norm. */
static fal_status configure_from_settings(const fal_config_source *source, avhubert_config *config, fal_error *err)
{
    fal_fairseq_config fairseq;
    const fal_value *model =
        fal_checkpoint_metadata(source->ckpt, "falsetto.config") ? fal_checkpoint_config(source->ckpt) : NULL;
    if (!model && fal_fairseq_find(source->ckpt, &fairseq))
        model = fairseq.model;
    config->heads = model ? fal_value_int(fal_value_get(model, "encoder_attention_heads"), 12) : config->width / 64;
    config->pre_norm = model ? fal_value_bool(fal_value_get(model, "layer_norm_first"), false) : true;
    if (source->options->heads > 0)
        config->heads = source->options->heads;
    const char *activation = fal_value_string(fal_value_get(model, "activation_fn"), "gelu");
    if (!fal_str_eq(activation, "gelu"))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "AV-HuBERT with activation_fn \"%s\" is not covered, only \"gelu\"",
                        activation);
    return FAL_OK;
}

static fal_status configure(const fal_config_source *source, void *out, fal_error *err)
{
    fal_status st = FAL_OK;
    avhubert_config *config = out;
    FAL_TRY(configure_from_shapes(source->bind, config, err));
    FAL_TRY(configure_from_settings(source, config, err));
    FAL_TRY(fal_family_check_heads(config->width, config->heads, err));
done:
    return st;
}

static void config_json(const void *in, fal_jw *w)
{
    const avhubert_config *config = in;
    const struct {
        const char *key;
        int64_t value;
    } sizes[] = {
        {"encoder_embed_dim", config->width},  {"encoder_ffn_embed_dim", config->ffn},
        {"encoder_layers", config->layers},    {"encoder_attention_heads", config->heads},
        {"audio_feat_dim", config->audio_dim}, {"conv_pos", config->taps},
        {"conv_pos_groups", config->groups},
    };
    for (size_t i = 0; i < FAL_COUNT(sizes); i++) {
        fal_jw_put_int(w, sizes[i].key, sizes[i].value);
    }
    fal_jw_put_bool(w, "layer_norm_first", config->pre_norm);
    fal_jw_put_string(w, "modality_fuse", config->concat ? "concat" : "add");
    fal_jw_put_string(w, "resnet_relu_type", config->trunk.act == FAL_ACT_PRELU ? "prelu" : "relu");
    fal_jw_key(w, "resnet_widths");
    fal_jw_array(w);
    for (size_t i = 0; i < FAL_COUNT(config->trunk.widths); i++)
        fal_jw_int(w, config->trunk.widths[i]);
    fal_jw_end_array(w);
}

/* ---- binding ---- */

static const fal_weight_row norm_rows[] = {
    {FAL_FIELD(fal_norm_weights, gamma), "weight", "N", FAL_INIT_ONE},
    {FAL_FIELD(fal_norm_weights, beta), "bias", "N", FAL_INIT_ZERO},
};

static const fal_weight_row block_rows[] = {
    {FAL_FIELD(fal_block_weights, attn.q_w), "self_attn.q_proj.weight", "D D", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.q_b), "self_attn.q_proj.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.k_w), "self_attn.k_proj.weight", "D D", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.k_b), "self_attn.k_proj.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.v_w), "self_attn.v_proj.weight", "D D", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.v_b), "self_attn.v_proj.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.out_w), "self_attn.out_proj.weight", "D D", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, attn.out_b), "self_attn.out_proj.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn_norm.gamma), "self_attn_layer_norm.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, attn_norm.beta), "self_attn_layer_norm.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc1_w), "fc1.weight", "F D", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, ffn.fc1_b), "fc1.bias", "F", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc2_w), "fc2.weight", "D F", FAL_INIT_NORMAL(0.02)},
    {FAL_FIELD(fal_block_weights, ffn.fc2_b), "fc2.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.norm.gamma), "final_layer_norm.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, ffn.norm.beta), "final_layer_norm.bias", "D", FAL_INIT_ZERO},
};

static const char *const ignored[] = {
    "mask_emb", "label_embs_concat", "final_proj.*", "target_glu.*", "*.num_batches_tracked", NULL,
};

/* A Linear [D, in], drawn as PyTorch does: weight and bias uniform within 1/sqrt(in). */
static void bind_linear(fal_bind *bind, const char *group, int64_t in, linear_weights *target)
{
    fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)in));
    const fal_weight_row rows[] = {
        {FAL_FIELD(linear_weights, w), "weight", "D I", uniform},
        {FAL_FIELD(linear_weights, b), "bias", "D", uniform},
    };
    fal_bind_dim(bind, 'I', in);
    fal_bind_rows(bind, group, rows, FAL_COUNT(rows), target);
}

static void bind_norm(fal_bind *bind, const char *group, int64_t dim, fal_norm_weights *target)
{
    fal_bind_dim(bind, 'N', dim);
    fal_bind_rows(bind, group, norm_rows, FAL_COUNT(norm_rows), target);
}

static void bind_all(const avhubert_config *config, fal_bind *bind, avhubert_weights *w)
{
    int64_t fused = config->concat ? 2 * config->width : config->width;
    fal_bind_dim(bind, 'D', config->width);
    fal_bind_dim(bind, 'F', config->ffn);
    bind_linear(bind, AUDIO, config->audio_dim, &w->audio);
    fal_trunk_bind(bind, TRUNK, &config->trunk, (fal_init)FAL_INIT_HE_FAN_OUT, &w->trunk);
    bind_linear(bind, VIDEO, config->trunk.widths[FAL_TRUNK_STAGES], &w->video);
    bind_norm(bind, "layer_norm.", fused, &w->fusion_norm);
    if (config->concat)
        bind_linear(bind, "post_extract_proj.", fused, &w->post);
    fal_posconv_bind(bind, POSITIONS, config->width, config->taps, config->groups, &w->positions);
    for (int64_t l = 0; l < config->layers; l++) {
        char group[64];
        snprintf(group, sizeof group, "encoder.layers.%lld.", (long long)l);
        fal_bind_rows(bind, group, block_rows, FAL_COUNT(block_rows), &w->blocks[l]);
    }
    bind_norm(bind, "encoder.layer_norm.", config->width, &w->last_norm);
}

static void clear(void *model)
{
    avhubert *m = model;
    fal_linear_free(&m->audio);
    fal_linear_free(&m->video);
    fal_linear_free(&m->post);
    fal_trunk_free(&m->trunk);
    fal_norm_free(&m->fusion_norm);
    fal_norm_free(&m->last_norm);
    fal_posconv_free(&m->positions);
    fal_transformer_free(&m->layers);
    fal_free(m->weights.blocks);
}

static fal_status bind_model(void *model, fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    avhubert *m = model;
    FAL_ALLOC(m->weights.blocks, fal_calloc((size_t)m->config.layers, sizeof *m->weights.blocks));
    bind_all(&m->config, bind, &m->weights);
done:
    return st;
}

/* ---- building ---- */

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    avhubert *m = model;
    avhubert_weights *w = &m->weights;
    FAL_TRY(fal_linear_create(&w->audio.w, &w->audio.b, build->precision, &m->audio, err));
    FAL_TRY(fal_linear_create(&w->video.w, &w->video.b, build->precision, &m->video, err));
    FAL_TRY(fal_trunk_create(&w->trunk, &m->config.trunk, build, &m->trunk, err));
    FAL_TRY(fal_norm_create(&w->fusion_norm, LN_EPS, &m->fusion_norm, err));
    if (m->config.concat)
        FAL_TRY(fal_linear_create(&w->post.w, &w->post.b, build->precision, &m->post, err));
    FAL_TRY(fal_posconv_create(&w->positions, build, &m->positions, err));
    fal_transformer_params layers = {.width = m->config.width,
                                     .ffn = m->config.ffn,
                                     .heads = m->config.heads,
                                     .layers = m->config.layers,
                                     .pre_norm = m->config.pre_norm,
                                     .norm_eps = LN_EPS,
                                     .act = FAL_ACT_GELU};
    FAL_TRY(fal_transformer_create(&layers, w->blocks, build, &m->layers, err));
    FAL_TRY(fal_norm_create(&w->last_norm, LN_EPS, &m->last_norm, err));
done:
    fal_release(&w->blocks);
    return st;
}

/* ---- input ---- */

/* Log filterbank rows as contiguous [T, dim] from [T, dim], [1, T, dim] or the original's [1, dim, T]. */
static fal_status read_audio(const fal_tensor *audio, int64_t dim, fal_run *run, float **rows, int64_t *count,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    char shape[96];
    fal_tensor view = *audio;
    if (view.rank == 3 && view.shape[0] == 1) {
        bool transposed = view.shape[1] == dim;
        int time = transposed ? 2 : 1, channel = transposed ? 1 : 2;
        view = (fal_tensor){.dtype = audio->dtype,
                            .rank = 2,
                            .data = audio->data,
                            .shape = {audio->shape[time], audio->shape[channel]},
                            .stride = {audio->stride[time], audio->stride[channel]}};
    }
    if (view.dtype != FAL_F32 || view.rank != 2 || view.shape[1] != dim || view.shape[0] < 1)
        FAL_FAIL(FAL_ERR_ARGUMENT, "audio is %s%s, want F32[T,%lld] or F32[1,%lld,T] log filterbank rows",
                 fal_dtype_name(audio->dtype), fal_tensor_shape_text(shape, audio), (long long)dim, (long long)dim);
    FAL_FLOATS(*rows, run, view.shape[0] * dim);
    fal_tensor_copy_f32(&view, *rows);
    *count = view.shape[0];
done:
    return st;
}

/* ---- forward ---- */

/* y [T, D] at row stride y_stride = Linear(x), shown as a stage. */
static fal_status project(const fal_linear *linear, fal_forward *pass, const char *stage, const float *x, int64_t rows,
                          float *y, int64_t y_stride, fal_error *err)
{
    fal_linear_args args = {.x = x, .rows = rows, .y = y, .y_stride = y_stride};
    fal_status st = fal_linear_run(linear, pass->run, &args, err);
    if (st == FAL_OK)
        fal_forward_stage(pass, stage, y, rows, fal_linear_out(linear), y_stride);
    return st;
}

static fal_status run_trunk(const avhubert *m, fal_forward *pass, const fal_mouth_frames *mouth, float **out,
                            fal_error *err)
{
    static const fal_trunk_stages stages = {
        .stem = "video_frontend3d", .layers = {[3] = "video_trunk_layer4"}, .out = "video_resnet"};
    fal_status st = FAL_OK;
    fal_trunk_args args = {.read = fal_mouth_read, .source = mouth, .frames = mouth->frames, .stages = &stages};
    FAL_FLOATS(args.out, pass->run, args.frames * fal_trunk_width(m->trunk));
    FAL_TRY(fal_trunk_run(m->trunk, pass, &args, err));
    *out = args.out;
done:
    return st;
}

/* Both streams' input to audio rows [T,104] and video rows [T,W]; NULL for the one the pass leaves out. */
static fal_status read_streams(const avhubert *m, fal_forward *pass, float **audio, float **video, int64_t *rows,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    fal_mouth_frames mouth;
    int64_t audio_rows = 0, video_rows = 0;
    if (pass->stream != FAL_STREAM_VIDEO)
        FAL_TRY(read_audio(pass->audio, m->config.audio_dim, pass->run, audio, &audio_rows, err));
    if (pass->stream != FAL_STREAM_AUDIO) {
        FAL_TRY(fal_mouth_open(pass->video, FAL_GREY_GIVEN, &mouth, err));
        video_rows = mouth.frames;
    }
    if (pass->stream == FAL_STREAM_AV && audio_rows != video_rows)
        FAL_FAIL(FAL_ERR_ARGUMENT, "audio has %lld rows, video %lld: the streams must be cut to the same length",
                 (long long)audio_rows, (long long)video_rows);
    if (video_rows)
        FAL_TRY(run_trunk(m, pass, &mouth, video, err));
    *rows = audio_rows ? audio_rows : video_rows;
done:
    return st;
}

/* [T, 2D]: audio projection in the left half, video in the right, zeros for a missing one. `add` has both on [T, D]. */
static fal_status fuse(const avhubert *m, fal_forward *pass, const float *audio, const float *video, int64_t rows,
                       float **out, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = m->config.width;
    float *both; /* [T, 2D] */
    FAL_FLOATS(both, pass->run, rows * 2 * width);
    memset(both, 0, (size_t)(rows * 2 * width) * sizeof *both);
    if (audio)
        FAL_TRY(project(m->audio, pass, "audio_feat", audio, rows, both, 2 * width, err));
    if (video)
        FAL_TRY(project(m->video, pass, "video_feat", video, rows, both + width, 2 * width, err));
    for (int64_t t = 0; t < rows && !m->config.concat; t++) /* in place: row t ends before row t + 1 of `both` starts */
        for (int64_t c = 0; c < width; c++)
            both[t * width + c] = both[2 * t * width + c] + both[(2 * t + 1) * width + c];
    *out = both;
done:
    return st;
}

/* The fused streams, normed and projected: what the encoder reads, x [T, D]. */
static fal_status embed(const avhubert *m, fal_forward *pass, float **x, int64_t *rows, fal_error *err)
{
    fal_status st = FAL_OK;
    float *audio = NULL, *video = NULL, *fused = NULL;
    FAL_TRY(read_streams(m, pass, &audio, &video, rows, err));
    FAL_TRY(fuse(m, pass, audio, video, *rows, &fused, err));
    fal_norm_run(&m->fusion_norm, pass->run, fused, *rows, fused);
    fal_forward_stage(pass, "fused_ln", fused, *rows, m->fusion_norm.dim, 0);
    *x = fused;
    if (m->post) {
        FAL_FLOATS(*x, pass->run, *rows * m->config.width);
        FAL_TRY(project(m->post, pass, "post_proj", fused, *rows, *x, 0, err));
    }
done:
    return st;
}

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const avhubert *m = model;
    float *x = NULL; /* [T, D] */
    int64_t rows = 0;
    FAL_TRY(embed(m, pass, &x, &rows, err));
    FAL_TRY(fal_posconv_run(m->positions, pass, x, rows, err));
    if (!m->config.pre_norm)
        fal_norm_run(&m->last_norm, pass->run, x, rows, x);
    FAL_TRY(fal_transformer_run(m->layers, pass, x, rows, rows, err));
    FAL_TRY(fal_forward_keep(pass, pass->last_layer, x, rows, m->config.width, err));
    if (!pass->features)
        goto done;
    if (m->config.pre_norm) /* only the features: a chosen layer is handed out raw, the last one too */
        fal_norm_run(&m->last_norm, pass->run, x, rows, x);
    pass->out = x;
    pass->rows = rows;
done:
    return st;
}

/* ---- the row ---- */

static void describe(const void *in, fal_encoder_description *out)
{
    const avhubert_config *config = in;
    out->dim = out->width = config->width;
    out->layers = config->layers;
    out->heads = config->heads;
}

static void tiny(void *out)
{
    *(avhubert_config *)out = (avhubert_config){.width = 32,
                                                .ffn = 40,
                                                .layers = 3,
                                                .heads = 4,
                                                .audio_dim = 104,
                                                .taps = 8,
                                                .groups = 4,
                                                .pre_norm = true,
                                                .concat = true,
                                                .trunk = {{3, 3, 4, 5, 6}, FAL_ACT_PRELU, false}};
}

/* clang-format off */
#define RELEASED_TRUNK {{64, 64, 128, 256, 512}, FAL_ACT_PRELU, false}
/* clang-format on */
static const avhubert_config base = {.width = 768,
                                     .ffn = 3072,
                                     .layers = 12,
                                     .heads = 12,
                                     .audio_dim = 104,
                                     .taps = 128,
                                     .groups = 16,
                                     .pre_norm = true,
                                     .concat = true,
                                     .trunk = RELEASED_TRUNK};
static const avhubert_config large = {.width = 1024,
                                      .ffn = 4096,
                                      .layers = 24,
                                      .heads = 16,
                                      .audio_dim = 104,
                                      .taps = 128,
                                      .groups = 16,
                                      .pre_norm = true,
                                      .concat = true,
                                      .trunk = RELEASED_TRUNK};

/* clang-format off */
#define FACTS .family = "avhubert", .streams = "audio, video, av", .rate_hz = 25
#define PUBLIC .licence = "AV-HuBERT licence (Meta)", .source = "facebookresearch.github.io/av_hubert", \
               .non_commercial = true
/* The large one is the model of the deepfake papers: pre-trained on LRS3 and VoxCeleb2, fine-tuned to read lips. */
#define META(folder, file) \
    .files = {{.name = file, .urls = {"https://dl.fbaipublicfiles.com/avhubert/model/lrs3_vox/" folder "/" file}}}
#define DRAWN .licence = "none needed", .source = "drawn from a seed by upstream's initialisation"
static const fal_config_entry configs[] = {
    {{.name = "avhubert-base", .size = "base", .dim = 768, FACTS, PUBLIC,
      META("clean-pretrain", "base_vox_iter5.pt")}, &base, false},
    {{.name = "avhubert-large", .size = "large", .dim = 1024, FACTS, PUBLIC,
      META("vsr", "self_large_vox_433h.pt")}, &large, false},
    {{.name = "avhubert-random", .size = "large", .dim = 1024, FACTS, DRAWN}, &large, true},
    {{.name = "avhubert-random-base", .size = "base", .dim = 768, FACTS, DRAWN}, &base, true},
};
/* clang-format on */

const fal_family fal_family_avhubert = {
    .name = "avhubert",
    .streams = 1 << FAL_STREAM_AUDIO | 1 << FAL_STREAM_VIDEO | 1 << FAL_STREAM_AV,
    .default_stream = FAL_STREAM_AV,
    .audio_input = FAL_INPUT_LOGFBANK,
    .video_input = FAL_INPUT_MOUTH,
    .rate_hz = 25,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(avhubert_config),
    .model_size = sizeof(avhubert),
    .recognise = recognise,
    .configure = configure,
    .tiny = tiny,
    .bind = bind_model,
    .build = build,
    .forward = forward,
    .describe = describe,
    .config_json = config_json,
    .clear = clear,
    .ignored = ignored,
    .draw = fal_posconv_draw_gain,
};
