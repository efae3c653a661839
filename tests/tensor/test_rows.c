/* Norms, elementwise functions and pooling against their naive twins, and views and types of tensors. */
#include "tensor/naive.h"

#include "core/alloc.h"
#include "core/half.h"
#include "support/test.h"
#include "tensor/random.h"

#include <float.h>
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

/* ---- activations ------------------------------------------------------------------------------------------------- */

static const char *const act_names[] = {
    [FAL_ACT_NONE] = "none",   [FAL_ACT_RELU] = "relu",   [FAL_ACT_GELU] = "gelu", [FAL_ACT_QUICK_GELU] = "quick_gelu",
    [FAL_ACT_SWISH] = "swish", [FAL_ACT_TANH] = "tanh",
};

/* Every function over a fine grid: |error| <= 2e-7 max(|x|, 1e-3) for x * something, i.e. about one unit in the last
 * place of the largest value the function could have there; tanh within 3.5e-7 of its value. */
static void test_activations(void **unused)
{
    (void)unused;
    enum { COUNT = 400003 };
    float *x = fal_malloc_array(COUNT, sizeof *x), *got = fal_malloc_array(COUNT, sizeof *got);
    float *want = fal_malloc_array(COUNT, sizeof *want);
    assert_true(x && got && want);
    for (int i = 0; i < COUNT; i++)
        x[i] = 16 * (2 * (float)i / COUNT - 1);
    fal_run *run = make_run(2);
    for (fal_act act = FAL_ACT_NONE; act <= FAL_ACT_TANH; act++) {
        if (act == FAL_ACT_PRELU)
            continue;
        fal_act_apply(run, act, x, COUNT, got);
        fal_naive_act_apply(act, x, COUNT, want);
        for (int i = 0; i < COUNT; i++) { /* in units of the tolerated error */
            double unit = act == FAL_ACT_TANH ? fabs((double)want[i]) * 1.75 : fabs((double)x[i]);
            got[i] = (float)(((double)got[i] - (double)want[i]) / (fmax(unit, 1e-3) * 2e-7));
        }
        memset(want, 0, COUNT * sizeof *want);
        fal_check_close(act_names[act], got, want, COUNT, 1, 0);
    }
    fal_run_free(&run);
    fal_free(x), fal_free(got), fal_free(want);
}

static void test_activation_extremes(void **unused)
{
    (void)unused;
    const float x[] = {-INFINITY, -FLT_MAX, -200, -90, -0.0f, 0, 1e-30f, 1e-6f, 90, 200, FLT_MAX, INFINITY, NAN};
    enum { COUNT = sizeof x / sizeof *x };
    static const fal_act acts[] = {FAL_ACT_RELU, FAL_ACT_GELU, FAL_ACT_QUICK_GELU, FAL_ACT_SWISH, FAL_ACT_TANH};
    fal_run *run = make_run(1);
    for (size_t a = 0; a < sizeof acts / sizeof *acts; a++) {
        float got[COUNT];
        fal_act_apply(run, acts[a], x, COUNT, got);
        for (int i = 1; i < COUNT - 1; i++) {
            float want = (float)fal_naive_act(acts[a], x[i], 0);
            if (isfinite(x[i]))
                fal_check_close(act_names[acts[a]], &got[i], &want, 1, 1e-30, 2e-7);
        }
        assert_true(isnan(got[COUNT - 1]));
    }
    fal_run_free(&run);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static void test_layer_norm(void **unused)
{
    (void)unused;
    static const struct { int64_t rows, dim; float offset, scale; bool affine; } cases[] = {
        {1, 1, 0, 1, true},    {3, 5, 0, 1, true},       {7, 104, 0, 1, false},     {250, 1024, 0, 1, true},
        {9, 770, 0, 1, true},  {5, 512, 1000, 1, false}, {4, 104, -20, 0.01f, true}, {2, 64, 3, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t state = i;
        int64_t rows = cases[i].rows, dim = cases[i].dim, count = rows * dim;
        float *x = test_random_floats(&state, count, cases[i].scale), *want = test_random_floats(&state, count, 0);
        float *gamma = test_random_floats(&state, dim, 1), *beta = test_random_floats(&state, dim, 1);
        for (int64_t j = 0; j < count; j++)
            x[j] += cases[i].offset;
        const float *g = cases[i].affine ? gamma : NULL, *b = cases[i].affine ? beta : NULL;
        fal_naive_layer_norm(x, rows, dim, g, b, 1e-5, want);
        fal_run *run = make_run(2);
        fal_layer_norm(run, x, rows, dim, g, b, 1e-5, x);
        char name[96];
        snprintf(name, sizeof name, "layer_norm %lldx%lld around %g", (long long)rows, (long long)dim,
                 (double)cases[i].offset);
        fal_check_close(name, x, want, (size_t)count, 2e-6, 1e-6);
        fal_run_free(&run);
        fal_free(x), fal_free(want), fal_free(gamma), fal_free(beta);
    }
}

static void test_affine_add_mean(void **unused)
{
    (void)unused;
    enum { ROWS = 36, DIM = 67, GROUP = 9 };
    uint64_t state = 2;
    float *x = test_random_floats(&state, ROWS * DIM, 1), *y = test_random_floats(&state, ROWS * DIM, 1);
    float *scale = test_random_floats(&state, DIM, 1), *shift = test_random_floats(&state, DIM, 1);
    float *got = test_random_floats(&state, ROWS * DIM, 0), *want = test_random_floats(&state, ROWS * DIM, 0);
    fal_run *run = make_run(2);
    fal_channel_affine(run, x, ROWS, DIM, scale, shift, got);
    fal_naive_channel_affine(x, ROWS, DIM, scale, shift, want);
    fal_check_close("channel_affine", got, want, ROWS * DIM, 2e-7, 0);
    fal_mean_rows(run, x, ROWS, DIM, GROUP, got);
    fal_naive_mean_rows(x, ROWS, DIM, GROUP, want);
    fal_check_close("mean_rows", got, want, ROWS / GROUP * DIM, 2e-7, 0);
    fal_naive_add(x, y, ROWS * DIM, want);
    fal_add(run, x, y, ROWS * DIM, x);
    fal_check_close("add in place", x, want, ROWS * DIM, 0, 0);
    for (int i = 0; i < ROWS * DIM; i++)
        y[i] *= 60; /* gates from shut to open */
    fal_glu(run, y, ROWS / 2, DIM, got);
    fal_naive_glu(y, ROWS / 2, DIM, want);
    fal_check_close("glu", got, want, ROWS / 2 * DIM, 1e-6, 4e-7);
    fal_run_free(&run);
    fal_free(x), fal_free(y), fal_free(scale), fal_free(shift), fal_free(got), fal_free(want);
}

static void test_l2_normalise(void **unused)
{
    (void)unused;
    enum { ROWS = 5, DIM = 37 };
    uint64_t state = 4;
    float *x = test_random_floats(&state, ROWS * DIM, 1), got[ROWS * DIM], want[ROWS * DIM];
    memset(x + 2 * DIM, 0, DIM * sizeof *x);
    for (int i = 0; i < DIM; i++)
        x[DIM + i] *= 1e-25f; /* squares below float32 range */
    assert_int_equal(fal_l2_normalise_rows(x, ROWS, DIM, got), 1);
    assert_int_equal(fal_naive_l2_normalise_rows(x, ROWS, DIM, want), 1);
    fal_check_close("l2_normalise_rows", got, want, ROWS * DIM, 1e-7, 0);
    fal_free(x);
}

static void test_max_pool(void **unused)
{
    (void)unused;
    static const fal_pool_args cases[] = {
        {.batch = 1, .height = 1, .width = 1, .channels = 1, .kernel = 1, .stride = 1},
        {.batch = 2, .height = 44, .width = 44, .channels = 64, .kernel = 3, .stride = 2, .pad = 1},
        {.batch = 3, .height = 7, .width = 10, .channels = 5, .kernel = 3, .stride = 2, .pad = 1},
        {.batch = 1, .height = 9, .width = 9, .channels = 18, .kernel = 2, .stride = 2},
        {.batch = 1, .height = 2, .width = 3, .channels = 9, .kernel = 4, .stride = 3, .pad = 2},
    };
    fal_run *run = make_run(2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t state = i;
        fal_error err = {0};
        fal_pool_args args = cases[i];
        int64_t count = args.batch * args.height * args.width * args.channels;
        int64_t out = args.batch * args.channels * ((args.height + 2 * args.pad - args.kernel) / args.stride + 1) *
                      ((args.width + 2 * args.pad - args.kernel) / args.stride + 1);
        float *x = test_random_floats(&state, count, 1), *got = test_random_floats(&state, out, 0);
        float *want = test_random_floats(&state, out, 0);
        for (int64_t j = 0; j < count; j++)
            x[j] -= 2; /* all negative: padding taken for 0 would win */
        args.x = x, args.y = got;
        fal_check_ok(fal_max_pool2d(run, &args, &err), &err);
        args.y = want;
        fal_naive_max_pool2d(&args);
        fal_check_close("max_pool2d", got, want, (size_t)out, 0, 0);
        fal_free(x), fal_free(got), fal_free(want);
    }
    fal_error err = {0};
    fal_check_fails(
        fal_max_pool2d(
            run, &(fal_pool_args){.batch = 1, .height = 2, .width = 2, .channels = 1, .kernel = 3, .stride = 1}, &err),
        FAL_ERR_ARGUMENT, "kernel 3", &err);
    fal_run_free(&run);
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static void test_tensor_views(void **unused)
{
    (void)unused;
    float data[24], got[24], want[24];
    char text[96];
    for (int i = 0; i < 24; i++)
        data[i] = (float)i;
    fal_tensor t = fal_tensor_f32(data, 3, (int64_t[]){2, 3, 4});
    assert_string_equal(fal_tensor_shape_text(text, &t), "[2,3,4]");
    assert_true(fal_tensor_is_contiguous(&t));
    assert_int_equal(fal_tensor_count(&t), 24);
    assert_true(fal_tensor_has_shape(&t, 3, (int64_t[]){2, 3, 4}));
    assert_false(fal_tensor_has_shape(&t, 3, (int64_t[]){2, 4, 3}));
    /* transposed: [4, 3, 2] */
    fal_tensor swapped = {.dtype = FAL_F32, .rank = 3, .shape = {4, 3, 2}, .stride = {1, 4, 12}, .data = data};
    assert_false(fal_tensor_is_contiguous(&swapped));
    fal_tensor_copy_f32(&swapped, got);
    for (int i = 0; i < 24; i++)
        want[i] = (float)(i / 6 + 4 * (i / 2 % 3) + 12 * (i % 2));
    fal_check_close("transposed view", got, want, 24, 0, 0);
    /* broadcast row */
    fal_tensor row = {.dtype = FAL_F32, .rank = 2, .shape = {3, 4}, .stride = {0, 1}, .data = data};
    fal_tensor_copy_f32(&row, got);
    for (int i = 0; i < 12; i++)
        want[i] = (float)(i % 4);
    fal_check_close("broadcast view", got, want, 12, 0, 0);
    fal_tensor scalar = fal_tensor_f32(data + 5, 0, NULL);
    assert_string_equal(fal_tensor_shape_text(text, &scalar), "[]");
    fal_tensor_copy_f32(&scalar, got);
    fal_check_close("scalar", got, data + 5, 1, 0, 0);
    int64_t huge = INT64_MAX;
    fal_tensor wide = {.rank = 6, .shape = {huge, huge, huge, huge, huge, huge}};
    assert_in_range(strlen(fal_tensor_shape_text(text, &wide)), 60, 95);
}

static void test_tensor_types(void **unused)
{
    (void)unused;
    const double f64[] = {1.5, -2};
    const int64_t i64[] = {7, -8};
    const int32_t i32[] = {9, -10};
    const int16_t i16[] = {11, -12};
    const int8_t i8[] = {13, -14};
    const uint8_t u8[] = {15, 255}, truth[] = {0, 3};
    const uint16_t f16[] = {0x3e00, 0xc000}, bf16[] = {0x3fc0, 0xc000}; /* 1.5, -2 */
    const struct { fal_dtype dtype; const void *data; float want[2]; size_t size; const char *name;
    } cases[] = {
        {FAL_F64, f64, {1.5f, -2}, 8, "F64"},    {FAL_I64, i64, {7, -8}, 8, "I64"},
        {FAL_I32, i32, {9, -10}, 4, "I32"},      {FAL_I16, i16, {11, -12}, 2, "I16"},
        {FAL_I8, i8, {13, -14}, 1, "I8"},        {FAL_U8, u8, {15, 255}, 1, "U8"},
        {FAL_BOOL, truth, {0, 1}, 1, "BOOL"},    {FAL_F16, f16, {1.5f, -2}, 2, "F16"},
        {FAL_BF16, bf16, {1.5f, -2}, 2, "BF16"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float got[2];
        fal_tensor t = fal_tensor_make(cases[i].dtype, cases[i].data, 1, (int64_t[]){2});
        fal_tensor_copy_f32(&t, got);
        fal_check_close(cases[i].name, got, cases[i].want, 2, 0, 0);
        assert_int_equal(fal_dtype_size(cases[i].dtype), cases[i].size);
        assert_string_equal(fal_dtype_name(cases[i].dtype), cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations),     cmocka_unit_test(test_activation_extremes),
        cmocka_unit_test(test_layer_norm),      cmocka_unit_test(test_affine_add_mean),
        cmocka_unit_test(test_l2_normalise),    cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_tensor_views),    cmocka_unit_test(test_tensor_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
