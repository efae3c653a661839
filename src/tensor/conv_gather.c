/* Convolution as a matrix product: each output position becomes a row of taps * in/groups input values. */
#include "tensor/conv_layer.h"

#include <string.h>

/* What a row is gathered from. */
typedef struct source {
    const fal_conv *conv;
    const fal_conv_shape *shape;
    const float *x;        /* first channel of the group */
    int64_t channels;      /* of the group */
} source;

/* One line of taps along the width: `line` is the first pixel of an input line, `start` the column of the first tap. */
static void gather_line(const source *s, const float *line, int64_t start, float *out)
{
    int64_t width = s->shape->in[2], taps = s->conv->kernel[2], channels = s->channels;
    int64_t before = start < 0 ? -start : 0, after = start + taps > width ? start + taps - width : 0;
    if (before + after >= taps) {
        memset(out, 0, (size_t)(taps * channels) * sizeof *out);
        return;
    }
    memset(out, 0, (size_t)(before * channels) * sizeof *out);
    const float *in = line + (start + before) * s->conv->in;
    if (channels == s->conv->in)
        memcpy(out + before * channels, in, (size_t)((taps - before - after) * channels) * sizeof *out);
    else
        for (int64_t tap = before; tap < taps - after; tap++, in += s->conv->in)
            memcpy(out + tap * channels, in, (size_t)channels * sizeof *out);
    memset(out + (taps - after) * channels, 0, (size_t)(after * channels) * sizeof *out);
}

static void gather_row(const source *s, int64_t batch, const int64_t at[3], float *out)
{
    const fal_conv *conv = s->conv;
    const int64_t *in = s->shape->in;
    int64_t line_floats = conv->kernel[2] * s->channels;
    for (int64_t kd = 0; kd < conv->kernel[0]; kd++)
        for (int64_t kh = 0; kh < conv->kernel[1]; kh++, out += line_floats) {
            int64_t d = at[0] * conv->stride[0] + kd - conv->pad[0], h = at[1] * conv->stride[1] + kh - conv->pad[1];
            if (d < 0 || d >= in[0] || h < 0 || h >= in[1]) {
                memset(out, 0, (size_t)line_floats * sizeof *out);
                continue;
            }
            const float *line = s->x + ((batch * in[0] + d) * in[1] + h) * in[2] * conv->in;
            gather_line(s, line, at[2] * conv->stride[2] - conv->pad[2], out);
        }
}

static void gather(const void *user, int64_t first, int64_t count, float *out, int64_t stride)
{
    const source *s = user;
    const int64_t *extent = s->shape->out;
    for (int64_t row = first; row < first + count; row++, out += stride) {
        int64_t rest = row;
        int64_t at[3];
        at[2] = rest % extent[2], rest /= extent[2];
        at[1] = rest % extent[1], rest /= extent[1];
        at[0] = rest % extent[0], rest /= extent[0];
        gather_row(s, rest, at, out);
    }
}

static bool is_pointwise(const fal_conv *conv)
{
    for (int axis = 0; axis < 3; axis++)
        if (conv->kernel[axis] != 1 || conv->stride[axis] != 1 || conv->pad[axis] != 0)
            return false;
    return true;
}

fal_status fal_conv_run_gathered(const fal_conv *conv, fal_run *run, const fal_conv_shape *shape,
                                 const fal_conv_args *args, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    fal_finish finish = fal_conv_finish(conv, args);
    int64_t in_per_group = conv->in / conv->groups, out_per_group = conv->out / conv->groups;
    fal_gemm *gemms;
    source *sources;
    FAL_ALLOC(gemms, fal_arena_alloc(arena, (size_t)conv->groups, sizeof *gemms));
    FAL_ALLOC(sources, fal_arena_alloc(arena, (size_t)conv->groups, sizeof *sources));
    for (int64_t g = 0; g < conv->groups; g++) {
        sources[g] = (source){conv, shape, args->x + g * in_per_group, in_per_group};
        gemms[g] = (fal_gemm){
            .b = &conv->group[g],
            .rows = shape->batch * shape->out[0] * shape->out[1] * shape->out[2],
            .gather = gather,
            .gather_user = &sources[g],
            .finish = fal_finish_at(&finish, 0, g * out_per_group),
        };
        if (is_pointwise(conv)) {
            gemms[g].gather = NULL;
            gemms[g].a = sources[g].x;
            gemms[g].a_stride = conv->in;
        }
    }
    st = fal_gemm_run(run, gemms, conv->groups, err);
done:
    fal_arena_release(arena, mark);
    return st;
}
