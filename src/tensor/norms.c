#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

void fal_layer_norm(fal_run *run, const float *x, int64_t rows, int64_t dim, const float *gamma, const float *beta,
                    double eps, float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++)
        kernels->layer_norm(x + row * dim, dim, gamma, beta, eps, y + row * dim);
}

void fal_channel_affine(fal_run *run, const float *x, int64_t rows, int64_t dim, const float *scale, const float *shift,
                        float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++)
        kernels->affine(x + row * dim, scale, shift, dim, y + row * dim);
}

int64_t fal_l2_normalise_rows(const float *x, int64_t rows, int64_t dim, float *y)
{
    const fal_kernels *kernels = fal_kernels_get();
    int64_t zero_rows = 0;
    for (int64_t row = 0; row < rows; row++, x += dim, y += dim) {
        double sum = kernels->sum_squares(x, dim);
        if (sum > 0) {
            double scale = 1 / sqrt(sum);
            for (int64_t i = 0; i < dim; i++)
                y[i] = (float)((double)x[i] * scale);
        } else {
            memset(y, 0, (size_t)dim * sizeof *y);
            zero_rows++;
        }
    }
    return zero_rows;
}
