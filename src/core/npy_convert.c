#include "core/npy.h"

#include "core/alloc.h"
#include "core/half.h"

/* One case of the switches below: `target` is what the function converts to. */
#define CONVERT(type)                                       \
    for (size_t i = 0; i < n; i++)                          \
        out[i] = (target)((const type *)in)[i];             \
    break

static void convert_f32(fal_npy_type type, const void *in, float *out, size_t n)
{
    typedef float target;
    switch (type) {
    case FAL_NPY_BOOL:
        for (size_t i = 0; i < n; i++)
            out[i] = ((const uint8_t *)in)[i] != 0;
        break;
    case FAL_NPY_U8: CONVERT(uint8_t);
    case FAL_NPY_I8: CONVERT(int8_t);
    case FAL_NPY_I16: CONVERT(int16_t);
    case FAL_NPY_I32: CONVERT(int32_t);
    case FAL_NPY_I64: CONVERT(int64_t);
    case FAL_NPY_U16: CONVERT(uint16_t);
    case FAL_NPY_U32: CONVERT(uint32_t);
    case FAL_NPY_U64: CONVERT(uint64_t);
    case FAL_NPY_F16: fal_f16_to_f32_n(in, out, n); break;
    case FAL_NPY_F32: CONVERT(float);
    case FAL_NPY_F64: CONVERT(double);
    }
}

static void convert_f64(fal_npy_type type, const void *in, double *out, size_t n)
{
    typedef double target;
    switch (type) {
    case FAL_NPY_BOOL:
        for (size_t i = 0; i < n; i++)
            out[i] = ((const uint8_t *)in)[i] != 0;
        break;
    case FAL_NPY_U8: CONVERT(uint8_t);
    case FAL_NPY_I8: CONVERT(int8_t);
    case FAL_NPY_I16: CONVERT(int16_t);
    case FAL_NPY_I32: CONVERT(int32_t);
    case FAL_NPY_I64: CONVERT(int64_t);
    case FAL_NPY_U16: CONVERT(uint16_t);
    case FAL_NPY_U32: CONVERT(uint32_t);
    case FAL_NPY_U64: CONVERT(uint64_t);
    case FAL_NPY_F16:
        for (size_t i = 0; i < n; i++)
            out[i] = (double)fal_f16_to_f32(((const uint16_t *)in)[i]);
        break;
    case FAL_NPY_F32: CONVERT(float);
    case FAL_NPY_F64: CONVERT(double);
    }
}

fal_status fal_npy_to_f32(fal_npy *array, fal_error *err)
{
    fal_status st = FAL_OK;
    float *data = NULL;
    if (array->type == FAL_NPY_F32)
        return FAL_OK;
    FAL_ALLOC(data, fal_malloc_array(array->count, sizeof *data));
    convert_f32(array->type, array->data, data, array->count);
    fal_free(array->data);
    array->data = data;
    array->type = FAL_NPY_F32;
done:
    return st;
}

fal_status fal_npy_to_f64(fal_npy *array, fal_error *err)
{
    fal_status st = FAL_OK;
    double *data = NULL;
    if (array->type == FAL_NPY_F64)
        return FAL_OK;
    FAL_ALLOC(data, fal_malloc_array(array->count, sizeof *data));
    convert_f64(array->type, array->data, data, array->count);
    fal_free(array->data);
    array->data = data;
    array->type = FAL_NPY_F64;
done:
    return st;
}
