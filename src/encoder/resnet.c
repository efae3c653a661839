#include "encoder/resnet.h"

#include "core/alloc.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_BYTES = 512,
    SIDE = FAL_TRUNK_SIDE,
    SIDE_PIXELS = SIDE * SIDE,
    VIDEO_REACH = 2,   /* frames to each side that the stem sees beside its own: 5 taps */
    VIDEO_FRAMES = 16, /* frames per batch: layer 1 then works on 2 MB arrays, which stay in the caches */
    AUDIO_REACH = 1,   /* frames to each side whose samples an audio frame depends on; 53 of 160 rows after the stem */
    AUDIO_FRAMES = 64  /* frames per batch: 2.6 MB arrays */
};

typedef struct basic_block {
    fal_conv *first, *second, *shortcut; /* shortcut NULL: the input itself */
} basic_block;

struct fal_trunk {
    fal_conv *stem;
    basic_block blocks[FAL_TRUNK_STAGES][FAL_TRUNK_BLOCKS];
    int64_t width;
    bool audio;
};

/* ---- weights ---- */

/* "<group><tail>" into out, for each spelling of the group. */
static const char *below(char out[NAME_BYTES], const char *group, const char *tail)
{
    size_t used = 0;
    for (const char *g = group; g && used < NAME_BYTES;) {
        int length = (int)strcspn(g, "|");
        used += (size_t)snprintf(out + used, NAME_BYTES - used, "%s%.*s%s", g == group ? "" : "|", length, g, tail);
        g = g[length] ? g + length + 1 : NULL;
    }
    return out;
}

/* "<group>trunk.layer2.0.<name>" into out. */
static const char *block_name(char out[NAME_BYTES], const char *group, int stage, int block, const char *name)
{
    char tail[64];
    snprintf(tail, sizeof tail, "trunk.layer%d.%d.%s", stage + 1, block, name);
    return below(out, group, tail);
}

fal_status fal_trunk_configure(const fal_bind *bind, const char *group, fal_act plain, fal_trunk_config *out,
                               fal_error *err)
{
    char name[NAME_BYTES];
    fal_trunk_config config = {.act = plain};
    config.audio = !fal_bind_peek(bind, below(name, group, "frontend3D.0.weight"));
    const fal_tensor *conv = fal_bind_peek(bind, config.audio ? below(name, group, "trunk.conv1.weight") : name);
    for (int stage = -1; stage < FAL_TRUNK_STAGES; stage++) {
        if (stage >= 0)
            conv = fal_bind_peek(bind, block_name(name, group, stage, 0, "conv1.weight"));
        if (!conv || conv->rank < 3 || conv->shape[0] < 1)
            return fal_fail(err, FAL_ERR_FORMAT, "%s is missing or no convolution weight", name);
        config.widths[stage + 1] = conv->shape[0];
    }
    if (fal_bind_peek(bind, block_name(name, group, 0, 0, "relu1.weight")))
        config.act = FAL_ACT_PRELU;
    *out = config;
    return FAL_OK;
}

/* A convolution and its BatchNorm under two names; `shape` of the convolution. */
static void bind_conv_bn(fal_bind *bind, const char *conv, const char *norm, const char *shape, fal_init init,
                         fal_conv_bn_weights *target)
{
    const fal_weight_row conv_row = {FAL_FIELD(fal_conv_bn_weights, conv), "weight", shape, init};
    static const fal_weight_row norm_rows[] = {
        {FAL_FIELD(fal_conv_bn_weights, gamma), "weight", "O", FAL_INIT_ONE},
        {FAL_FIELD(fal_conv_bn_weights, beta), "bias", "O", FAL_INIT_ZERO},
        {FAL_FIELD(fal_conv_bn_weights, mean), "running_mean", "O", FAL_INIT_ZERO},
        {FAL_FIELD(fal_conv_bn_weights, var), "running_var", "O", FAL_INIT_ONE},
    };
    fal_bind_rows(bind, conv, &conv_row, 1, target);
    fal_bind_rows(bind, norm, norm_rows, FAL_COUNT(norm_rows), target);
}

static void bind_slope(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_tensor *target)
{
    static const fal_weight_row row = {0, "weight", "O", FAL_INIT_CONST(0.25)};
    if (config->act == FAL_ACT_PRELU)
        fal_bind_rows(bind, group, &row, 1, target);
}

static void bind_block(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_init init, int stage,
                       int block, fal_basic_block_weights *w)
{
    char conv[NAME_BYTES], norm[NAME_BYTES];
    int64_t out = config->widths[stage + 1], in = block == 0 ? config->widths[stage] : out;
    fal_bind_dim(bind, 'I', in);
    fal_bind_dim(bind, 'O', out);
    bind_conv_bn(bind, block_name(conv, group, stage, block, "conv1."), block_name(norm, group, stage, block, "bn1."),
                 config->audio ? "O I 3" : "O I 3 3", init, &w->first);
    bind_slope(bind, block_name(conv, group, stage, block, "relu1."), config, &w->slope1);
    bind_conv_bn(bind, block_name(conv, group, stage, block, "conv2."), block_name(norm, group, stage, block, "bn2."),
                 config->audio ? "O O 3" : "O O 3 3", init, &w->second);
    bind_slope(bind, block_name(conv, group, stage, block, "relu2."), config, &w->slope2);
    if (block == 0 && (stage > 0 || in != out)) /* where size or width changes, and only there */
        bind_conv_bn(bind, block_name(conv, group, stage, block, "downsample.0."),
                     block_name(norm, group, stage, block, "downsample.1."), config->audio ? "O I 1" : "O I 1 1", init,
                     &w->shortcut);
}

static void bind_stem(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_trunk_weights *w)
{
    static const fal_init uniform = FAL_INIT_FAN_IN(1);
    char conv[NAME_BYTES], norm[NAME_BYTES];
    fal_bind_dim(bind, 'O', config->widths[0]);
    bind_conv_bn(bind, below(conv, group, config->audio ? "trunk.conv1." : "frontend3D.0."),
                 below(norm, group, config->audio ? "trunk.bn1." : "frontend3D.1."),
                 config->audio ? "O 1 80" : "O 1 5 7 7", uniform, &w->stem);
    bind_slope(bind, below(conv, group, config->audio ? "trunk.relu." : "frontend3D.2."), config, &w->stem_slope);
}

void fal_trunk_bind(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_init convs,
                    fal_trunk_weights *target)
{
    bind_stem(bind, group, config, target);
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++)
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++)
            bind_block(bind, group, config, convs, stage, block, &target->blocks[stage][block]);
}

/* ---- building ---- */

/* A convolution with its BatchNorm folded in; slope as the file has it (no data unless act is PReLU). */
static fal_conv_params conv_params(const fal_conv_bn_weights *w, int dims, int64_t stride, fal_act act,
                                   const fal_tensor *slope)
{
    int64_t pad = w->conv.shape[w->conv.rank - 1] / 2;
    fal_conv_params params = {.dims = dims,
                              .weight = w->conv,
                              .stride = {stride, stride},
                              .pad = {pad, pad},
                              .bn_gamma = &w->gamma,
                              .bn_beta = &w->beta,
                              .bn_mean = &w->mean,
                              .bn_var = &w->var,
                              .act = act,
                              .prelu = slope && slope->data ? slope : NULL};
    return params;
}

static fal_status create_block(const fal_basic_block_weights *w, const fal_trunk_config *config, int64_t stride,
                               fal_precision precision, basic_block *b, fal_error *err)
{
    fal_status st = FAL_OK;
    int dims = config->audio ? 1 : 2;
    fal_conv_params first = conv_params(&w->first, dims, stride, config->act, &w->slope1);
    fal_conv_params second = conv_params(&w->second, dims, 1, config->act, &w->slope2);
    first.precision = second.precision = precision;
    second.act_after_residual = true;
    FAL_TRY(fal_conv_create(&first, &b->first, err));
    FAL_TRY(fal_conv_create(&second, &b->second, err));
    if (w->shortcut.conv.data) {
        fal_conv_params shortcut = conv_params(&w->shortcut, dims, stride, FAL_ACT_NONE, NULL);
        shortcut.precision = precision;
        FAL_TRY(fal_conv_create(&shortcut, &b->shortcut, err));
    }
done:
    return st; /* the trunk frees what was made */
}

/* The stem stays in float32: one input channel, nothing to gain from shorter numbers. The video stem has no padding
 * over time: the caller puts the neighbouring frames, or zeros, around each batch. */
static fal_status create_stem(const fal_trunk_weights *w, const fal_trunk_config *config, fal_conv **out,
                              fal_error *err)
{
    fal_conv_params params = conv_params(&w->stem, config->audio ? 1 : 3, 2, config->act, &w->stem_slope);
    if (config->audio) {
        params.stride[0] = 4;
        params.pad[0] = 38;
    } else {
        params.stride[0] = 1;
        params.stride[2] = 2;
        params.pad[2] = params.pad[1];
        params.pad[0] = 0;
    }
    return fal_conv_create(&params, out, err);
}

fal_status fal_trunk_create(const fal_trunk_weights *weights, const fal_trunk_config *config, const fal_build *build,
                            fal_trunk **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_trunk *trunk = NULL;
    FAL_ALLOC(trunk, fal_calloc(1, sizeof *trunk));
    trunk->width = config->widths[FAL_TRUNK_STAGES];
    trunk->audio = config->audio;
    FAL_TRY(create_stem(weights, config, &trunk->stem, err));
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++)
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++)
            FAL_TRY(create_block(&weights->blocks[stage][block], config, stage > 0 && block == 0 ? 2 : 1,
                                 build->precision, &trunk->blocks[stage][block], err));
    fal_build_release(build, weights, sizeof *weights);
    *out = trunk;
    trunk = NULL;
done:
    fal_trunk_free(&trunk);
    return st;
}

void fal_trunk_free(fal_trunk **trunk)
{
    if (!*trunk)
        return;
    fal_conv_free(&(*trunk)->stem);
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++)
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++) {
            basic_block *b = &(*trunk)->blocks[stage][block];
            fal_conv_free(&b->first);
            fal_conv_free(&b->second);
            fal_conv_free(&b->shortcut);
        }
    fal_release(trunk);
}

int64_t fal_trunk_width(const fal_trunk *trunk)
{
    return trunk->width;
}

/* ---- running ---- */

/* A batch of arrays [count, size[0], size[1], channels]; for audio count and size[1] are 1. */
typedef struct maps {
    float *data;
    int64_t count, size[3], channels;
} maps;

static int64_t positions(maps x)
{
    return x.count * x.size[0] * x.size[1];
}

static fal_status run_conv(const fal_conv *conv, fal_run *run, maps in, const float *residual, maps *out,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    maps made = {.count = in.count, .size = {1, 1, 1}, .channels = fal_conv_out_channels(conv)};
    fal_conv_out_size(conv, in.size, made.size);
    FAL_FLOATS(made.data, run, positions(made) * made.channels);
    fal_conv_args args = {
        .x = in.data, .batch = in.count, .size = {in.size[0], in.size[1]}, .y = made.data, .residual = residual};
    FAL_TRY(fal_conv_run(conv, run, &args, err));
    *out = made;
done:
    return st;
}

static fal_status run_block(const basic_block *b, fal_run *run, maps x, maps *out, fal_error *err)
{
    fal_status st = FAL_OK;
    maps inner, shortcut = x;
    FAL_TRY(run_conv(b->first, run, x, NULL, &inner, err));
    if (b->shortcut)
        FAL_TRY(run_conv(b->shortcut, run, x, NULL, &shortcut, err));
    FAL_TRY(run_conv(b->second, run, inner, shortcut.data, out, err));
done:
    return st;
}

/* Frames of the clip that are worked off together, with neighbours that are only looked at. */
typedef struct span {
    int64_t first, count;
    int64_t before, after; /* neighbours there are: at the ends of the clip fewer than the reach */
} span;

/* Frames first-2 .. first+count+2, zeros where there are none, [count + 4, 88, 88]; to [count, 44, 44, W0] to
 * [count, 22, 22, W0]. */
static fal_status run_video_stem(const fal_trunk *trunk, fal_run *run, const fal_trunk_args *args, span s, maps *out,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t size[3], channels = fal_conv_out_channels(trunk->stem);
    float *frames;
    FAL_FLOATS(frames, run, (s.count + 2 * VIDEO_REACH) * SIDE_PIXELS);
    memset(frames, 0, (size_t)((s.count + 2 * VIDEO_REACH) * SIDE_PIXELS) * sizeof *frames);
    for (int64_t i = -s.before; i < s.count + s.after; i++)
        args->read(args->source, s.first + i, frames + (i + VIDEO_REACH) * SIDE_PIXELS);
    fal_conv_args conv = {.x = frames, .batch = 1, .size = {s.count + 2 * VIDEO_REACH, SIDE, SIDE}};
    fal_conv_out_size(trunk->stem, conv.size, size);
    maps pooled = {.count = s.count, .size = {(size[1] - 1) / 2 + 1, (size[2] - 1) / 2 + 1, 1}, .channels = channels};
    FAL_FLOATS(conv.y, run, s.count * size[1] * size[2] * channels);
    FAL_FLOATS(pooled.data, run, positions(pooled) * channels);
    FAL_TRY(fal_conv_run(trunk->stem, run, &conv, err));
    fal_pool_args pool = {.x = conv.y,
                          .batch = s.count,
                          .height = size[1],
                          .width = size[2],
                          .channels = channels,
                          .kernel = 3,
                          .stride = 2,
                          .pad = 1,
                          .y = pooled.data};
    FAL_TRY(fal_max_pool2d(run, &pool, err));
    *out = pooled;
done:
    return st;
}

/* The samples of the span and its neighbours [640 n] to [160 n, W0]. Each layer pads with zeros of its own, so nothing
 * may stand in for samples outside the clip; inside it the padding spoils rows of the neighbours, which are thrown
 * away. */
static fal_status run_audio_stem(const fal_trunk *trunk, fal_run *run, const fal_trunk_args *args, span s, maps *out,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t frames = s.before + s.count + s.after;
    maps wave = {.count = 1, .size = {frames * FAL_TRUNK_SAMPLES, 1, 1}, .channels = 1};
    FAL_FLOATS(wave.data, run, frames * FAL_TRUNK_SAMPLES);
    for (int64_t i = 0; i < frames; i++)
        args->read(args->source, s.first - s.before + i, wave.data + i * FAL_TRUNK_SAMPLES);
    FAL_TRY(run_conv(trunk->stem, run, wave, NULL, out, err));
done:
    return st;
}

static void show(const fal_trunk *trunk, fal_run *run, const char *name, maps x)
{
    if (name && trunk->audio)
        fal_run_stage(run, name, x.data, 2, (int64_t[]){x.size[0], x.channels});
    else if (name)
        fal_run_stage(run, name, x.data, 4, (int64_t[]){x.count, x.size[0], x.size[1], x.channels});
}

/* The frames of the span to their rows of args->out. */
static fal_status run_span(const fal_trunk *trunk, fal_run *run, const fal_trunk_args *args, span s, fal_error *err)
{
    fal_status st = FAL_OK;
    maps x;
    int64_t skipped = trunk->audio ? s.before : 0, frames = skipped + s.count + (trunk->audio ? s.after : 0);
    if (trunk->audio)
        FAL_TRY(run_audio_stem(trunk, run, args, s, &x, err));
    else
        FAL_TRY(run_video_stem(trunk, run, args, s, &x, err));
    show(trunk, run, args->stages->stem, x);
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++) {
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++)
            FAL_TRY(run_block(&trunk->blocks[stage][block], run, x, &x, err));
        show(trunk, run, args->stages->layers[stage], x);
    }
    int64_t each = positions(x) / frames;
    fal_mean_rows(run, x.data + skipped * each * x.channels, s.count * each, x.channels, each,
                  args->out + s.first * trunk->width);
done:
    return st;
}

fal_status fal_trunk_run(const fal_trunk *trunk, fal_forward *pass, const fal_trunk_args *args, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(pass->run);
    fal_arena_mark mark = fal_arena_save(arena);
    bool whole = fal_run_has_stage_hook(pass->run); /* a stage is shown in one piece */
    int64_t reach = trunk->audio ? AUDIO_REACH : VIDEO_REACH, most = trunk->audio ? AUDIO_FRAMES : VIDEO_FRAMES;
    for (span s = {0}; s.first < args->frames; s.first += s.count) {
        int64_t left = args->frames - s.first;
        s.count = whole ? left : fal_block_size(left, most);
        s.before = s.first < reach ? s.first : reach;
        s.after = left - s.count < reach ? left - s.count : reach;
        FAL_TRY(fal_forward_check(pass, err));
        FAL_TRY(run_span(trunk, pass->run, args, s, err));
        fal_arena_release(arena, mark);
    }
    if (args->stages->out)
        fal_forward_stage(pass, args->stages->out, args->out, args->frames, trunk->width, 0);
done:
    return st;
}
