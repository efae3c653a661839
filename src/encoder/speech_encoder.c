#include "encoder/speech_encoder.h"

#include "core/alloc.h"
#include "encoder/scaled_linear.h"
#include "encoder/transformer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 128 };
#define LN_EPS 1e-12

typedef struct speech_weights {
    fal_trunk_weights trunk;
    fal_tensor project_w, project_b; /* [D,C], [D] */
    fal_norm_weights norm;
    fal_block_weights *blocks; /* [L] */
} speech_weights;

struct fal_speech_encoder {
    fal_speech_config config;
    speech_weights weights; /* views, valid while building */
    fal_trunk *trunk;
    fal_linear *project;
    fal_transformer *layers;
    fal_norm norm;
};

/* ---- configuring ---- */

/* "encoders.0.<name>" */
static const fal_tensor *peek_layer(const fal_bind *bind, const fal_speech_names *names, const char *name)
{
    char full[NAME_BYTES];
    int length = snprintf(full, sizeof full, names->layers, 0);
    snprintf(full + length, sizeof full - (size_t)length, "%s", name);
    return fal_bind_peek(bind, full);
}

static fal_status configure_layers(const fal_config_source *source, const fal_speech_names *names,
                                   fal_speech_config *config, fal_error *err)
{
    const fal_bind *bind = source->bind;
    const fal_tensor *bias = peek_layer(bind, names, "self_attn.pos_bias_u");
    const fal_tensor *fc1 = peek_layer(bind, names, "feed_forward.w_1.weight");
    const fal_tensor *taps = peek_layer(bind, names, "conv_module.depthwise_conv.weight");
    if (!bias || bias->rank != 2 || !fc1 || fc1->rank != 2 || (taps && taps->rank != 3))
        return fal_fail(err, FAL_ERR_FORMAT,
                        "the first layer's self_attn.pos_bias_u, feed_forward.w_1.weight or "
                        "conv_module.depthwise_conv.weight is missing or has the wrong number of axes");
    config->heads = bias->shape[0];
    config->width = fc1->shape[1];
    config->ffn = fc1->shape[0];
    config->taps = taps ? taps->shape[2] : 0;
    config->layers = fal_bind_count(bind, names->layers);
    if (config->heads < 1 || config->width < 1 || config->width % config->heads)
        return fal_fail(err, FAL_ERR_FORMAT,
                        "%lld channels cannot be split into the %lld heads of self_attn.pos_bias_u",
                        (long long)config->width, (long long)config->heads);
    if (source->options->heads > 0 && source->options->heads != config->heads)
        return fal_fail(err, FAL_ERR_ARGUMENT, "the file has %lld attention heads (self_attn.pos_bias_u), not %d",
                        (long long)config->heads, source->options->heads);
    return FAL_OK;
}

fal_status fal_speech_configure(const fal_config_source *source, const fal_speech_names *names, fal_speech_config *out,
                                fal_error *err)
{
    fal_status st = configure_layers(source, names, out, err);
    return st != FAL_OK ? st : fal_trunk_configure(source->bind, names->trunk, FAL_ACT_SWISH, &out->trunk, err);
}

static void put_int(fal_jw *w, const char *prefix, const char *name, int64_t value)
{
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    fal_jw_put_int(w, key, value);
}

static void put_string(fal_jw *w, const char *prefix, const char *name, const char *value)
{
    char key[64];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    fal_jw_put_string(w, key, value);
}

void fal_speech_config_json(const fal_speech_config *config, const char *prefix, fal_jw *w)
{
    char key[64];
    put_string(w, prefix, "transformer_frontend", config->trunk.audio ? "conv1d" : "conv3d");
    put_string(w, prefix, "relu_type", config->trunk.act == FAL_ACT_PRELU ? "prelu" : "swish");
    put_int(w, prefix, "adim", config->width);
    put_int(w, prefix, "aheads", config->heads);
    put_int(w, prefix, "eunits", config->ffn);
    put_int(w, prefix, "elayers", config->layers);
    put_int(w, prefix, "cnn_module_kernel", config->taps);
    snprintf(key, sizeof key, "%sresnet_widths", prefix);
    fal_jw_key(w, key);
    fal_jw_array(w);
    for (size_t i = 0; i < FAL_COUNT(config->trunk.widths); i++)
        fal_jw_int(w, config->trunk.widths[i]);
    fal_jw_end_array(w);
}

/* ---- binding ---- */

/* PyTorch's default for a Linear and a convolution: weight and bias uniform within 1/sqrt(fan in). */
#define WEIGHT FAL_INIT_FAN_IN(1)
#define BIAS(fan) FAL_INIT_FAN_IN_OF(1, fan)
/* clang-format off */
#define ROW(field, name, shape, ...) {FAL_FIELD(fal_block_weights, field), name, shape, __VA_ARGS__}
/* clang-format on */

static const fal_weight_row common_rows[] = {
    ROW(attn.q_w, "self_attn.linear_q.weight", "D D", WEIGHT),
    ROW(attn.q_b, "self_attn.linear_q.bias", "D", BIAS("D")),
    ROW(attn.k_w, "self_attn.linear_k.weight", "D D", WEIGHT),
    ROW(attn.k_b, "self_attn.linear_k.bias", "D", BIAS("D")),
    ROW(attn.v_w, "self_attn.linear_v.weight", "D D", WEIGHT),
    ROW(attn.v_b, "self_attn.linear_v.bias", "D", BIAS("D")),
    ROW(attn.out_w, "self_attn.linear_out.weight", "D D", WEIGHT),
    ROW(attn.out_b, "self_attn.linear_out.bias", "D", BIAS("D")),
    ROW(attn.pos_w, "self_attn.linear_pos.weight", "D D", WEIGHT),
    ROW(attn.pos_u, "self_attn.pos_bias_u", "H E", FAL_INIT_XAVIER(1)),
    ROW(attn.pos_v, "self_attn.pos_bias_v", "H E", FAL_INIT_XAVIER(1)),
    ROW(attn_norm.gamma, "norm_mha.weight", "D", FAL_INIT_ONE),
    ROW(attn_norm.beta, "norm_mha.bias", "D", FAL_INIT_ZERO),
    ROW(ffn.norm.gamma, "norm_ff.weight", "D", FAL_INIT_ONE),
    ROW(ffn.norm.beta, "norm_ff.bias", "D", FAL_INIT_ZERO),
    ROW(ffn.fc1_w, "feed_forward.w_1.weight", "U D", WEIGHT),
    ROW(ffn.fc1_b, "feed_forward.w_1.bias", "U", BIAS("D")),
    ROW(ffn.fc2_w, "feed_forward.w_2.weight", "D U", WEIGHT),
    ROW(ffn.fc2_b, "feed_forward.w_2.bias", "D", BIAS("U")),
};

static const fal_weight_row transformer_rows[] = {
    ROW(attn.scale, "gamma_mha", "D", FAL_INIT_CONST(0.1)),
    ROW(ffn.scale, "gamma_ff", "D", FAL_INIT_CONST(0.1)),
    ROW(ffn.norm.mean, "norm_ff.running_mean", "D", FAL_INIT_ZERO),
    ROW(ffn.norm.var, "norm_ff.running_var", "D", FAL_INIT_ONE),
};

static const fal_weight_row conformer_rows[] = {
    ROW(macaron.norm.gamma, "norm_ff_macaron.weight", "D", FAL_INIT_ONE),
    ROW(macaron.norm.beta, "norm_ff_macaron.bias", "D", FAL_INIT_ZERO),
    ROW(macaron.fc1_w, "feed_forward_macaron.w_1.weight", "U D", FAL_INIT_FAMILY),
    ROW(macaron.fc1_b, "feed_forward_macaron.w_1.bias", "U", FAL_INIT_FAMILY),
    ROW(macaron.fc2_w, "feed_forward_macaron.w_2.weight", "D U", FAL_INIT_FAMILY),
    ROW(macaron.fc2_b, "feed_forward_macaron.w_2.bias", "D", FAL_INIT_FAMILY),
    ROW(conv.norm.gamma, "norm_conv.weight", "D", FAL_INIT_ONE),
    ROW(conv.norm.beta, "norm_conv.bias", "D", FAL_INIT_ZERO),
    ROW(conv.pw1_w, "conv_module.pointwise_cov1.weight", "2D D 1", WEIGHT), /* "cov": upstream's spelling */
    ROW(conv.pw1_b, "conv_module.pointwise_cov1.bias", "2D", BIAS("D")),
    ROW(conv.depthwise_w, "conv_module.depthwise_conv.weight", "D 1 K", WEIGHT),
    ROW(conv.depthwise_b, "conv_module.depthwise_conv.bias", "D", BIAS("K")),
    ROW(conv.batch_norm.gamma, "conv_module.norm.weight", "D", FAL_INIT_ONE),
    ROW(conv.batch_norm.beta, "conv_module.norm.bias", "D", FAL_INIT_ZERO),
    ROW(conv.batch_norm.mean, "conv_module.norm.running_mean", "D", FAL_INIT_ZERO),
    ROW(conv.batch_norm.var, "conv_module.norm.running_var", "D", FAL_INIT_ONE),
    ROW(conv.pw2_w, "conv_module.pointwise_cov2.weight", "D D 1", WEIGHT),
    ROW(conv.pw2_b, "conv_module.pointwise_cov2.bias", "D", BIAS("D")),
    ROW(out_norm.gamma, "norm_final.weight", "D", FAL_INIT_ONE),
    ROW(out_norm.beta, "norm_final.bias", "D", FAL_INIT_ZERO),
};

void fal_speech_draw(const fal_bind *bind, const char *name, const fal_tensor *shape, uint64_t seed, float *out)
{
    static const char macaron[] = "_macaron";
    char other[NAME_BYTES];
    (void)seed;
    const char *cut = strstr(name, macaron);
    if (!cut)
        return;
    snprintf(other, sizeof other, "%.*s%s", (int)(cut - name), name, cut + strlen(macaron));
    memcpy(out, fal_bind_peek(bind, other)->data, (size_t)fal_tensor_count(shape) * sizeof *out);
}

static void bind_block(fal_bind *bind, const fal_speech_names *names, const fal_speech_config *config, int layer,
                       fal_block_weights *w)
{
    char group[NAME_BYTES];
    snprintf(group, sizeof group, names->layers, layer);
    fal_bind_rows(bind, group, common_rows, FAL_COUNT(common_rows), w);
    if (config->taps)
        fal_bind_rows(bind, group, conformer_rows, FAL_COUNT(conformer_rows), w);
    else
        fal_bind_rows(bind, group, transformer_rows, FAL_COUNT(transformer_rows), w);
}

static void bind_all(fal_bind *bind, const fal_speech_names *names, const fal_speech_config *config, speech_weights *w)
{
    static const fal_weight_row project_rows[] = {
        {FAL_FIELD(speech_weights, project_w), "weight", "D C", WEIGHT},
        {FAL_FIELD(speech_weights, project_b), "bias", "D", BIAS("C")},
    };
    static const fal_weight_row norm_rows[] = {
        {FAL_FIELD(speech_weights, norm.gamma), "weight", "D", FAL_INIT_ONE},
        {FAL_FIELD(speech_weights, norm.beta), "bias", "D", FAL_INIT_ZERO},
    };
    fal_bind_dim(bind, 'C', config->trunk.widths[FAL_TRUNK_STAGES]);
    fal_bind_dim(bind, 'D', config->width);
    fal_bind_dim(bind, 'U', config->ffn);
    fal_bind_dim(bind, 'H', config->heads);
    fal_bind_dim(bind, 'E', config->width / config->heads);
    fal_bind_dim(bind, 'K', config->taps);
    fal_trunk_bind(bind, names->trunk, &config->trunk, (fal_init)WEIGHT, &w->trunk);
    fal_bind_rows(bind, names->project, project_rows, FAL_COUNT(project_rows), w);
    for (int64_t l = 0; l < config->layers; l++)
        bind_block(bind, names, config, (int)l, &w->blocks[l]);
    fal_bind_rows(bind, names->norm, norm_rows, FAL_COUNT(norm_rows), w);
}

fal_status fal_speech_bind(const fal_speech_config *config, const fal_speech_names *names, fal_bind *bind,
                           fal_speech_encoder **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_speech_encoder *e = NULL;
    FAL_ALLOC(e, fal_calloc(1, sizeof *e));
    e->config = *config;
    FAL_ALLOC(e->weights.blocks, fal_calloc((size_t)config->layers, sizeof *e->weights.blocks));
    bind_all(bind, names, config, &e->weights);
    *out = e;
    e = NULL;
done:
    fal_speech_free(&e);
    return st;
}

void fal_speech_free(fal_speech_encoder **encoder)
{
    fal_speech_encoder *e = *encoder;
    if (!e)
        return;
    fal_trunk_free(&e->trunk);
    fal_linear_free(&e->project);
    fal_transformer_free(&e->layers);
    fal_norm_free(&e->norm);
    fal_free(e->weights.blocks);
    fal_release(encoder);
}

/* ---- building ---- */

fal_status fal_speech_build(fal_speech_encoder *e, const fal_build *build, fal_error *err)
{
    fal_status st = FAL_OK;
    const speech_weights *w = &e->weights;
    fal_transformer_params layers = {.width = e->config.width,
                                     .ffn = e->config.ffn,
                                     .heads = e->config.heads,
                                     .layers = e->config.layers,
                                     .pre_norm = true,
                                     .conformer = e->config.taps > 0,
                                     .norm_eps = LN_EPS,
                                     .act = FAL_ACT_RELU,
                                     .positions = FAL_POSITIONS_RELATIVE};
    FAL_TRY(fal_trunk_create(&w->trunk, &e->config.trunk, build, &e->trunk, err));
    FAL_TRY(fal_scaled_linear_create(&w->project_w, &w->project_b, NULL, sqrt((double)e->config.width),
                                     build->precision, &e->project, err));
    FAL_TRY(fal_transformer_create(&layers, w->blocks, build, &e->layers, err));
    FAL_TRY(fal_norm_create(&w->norm, LN_EPS, &e->norm, err));
done:
    fal_release(&e->weights.blocks);
    return st;
}

/* ---- running ---- */

static void read_samples(const void *source, int64_t frame, float *out)
{
    memcpy(out, (const float *)source + frame * FAL_TRUNK_SAMPLES, FAL_TRUNK_SAMPLES * sizeof *out);
}

fal_speech_input fal_speech_wave(const float *samples, int64_t count, const fal_trunk_stages *stages)
{
    return (fal_speech_input){
        .read = read_samples, .source = samples, .frames = count / FAL_TRUNK_SAMPLES, .stages = stages};
}

/* What the first layer reads. */
static fal_status embed(const fal_speech_encoder *e, fal_forward *pass, const fal_speech_input *input, float *x,
                        fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(pass->run);
    fal_arena_mark mark = fal_arena_save(arena);
    fal_trunk_args args = {
        .read = input->read, .source = input->source, .frames = input->frames, .stages = input->stages};
    FAL_FLOATS(args.out, pass->run, input->frames * fal_trunk_width(e->trunk));
    FAL_TRY(fal_trunk_run(e->trunk, pass, &args, err));
    FAL_TRY(fal_apply_linear(e->project, pass->run, args.out, input->frames, FAL_ACT_NONE, x, err));
done:
    fal_arena_release(arena, mark);
    return st;
}

fal_status fal_speech_run(const fal_speech_encoder *e, fal_forward *pass, const fal_speech_input *input, float **out,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t rows = input->frames;
    float *x; /* [rows, D] */
    FAL_FLOATS(x, pass->run, rows * e->config.width);
    FAL_TRY(embed(e, pass, input, x, err));
    FAL_TRY(fal_transformer_run(e->layers, pass, x, rows, rows, err));
    FAL_TRY(fal_forward_keep(pass, pass->last_layer, x, rows, e->config.width, err));
    if (pass->features)
        fal_norm_run(&e->norm, pass->run, x, rows, x);
    *out = x;
done:
    return st;
}
