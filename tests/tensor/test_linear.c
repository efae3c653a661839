/* Linear layers and plain products against their naive twins. */
#include "tensor/naive.h"

#include "core/alloc.h"
#include "core/half.h"
#include "support/test.h"
#include "tensor/random.h"

#include <stdio.h>
#include <string.h>

static fal_run *make_run(int threads)
{
    fal_error err = {0};
    fal_run *run = NULL;
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    return run;
}

typedef struct linear_case {
    int64_t rows, in, out;
    int64_t x_pad, y_pad;      /* added to the row strides */
    bool bias, residual, in_place; /* in_place: the residual is y */
    fal_act act;
    fal_precision precision;
    int threads;
} linear_case;

/* A float32 sum of k products of values in [-1, 1], added one after another: partial sums grow as sqrt(k) / 3 and each
 * addition rounds, so the error is around 2^-24 k / 5; the rest is room for the worst of many elements. */
static double product_tolerance(int64_t k)
{
    return 6e-8 * (16 + (double)k);
}

static void round_to_bf16(float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = fal_bf16_to_f32(fal_f32_to_bf16(values[i]));
}

static void check_linear(const linear_case *c, uint64_t seed)
{
    uint64_t state = seed;
    fal_error err = {0};
    int64_t x_stride = c->in + c->x_pad, y_stride = c->out + c->y_pad;
    float *weight = test_random_floats(&state, c->in * c->out, 1), *bias = test_random_floats(&state, c->out, 1);
    float *x = test_random_floats(&state, c->rows * x_stride, 1);
    float *residual = test_random_floats(&state, c->rows * y_stride, 1);
    float *got = test_random_floats(&state, c->rows * y_stride, 0),
          *want = test_random_floats(&state, c->rows * y_stride, 0);
    memcpy(got, residual, (size_t)(c->rows * y_stride) * sizeof *got);
    memcpy(want, residual, (size_t)(c->rows * y_stride) * sizeof *got);

    fal_linear *linear = NULL;
    fal_run *run = make_run(c->threads);
    fal_tensor w = fal_tensor_f32(weight, 2, (int64_t[]){c->out, c->in}), b = fal_tensor_f32(bias, 1, &c->out);
    fal_check_ok(fal_linear_create(&w, c->bias ? &b : NULL, c->precision, &linear, &err), &err);
    assert_int_equal(fal_linear_in(linear), c->in);
    assert_int_equal(fal_linear_out(linear), c->out);
    fal_linear_args args = {.x = x, .rows = c->rows, .x_stride = c->x_pad ? x_stride : 0, .y = got, .act = c->act,
                            .y_stride = c->y_pad ? y_stride : 0, .residual_stride = c->y_pad ? y_stride : 0};
    if (c->residual)
        args.residual = c->in_place ? got : residual;
    fal_run_begin(run);
    fal_check_ok(fal_linear_run(linear, run, &args, &err), &err);

    if (c->precision == FAL_PRECISION_BF16) {
        round_to_bf16(weight, c->in * c->out);
        if (fal_cpu_has_bf16())
            round_to_bf16(x, c->rows * x_stride);
    }
    args.y = want;
    if (c->residual)
        args.residual = c->in_place ? want : residual;
    fal_naive_linear(weight, c->bias ? bias : NULL, c->in, c->out, &args);
    char name[128];
    snprintf(name, sizeof name, "linear %lldx%lldx%lld act %d%s%s", (long long)c->rows, (long long)c->in,
             (long long)c->out, (int)c->act, c->residual ? " residual" : "",
             c->precision == FAL_PRECISION_BF16 ? " bf16" : "");
    fal_check_close(name, got, want, (size_t)(c->rows * y_stride), product_tolerance(c->in), 1e-6);
    fal_linear_free(&linear);
    fal_run_free(&run);
    fal_free(weight), fal_free(bias), fal_free(x), fal_free(residual), fal_free(got), fal_free(want);
}

static void test_linear_shapes(void **unused)
{
    (void)unused;
    static const linear_case cases[] = {
        {.rows = 1, .in = 1, .out = 1, .threads = 1},
        {.rows = 1, .in = 1024, .out = 1, .bias = true, .threads = 2},
        {.rows = 1, .in = 33, .out = 515, .bias = true, .threads = 2, .act = FAL_ACT_TANH},
        {.rows = 5, .in = 7, .out = 17, .bias = true, .residual = true, .threads = 2, .act = FAL_ACT_RELU},
        {.rows = 7,
         .in = 257,
         .out = 31,
         .bias = true,
         .residual = true,
         .in_place = true,
         .threads = 1,
         .act = FAL_ACT_GELU},
        {.rows = 13, .in = 256, .out = 33, .x_pad = 5, .y_pad = 3, .bias = true, .threads = 2, .act = FAL_ACT_SWISH},
        {.rows = 127,
         .in = 513,
         .out = 129,
         .x_pad = 1,
         .y_pad = 9,
         .bias = true,
         .residual = true,
         .in_place = true,
         .threads = 2,
         .act = FAL_ACT_QUICK_GELU},
        {.rows = 250, .in = 1024, .out = 300, .bias = true, .residual = true, .threads = 2, .act = FAL_ACT_GELU},
        {.rows = 301, .in = 520, .out = 272, .threads = 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        linear_case c = cases[i];
        check_linear(&c, i + 1);
        c.precision = FAL_PRECISION_BF16;
        check_linear(&c, i + 101);
    }
}

static void test_linear_random(void **unused)
{
    (void)unused;
    uint64_t state = 7;
    for (int i = 0; i < 40; i++) {
        linear_case c = {
            .rows = test_random_int(&state, 1, 140),
            .in = test_random_int(&state, 1, 600),
            .out = test_random_int(&state, 1, 150),
            .x_pad = test_random_int(&state, 0, 3),
            .y_pad = test_random_int(&state, 0, 3),
            .bias = test_random(&state) > 0,
            .residual = test_random(&state) > 0,
            .in_place = test_random(&state) > 0,
            .threads = (int)test_random_int(&state, 1, 3),
            .precision = test_random(&state) > 0 ? FAL_PRECISION_F32 : FAL_PRECISION_BF16,
        };
        static const fal_act acts[] = {FAL_ACT_NONE,       FAL_ACT_RELU,  FAL_ACT_GELU,
                                       FAL_ACT_QUICK_GELU, FAL_ACT_SWISH, FAL_ACT_TANH};
        c.act = acts[test_random_int(&state, 0, 5)];
        check_linear(&c, (uint64_t)i);
    }
}

/* Weights of other types and strides are the same layer. */
static void test_linear_weight_views(void **unused)
{
    (void)unused;
    enum { ROWS = 4, IN = 19, OUT = 11 };
    fal_error err = {0};
    uint64_t state = 3;
    float *weight = test_random_floats(&state, IN * OUT, 1), *x = test_random_floats(&state, ROWS * IN, 1);
    float got[ROWS * OUT], want[ROWS * OUT];
    uint16_t transposed[IN * OUT]; /* [in, out] in bfloat16, seen as [out, in] */
    round_to_bf16(weight, IN * OUT);
    for (int o = 0; o < OUT; o++)
        for (int i = 0; i < IN; i++)
            transposed[i * OUT + o] = fal_f32_to_bf16(weight[o * IN + i]);
    fal_tensor view = {.dtype = FAL_BF16, .rank = 2, .shape = {OUT, IN}, .stride = {1, OUT}, .data = transposed};
    fal_run *run = make_run(1);
    fal_linear *linear = NULL;
    fal_check_ok(fal_linear_create(&view, NULL, FAL_PRECISION_F32, &linear, &err), &err);
    fal_linear_args args = {.x = x, .rows = ROWS, .y = got};
    fal_run_begin(run);
    fal_check_ok(fal_linear_run(linear, run, &args, &err), &err);
    args.y = want;
    fal_naive_linear(weight, NULL, IN, OUT, &args);
    fal_check_close("linear with transposed bf16 weights", got, want, ROWS * OUT, 1e-6, 1e-6);
    fal_linear_free(&linear);
    fal_run_free(&run);
    fal_free(weight), fal_free(x);
}

static void test_linear_errors(void **unused)
{
    (void)unused;
    fal_error err = {0};
    float data[24] = {0};
    fal_linear *linear = NULL;
    fal_tensor cube = fal_tensor_f32(data, 3, (int64_t[]){2, 3, 4}), w = fal_tensor_f32(data, 2, (int64_t[]){4, 6});
    fal_tensor bias = fal_tensor_f32(data, 1, (int64_t[]){6}), empty = fal_tensor_f32(data, 2, (int64_t[]){0, 6});
    fal_check_fails(fal_linear_create(&cube, NULL, FAL_PRECISION_F32, &linear, &err), FAL_ERR_ARGUMENT, "[2,3,4]",
                    &err);
    fal_check_fails(fal_linear_create(&empty, NULL, FAL_PRECISION_F32, &linear, &err), FAL_ERR_ARGUMENT, "[0,6]", &err);
    fal_check_fails(fal_linear_create(&w, &bias, FAL_PRECISION_F32, &linear, &err), FAL_ERR_ARGUMENT,
                    "[6], expected [4]", &err);
    assert_null(linear);
}

static void check_matmul(fal_matmul_args args, uint64_t seed, int threads)
{
    uint64_t state = seed;
    fal_error err = {0};
    int64_t b_rows = args.b_transposed ? args.n : args.k;
    args.a_batch = args.m * args.a_row;
    args.b_batch = b_rows * args.b_row;
    args.c_batch = args.m * args.c_row;
    float *a = test_random_floats(&state, args.batch * args.a_batch, 1);
    float *b = test_random_floats(&state, args.batch * args.b_batch, 1);
    float *got = test_random_floats(&state, args.batch * args.c_batch, 0);
    float *want = test_random_floats(&state, args.batch * args.c_batch, 0);
    args.a = a, args.b = b, args.c = got;
    fal_run *run = make_run(threads);
    fal_run_begin(run);
    fal_check_ok(fal_matmul_run(run, &args, &err), &err);
    args.c = want;
    fal_naive_matmul(&args);
    char name[128];
    snprintf(name, sizeof name, "matmul %lld x %lldx%lldx%lld%s", (long long)args.batch, (long long)args.m,
             (long long)args.n, (long long)args.k, args.b_transposed ? " b^T" : "");
    fal_check_close(name, got, want, (size_t)(args.batch * args.c_batch), product_tolerance(args.k), 1e-6);
    fal_run_free(&run);
    fal_free(a), fal_free(b), fal_free(got), fal_free(want);
}

static void test_matmul(void **unused)
{
    (void)unused;
    uint64_t state = 11;
    for (int i = 0; i < 24; i++) {
        fal_matmul_args args = {.batch = test_random_int(&state, 1, 5), .m = test_random_int(&state, 1, 90),
                                .n = test_random_int(&state, 1, 90), .k = test_random_int(&state, 1, 300)};
        args.b_transposed = i % 2;
        args.a_row = args.k + test_random_int(&state, 0, 4);
        args.b_row = (args.b_transposed ? args.k : args.n) + test_random_int(&state, 0, 4);
        args.c_row = args.n + test_random_int(&state, 0, 4);
        args.alpha = i % 3 ? test_random(&state) : 0;
        check_matmul(args, (uint64_t)i, 1 + i % 3);
    }
    fal_error err = {0};
    fal_run *run = make_run(1);
    fal_check_fails(fal_matmul_run(run, &(fal_matmul_args){.batch = 1, .m = 2, .n = 0, .k = 3}, &err), FAL_ERR_ARGUMENT,
                    "n 0", &err);
    fal_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_shapes),       cmocka_unit_test(test_linear_random),
        cmocka_unit_test(test_linear_weight_views), cmocka_unit_test(test_linear_errors),
        cmocka_unit_test(test_matmul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
