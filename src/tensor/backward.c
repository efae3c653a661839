#include "tensor/backward.h"

#include "core/alloc.h"
#include "core/clones.h"
#include "tensor/kernels.h"

#include <math.h>

enum {
    COLUMNS = 64, /* that a thread sums at a time: their sums stay in registers and the L1 cache */
    CHUNK = 4096  /* values handed to a thread at a time */
};

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value ? value : fallback;
}

/* ---- sums over rows ---------------------------------------------------------------------------------------------- */

typedef struct rows_of {
    const float *a, *b; /* [rows, columns]; b NULL: ones */
    int64_t rows, columns, stride;
} rows_of;

/* to[c] += sum over the rows of a * b, for `count` columns from `first`. In double, in the order of the rows. */
FAL_CLONES
static void sum_columns(const rows_of *x, int64_t first, int64_t count, float *to)
{
    double sums[COLUMNS] = {0};
    for (int64_t row = 0; row < x->rows; row++) {
        const float *a = x->a + row * x->stride + first;
        if (x->b) {
            const float *b = x->b + row * x->stride + first;
            for (int64_t c = 0; c < count; c++)
                sums[c] += (double)a[c] * (double)b[c];
        } else {
            for (int64_t c = 0; c < count; c++)
                sums[c] += (double)a[c];
        }
    }
    for (int64_t c = 0; c < count; c++)
        to[first + c] += (float)sums[c];
}

static void add_column_sums(fal_run *run, const rows_of *x, float *to)
{
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t first = 0; first < x->columns; first += COLUMNS)
        sum_columns(x, first, x->columns - first < COLUMNS ? x->columns - first : COLUMNS, to);
}

/* ---- dense ------------------------------------------------------------------------------------------------------- */

static fal_status check_rows(int64_t rows, const char *what, fal_error *err)
{
    if (rows < 1)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s wants 1 or more rows, not %lld", what, (long long)rows);
    return FAL_OK;
}

fal_status fal_dense_run(fal_run *run, const fal_dense *dense, const fal_dense_args *args, fal_error *err)
{
    fal_matmul_args product = {
        .batch = 1,
        .m = args->rows,
        .n = dense->out,
        .k = dense->in,
        .a = args->x,
        .a_row = or_default(args->x_stride, dense->in),
        .b = dense->weight,
        .b_row = or_default(dense->weight_stride, dense->in),
        .b_transposed = true,
        .c = args->y,
        .c_row = or_default(args->y_stride, dense->out),
        .bias = dense->bias,
        .accumulate = args->accumulate,
    };
    return fal_matmul_run(run, &product, err);
}

/* dx = dy W */
static fal_status dense_dx(fal_run *run, const fal_dense *dense, const fal_dense_gradient *args, fal_error *err)
{
    fal_matmul_args product = {
        .batch = 1,
        .m = args->rows,
        .n = dense->in,
        .k = dense->out,
        .a = args->dy,
        .a_row = or_default(args->dy_stride, dense->out),
        .b = dense->weight,
        .b_row = or_default(dense->weight_stride, dense->in),
        .c = args->dx,
        .c_row = or_default(args->dx_stride, dense->in),
        .accumulate = args->accumulate_dx,
    };
    return fal_matmul_run(run, &product, err);
}

/* dW += dy^T x */
static fal_status dense_dweight(fal_run *run, const fal_dense *dense, const fal_dense_gradient *args, fal_error *err)
{
    fal_matmul_args product = {
        .batch = 1,
        .m = dense->out,
        .n = dense->in,
        .k = args->rows,
        .a = args->dy,
        .a_row = or_default(args->dy_stride, dense->out),
        .a_transposed = true,
        .b = args->x,
        .b_row = or_default(args->x_stride, dense->in),
        .c = args->dweight,
        .c_row = or_default(dense->weight_stride, dense->in),
        .accumulate = true,
    };
    return fal_matmul_run(run, &product, err);
}

fal_status fal_dense_backward(fal_run *run, const fal_dense *dense, const fal_dense_gradient *args, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(check_rows(args->rows, "the gradient of a linear layer", err));
    if (args->dx)
        FAL_TRY(dense_dx(run, dense, args, err));
    if (args->dweight)
        FAL_TRY(dense_dweight(run, dense, args, err));
    if (args->dbias) {
        rows_of dy = {args->dy, NULL, args->rows, dense->out, or_default(args->dy_stride, dense->out)};
        add_column_sums(run, &dy, args->dbias);
    }
done:
    return st;
}

/* ---- layer norm -------------------------------------------------------------------------------------------------- */

static void layer_norm_rows(fal_run *run, const fal_layer_norm_gradient *args, float *normalised)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < args->rows; row++) {
        int64_t at = row * args->dim;
        float scale = kernels->normalise(args->x + at, args->dim, args->eps, normalised + at);
        if (args->dx)
            kernels->layer_norm_backward(normalised + at, scale, args->dim, args->gamma, args->dy + at,
                                         args->accumulate_dx, args->dx + at);
    }
}

fal_status fal_layer_norm_backward(fal_run *run, const fal_layer_norm_gradient *args, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    float *normalised;
    FAL_TRY(check_rows(args->rows, "the gradient of a layer norm", err));
    FAL_ALLOC(normalised, fal_run_floats(run, args->rows * args->dim));
    layer_norm_rows(run, args, normalised);
    rows_of dy = {args->dy, NULL, args->rows, args->dim, args->dim};
    if (args->dbeta)
        add_column_sums(run, &dy, args->dbeta);
    dy.b = normalised;
    if (args->dgamma)
        add_column_sums(run, &dy, args->dgamma);
done:
    fal_arena_release(arena, mark);
    return st;
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

typedef void backward_fn(const float *x, const float *dy, int64_t n, float *dx);

static void in_chunks(fal_run *run, backward_fn *backward, const float *x, const float *dy, int64_t count, float *dx)
{
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < count; i += CHUNK)
        backward(x + i, dy + i, count - i < CHUNK ? count - i : CHUNK, dx + i);
}

void fal_relu_backward(fal_run *run, const float *x, const float *dy, int64_t count, float *dx)
{
    in_chunks(run, fal_kernels_get()->relu_backward, x, dy, count, dx);
}

void fal_gelu_backward(fal_run *run, const float *x, const float *dy, int64_t count, float *dx)
{
    in_chunks(run, fal_kernels_get()->gelu_backward, x, dy, count, dx);
}
