#include "encoder/resnet.h"

#include "core/alloc.h"

#include <stdio.h>
#include <string.h>

enum {
    SIDE = FAL_TRUNK_SIDE,
    SIDE_PIXELS = SIDE * SIDE,
    STEM_TAPS = 5, /* kernel of the stem over time */
    STEM_REACH = STEM_TAPS / 2,
    BLOCK_FRAMES = 16 /* frames per batch: layer 1 then works on 2 MB arrays, which stay in the caches */
};

typedef struct basic_block {
    fal_conv *first, *second, *shortcut; /* shortcut NULL: the input itself */
} basic_block;

struct fal_trunk {
    fal_conv *stem;
    basic_block blocks[FAL_TRUNK_STAGES][FAL_TRUNK_BLOCKS];
    int64_t width;
};

/* ---- weights ---- */

/* "<group>trunk.layer2.0.<name>" into out. */
static const char *block_name(char out[256], const char *group, int stage, int block, const char *name)
{
    snprintf(out, 256, "%strunk.layer%d.%d.%s", group, stage + 1, block, name);
    return out;
}

fal_status fal_trunk_configure(const fal_bind *bind, const char *group, fal_trunk_config *out, fal_error *err)
{
    char name[256];
    fal_trunk_config config = {.act = FAL_ACT_RELU};
    snprintf(name, sizeof name, "%sfrontend3D.0.weight", group);
    const fal_tensor *conv = fal_bind_peek(bind, name);
    for (int stage = -1; stage < FAL_TRUNK_STAGES; stage++) {
        if (stage >= 0)
            conv = fal_bind_peek(bind, block_name(name, group, stage, 0, "conv1.weight"));
        if (!conv || conv->rank < 4 || conv->shape[0] < 1)
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

static void bind_block(fal_bind *bind, const char *group, const fal_trunk_config *config, int stage, int block,
                       fal_basic_block_weights *w)
{
    static const fal_init he = FAL_INIT_HE_FAN_OUT;
    char conv[256], norm[256];
    int64_t out = config->widths[stage + 1], in = block == 0 ? config->widths[stage] : out;
    fal_bind_dim(bind, 'I', in);
    fal_bind_dim(bind, 'O', out);
    bind_conv_bn(bind, block_name(conv, group, stage, block, "conv1."), block_name(norm, group, stage, block, "bn1."),
                 "O I 3 3", he, &w->first);
    bind_slope(bind, block_name(conv, group, stage, block, "relu1."), config, &w->slope1);
    bind_conv_bn(bind, block_name(conv, group, stage, block, "conv2."), block_name(norm, group, stage, block, "bn2."),
                 "O O 3 3", he, &w->second);
    bind_slope(bind, block_name(conv, group, stage, block, "relu2."), config, &w->slope2);
    if (block == 0 && (stage > 0 || in != out)) /* where size or width changes, and only there */
        bind_conv_bn(bind, block_name(conv, group, stage, block, "downsample.0."),
                     block_name(norm, group, stage, block, "downsample.1."), "O I 1 1", he, &w->shortcut);
}

void fal_trunk_bind(fal_bind *bind, const char *group, const fal_trunk_config *config, fal_trunk_weights *target)
{
    static const fal_init uniform = FAL_INIT_FAN_IN(1);
    char conv[256], norm[256];
    fal_bind_dim(bind, 'O', config->widths[0]);
    snprintf(conv, sizeof conv, "%sfrontend3D.0.", group);
    snprintf(norm, sizeof norm, "%sfrontend3D.1.", group);
    bind_conv_bn(bind, conv, norm, "O 1 5 7 7", uniform, &target->stem);
    snprintf(conv, sizeof conv, "%sfrontend3D.2.", group);
    bind_slope(bind, conv, config, &target->stem_slope);
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++)
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++)
            bind_block(bind, group, config, stage, block, &target->blocks[stage][block]);
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

static fal_status create_block(const fal_basic_block_weights *w, int64_t stride, fal_act act, fal_precision precision,
                               basic_block *b, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_conv_params first = conv_params(&w->first, 2, stride, act, &w->slope1);
    fal_conv_params second = conv_params(&w->second, 2, 1, act, &w->slope2);
    first.precision = second.precision = precision;
    second.act_after_residual = true;
    FAL_TRY(fal_conv_create(&first, &b->first, err));
    FAL_TRY(fal_conv_create(&second, &b->second, err));
    if (w->shortcut.conv.data) {
        fal_conv_params shortcut = conv_params(&w->shortcut, 2, stride, FAL_ACT_NONE, NULL);
        shortcut.precision = precision;
        FAL_TRY(fal_conv_create(&shortcut, &b->shortcut, err));
    }
done:
    return st; /* the trunk frees what was made */
}

/* The stem stays in float32: one input channel, nothing to gain from shorter numbers. No padding over time: the caller
 * puts the neighbouring frames, or zeros, around each batch. */
static fal_status create_stem(const fal_trunk_weights *w, fal_act act, fal_conv **out, fal_error *err)
{
    fal_conv_params params = conv_params(&w->stem, 3, 2, act, &w->stem_slope);
    params.stride[0] = 1;
    params.stride[2] = 2;
    params.pad[2] = params.pad[1];
    params.pad[0] = 0;
    return fal_conv_create(&params, out, err);
}

fal_status fal_trunk_create(const fal_trunk_weights *weights, const fal_trunk_config *config, const fal_build *build,
                            fal_trunk **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_trunk *trunk = NULL;
    FAL_ALLOC(trunk, fal_calloc(1, sizeof *trunk));
    trunk->width = config->widths[FAL_TRUNK_STAGES];
    FAL_TRY(create_stem(weights, config->act, &trunk->stem, err));
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++)
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++)
            FAL_TRY(create_block(&weights->blocks[stage][block], stage > 0 && block == 0 ? 2 : 1, config->act,
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

/* A batch of maps [count, side, side, channels]. */
typedef struct maps {
    float *data;
    int64_t count, side, channels;
} maps;

static fal_status run_conv(const fal_conv *conv, fal_run *run, maps in, const float *residual, maps *out,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t size[3];
    maps made = {.count = in.count, .channels = fal_conv_out_channels(conv)};
    fal_conv_out_size(conv, (int64_t[3]){in.side, in.side}, size);
    made.side = size[0];
    FAL_FLOATS(made.data, run, made.count * made.side * made.side * made.channels);
    fal_conv_args args = {
        .x = in.data, .batch = in.count, .size = {in.side, in.side}, .y = made.data, .residual = residual};
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

/* Frames first-2 .. first+count+2 of the clip, zeros where there are none: [count + 4, 88, 88]. */
static void read_frames(fal_frame_reader *read, const void *source, int64_t frames, int64_t first, int64_t count,
                        float *out)
{
    for (int64_t i = 0; i < count + 2 * STEM_REACH; i++) {
        int64_t frame = first + i - STEM_REACH;
        if (frame >= 0 && frame < frames)
            read(source, frame, out + i * SIDE_PIXELS);
        else
            memset(out + i * SIDE_PIXELS, 0, SIDE_PIXELS * sizeof *out);
    }
}

/* [count + 4, 88, 88] to [count, 44, 44, W0] to [count, 22, 22, W0]. */
static fal_status run_stem(const fal_trunk *trunk, fal_run *run, const float *frames, int64_t count, maps *out,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t size[3], channels = fal_conv_out_channels(trunk->stem);
    fal_conv_args args = {.x = frames, .batch = 1, .size = {count + 2 * STEM_REACH, SIDE, SIDE}};
    fal_conv_out_size(trunk->stem, args.size, size);
    maps pooled = {.count = count, .side = (size[1] - 1) / 2 + 1, .channels = channels};
    FAL_FLOATS(args.y, run, count * size[1] * size[2] * channels);
    FAL_FLOATS(pooled.data, run, count * pooled.side * pooled.side * channels);
    FAL_TRY(fal_conv_run(trunk->stem, run, &args, err));
    fal_pool_args pool = {.x = args.y,
                          .batch = count,
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

static void stage_maps(fal_run *run, const char *name, maps x)
{
    fal_run_stage(run, name, x.data, 4, (int64_t[]){x.count, x.side, x.side, x.channels});
}

/* Frames first .. first+count of the clip to out [count, W4]. */
static fal_status run_batch(const fal_trunk *trunk, fal_run *run, const float *frames, int64_t count, float *out,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    maps x;
    FAL_TRY(run_stem(trunk, run, frames, count, &x, err));
    stage_maps(run, "video_frontend3d", x);
    for (int stage = 0; stage < FAL_TRUNK_STAGES; stage++)
        for (int block = 0; block < FAL_TRUNK_BLOCKS; block++)
            FAL_TRY(run_block(&trunk->blocks[stage][block], run, x, &x, err));
    stage_maps(run, "video_trunk_layer4", x);
    fal_mean_rows(run, x.data, count * x.side * x.side, x.channels, x.side * x.side, out);
done:
    return st;
}

fal_status fal_trunk_run(const fal_trunk *trunk, fal_forward *pass, fal_frame_reader *read, const void *source,
                         int64_t frames, float *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(pass->run);
    fal_arena_mark mark = fal_arena_save(arena);
    bool whole = fal_run_has_stage_hook(pass->run); /* a stage is shown in one piece */
    for (int64_t first = 0, count; first < frames; first += count) {
        float *input;
        count = whole ? frames : fal_block_size(frames - first, BLOCK_FRAMES);
        FAL_TRY(fal_forward_check(pass, err));
        FAL_FLOATS(input, pass->run, (count + 2 * STEM_REACH) * SIDE_PIXELS);
        read_frames(read, source, frames, first, count, input);
        FAL_TRY(run_batch(trunk, pass->run, input, count, out + first * trunk->width, err));
        fal_arena_release(arena, mark);
    }
    fal_forward_stage(pass, "video_resnet", out, frames, trunk->width, 0);
done:
    return st;
}
