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

/* memcpy of n floats; the few of a narrow kernel on a one-channel input (7 in the video stem, for each of 35 lines of
 * every output) without its call: two fixed copies that overlap. */
static inline void copy_floats(float *out, const float *in, int64_t n)
{
    enum { FEW = 4, FEW_BYTES = FEW * sizeof(float) };
    if (n >= FEW && n <= 2 * FEW) {
        float last[FEW];
        memcpy(last, in + n - FEW, FEW_BYTES);
        memcpy(out, in, FEW_BYTES);
        memcpy(out + n - FEW, last, FEW_BYTES);
    } else {
        memcpy(out, in, (size_t)n * sizeof *out);
    }
}

/* One line of taps along the width, of which some may fall outside: `line` is the first pixel of an input line, `start`
 * the column of the first tap. */
static void gather_line(const source *s, const float *line, int64_t start, float *out)
{
    int64_t width = s->shape->in[2], channels = s->channels;
    for (int64_t tap = 0; tap < s->conv->kernel[2]; tap++, out += channels) {
        if (start + tap >= 0 && start + tap < width)
            copy_floats(out, line + (start + tap) * s->conv->in, channels);
        else
            memset(out, 0, (size_t)channels * sizeof *out);
    }
}

/* The same line of taps for `count` outputs next to each other, each into its own row. */
static void gather_lines(const source *s, const float *line, int64_t start, int64_t count, float *out, int64_t stride)
{
    int64_t taps = s->conv->kernel[2], step = s->conv->stride[2];
    for (int64_t i = 0; i < count; i++, start += step, out += stride) {
        if (s->channels == s->conv->in && start >= 0 && start + taps <= s->shape->in[2])
            copy_floats(out, line + start * s->channels, taps * s->channels);
        else
            gather_line(s, line, start, out);
    }
}

/* `count` outputs along the width from position `at` on. Lines of taps are the outer loop: what they have in common is
 * worked out once. */
static void gather_run(const source *s, int64_t batch, const int64_t at[3], int64_t count, float *out, int64_t stride)
{
    const fal_conv *conv = s->conv;
    const int64_t *in = s->shape->in;
    int64_t line_floats = conv->kernel[2] * s->channels;
    for (int64_t kd = 0; kd < conv->kernel[0]; kd++)
        for (int64_t kh = 0; kh < conv->kernel[1]; kh++, out += line_floats) {
            int64_t d = at[0] * conv->stride[0] + kd - conv->pad[0], h = at[1] * conv->stride[1] + kh - conv->pad[1];
            if (d >= 0 && d < in[0] && h >= 0 && h < in[1])
                gather_lines(s, s->x + ((batch * in[0] + d) * in[1] + h) * in[2] * conv->in,
                             at[2] * conv->stride[2] - conv->pad[2], count, out, stride);
            else
                for (int64_t i = 0; i < count; i++)
                    memset(out + i * stride, 0, (size_t)line_floats * sizeof *out);
        }
}

static void gather(const void *user, int64_t first, int64_t count, float *out, int64_t stride)
{
    const source *s = user;
    const int64_t *extent = s->shape->out;
    for (int64_t row = first, run; row < first + count; row += run, out += run * stride) {
        int64_t line = row / extent[2], map = line / extent[1];
        const int64_t at[3] = {map % extent[0], line % extent[1], row % extent[2]};
        run = extent[2] - at[2] < first + count - row ? extent[2] - at[2] : first + count - row;
        gather_run(s, map / extent[0], at, run, out, stride);
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
