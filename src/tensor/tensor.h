/* Shapes and views. A fal_tensor never owns its data: it points into a mapped file, an arena or a caller's array. */
#ifndef FAL_TENSOR_TENSOR_H
#define FAL_TENSOR_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAL_MAX_RANK = 6 };

typedef enum fal_dtype {
    FAL_F32, FAL_F64, FAL_F16, FAL_BF16, FAL_I64, FAL_I32, FAL_I16, FAL_I8, FAL_U8, FAL_BOOL
} fal_dtype;

size_t fal_dtype_size(fal_dtype dtype);
const char *fal_dtype_name(fal_dtype dtype); /* safetensors spelling: "F32", "BF16", ... */

typedef struct fal_tensor {
    fal_dtype dtype;
    int rank;
    int64_t shape[FAL_MAX_RANK];
    int64_t stride[FAL_MAX_RANK]; /* in elements; may be 0 (broadcast) but not negative */
    const void *data;
} fal_tensor;

/* A contiguous float32 view, e.g. fal_tensor_f32(x, 2, (int64_t[]){T, D}). */
fal_tensor fal_tensor_make(fal_dtype dtype, const void *data, int rank, const int64_t *shape);
static inline fal_tensor fal_tensor_f32(const float *data, int rank, const int64_t *shape)
{
    return fal_tensor_make(FAL_F32, data, rank, shape);
}
int64_t fal_tensor_count(const fal_tensor *t); /* elements */
bool fal_tensor_is_contiguous(const fal_tensor *t);
bool fal_tensor_has_shape(const fal_tensor *t, int rank, const int64_t *shape);
/* "[2304,768]" into out; returns out. */
char *fal_tensor_shape_text(char out[96], const fal_tensor *t);
/* Copies any view of a floating or integer type to contiguous float32, in C order. */
void fal_tensor_copy_f32(const fal_tensor *t, float *out);

#endif
