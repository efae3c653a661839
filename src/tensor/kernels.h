/* The innermost loops, once per instruction set. kernels_impl.h is the one source; kernels_<isa>.c compile it with
 * another vector width and other compiler flags, and fal_kernels_get picks a table. Nothing here allocates or uses
 * threads. Buffers need no alignment unless said. */
#ifndef FAL_TENSOR_KERNELS_H
#define FAL_TENSOR_KERNELS_H

#include "tensor/cpu.h"
#include "tensor/ops.h"

/* Upper bounds of mr and nr over all tables, for scratch on the stack. */
enum { FAL_MAX_MR = 14, FAL_MAX_NR = 32 };

/* What happens to a tile of products before it is stored:
 *   v = alpha * row_scale[row] * product + bias[col]
 *   y = act(v) + residual, or act(v + residual) with act_after_residual.
 * Pointers may be NULL; they point at the tile's first row or column, as do residual and y. */
typedef struct fal_finish {
    float alpha;
    const float *row_scale;
    const float *bias, *slope; /* slope: FAL_ACT_PRELU */
    fal_act act;
    bool act_after_residual;
    const float *residual;
    int64_t residual_stride;
    float *y;
    int64_t y_stride;
} fal_finish;

typedef struct fal_kernels {
    const char *name;
    int mr, nr; /* rows and columns of a register tile */

    /* tile[rows, nr] (+)= a[rows, k] b[k, nr]; a has row stride a_stride, b is one packed panel, tile is contiguous.
     * rows in 1..mr. next_a: the a of the call to come, brought into the cache on the way (same stride). */
    void (*multiply)(int rows, int64_t k, const float *a, int64_t a_stride, const float *b, float *tile,
                     bool accumulate, const float *next_a);
    /* tile: [rows, cols] of products, row stride tile_stride */
    void (*finish)(const fal_finish *f, int rows, int64_t cols, const float *tile, int64_t tile_stride);

    /* Winograd transforms of one tile, see conv_winograd.c: m x m outputs (m = 3 or 4) of the (m + 2)^2 inputs `pixels`
     * on two axes, 4 of 6 on one. v: one row of `channels` values (whole vectors are written) per transformed point. */
    void (*winograd_input)(int m, int axes, const float *const *pixels, int64_t channels, float *v,
                           int64_t point_stride);
    /* products: per point, panels of nr channels. Writes `lines` x `cols` pixels of the tile, `line_stride` apart,
     * each through the finishing step; f points at pixel 0. */
    void (*winograd_output)(int m, int axes, const float *products, int64_t point_stride, int64_t panel_stride,
                            int64_t channels, const fal_finish *f, int lines, int cols, int64_t line_stride);

    void (*widen_bf16)(const uint16_t *in, int64_t n, float *out);
    void (*act)(fal_act act, const float *x, int64_t n, float *y); /* not FAL_ACT_PRELU */
    void (*add)(const float *a, const float *b, int64_t n, float *y);
    /* Products with the rows of x [rows, n]: y[row] = x_row . w, and y += sum_row scales[row] * x_row. */
    void (*dot_rows)(const float *x, int64_t rows, int64_t n, const float *w, float *y);
    /* The same from float16 rows, which are widened into x on the way. */
    void (*widen_dot_rows)(const uint16_t *half, int64_t rows, int64_t n, const float *w, float *x, float *y);
    void (*add_rows)(const float *x, int64_t rows, int64_t n, const float *scales, float *y);
    void (*gate)(const float *x, const float *gates, int64_t n, float *y);     /* y = x * sigmoid(gates) */
    void (*add_scaled)(const float *x, float scale, int64_t n, float *y);      /* y += scale * x */
    void (*affine)(const float *x, const float *scale, const float *shift, int64_t n, float *y);
    void (*multiply_add)(const float *a, const float *b, int64_t n, float *y); /* y += a * b */
    void (*max_into)(const float *x, int64_t n, float *y);                     /* y = max(y, x) */
    void (*layer_norm)(const float *x, int64_t dim, const float *gamma, const float *beta, double eps, float *y);
    /* Gradients, see backward.h: normalised is (x - mean) / sqrt(var + eps); dx is written, or added to. */
    void (*layer_norm_backward)(const float *normalised, float scale, int64_t dim, const float *gamma, const float *dy,
                                bool accumulate, float *dx);
    /* Without affine; returns 1 / sqrt(var + eps). */
    float (*normalise)(const float *x, int64_t dim, double eps, float *y);
    void (*relu_backward)(const float *x, const float *dy, int64_t n, float *dx);
    void (*gelu_backward)(const float *x, const float *dy, int64_t n, float *dx);
    /* p: exp(score - max), what softmax left; scaled here by 1 / their sum. dp -> scale * p * (dp - sum_j p_j dp_j). */
    void (*softmax_backward)(float *p, float sum, float scale, int64_t n, float *dp);
    /* x -> exp(x - max x); returns the sum of the results. */
    float (*softmax)(float *x, int64_t n);
    double (*sum_squares)(const float *x, int64_t n);
} fal_kernels;

const fal_kernels *fal_kernels_get(void);
/* NULL when this build or CPU has no such table; baseline always exists. For tests and benchmarks. */
const fal_kernels *fal_kernels_for(fal_cpu_level level);

extern const fal_kernels fal_kernels_baseline;
#if defined(__x86_64__)
extern const fal_kernels fal_kernels_avx2, fal_kernels_avx512;
#endif

#endif
