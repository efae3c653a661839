#include "tensor/kernels.h"

#include <string.h>

typedef struct span { int64_t first, last; } span;

/* The part of a window that starts at `start` which lies inside [0, size). */
static span window(int64_t start, int64_t kernel, int64_t size)
{
    return (span){.first = start > 0 ? start : 0, .last = start + kernel < size ? start + kernel : size};
}

static void pool_pixel(const fal_kernels *kernels, const fal_pool_args *args, const float *x, int64_t row, int64_t col,
                       float *y)
{
    span rows = window(row * args->stride - args->pad, args->kernel, args->height);
    span cols = window(col * args->stride - args->pad, args->kernel, args->width);
    memcpy(y, x + (rows.first * args->width + cols.first) * args->channels, (size_t)args->channels * sizeof *y);
    for (int64_t h = rows.first; h < rows.last; h++)
        for (int64_t w = cols.first; w < cols.last; w++)
            kernels->max_into(x + (h * args->width + w) * args->channels, args->channels, y);
}

fal_status fal_max_pool2d(fal_run *run, const fal_pool_args *args, fal_error *err)
{
    if (args->kernel < 1 || args->stride < 1 || args->pad < 0 || 2 * args->pad > args->kernel ||
        args->height + 2 * args->pad < args->kernel || args->width + 2 * args->pad < args->kernel)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "max pool with kernel %lld, stride %lld, padding %lld does not fit %lldx%lld pixels "
                        "(padding may be half a kernel at most)",
                        (long long)args->kernel, (long long)args->stride, (long long)args->pad, (long long)args->height,
                        (long long)args->width);
    const fal_kernels *kernels = fal_kernels_get();
    int64_t out_height = (args->height + 2 * args->pad - args->kernel) / args->stride + 1;
    int64_t out_width = (args->width + 2 * args->pad - args->kernel) / args->stride + 1;
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t line = 0; line < args->batch * out_height; line++) {
        const float *x = args->x + line / out_height * args->height * args->width * args->channels;
        for (int64_t col = 0; col < out_width; col++)
            pool_pixel(kernels, args, x, line % out_height, col, args->y + (line * out_width + col) * args->channels);
    }
    return FAL_OK;
}
