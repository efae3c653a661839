/* Gradients against their naive twins, the twins against differences, and the same bytes for any number of threads. */
#include "tensor/naive.h"

#include "core/alloc.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include "tensor/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static fal_run *make_run(int threads)
{
    fal_error err = {0};
    fal_run *run = NULL;
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    fal_run_begin(run);
    return run;
}

/* As in test_linear.c: a float32 sum of k products of values in [-1, 1]. */
static double product_tolerance(int64_t k)
{
    return 6e-8 * (16 + (double)k);
}

static float *copy_of(const float *values, int64_t count)
{
    float *copy = fal_malloc_array((size_t)count, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, values, (size_t)count * sizeof *copy);
    return copy;
}

/* ---- dense ------------------------------------------------------------------------------------------------------- */

typedef struct dense_case {
    int64_t rows, in, out;
    int64_t weight_pad, x_pad, y_pad; /* added to the row strides */
    bool bias, accumulate;
} dense_case;

/* Everything a layer reads and, three times, what it writes: by the fast code with 1 and 3 threads, and naively. */
typedef struct dense_data {
    int64_t weights, xs, ys;
    float *weight, *bias, *x, *dy;
    float *y[3], *dx[3], *dweight[3], *dbias[3];
} dense_data;

static dense_data make_dense(const dense_case *c, uint64_t seed)
{
    dense_data d = {.weights = c->out * (c->in + c->weight_pad),
                    .xs = c->rows * (c->in + c->x_pad),
                    .ys = c->rows * (c->out + c->y_pad)};
    uint64_t state = seed;
    d.weight = test_random_floats(&state, d.weights, 1), d.bias = test_random_floats(&state, c->out, 1);
    d.x = test_random_floats(&state, d.xs, 1), d.dy = test_random_floats(&state, d.ys, 1);
    d.y[0] = test_random_floats(&state, d.ys, 1), d.dx[0] = test_random_floats(&state, d.xs, 1);
    d.dweight[0] = test_random_floats(&state, d.weights, 1), d.dbias[0] = test_random_floats(&state, c->out, 1);
    for (int i = 1; i < 3; i++) {
        d.y[i] = copy_of(d.y[0], d.ys), d.dx[i] = copy_of(d.dx[0], d.xs);
        d.dweight[i] = copy_of(d.dweight[0], d.weights), d.dbias[i] = copy_of(d.dbias[0], c->out);
    }
    return d;
}

static void free_dense(dense_data *d)
{
    fal_free(d->weight), fal_free(d->bias), fal_free(d->x), fal_free(d->dy);
    for (int i = 0; i < 3; i++)
        fal_free(d->y[i]), fal_free(d->dx[i]), fal_free(d->dweight[i]), fal_free(d->dbias[i]);
}

static void run_dense(const dense_case *c, const dense_data *d, int which)
{
    fal_error err = {0};
    fal_run *run = make_run(which == 1 ? 3 : 1);
    int64_t x_stride = c->in + c->x_pad, y_stride = c->out + c->y_pad;
    fal_dense dense = {c->in, c->out, d->weight, c->weight_pad ? c->in + c->weight_pad : 0, c->bias ? d->bias : NULL};
    fal_dense_args args = {d->x, c->rows, x_stride, d->y[which], y_stride, c->accumulate};
    fal_dense_gradient gradient = {.x = d->x,
                                   .rows = c->rows,
                                   .x_stride = x_stride,
                                   .dy = d->dy,
                                   .dy_stride = y_stride,
                                   .dx = d->dx[which],
                                   .dx_stride = x_stride,
                                   .accumulate_dx = c->accumulate,
                                   .dweight = d->dweight[which],
                                   .dbias = d->dbias[which]};
    if (which == 2) {
        fal_naive_dense(&dense, &args);
        fal_naive_dense_backward(&dense, &gradient);
    } else {
        fal_check_ok(fal_dense_run(run, &dense, &args, &err), &err);
        fal_check_ok(fal_dense_backward(run, &dense, &gradient, &err), &err);
    }
    fal_run_free(&run);
}

static void check_dense_output(const dense_case *c, const char *what, float *const of[3], int64_t count, int64_t terms)
{
    char name[96];
    snprintf(name, sizeof name, "dense %lldx%lldx%lld %s", (long long)c->rows, (long long)c->in, (long long)c->out,
             what);
    fal_check_close(name, of[0], of[2], (size_t)count, product_tolerance(terms), 1e-6);
    assert_memory_equal(of[0], of[1], (size_t)count * sizeof **of);
}

static void check_dense(const dense_case *c, uint64_t seed)
{
    dense_data d = make_dense(c, seed);
    for (int which = 0; which < 3; which++)
        run_dense(c, &d, which);
    check_dense_output(c, "y", d.y, d.ys, c->in);
    check_dense_output(c, "dx", d.dx, d.xs, c->out);
    check_dense_output(c, "dweight", d.dweight, d.weights, c->rows);
    check_dense_output(c, "dbias", d.dbias, c->out, c->rows);
    free_dense(&d);
}

static void test_dense(void **unused)
{
    (void)unused;
    static const dense_case cases[] = {
        {.rows = 1, .in = 1, .out = 1},
        {.rows = 249, .in = 512, .out = 1, .bias = true},
        {.rows = 250, .in = 64, .out = 300, .bias = true, .weight_pad = 64},
        {.rows = 31, .in = 520, .out = 77, .bias = true, .accumulate = true},
    };
    uint64_t state = 5;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_dense(&cases[i], i + 1);
    for (int i = 0; i < 20; i++) {
        dense_case c = {.rows = test_random_int(&state, 1, 140),
                        .in = test_random_int(&state, 1, 150),
                        .out = test_random_int(&state, 1, 150),
                        .weight_pad = test_random_int(&state, 0, 3),
                        .x_pad = test_random_int(&state, 0, 3),
                        .y_pad = test_random_int(&state, 0, 3),
                        .bias = i % 2,
                        .accumulate = i % 3 == 0};
        check_dense(&c, 100 + (uint64_t)i);
    }
}

/* What is not asked for is not touched. */
static void test_dense_parts(void **unused)
{
    (void)unused;
    const dense_case c = {.rows = 9, .in = 7, .out = 5};
    dense_data d = make_dense(&c, 8);
    fal_error err = {0};
    fal_run *run = make_run(1);
    fal_dense dense = {.in = c.in, .out = c.out, .weight = d.weight};
    fal_dense_gradient args = {.x = d.x, .rows = c.rows, .dy = d.dy};
    fal_check_ok(fal_dense_backward(run, &dense, &args, &err), &err);
    args.dbias = d.dbias[0];
    fal_check_ok(fal_dense_backward(run, &dense, &args, &err), &err);
    assert_memory_equal(d.dweight[0], d.dweight[1], (size_t)d.weights * sizeof(float));
    assert_memory_equal(d.dx[0], d.dx[1], (size_t)d.xs * sizeof(float));
    assert_true(memcmp(d.dbias[0], d.dbias[1], (size_t)c.out * sizeof(float)) != 0);
    args.rows = 0;
    fal_check_fails(fal_dense_backward(run, &dense, &args, &err), FAL_ERR_ARGUMENT, "1 or more rows", &err);
    fal_run_free(&run);
    free_dense(&d);
}

/* ---- matrix products with what training added to them -------------------------------------------------------------
 */

static void check_matmul(fal_matmul_args args, uint64_t seed, int threads)
{
    uint64_t state = seed;
    fal_error err = {0};
    args.a_batch = (args.a_transposed ? args.k : args.m) * args.a_row;
    args.b_batch = (args.b_transposed ? args.n : args.k) * args.b_row;
    args.c_batch = args.m * args.c_row;
    int64_t count = args.batch * args.c_batch;
    float *a = test_random_floats(&state, args.batch * args.a_batch, 1), *bias = test_random_floats(&state, args.n, 1);
    float *b = test_random_floats(&state, args.batch * args.b_batch, 1);
    float *got = test_random_floats(&state, count, 1), *want = copy_of(got, count);
    fal_run *run = make_run(threads);
    args.a = a, args.b = b, args.c = got, args.bias = seed % 3 ? bias : NULL;
    fal_check_ok(fal_matmul_run(run, &args, &err), &err);
    args.c = want;
    fal_naive_matmul(&args);
    char name[128];
    snprintf(name, sizeof name, "matmul %lld x %lldx%lldx%lld%s%s%s", (long long)args.batch, (long long)args.m,
             (long long)args.n, (long long)args.k, args.a_transposed ? " a^T" : "", args.b_transposed ? " b^T" : "",
             args.accumulate ? " +=" : "");
    fal_check_close(name, got, want, (size_t)count, product_tolerance(args.k), 1e-6);
    fal_run_free(&run);
    fal_free(a), fal_free(b), fal_free(bias), fal_free(got), fal_free(want);
}

static void test_matmul(void **unused)
{
    (void)unused;
    uint64_t state = 12;
    for (int i = 0; i < 24; i++) {
        fal_matmul_args args = {.batch = test_random_int(&state, 1, 5),
                                .m = test_random_int(&state, 1, 90),
                                .n = test_random_int(&state, 1, 90),
                                .k = test_random_int(&state, 1, 300),
                                .a_transposed = i % 4 < 3,
                                .b_transposed = i % 2,
                                .accumulate = i % 3 == 0};
        args.a_row = (args.a_transposed ? args.m : args.k) + test_random_int(&state, 0, 4);
        args.b_row = (args.b_transposed ? args.k : args.n) + test_random_int(&state, 0, 4);
        args.c_row = args.n + test_random_int(&state, 0, 4);
        args.alpha = i % 3 ? test_random(&state) : 0;
        check_matmul(args, (uint64_t)i, 1 + i % 3);
    }
}

/* ---- layer norm -------------------------------------------------------------------------------------------------- */

typedef struct norm_result {
    float *dx, *dgamma, *dbeta;
} norm_result;

static void check_layer_norm(int64_t rows, int64_t dim, bool affine, bool accumulate)
{
    uint64_t state = (uint64_t)(rows * 1000 + dim);
    float *x = test_random_floats(&state, rows * dim, 3), *dy = test_random_floats(&state, rows * dim, 1);
    float *gamma = test_random_floats(&state, dim, 1), *start = test_random_floats(&state, rows * dim, 1);
    norm_result r[3];
    fal_error err = {0};
    for (int which = 0; which < 3; which++) {
        r[which] = (norm_result){copy_of(start, rows * dim), copy_of(start, dim), copy_of(start, dim)};
        fal_layer_norm_gradient args = {.x = x,
                                        .rows = rows,
                                        .dim = dim,
                                        .gamma = affine ? gamma : NULL,
                                        .eps = 1e-5,
                                        .dy = dy,
                                        .dx = r[which].dx,
                                        .accumulate_dx = accumulate,
                                        .dgamma = r[which].dgamma,
                                        .dbeta = r[which].dbeta};
        fal_run *run = make_run(which == 1 ? 3 : 1);
        if (which == 2)
            fal_naive_layer_norm_backward(&args);
        else
            fal_check_ok(fal_layer_norm_backward(run, &args, &err), &err);
        fal_run_free(&run);
    }
    fal_check_close("layer norm dx", r[0].dx, r[2].dx, (size_t)(rows * dim), 1e-6, 2e-6);
    fal_check_close("layer norm dgamma", r[0].dgamma, r[2].dgamma, (size_t)dim, 1e-7 * (double)(8 + rows), 1e-6);
    fal_check_close("layer norm dbeta", r[0].dbeta, r[2].dbeta, (size_t)dim, 1e-7 * (double)(8 + rows), 1e-6);
    assert_memory_equal(r[0].dx, r[1].dx, (size_t)(rows * dim) * sizeof *x);
    assert_memory_equal(r[0].dgamma, r[1].dgamma, (size_t)dim * sizeof *x);
    assert_memory_equal(r[0].dbeta, r[1].dbeta, (size_t)dim * sizeof *x);
    for (int which = 0; which < 3; which++)
        fal_free(r[which].dx), fal_free(r[which].dgamma), fal_free(r[which].dbeta);
    fal_free(x), fal_free(dy), fal_free(gamma), fal_free(start);
}

static void test_layer_norm(void **unused)
{
    (void)unused;
    for (int64_t dim = 8; dim < 150; dim = dim * 3 / 2 + 1) /* not less: short rows may be nearly constant */
        check_layer_norm(1 + dim % 7, dim, dim % 2, dim % 3 == 0);
    check_layer_norm(250, 512, true, true);
}

/* ---- activations ------------------------------------------------------------------------------------------------- */

static void test_activations(void **unused)
{
    (void)unused;
    enum { COUNT = 200003 };
    float *x = fal_malloc_array(COUNT, sizeof *x), *dy = fal_malloc_array(COUNT, sizeof *dy);
    float *got = fal_malloc_array(COUNT, sizeof *got), *want = fal_malloc_array(COUNT, sizeof *want);
    assert_true(x && dy && got && want);
    fal_run *run = make_run(2);
    for (int i = 0; i < COUNT; i++) {
        x[i] = 16 * (2 * (float)i / COUNT - 1);
        dy[i] = i % 2 ? 1 : -0.5f;
    }
    x[0] = 0, x[1] = INFINITY, x[2] = -INFINITY, x[3] = 1e30f, x[4] = -1e30f;
    for (int i = 0; i < COUNT; i++)
        want[i] = isfinite(x[i]) ? (float)(dy[i] * fal_naive_gelu_slope(x[i])) : x[i] > 0 ? dy[i] : 0;
    fal_gelu_backward(run, x, dy, COUNT, got);
    fal_check_close("gelu", got, want, COUNT, 2e-7, 0);
    memcpy(got, dy, COUNT * sizeof *got);
    for (int i = 0; i < COUNT; i++)
        want[i] = x[i] > 0 ? dy[i] : 0;
    fal_relu_backward(run, x, got, COUNT, got); /* in place */
    fal_check_close("relu", got, want, COUNT, 0, 0);
    got[0] = NAN;
    fal_gelu_backward(run, got, dy, 1, got);
    assert_true(isnan(got[0]));
    fal_run_free(&run);
    fal_free(x), fal_free(dy), fal_free(got), fal_free(want);
}

/* ---- attention --------------------------------------------------------------------------------------------------- */

typedef struct attention_case {
    int64_t rows, heads, width;
    bool joined; /* q, k, v and their gradients are slices of [rows, 3 dim] */
    bool causal;
    float scale;
} attention_case;

static fal_attention_gradient attention_args(const attention_case *c, const float *qkv, const float *dout, float *dqkv)
{
    int64_t dim = c->heads * c->width, next = c->joined ? dim : c->rows * dim, stride = c->joined ? 3 * dim : 0;
    return (fal_attention_gradient){.rows = c->rows,
                                    .dim = dim,
                                    .heads = c->heads,
                                    .q = qkv,
                                    .k = qkv + next,
                                    .v = qkv + 2 * next,
                                    .qkv_stride = stride,
                                    .scale = c->scale,
                                    .causal = c->causal,
                                    .dout = dout,
                                    .dq = dqkv,
                                    .dk = dqkv + next,
                                    .dv = dqkv + 2 * next,
                                    .dqkv_stride = stride};
}

static void check_attention(const attention_case *c, uint64_t seed)
{
    uint64_t state = seed;
    fal_error err = {0};
    int64_t count = c->rows * c->heads * c->width;
    float *qkv = test_random_floats(&state, 3 * count, 1), *dout = test_random_floats(&state, count, 1), *got[3];
    double *scratch = fal_malloc_array((size_t)(2 * c->rows), sizeof *scratch);
    assert_non_null(scratch);
    for (int which = 0; which < 3; which++) {
        got[which] = test_random_floats(&state, 3 * count, which < 2 ? 1 : 0); /* old values must not matter */
        fal_attention_gradient args = attention_args(c, qkv, dout, got[which]);
        fal_run *run = make_run(which == 1 ? 3 : 1);
        if (which == 2)
            fal_naive_attention_backward(&args, scratch);
        else
            fal_check_ok(fal_attention_backward(run, &args, &err), &err);
        fal_run_free(&run);
    }
    char name[96];
    snprintf(name, sizeof name, "attention %lld rows, %lld x %lld%s", (long long)c->rows, (long long)c->heads,
             (long long)c->width, c->causal ? " causal" : "");
    fal_check_close(name, got[0], got[2], (size_t)(3 * count), 2e-6, 2e-6);
    assert_memory_equal(got[0], got[1], (size_t)(3 * count) * sizeof **got);
    for (int which = 0; which < 3; which++)
        fal_free(got[which]);
    fal_free(qkv), fal_free(dout), fal_free(scratch);
}

static void test_attention(void **unused)
{
    (void)unused;
    static const attention_case cases[] = {
        {.rows = 1, .heads = 1, .width = 1},
        {.rows = 1, .heads = 4, .width = 4, .causal = true},
        {.rows = 2, .heads = 4, .width = 4, .joined = true, .causal = true},
        {.rows = 40, .heads = 4, .width = 6, .joined = true, .causal = true},
        {.rows = 61, .heads = 3, .width = 17, .scale = 0.7f},
        {.rows = 300, .heads = 2, .width = 16, .joined = true}, /* more than one chunk */
        {.rows = 530, .heads = 1, .width = 8, .causal = true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_attention(&cases[i], i + 1);
    fal_error err = {0};
    fal_run *run = make_run(1);
    fal_check_fails(fal_attention_backward(run, &(fal_attention_gradient){.rows = 2, .dim = 6, .heads = 4}, &err),
                    FAL_ERR_ARGUMENT, "[2,6] cannot have 4 heads", &err);
    fal_run_free(&run);
}

/* ---- the twins against differences ------------------------------------------------------------------------------- */

enum { VALUES = 48, DIM = 4, ROWS = 4 };
static const double step = 1e-3;

/* Loss of a layer whose numbers all are in `at`: sum of dy * y. */
typedef double loss_fn(const float at[VALUES], const float dy[ROWS * DIM]);

static double weighted_sum(const float *y, const float *dy)
{
    double sum = 0;
    for (int i = 0; i < ROWS * DIM; i++)
        sum += (double)y[i] * dy[i];
    return sum;
}

static void check_differences(const char *name, loss_fn *loss, const float *at, const float *dy, const float *gradient,
                              int count)
{
    float moved[VALUES], slopes[VALUES];
    for (int i = 0; i < count; i++) {
        memcpy(moved, at, (size_t)count * sizeof *moved);
        moved[i] = at[i] + (float)step;
        double above = loss(moved, dy), up = moved[i];
        moved[i] = at[i] - (float)step;
        slopes[i] = (float)((above - loss(moved, dy)) / (up - moved[i]));
    }
    /* outputs are rounded to float32, 3e-8 each, and divided by the step */
    fal_check_close(name, gradient, slopes, (size_t)count, 4e-4, 1e-3);
}

static double dense_loss(const float at[VALUES], const float dy[ROWS * DIM])
{
    float y[ROWS * DIM];
    fal_dense dense = {.in = DIM, .out = DIM, .weight = at + ROWS * DIM, .bias = at + ROWS * DIM + DIM * DIM};
    fal_naive_dense(&dense, &(fal_dense_args){.x = at, .rows = ROWS, .y = y});
    return weighted_sum(y, dy);
}

static double norm_loss(const float at[VALUES], const float dy[ROWS * DIM])
{
    float y[ROWS * DIM];
    fal_naive_layer_norm(at, ROWS, DIM, at + ROWS * DIM, at + ROWS * DIM + DIM, 1e-5, y);
    return weighted_sum(y, dy);
}

static double attention_loss(const float at[VALUES], const float dy[ROWS * DIM])
{
    float y[ROWS * DIM];
    double scores[ROWS];
    fal_attention_args args = {.rows = ROWS,
                               .dim = DIM,
                               .heads = 2,
                               .q = at,
                               .k = at + ROWS * DIM,
                               .v = at + 2 * ROWS * DIM,
                               .out = y,
                               .causal = true};
    fal_naive_attention(&args, scores);
    return weighted_sum(y, dy);
}

static void test_differences(void **unused)
{
    (void)unused;
    uint64_t state = 21;
    float *at = test_random_floats(&state, VALUES, 1), *dy = test_random_floats(&state, ROWS * DIM, 1);
    float gradient[VALUES] = {0};
    double scratch[2 * ROWS];
    float *weights = gradient + ROWS * DIM;
    fal_dense dense = {.in = DIM, .out = DIM, .weight = at + ROWS * DIM};
    fal_naive_dense_backward(
        &dense, &(fal_dense_gradient){
                    .x = at, .rows = ROWS, .dy = dy, .dx = gradient, .dweight = weights, .dbias = weights + DIM * DIM});
    check_differences("dense by differences", dense_loss, at, dy, gradient, ROWS * DIM + DIM * DIM + DIM);
    memset(gradient, 0, sizeof gradient);
    fal_naive_layer_norm_backward(&(fal_layer_norm_gradient){.x = at,
                                                             .rows = ROWS,
                                                             .dim = DIM,
                                                             .eps = 1e-5,
                                                             .gamma = at + ROWS * DIM,
                                                             .dy = dy,
                                                             .dx = gradient,
                                                             .dgamma = weights,
                                                             .dbeta = weights + DIM});
    check_differences("layer norm by differences", norm_loss, at, dy, gradient, ROWS * DIM + 2 * DIM);
    memset(gradient, 0, sizeof gradient);
    attention_case c = {.rows = ROWS, .heads = 2, .width = DIM / 2, .causal = true};
    fal_attention_gradient args = attention_args(&c, at, dy, gradient);
    fal_naive_attention_backward(&args, scratch);
    check_differences("attention by differences", attention_loss, at, dy, gradient, 3 * ROWS * DIM);
    for (float x = -4; x < 4; x += 0.37f) {
        double slope =
            (fal_naive_act(FAL_ACT_GELU, x + step, 0) - fal_naive_act(FAL_ACT_GELU, x - step, 0)) / (2 * step);
        fal_check_close_f64("gelu by differences", &(double){fal_naive_gelu_slope(x)}, &slope, 1, 1e-6, 0);
    }
    fal_free(at), fal_free(dy);
}

/* ---- allocation -------------------------------------------------------------------------------------------------- */

static fal_status run_all(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = NULL;
    float x[ROWS * DIM] = {1, 2}, y[3 * ROWS * DIM], weight[DIM * DIM] = {0}, to[DIM * DIM] = {0};
    fal_dense dense = {.in = DIM, .out = DIM, .weight = weight};
    const attention_case c = {.rows = ROWS, .heads = 2, .width = DIM / 2};
    const float qkv[3 * ROWS * DIM] = {0};
    fal_attention_gradient attention = attention_args(&c, qkv, x, y);
    (void)user;
    FAL_TRY(fal_run_create(&(fal_run_options){.threads = 1}, &run, err));
    fal_run_begin(run);
    FAL_TRY(fal_dense_run(run, &dense, &(fal_dense_args){.x = x, .rows = ROWS, .y = y}, err));
    FAL_TRY(fal_dense_backward(run, &dense,
                               &(fal_dense_gradient){.x = x, .rows = ROWS, .dy = x, .dx = y, .dweight = to}, err));
    FAL_TRY(fal_layer_norm_backward(
        run, &(fal_layer_norm_gradient){.x = x, .rows = ROWS, .dim = DIM, .eps = 1e-5, .dy = x, .dx = y}, err));
    FAL_TRY(fal_attention_backward(run, &attention, err));
done:
    fal_run_free(&run);
    return st;
}

static void test_allocation_failures(void **unused)
{
    (void)unused;
    fal_check_alloc_failures("gradients", run_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),       cmocka_unit_test(test_dense_parts),
        cmocka_unit_test(test_matmul),      cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_activations), cmocka_unit_test(test_attention),
        cmocka_unit_test(test_differences), cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
