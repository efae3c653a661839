#include "encoder/scaled_linear.h"

#include "core/alloc.h"

static void multiply(float *values, int64_t count, double by)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)(values[i] * by);
}

/* weight [out, in] and, behind it, bias [out] if there is one, both multiplied. */
static fal_status scaled_copy(const fal_tensor *weight, const fal_tensor *bias, const fal_tensor *scale, double factor,
                              float **copy, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t out = weight->shape[0], in = weight->shape[1];
    float *values = NULL, *scales = NULL;
    FAL_ALLOC(values, fal_malloc_array((size_t)out, ((size_t)in + 1) * sizeof *values));
    fal_tensor_copy_f32(weight, values);
    if (bias->data)
        fal_tensor_copy_f32(bias, values + out * in);
    if (scale && scale->data) {
        FAL_ALLOC(scales, fal_malloc_array((size_t)out, sizeof *scales));
        fal_tensor_copy_f32(scale, scales);
    }
    for (int64_t o = 0; o < out; o++) {
        double by = factor * (scales ? scales[o] : 1.0);
        multiply(values + o * in, in, by);
        if (bias->data)
            multiply(values + out * in + o, 1, by);
    }
    *copy = values;
    values = NULL;
done:
    fal_free(values);
    fal_free(scales);
    return st;
}

fal_status fal_scaled_linear_create(const fal_tensor *weight, const fal_tensor *bias, const fal_tensor *scale,
                                    double factor, fal_precision precision, fal_linear **out, fal_error *err)
{
    fal_status st = FAL_OK;
    float *copy = NULL;
    fal_tensor w = *weight, b = *bias;
    if (w.rank == 3 && w.shape[2] == 1)
        w.rank = 2;
    if ((scale && scale->data) || factor != 1) {
        FAL_TRY(scaled_copy(&w, bias, scale, factor, &copy, err));
        b = fal_tensor_f32(bias->data ? copy + w.shape[0] * w.shape[1] : NULL, 1, &w.shape[0]);
        w = fal_tensor_f32(copy, 2, (int64_t[]){w.shape[0], w.shape[1]});
    }
    FAL_TRY(fal_linear_create(&w, b.data ? &b : NULL, precision, out, err));
done:
    fal_free(copy);
    return st;
}
