#include "tensor/tensor.h"

#include "core/half.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    size_t size;
} dtypes[] = {
    [FAL_F32] = {"F32", 4}, [FAL_F64] = {"F64", 8}, [FAL_F16] = {"F16", 2}, [FAL_BF16] = {"BF16", 2},
    [FAL_I64] = {"I64", 8}, [FAL_I32] = {"I32", 4}, [FAL_I16] = {"I16", 2}, [FAL_I8] = {"I8", 1},
    [FAL_U8] = {"U8", 1},   [FAL_BOOL] = {"BOOL", 1},
};

size_t fal_dtype_size(fal_dtype dtype)
{
    return dtypes[dtype].size;
}

const char *fal_dtype_name(fal_dtype dtype)
{
    return dtypes[dtype].name;
}

fal_tensor fal_tensor_make(fal_dtype dtype, const void *data, int rank, const int64_t *shape)
{
    assert(rank >= 0 && rank <= FAL_MAX_RANK);
    fal_tensor t = {.dtype = dtype, .rank = rank, .data = data};
    int64_t stride = 1;
    for (int axis = rank - 1; axis >= 0; axis--) {
        t.shape[axis] = shape[axis];
        t.stride[axis] = stride;
        stride *= shape[axis];
    }
    return t;
}

int64_t fal_tensor_count(const fal_tensor *t)
{
    int64_t count = 1;
    for (int axis = 0; axis < t->rank; axis++)
        count *= t->shape[axis];
    return count;
}

bool fal_tensor_is_contiguous(const fal_tensor *t)
{
    int64_t want = 1;
    for (int axis = t->rank - 1; axis >= 0; axis--) {
        if (t->shape[axis] != 1 && t->stride[axis] != want)
            return false;
        want *= t->shape[axis];
    }
    return true;
}

bool fal_tensor_has_shape(const fal_tensor *t, int rank, const int64_t *shape)
{
    if (t->rank != rank)
        return false;
    for (int axis = 0; axis < rank; axis++)
        if (t->shape[axis] != shape[axis])
            return false;
    return true;
}

char *fal_tensor_shape_text(char out[96], const fal_tensor *t)
{
    size_t used = 0;
    out[used++] = '[';
    for (int axis = 0; axis < t->rank && used < 90; axis++)
        used += (size_t)snprintf(out + used, 96 - used, "%s%lld", axis ? "," : "", (long long)t->shape[axis]);
    if (used > 94) /* six 20-digit sizes do not fit; the first ones tell enough */
        used = 94;
    out[used++] = ']';
    out[used] = '\0';
    return out;
}

/* `n` elements `stride` apart to float32; src points at the first. */
static void copy_line(fal_dtype dtype, const void *src, int64_t stride, int64_t n, float *out)
{
#define EACH(type, convert)                                   \
    do {                                                      \
        const type *in = src;                                 \
        for (int64_t i = 0; i < n; i++) {                     \
            const type v = in[i * stride];                    \
            out[i] = convert(v);                              \
        }                                                     \
    } while (0)
    switch (dtype) {
    case FAL_F32:
        if (stride == 1)
            memcpy(out, src, (size_t)n * sizeof *out);
        else
            EACH(float, (float));
        break;
    case FAL_F64: EACH(double, (float)); break;
    case FAL_F16: EACH(uint16_t, fal_f16_to_f32); break;
    case FAL_BF16: EACH(uint16_t, fal_bf16_to_f32); break;
    case FAL_I64: EACH(int64_t, (float)); break;
    case FAL_I32: EACH(int32_t, (float)); break;
    case FAL_I16: EACH(int16_t, (float)); break;
    case FAL_I8: EACH(int8_t, (float)); break;
    case FAL_U8: EACH(uint8_t, (float)); break;
    case FAL_BOOL: EACH(uint8_t, 0 != ); break;
    }
#undef EACH
}

void fal_tensor_copy_f32(const fal_tensor *t, float *out)
{
    int64_t count = fal_tensor_count(t);
    if (count == 0)
        return;
    if (fal_tensor_is_contiguous(t)) {
        copy_line(t->dtype, t->data, 1, count, out);
        return;
    }
    int last = t->rank - 1;
    int64_t index[FAL_MAX_RANK] = {0}, line = t->shape[last];
    for (int64_t done = 0; done < count; done += line) {
        int64_t offset = 0;
        for (int axis = 0; axis < last; axis++)
            offset += index[axis] * t->stride[axis];
        copy_line(t->dtype, (const char *)t->data + (size_t)offset * fal_dtype_size(t->dtype), t->stride[last], line,
                  out + done);
        for (int axis = last - 1; axis >= 0 && ++index[axis] == t->shape[axis]; axis--)
            index[axis] = 0;
    }
}
