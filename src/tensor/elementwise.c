#include "tensor/kernels.h"

#include <string.h>

enum { CHUNK = 4096 }; /* floats handed to a thread at a time: input and output stay in its L1 cache */

void fal_act_apply(fal_run *run, fal_act act, const float *x, int64_t count, float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < count; i += CHUNK)
        kernels->act(act, x + i, count - i < CHUNK ? count - i : CHUNK, y + i);
}

void fal_add(fal_run *run, const float *a, const float *b, int64_t count, float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < count; i += CHUNK)
        kernels->add(a + i, b + i, count - i < CHUNK ? count - i : CHUNK, y + i);
}

void fal_glu(fal_run *run, const float *x, int64_t rows, int64_t dim, float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++)
        kernels->gate(x + row * 2 * dim, x + row * 2 * dim + dim, dim, y + row * dim);
}

void fal_mean_rows(fal_run *run, const float *x, int64_t rows, int64_t dim, int64_t group, float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t out = 0; out < rows / group; out++) {
        float *to = y + out * dim;
        const float *from = x + out * group * dim, scale = 1 / (float)group;
        memcpy(to, from, (size_t)dim * sizeof *to);
        for (int64_t row = 1; row < group; row++)
            kernels->add(to, from + row * dim, dim, to);
        for (int64_t i = 0; i < dim; i++)
            to[i] *= scale;
    }
}
