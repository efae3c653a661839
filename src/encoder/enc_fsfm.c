/* FSFM, a face encoder (Wang et al. 2025), and its successor FS-VFM: the plain vision transformer of timm. Originals:
 * wolo-wolo/FSFM-CVPR25 (models_vit.py, models_fsfm.py).
 *
 *   face [3,n,n] ─ P x P patches ─ Linear ─ [class; G*G patches] + positions ─ L pre-norm layers ─► x [G*G + 1, D]
 *     mean       mean of the patches of x
 *     pooled     LN_fc(mean), what the original's classifiers read; a pre-trained file has no LN_fc: weight 1, bias 0
 *     cls        LN(x), class token
 *     norm-mean  LN(x), mean of the patches
 *     tokens     LN(x), the patches; without LN those of x
 *
 * docs/models/fsfm.md has the rest. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"
#include "encoder/vit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LN_EPS 1e-6
/* Of the pictures the released models were trained on; the fallback for files without statistics. */
#define VGGFACE2_MEAN                                                  \
    {                                                                  \
        0.5482207536697388f, 0.42340534925460815f, 0.3654651641845703f \
    }
#define VGGFACE2_STD                                                   \
    {                                                                  \
        0.2789176106452942f, 0.2438540756702423f, 0.23493893444538116f \
    }
#define STATISTICS_FILE "pretrain_ds_mean_std.txt"
enum { STATISTICS_BYTES = 1 << 16 };

typedef enum fsfm_feature { POOLED, MEAN, CLS, NORM_MEAN, TOKENS } fsfm_feature;
static const char *const features[] = {"pooled", "mean", "cls", "norm-mean", "tokens", NULL};

typedef struct fsfm_config {
    fal_vit_config vit;
    bool token_norm, pool_norm; /* the file has LN, LN_fc */
    bool class_file;            /* fine-tuned on the class token: that is then the default feature */
    fsfm_feature feature;
} fsfm_config;

typedef struct fsfm_weights {
    fal_vit_weights vit;
    fal_norm_weights token_norm, pool_norm; /* [D] */
} fsfm_weights;

typedef struct fsfm {
    fsfm_config config;
    fsfm_weights weights;      /* views, valid while building */
    fal_block_weights *blocks; /* [L], likewise */
    fal_vit *vit;
    fal_norm token_norm, pool_norm;
} fsfm;

extern const fal_family fal_family_fsfm;

/* Any timm-style transformer with a class token and a patch convolution of two dimensions. */
static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    char name[FAL_PREFIX_BYTES + 64];
    if (!fal_find_prefix(ckpt, "patch_embed.proj.weight", prefix))
        return false;
    snprintf(name, sizeof name, "%spatch_embed.proj.weight", prefix);
    const fal_named_tensor *patch = fal_checkpoint_find(ckpt, name);
    snprintf(name, sizeof name, "%scls_token", prefix);
    bool has_class = fal_checkpoint_find(ckpt, name) != NULL;
    snprintf(name, sizeof name, "%sblocks.0.attn.qkv.weight", prefix);
    return patch && patch->tensor.rank == 4 && has_class && fal_checkpoint_find(ckpt, name);
}

/* ---- configuration ---- */

static fal_status from_shapes(const fal_bind *bind, fsfm_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_vit_config *vit = &config->vit;
    FAL_TRY(fal_vit_read_patch(fal_bind_peek(bind, "patch_embed.proj.weight"), "patch_embed.proj.weight", vit, err));
    FAL_TRY(fal_vit_read_positions(fal_bind_peek(bind, "pos_embed"), "pos_embed", vit, err));
    FAL_TRY(fal_vit_read_ffn(fal_bind_peek(bind, "blocks.0.mlp.fc1.weight"), "blocks.0.mlp.fc1.weight", vit, err));
    vit->frames = 1;
    vit->layers = fal_bind_count(bind, "blocks.%d.");
    config->token_norm = fal_bind_peek(bind, "norm.weight") != NULL;
    config->pool_norm = fal_bind_peek(bind, "fc_norm.weight") != NULL;
    config->class_file = config->token_norm && !config->pool_norm && fal_bind_peek(bind, "head.weight");
done:
    return st;
}

/* What the file does not say. Heads of the released models: the small one has as many as the base model. */
static void assume(fsfm_config *config)
{
    static const int64_t heads[][2] = {{384, 12}, {768, 12}, {1024, 16}, {1280, 16}};
    fal_vit_config *vit = &config->vit;
    for (size_t i = 0; i < FAL_COUNT(heads); i++)
        if (heads[i][0] == vit->width)
            vit->heads = heads[i][1];
    vit->act = FAL_ACT_GELU;
    vit->norm_eps = LN_EPS;
    memcpy(vit->mean, (float[3])VGGFACE2_MEAN, sizeof vit->mean);
    memcpy(vit->std, (float[3])VGGFACE2_STD, sizeof vit->std);
    vit->picture.scaling = FAL_SCALE_BICUBIC;
}

static fal_status read_three(const fal_json *json, const char *key, bool std, float out[3], fal_error *err)
{
    char name[96];
    double values[3];
    const fal_json *list = fal_json_get(json, key);
    snprintf(name, sizeof name, STATISTICS_FILE ": %s", key);
    for (size_t c = 0; c < 3; c++)
        values[c] = fal_json_count(list) == 3 ? fal_json_real(fal_json_at(list, c), NAN) : NAN;
    return fal_vit_set_channels(values, name, std, out, err);
}

/* Beside its checkpoints upstream leaves a file whose first line is {"mean":[3],"std":[3]} of the training pictures. */
static fal_status read_statistics(const fal_checkpoint *ckpt, fal_vit_config *vit, fal_error *err)
{
    fal_status st = FAL_OK;
    char *folder = NULL, *path = NULL;
    fal_buf text = {0};
    fal_json *json = NULL;
    const char *origin = fal_checkpoint_path(ckpt);
    FAL_ALLOC(folder, fal_path_is_dir(origin) ? fal_strdup(origin) : fal_path_dir(origin));
    FAL_ALLOC(path, fal_path_join(folder, STATISTICS_FILE));
    if (!fal_path_exists(path))
        goto done;
    FAL_TRY(fal_file_read(path, STATISTICS_BYTES, &text, err));
    const char *line = text.data ? text.data : "";
    FAL_TRY(fal_json_parse(line, strcspn(line, "\n"), path, &json, err));
    FAL_TRY(read_three(json, "mean", false, vit->mean, err));
    FAL_TRY(read_three(json, "std", true, vit->std, err));
done:
    fal_json_free(&json);
    fal_buf_free(&text);
    fal_free(path);
    fal_free(folder);
    return st;
}

/* What an imported file carries. */
static fal_status from_json(const fal_value *json, fsfm_config *config, fal_error *err)
{
    fal_vit_config *vit = &config->vit;
    vit->heads = fal_value_int(fal_value_get(json, "num_attention_heads"), vit->heads);
    vit->norm_eps = fal_value_real(fal_value_get(json, "layer_norm_eps"), vit->norm_eps);
    config->class_file = fal_value_bool(fal_value_get(json, "class_token_feature"), false);
    return fal_vit_read_processor(fal_value_get(json, "preprocessor"), vit, err);
}

static fal_status choose_feature(const fal_encoder_options *options, fsfm_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    int chosen = POOLED;
    FAL_TRY(fal_family_feature(&fal_family_fsfm, options, &chosen, err));
    config->feature = !options->feature && config->class_file ? CLS : (fsfm_feature)chosen;
    if ((config->feature == CLS || config->feature == NORM_MEAN) && !config->token_norm)
        FAL_FAIL(FAL_ERR_ARGUMENT,
                 "the feature \"%s\" needs the norm of the tokens (norm.weight), which this file, "
                 "fine-tuned on the mean, does not have",
                 features[config->feature]);
done:
    return st;
}

static fal_status configure(const fal_config_source *source, void *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fsfm_config *config = out;
    FAL_TRY(from_shapes(source->bind, config, err));
    assume(config);
    if (fal_checkpoint_metadata(source->ckpt, "falsetto.config"))
        FAL_TRY(from_json(fal_checkpoint_config(source->ckpt), config, err));
    else
        FAL_TRY(read_statistics(source->ckpt, &config->vit, err));
    if (source->options->heads > 0)
        config->vit.heads = source->options->heads;
    FAL_TRY(choose_feature(source->options, config, err));
    FAL_TRY(fal_vit_check(&config->vit, err));
done:
    return st;
}

static void config_json(const void *in, fal_jw *w)
{
    const fsfm_config *config = in;
    fal_jw_put_string(w, "model_type", "fsfm");
    fal_vit_write_json(&config->vit, w);
    fal_jw_put_bool(w, "token_norm", config->token_norm);
    fal_jw_put_bool(w, "pool_norm", config->pool_norm);
    fal_jw_put_bool(w, "class_token_feature", config->class_file);
}

/* ---- binding ---- */

static const fal_weight_row block_rows[] = {
    {FAL_FIELD(fal_block_weights, attn_norm.gamma), "norm1.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, attn_norm.beta), "norm1.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.qkv_w), "attn.qkv.weight", "3D D", FAL_INIT_XAVIER(1)},
    {FAL_FIELD(fal_block_weights, attn.qkv_b), "attn.qkv.bias", "3D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, attn.out_w), "attn.proj.weight", "D D", FAL_INIT_XAVIER(1)},
    {FAL_FIELD(fal_block_weights, attn.out_b), "attn.proj.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.norm.gamma), "norm2.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fal_block_weights, ffn.norm.beta), "norm2.bias", "D", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc1_w), "mlp.fc1.weight", "F D", FAL_INIT_XAVIER(1)},
    {FAL_FIELD(fal_block_weights, ffn.fc1_b), "mlp.fc1.bias", "F", FAL_INIT_ZERO},
    {FAL_FIELD(fal_block_weights, ffn.fc2_w), "mlp.fc2.weight", "D F", FAL_INIT_XAVIER(1)},
    {FAL_FIELD(fal_block_weights, ffn.fc2_b), "mlp.fc2.bias", "D", FAL_INIT_ZERO},
};

static const fal_weight_row token_norm_rows[] = {
    {FAL_FIELD(fsfm_weights, token_norm.gamma), "norm.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fsfm_weights, token_norm.beta), "norm.bias", "D", FAL_INIT_ZERO},
};

static const fal_weight_row pool_norm_rows[] = {
    {FAL_FIELD(fsfm_weights, pool_norm.gamma), "fc_norm.weight", "D", FAL_INIT_ONE},
    {FAL_FIELD(fsfm_weights, pool_norm.beta), "fc_norm.bias", "D", FAL_INIT_ZERO},
};

/* Decoders and contrastive heads of pre-training, the classifier of fine-tuning. */
static const char *const ignored[] = {
    "mask_token", "projector.*", "predictor.*", "rep_decoder_*", "decoder_*", "head.*", NULL,
};

/* The fixed table of two dimensions that pre-training begins with: for the patch in row y, column x
 * [sin(x w), cos(x w), sin(y w), cos(y w)], w_k = 10000^(-k / (D/4)); zeros for the class token. */
static void draw_positions(const fal_bind *bind, const char *name, const fal_tensor *shape, uint64_t seed, float *out)
{
    (void)bind;
    (void)name;
    (void)seed;
    int64_t width = shape->shape[2], quarter = width / 4, patches = shape->shape[1] - 1;
    int64_t across = llround(sqrt((double)patches));
    memset(out, 0, (size_t)width * sizeof *out);
    for (int64_t p = 0; p < patches; p++)
        for (int64_t k = 0; k < quarter; k++) {
            float *row = out + (p + 1) * width + k;
            double w = pow(10000.0, -(double)k / (double)quarter);
            double x = (double)(p % across) * w, y = (double)(p / across) * w;
            row[0] = (float)sin(x);
            row[quarter] = (float)cos(x);
            row[2 * quarter] = (float)sin(y);
            row[3 * quarter] = (float)cos(y);
        }
}

static void bind_all(const fsfm_config *config, fal_bind *bind, fsfm *m)
{
    const fal_vit_config *vit = &config->vit;
    double fan_in = 3.0 * (double)(vit->patch * vit->patch);
    const fal_weight_row rows[] = {
        /* Xavier over the convolution seen as a matrix; its bias as PyTorch makes it. */
        {FAL_FIELD(fsfm_weights, vit.patch_w), "patch_embed.proj.weight", "D 3 P P",
         FAL_INIT_UNIFORM(sqrt(6 / (fan_in + (double)vit->width)))},
        {FAL_FIELD(fsfm_weights, vit.patch_b), "patch_embed.proj.bias", "D", FAL_INIT_UNIFORM(1 / sqrt(fan_in))},
        {FAL_FIELD(fsfm_weights, vit.class_token), "cls_token", "1 1 D", FAL_INIT_NORMAL(0.02)},
        {FAL_FIELD(fsfm_weights, vit.positions), "pos_embed", "1 N D", FAL_INIT_FAMILY},
    };
    fal_bind_dim(bind, 'D', vit->width);
    fal_bind_dim(bind, 'F', vit->ffn);
    fal_bind_dim(bind, 'P', vit->patch);
    fal_bind_dim(bind, 'N', fal_vit_grid(vit) + 1);
    fal_bind_rows(bind, "", rows, FAL_COUNT(rows), &m->weights);
    if (config->token_norm)
        fal_bind_rows(bind, "", token_norm_rows, FAL_COUNT(token_norm_rows), &m->weights);
    if (config->pool_norm)
        fal_bind_rows(bind, "", pool_norm_rows, FAL_COUNT(pool_norm_rows), &m->weights);
    for (int64_t l = 0; l < vit->layers; l++) {
        char group[64];
        snprintf(group, sizeof group, "blocks.%lld.", (long long)l);
        fal_bind_rows(bind, group, block_rows, FAL_COUNT(block_rows), &m->blocks[l]);
    }
}

static void clear(void *model)
{
    fsfm *m = model;
    fal_vit_free(&m->vit);
    fal_norm_free(&m->token_norm);
    fal_norm_free(&m->pool_norm);
    fal_free(m->blocks);
}

static fal_status bind_model(void *model, fal_bind *bind, fal_error *err)
{
    fal_status st = FAL_OK;
    fsfm *m = model;
    FAL_ALLOC(m->blocks, fal_calloc((size_t)m->config.vit.layers, sizeof *m->blocks));
    bind_all(&m->config, bind, m);
done:
    return st;
}

static fal_status build(void *model, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    fsfm *m = model;
    FAL_TRY(fal_vit_create(&m->config.vit, &m->weights.vit, m->blocks, build, &m->vit, err));
    if (m->config.token_norm)
        FAL_TRY(fal_norm_create(&m->weights.token_norm, m->config.vit.norm_eps, &m->token_norm, err));
    if (m->config.pool_norm)
        FAL_TRY(fal_norm_create(&m->weights.pool_norm, m->config.vit.norm_eps, &m->pool_norm, err));
done:
    fal_release(&m->blocks);
    return st;
}

/* ---- forward ---- */

/* The mean of each picture's patches. */
static void read_means(const fsfm *m, fal_run *run, const fal_vit_batch *batch, float *out)
{
    int64_t width = m->config.vit.width, patches = batch->tokens - 1;
    for (int64_t i = 0; i < batch->count; i++)
        fal_mean_rows(run, batch->x + (i * batch->tokens + 1) * width, patches, width, patches, out + i * width);
}

static void read_batch(const fsfm *m, fal_forward *pass, const fal_vit_batch *batch, float *out)
{
    const fal_vit_config *vit = &m->config.vit;
    const fsfm_feature feature = m->config.feature;
    if (feature != POOLED && feature != MEAN && m->config.token_norm)
        fal_norm_run(&m->token_norm, pass->run, batch->x, batch->count * batch->tokens, batch->x);
    switch (feature) {
    case CLS: fal_vit_class_rows(m->vit, batch, out); break;
    case TOKENS: fal_vit_patch_rows(m->vit, batch, out); break;
    default: read_means(m, pass->run, batch, out);
    }
    if (feature == POOLED) {
        fal_forward_stage(pass, "patch_mean", out, batch->count, vit->width, 0);
        fal_layer_norm(pass->run, out, batch->count, vit->width, m->pool_norm.gamma, m->pool_norm.beta, vit->norm_eps,
                       out);
    }
}

static fal_status forward(const void *model, fal_forward *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const fsfm *m = model;
    fal_vit_batch batch;
    float *out = NULL; /* [pictures * rows, D] */
    FAL_TRY(fal_vit_start(m->vit, pass, FAL_PICTURES_FRAMES, &batch, err));
    int64_t rows = m->config.feature == TOKENS ? batch.tokens - 1 : 1; /* of a picture */
    if (pass->features)
        FAL_FLOATS(out, pass->run, batch.windows * rows * m->config.vit.width);
    while (batch.first + batch.count < batch.windows) {
        FAL_TRY(fal_vit_next(m->vit, pass, &batch, err));
        if (pass->features)
            read_batch(m, pass, &batch, out + batch.first * rows * m->config.vit.width);
    }
    pass->out = out;
    pass->rows = batch.windows * rows;
done:
    return st;
}

/* ---- the row ---- */

static void describe(const void *in, fal_encoder_description *out)
{
    const fsfm_config *config = in;
    fal_vit_describe(&config->vit, out);
    out->feature = features[config->feature];
    out->dim = config->vit.width;
    out->rate_hz = FAL_FRAME_RATE_HZ * (double)(config->feature == TOKENS ? fal_vit_grid(&config->vit) : 1);
}

/* A picture's patches, as the default feature; with `cls` the class token. */
static fal_pooling pooling(const void *in)
{
    const fsfm_config *config = in;
    int64_t tokens = fal_vit_grid(&config->vit) + 1;
    switch (config->feature) {
    case TOKENS: return (fal_pooling){.kind = FAL_POOL_NONE};
    case CLS: return (fal_pooling){.kind = FAL_POOL_FIRST, .group = tokens};
    default: return (fal_pooling){.kind = FAL_POOL_MEAN, .group = tokens, .skip = 1};
    }
}

/* clang-format off */
#define FFPP_MEAN {0.532625138759613f, 0.4048449993133545f, 0.3708747327327728f}
#define FFPP_STD {0.25850796699523926f, 0.21054500341415405f, 0.20785294473171234f}
#define CONFIG(D, L, h, F, P, n, means, stds)                                                                      \
    {.vit = {.width = D, .ffn = F, .layers = L, .heads = h, .patch = P, .depth = 1, .frames = 1,                   \
             .norm_eps = LN_EPS, .act = FAL_ACT_GELU, .mean = means, .std = stds,                                  \
             .picture = {.side = n, .scaling = FAL_SCALE_BICUBIC}},                                                \
     .token_norm = true}
/* clang-format on */

static void tiny(void *out)
{
    fsfm_config config = CONFIG(28, 3, 4, 40, 6, 18, VGGFACE2_MEAN, FFPP_STD);
    config.pool_norm = true;
    *(fsfm_config *)out = config;
}

static const fsfm_config base = CONFIG(768, 12, 12, 3072, 16, 224, VGGFACE2_MEAN, VGGFACE2_STD);
static const fsfm_config base_ffpp = CONFIG(768, 12, 12, 3072, 16, 224, FFPP_MEAN, FFPP_STD);
static const fsfm_config small = CONFIG(384, 12, 12, 1536, 16, 224, VGGFACE2_MEAN, VGGFACE2_STD);
static const fsfm_config large = CONFIG(1024, 24, 16, 4096, 16, 224, VGGFACE2_MEAN, VGGFACE2_STD);

/* clang-format off */
#define HUB "https://huggingface.co/Wolowolo/fsfm-3c/resolve/main/pretrained_models/"
#define ENTRY(id, size_name, channels, config, folder, file)                                                       \
    {{.name = id, .family = "fsfm", .size = size_name, .streams = "video", .dim = channels,                        \
      .rate_hz = FAL_FRAME_RATE_HZ, .licence = "CC BY-NC 4.0", .non_commercial = true,                             \
      .source = "huggingface.co/Wolowolo/fsfm-3c",                                                                 \
      .files = {{.name = file, .urls = {HUB folder "/" file}},                                                     \
                {.name = STATISTICS_FILE, .urls = {HUB folder "/" STATISTICS_FILE}}}}, config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    ENTRY("fsfm-vit-b", "vit-b", 768, &base, "VF2_ViT-B", "checkpoint-400.pth"),
    ENTRY("fsfm-vit-b-ffpp", "vit-b-ffpp", 768, &base_ffpp, "FF%2B%2B_o_c23_ViT-B", "checkpoint-400.pth"),
    ENTRY("fs-vfm-vit-s", "fs-vfm-vit-s", 384, &small, "FS-VFM_ViT-S_VF2_600e", "checkpoint-599.pth"),
    ENTRY("fs-vfm-vit-b", "fs-vfm-vit-b", 768, &base, "FS-VFM_ViT-B_VF2_600e", "checkpoint-600.pth"),
    ENTRY("fs-vfm-vit-l", "fs-vfm-vit-l", 1024, &large, "FS-VFM_ViT-L_VF2_600e", "checkpoint-599.pth"),
};

const fal_family fal_family_fsfm = {
    .name = "fsfm",
    .streams = 1 << FAL_STREAM_VIDEO,
    .default_stream = FAL_STREAM_VIDEO,
    .video_input = FAL_INPUT_FACE,
    .rate_hz = FAL_FRAME_RATE_HZ,
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .config_size = sizeof(fsfm_config),
    .model_size = sizeof(fsfm),
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
    .draw = draw_positions,
};
