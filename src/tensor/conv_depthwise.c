/* Convolution in which every channel is its own group: one multiply-add per tap over all channels of a pixel. */
#include "tensor/conv_layer.h"

#include <omp.h>
#include <string.h>

/* Sum over taps for one output position, all channels. */
static void sum_taps(const fal_conv *conv, const fal_kernels *kernels, const fal_conv_shape *shape, const float *x,
                     const int64_t at[3], float *sum)
{
    const float *weight = conv->depthwise;
    memset(sum, 0, (size_t)conv->out * sizeof *sum);
    for (int64_t kd = 0; kd < conv->kernel[0]; kd++)
        for (int64_t kh = 0; kh < conv->kernel[1]; kh++)
            for (int64_t kw = 0; kw < conv->kernel[2]; kw++, weight += conv->out) {
                int64_t d = at[0] * conv->stride[0] + kd - conv->pad[0];
                int64_t h = at[1] * conv->stride[1] + kh - conv->pad[1];
                int64_t w = at[2] * conv->stride[2] + kw - conv->pad[2];
                if (d < 0 || d >= shape->in[0] || h < 0 || h >= shape->in[1] || w < 0 || w >= shape->in[2])
                    continue;
                int64_t pixel = (d * shape->in[1] + h) * shape->in[2] + w;
                kernels->multiply_add(weight, x + pixel * conv->in, conv->in, sum);
            }
}

fal_status fal_conv_run_depthwise(const fal_conv *conv, fal_run *run, const fal_conv_shape *shape,
                                  const fal_conv_args *args, fal_error *err)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    int64_t each = fal_round_up(conv->out, 16), in_floats = shape->in[0] * shape->in[1] * shape->in[2] * conv->in;
    int64_t per_item = shape->out[0] * shape->out[1] * shape->out[2];
    float *sums = fal_run_floats(run, threads * each);
    if (!sums)
        return fal_fail(err, FAL_ERR_MEMORY, "no memory for %lld channels of a convolution", (long long)conv->out);
    fal_finish finish = fal_conv_finish(conv, args);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t position = 0; position < shape->batch * per_item; position++) {
        int64_t rest = position % per_item;
        int64_t at[3] = {rest / shape->out[2] / shape->out[1], rest / shape->out[2] % shape->out[1],
                         rest % shape->out[2]};
        float *sum = sums + omp_get_thread_num() * each;
        sum_taps(conv, kernels, shape, args->x + position / per_item * in_floats, at, sum);
        fal_finish at_position = fal_finish_at(&finish, position, 0);
        kernels->finish(&at_position, 1, conv->out, sum, conv->out);
    }
    fal_arena_release(arena, mark);
    return FAL_OK;
}
