/* What holds for every operation of a run: a warm pass allocates nothing, results repeat exactly, and oneDNN's products
 * (used for bfloat16 on CPUs with such units, here in float32 so that any CPU can) agree with ours. */
#include "tensor/native.h"

#include "core/alloc.h"
#include "support/test.h"
#include "tensor/naive.h"
#include "tensor/random.h"


enum { FRAMES = 60, SIDE = 6, CHANNELS = 36, POSITIONS = FRAMES * SIDE * SIDE };

/* A small network with every kind of layer. */
typedef struct network {
    fal_linear *linear, *linear_bf16;
    fal_conv *direct, *winograd, *depthwise, *positional;
    float *x; /* [FRAMES, SIDE, SIDE, CHANNELS] */
} network;

static fal_conv *make_conv(uint64_t *state, int dims, int64_t out, int64_t in_per_group, int64_t groups, int64_t kernel,
                           int64_t stride, int64_t pad)
{
    fal_error err = {0};
    fal_conv *conv = NULL;
    int64_t shape[4] = {out, in_per_group, kernel, kernel},
            count = out * in_per_group * kernel * (dims == 2 ? kernel : 1);
    float *weight = test_random_floats(state, count, 0.1f);
    fal_conv_params p = {.dims = dims, .weight = fal_tensor_f32(weight, 2 + dims, shape), .stride = {stride, stride},
                         .pad = {pad, pad}, .groups = groups, .act = FAL_ACT_SWISH};
    fal_check_ok(fal_conv_create(&p, &conv, &err), &err);
    fal_free(weight);
    return conv;
}

static network make_network(void)
{
    uint64_t state = 1;
    fal_error err = {0};
    network n = {.x = test_random_floats(&state, POSITIONS * CHANNELS, 1)};
    float *weight = test_random_floats(&state, CHANNELS * CHANNELS, 0.1f);
    fal_tensor w = fal_tensor_f32(weight, 2, (int64_t[]){CHANNELS, CHANNELS});
    fal_check_ok(fal_linear_create(&w, NULL, FAL_PRECISION_F32, &n.linear, &err), &err);
    fal_check_ok(fal_linear_create(&w, NULL, FAL_PRECISION_BF16, &n.linear_bf16, &err), &err);
    n.direct = make_conv(&state, 2, CHANNELS, CHANNELS, 1, 3, 2, 1);
    n.winograd = make_conv(&state, 2, CHANNELS, CHANNELS, 1, 3, 1, 1);
    n.depthwise = make_conv(&state, 1, CHANNELS, 1, CHANNELS, 5, 1, 2);
    n.positional = make_conv(&state, 1, CHANNELS, CHANNELS / 4, 4, 9, 1, 4);
    fal_free(weight);
    return n;
}

static void free_network(network *n)
{
    fal_linear_free(&n->linear), fal_linear_free(&n->linear_bf16);
    fal_conv_free(&n->direct), fal_conv_free(&n->winograd), fal_conv_free(&n->depthwise), fal_conv_free(&n->positional);
    fal_free(n->x);
}

static void conv(const fal_conv *layer, fal_run *run, const float *x, int64_t batch, int64_t size, float *y)
{
    fal_error err = {0};
    fal_conv_args args = {.x = x, .batch = batch, .size = {size, size}, .y = y};
    fal_check_ok(fal_conv_run(layer, run, &args, &err), &err);
}

/* out [FRAMES, CHANNELS] */
static void forward(const network *n, fal_run *run, float *out)
{
    fal_error err = {0};
    fal_run_begin(run);
    float *a = fal_run_floats(run, POSITIONS * CHANNELS), *b = fal_run_floats(run, POSITIONS * CHANNELS);
    assert_true(a && b);
    conv(n->winograd, run, n->x, FRAMES, SIDE, a);
    conv(n->direct, run, a, FRAMES, SIDE, b); /* [FRAMES, 3, 3, CHANNELS] */
    fal_check_ok(fal_max_pool2d(run, &(fal_pool_args){.x = b, .batch = FRAMES, .height = 3, .width = 3, .y = a,
                                                      .channels = CHANNELS, .kernel = 3, .stride = 1}, &err), &err);
    conv(n->depthwise, run, a, 1, FRAMES, b);
    conv(n->positional, run, b, 1, FRAMES, a);
    fal_layer_norm(run, a, FRAMES, CHANNELS, NULL, NULL, 1e-5, a);
    fal_check_ok(
        fal_linear_run(n->linear, run, &(fal_linear_args){.x = a, .rows = FRAMES, .y = b, .act = FAL_ACT_GELU}, &err),
        &err);
    fal_check_ok(fal_linear_run(n->linear_bf16, run, &(fal_linear_args){.x = b, .rows = FRAMES, .y = a}, &err), &err);
    fal_attention_args attention = {.rows = FRAMES, .dim = CHANNELS, .heads = 4, .q = a, .k = a, .v = a, .out = out};
    fal_check_ok(fal_attention_run(run, &attention, FAL_PRECISION_F32, &err), &err);
}

static void test_warm_pass_allocates_nothing(void **unused)
{
    (void)unused;
    static float out[FRAMES * CHANNELS];
    network n = make_network();
    for (int threads = 1; threads <= 3; threads++) {
        fal_error err = {0};
        fal_run *run = NULL;
        fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
        forward(&n, run, out);
        forward(&n, run, out);
        uint64_t before = fal_alloc_count();
        forward(&n, run, out);
        assert_int_equal(fal_alloc_count() - before, 0);
        fal_run_free(&run);
    }
    free_network(&n);
}

static void test_results_repeat(void **unused)
{
    (void)unused;
    static float first[FRAMES * CHANNELS], again[FRAMES * CHANNELS];
    network n = make_network();
    for (int threads = 1; threads <= 3; threads++)
        for (int pass = 0; pass < 5; pass++) {
            fal_error err = {0};
            fal_run *run = NULL;
            fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
            forward(&n, run, pass ? again : first);
            if (pass)
                assert_memory_equal(first, again, sizeof first);
            fal_run_free(&run);
        }
    free_network(&n);
}

/* Every allocation of creating a layer fails in turn (in builds that can make it fail). */
static fal_status make_any_layer(int which, const float *data, fal_linear **linear, fal_conv **layer, fal_error *err)
{
    fal_tensor w = fal_tensor_f32(data, 2, (int64_t[]){32, 32}), vec = fal_tensor_f32(data, 1, (int64_t[]){32});
    if (which < 2)
        return fal_linear_create(&w, &vec, which ? FAL_PRECISION_BF16 : FAL_PRECISION_F32, linear, err);
    fal_conv_params p = {.dims = 2, .weight = fal_tensor_f32(data, 4, (int64_t[]){32, 32, 3, 3}), .bias = &vec,
                         .stride = {which - 1, which - 1}, .bn_gamma = &vec, .bn_beta = &vec, .bn_mean = &vec,
                         .bn_var = &vec, .act = FAL_ACT_PRELU, .prelu = &vec};
    return fal_conv_create(&p, layer, err);
}

static void test_allocation_failure(void **unused)
{
    (void)unused;
    uint64_t state = 8;
    float *data = test_random_floats(&state, 32 * 32 * 9, 1);
    for (int i = 0; i < 32; i++)
        data[i] = 1 + data[i] * data[i]; /* the first 32 are variances too */
    for (int which = 0; which < 4; which++) {
        fal_status st = FAL_ERR_MEMORY;
        for (int64_t nth = 0; st != FAL_OK; nth++) {
            fal_error err = {0};
            fal_linear *linear = NULL;
            fal_conv *layer = NULL;
            fal_alloc_fail_after(nth);
            st = make_any_layer(which, data, &linear, &layer, &err);
            fal_alloc_fail_after(-1);
            assert_true(st == FAL_OK || (st == FAL_ERR_MEMORY && !linear && !layer));
            fal_linear_free(&linear);
            fal_conv_free(&layer);
        }
    }
    fal_free(data);
}

static void test_run_options(void **unused)
{
    (void)unused;
    fal_error err = {0};
    fal_run *run = NULL;
    fal_check_fails(fal_run_create(&(fal_run_options){.threads = -1}, &run, &err), FAL_ERR_ARGUMENT, "-1", &err);
    assert_null(run);
    fal_check_ok(fal_run_create(NULL, &run, &err), &err);
    assert_true(fal_run_threads(run) >= 1);
    assert_false(fal_run_has_stage_hook(run));
    assert_false(fal_run_cancelled(run));
    fal_run_stage(run, "ignored", NULL, 0, NULL);
    fal_run_free(&run);
    fal_run_free(&run);
    volatile sig_atomic_t stop = 1;
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 1, .cancel = &stop}, &run, &err), &err);
    assert_true(fal_run_cancelled(run));
    fal_run_free(&run);
    print_message("kernels for %s, native bf16: %s\n", fal_cpu_isa(), fal_cpu_has_bf16() ? "yes" : "no");
}

/* More shapes than the cache of primitives holds, in two rounds, so that entries are made, found and replaced. */
static void test_native_products(void **unused)
{
    (void)unused;
    enum { K = 12, N = 21, MOST = 300 };
    uint64_t state = 6;
    fal_error err = {0};
    fal_run *run = NULL;
    fal_native *native = NULL;
    fal_packed packed = {.k = K, .n = N};
    float *weight = test_random_floats(&state, K * N, 1), *x = test_random_floats(&state, MOST * K, 1);
    float *bias = test_random_floats(&state, N, 1), *got = test_random_floats(&state, MOST * N, 0);
    float *want = test_random_floats(&state, MOST * N, 0);
    fal_matrix m = {weight, .k = K, .n = N, .k_stride = 1, .n_stride = K};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 2}, &run, &err), &err);
    fal_check_ok(fal_native_create(&m, FAL_F32, &native, &err), &err);
    fal_linear_args args = {.x = x, .rows = MOST, .y = want, .act = FAL_ACT_GELU};
    fal_naive_linear(weight, bias, K, N, &args);
    for (int round = 0; round < 2; round++)
        for (int64_t rows = 1; rows <= MOST; rows++) {
            fal_gemm gemm = {.b = &packed, .rows = rows, .a = x, .a_stride = K};
            gemm.finish = (fal_finish){.alpha = 1, .bias = bias, .act = FAL_ACT_GELU, .y = got, .y_stride = N};
            fal_run_begin(run);
            fal_check_ok(fal_native_run(run, native, &gemm, &err), &err);
            if (rows % 37 == 1 || rows == MOST)
                fal_check_close("oneDNN product", got, want, (size_t)(rows * N), 1e-6, 1e-6);
        }
    fal_native_free(&native);
    fal_run_free(&run);
    fal_free(weight), fal_free(x), fal_free(bias), fal_free(got), fal_free(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warm_pass_allocates_nothing),
        cmocka_unit_test(test_results_repeat),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_run_options),
        cmocka_unit_test(test_native_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
