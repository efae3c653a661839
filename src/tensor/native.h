/* Products by oneDNN itself, for formats it has units for and we have no kernels: bfloat16 on AMX and AVX512-BF16. */
#ifndef FAL_TENSOR_NATIVE_H
#define FAL_TENSOR_NATIVE_H

#include "tensor/gemm.h"

/* Weights [k, n] in the layout that oneDNN wants for them; immutable, may be shared by threads. */
typedef struct fal_native fal_native;

/* dtype: FAL_BF16, or FAL_F32 (which tests use to reach this code on any CPU). */
fal_status fal_native_create(const fal_matrix *m, fal_dtype dtype, fal_native **out, fal_error *err);
void fal_native_free(fal_native **native);

/* y[rows, n] = a[rows, k] weights, both contiguous; a in the weights' type, y float32. */
fal_status fal_native_multiply(fal_run *run, const fal_native *native, int64_t rows, const void *a, float *y,
                               fal_error *err);

/* A product with its gathering and finishing steps, in chunks of rows. */
fal_status fal_native_run(fal_run *run, const fal_native *native, const fal_gemm *gemm, fal_error *err);

/* Primitives by shape, owned by a run; the least recently used one makes room. */
typedef struct fal_native_cache fal_native_cache;
fal_native_cache *fal_run_native_cache(fal_run *run);
fal_status fal_native_cache_create(fal_native_cache **out, fal_error *err);
void fal_native_cache_free(fal_native_cache **cache);

#endif
