/* Matrix product against packed weights, the one engine under linear, convolution, matmul and attention.
 *
 * A packed matrix [k, n] is cut into panels of nr columns, each stored as k rows of nr values, the last one padded with
 * zeros. A product is cut into blocks of rows; each block walks k in steps that keep one panel step in the L1 cache and
 * accumulates a strip of columns in the L2 cache before the finishing step writes it. */
#ifndef FAL_TENSOR_GEMM_H
#define FAL_TENSOR_GEMM_H

#include "tensor/kernels.h"

typedef struct fal_packed {
    const fal_kernels *kernels;
    int64_t k, n;
    float *f32;     /* one of the three */
    uint16_t *bf16;
    struct fal_native *native; /* oneDNN's own layout, where the CPU multiplies bfloat16 */
} fal_packed;

static inline int64_t fal_round_up(int64_t n, int64_t multiple) { return (n + multiple - 1) / multiple * multiple; }

/* Row stride for scratch with k columns: neighbouring rows start in different parts of a 32 KiB L1 cache, also when k
 * is a power of two and they would all compete for the same sets. */
static inline int64_t fal_row_stride(int64_t k)
{
    return k <= 256 ? fal_round_up(k, 16) | 16 : fal_round_up(k - 272, 512) + 272;
}

/* How a source matrix [k, n] lies in memory: element (p, j) at data[p * k_stride + j * n_stride]. */
typedef struct fal_matrix {
    const float *data;
    int64_t k, n, k_stride, n_stride;
} fal_matrix;

/* out[col * out_stride + row] = in[row * in_stride + col]. */
void fal_transpose(const float *in, int64_t in_stride, int64_t rows, int64_t cols, float *out, int64_t out_stride);

/* Values a packed matrix takes: k * n rounded up to whole panels. */
int64_t fal_packed_count(const fal_kernels *kernels, int64_t k, int64_t n);
/* Packs panels [first, last) of `m`; `out` is the start of the whole packed matrix. */
void fal_pack_panels(const fal_kernels *kernels, const fal_matrix *m, int64_t first, int64_t last, float *out);
fal_status fal_packed_create(const fal_matrix *m, fal_precision precision, fal_packed *out, fal_error *err);
void fal_packed_clear(fal_packed *packed);

/* Writes rows [first, first + count) of the left matrix to out, row stride `stride`, all k columns. */
typedef void fal_gather_fn(const void *user, int64_t first, int64_t count, float *out, int64_t stride);

typedef struct fal_gemm {
    const fal_packed *b;
    int64_t rows;
    const float *a;            /* rows a_stride apart (may overlap), or NULL: */
    int64_t a_stride;
    fal_gather_fn *gather;     /* ... rows are made by this function */
    const void *gather_user;
    fal_finish finish;         /* pointers for row 0, column 0 */
} fal_gemm;

/* Rows [first, first + count) of the left matrix, gathered or copied. */
void fal_gemm_copy_rows(const fal_gemm *g, int64_t k, int64_t first, int64_t count, float *out, int64_t stride);

/* Scratch of one sequential block product (below), in floats. */
int64_t fal_gemm_block_scratch(const fal_kernels *kernels, int64_t rows);
/* rows [rows] x columns [first_col, last_col) of the product on the calling thread; first_col is a multiple of nr.
 * `a` may be gathered already; finish pointers are for row 0 and column 0 of the whole product. */
void fal_gemm_block(const fal_packed *b, int64_t rows, const float *a, int64_t a_stride, int64_t first_col,
                    int64_t last_col, const fal_finish *finish, float *scratch);

/* The bare product of float32 weights as [panels][rows rounded up to mr][nr] values. */
void fal_gemm_tiles(const fal_packed *b, int64_t rows, const float *a, int64_t a_stride, float *tiles);

/* Several products of the same k and row count at once (groups of a convolution, heads, a batch), cut into blocks for
 * the run's threads. */
fal_status fal_gemm_run(fal_run *run, const fal_gemm *gemms, int64_t count, fal_error *err);

/* The finish of a tile that starts at (row, col) of the product. */
fal_finish fal_finish_at(const fal_finish *f, int64_t row, int64_t col);

#endif
