#include "encoder/norm.h"

#include "core/alloc.h"

#include <math.h>

#define BATCH_EPS 1e-5

/* gamma and beta become scale and shift. */
static fal_status fold_statistics(const fal_norm_weights *weights, fal_norm *norm, fal_error *err)
{
    fal_status st = FAL_OK;
    float *statistics = NULL;
    FAL_ALLOC(statistics, fal_malloc_array(2 * (size_t)norm->dim, sizeof *statistics));
    fal_tensor_copy_f32(&weights->mean, statistics);
    fal_tensor_copy_f32(&weights->var, statistics + norm->dim);
    for (int64_t c = 0; c < norm->dim; c++) {
        double scale = norm->gamma[c] / sqrt((double)statistics[norm->dim + c] + BATCH_EPS);
        norm->gamma[c] = (float)scale;
        norm->beta[c] = (float)(norm->beta[c] - statistics[c] * scale);
    }
done:
    fal_free(statistics);
    return st;
}

fal_status fal_norm_create(const fal_norm_weights *weights, double eps, fal_norm *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_norm norm = {.dim = fal_tensor_count(&weights->gamma), .eps = eps, .batch = weights->mean.data != NULL};
    FAL_ALLOC(norm.gamma, fal_malloc_array(2 * (size_t)norm.dim, sizeof *norm.gamma));
    norm.beta = norm.gamma + norm.dim;
    fal_tensor_copy_f32(&weights->gamma, norm.gamma);
    fal_tensor_copy_f32(&weights->beta, norm.beta);
    if (norm.batch)
        FAL_TRY(fold_statistics(weights, &norm, err));
    *out = norm;
    norm.gamma = NULL;
done:
    fal_free(norm.gamma);
    return st;
}

void fal_norm_free(fal_norm *norm)
{
    fal_release(&norm->gamma);
    norm->beta = NULL;
}

void fal_norm_run(const fal_norm *norm, fal_run *run, const float *x, int64_t rows, float *y)
{
    if (norm->batch)
        fal_channel_affine(run, x, rows, norm->dim, norm->gamma, norm->beta, y);
    else
        fal_layer_norm(run, x, rows, norm->dim, norm->gamma, norm->beta, norm->eps, y);
}
