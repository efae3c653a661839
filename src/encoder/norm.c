#include "encoder/norm.h"

#include "core/alloc.h"

fal_status fal_norm_create(const fal_norm_weights *weights, double eps, fal_norm *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_norm norm = {.dim = fal_tensor_count(&weights->gamma), .eps = eps};
    FAL_ALLOC(norm.gamma, fal_malloc_array(2 * (size_t)norm.dim, sizeof *norm.gamma));
    norm.beta = norm.gamma + norm.dim;
    fal_tensor_copy_f32(&weights->gamma, norm.gamma);
    fal_tensor_copy_f32(&weights->beta, norm.beta);
    *out = norm;
done:
    return st;
}

void fal_norm_free(fal_norm *norm)
{
    fal_release(&norm->gamma);
    norm->beta = NULL;
}

void fal_norm_run(const fal_norm *norm, fal_run *run, const float *x, int64_t rows, float *y)
{
    fal_layer_norm(run, x, rows, norm->dim, norm->gamma, norm->beta, norm->eps, y);
}
