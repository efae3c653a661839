/* Convolution against its naive twin. */
#include "tensor/naive.h"

#include "core/alloc.h"
#include "support/test.h"
#include "tensor/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct conv_case {
    const char *what;
    int dims;
    int64_t in, out, groups, batch;
    int64_t size[3], kernel[3], stride[3], pad[3];
    bool bias, batch_norm, residual, in_place, act_after_residual;
    fal_act act;
    int threads;
    double tolerance; /* relative to the largest |want|; 0: that of a plain float32 sum */
} conv_case;

/* Random parameter vectors of a case; BatchNorm variances are positive and include tiny ones. */
typedef struct conv_data {
    float *weight, *bias, *gamma, *beta, *mean, *var, *slope;
    fal_tensor t[6];
    fal_conv_params params;
} conv_data;

static int64_t product(const int64_t *v, int n)
{
    int64_t p = 1;
    for (int i = 0; i < n; i++)
        p *= v[i];
    return p;
}

static const fal_tensor *vector(fal_tensor *slot, const float *data, int64_t n)
{
    *slot = fal_tensor_f32(data, 1, &n);
    return slot;
}

static void make_data(const conv_case *c, uint64_t *state, conv_data *d)
{
    int64_t shape[5] = {c->out, c->in / c->groups};
    memcpy(shape + 2, c->kernel, (size_t)c->dims * sizeof *shape);
    int64_t count = product(shape, 2 + c->dims);
    d->weight = test_random_floats(state, count, 1 / sqrtf((float)count / (float)c->out));
    d->bias = test_random_floats(state, c->out, 1);
    d->gamma = test_random_floats(state, c->out, 1);
    d->beta = test_random_floats(state, c->out, 1);
    d->mean = test_random_floats(state, c->out, 1);
    d->var = test_random_floats(state, c->out, 1);
    d->slope = test_random_floats(state, c->out, 1);
    for (int64_t i = 0; i < c->out; i++)
        d->var[i] = i % 5 == 3 ? 1e-6f : 0.5f + fabsf(d->var[i]);
    d->params = (fal_conv_params){.dims = c->dims, .weight = fal_tensor_f32(d->weight, 2 + c->dims, shape),
                                  .groups = c->groups, .act = c->act, .act_after_residual = c->act_after_residual};
    memcpy(d->params.stride, c->stride, sizeof c->stride);
    memcpy(d->params.pad, c->pad, sizeof c->pad);
    if (c->bias)
        d->params.bias = vector(&d->t[0], d->bias, c->out);
    if (c->batch_norm) {
        d->params.bn_gamma = vector(&d->t[1], d->gamma, c->out);
        d->params.bn_beta = vector(&d->t[2], d->beta, c->out);
        d->params.bn_mean = vector(&d->t[3], d->mean, c->out);
        d->params.bn_var = vector(&d->t[4], d->var, c->out);
    }
    if (c->act == FAL_ACT_PRELU)
        d->params.prelu = vector(&d->t[5], d->slope, c->out);
}

static void free_data(conv_data *d)
{
    fal_free(d->weight), fal_free(d->bias), fal_free(d->gamma), fal_free(d->beta);
    fal_free(d->mean), fal_free(d->var), fal_free(d->slope);
}

static double largest(const float *values, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)values[i]));
    return most;
}

static void check_conv(const conv_case *c, uint64_t seed)
{
    uint64_t state = seed;
    fal_error err = {0};
    conv_data d = {0};
    fal_conv *conv = NULL;
    fal_run *run = NULL;
    int64_t out[3];
    make_data(c, &state, &d);
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = c->threads}, &run, &err), &err);
    fal_check_ok(fal_conv_create(&d.params, &conv, &err), &err);
    assert_int_equal(fal_conv_in_channels(conv), c->in);
    assert_int_equal(fal_conv_out_channels(conv), c->out);
    fal_conv_out_size(conv, c->size, out);
    int64_t in_count = c->batch * product(c->size, c->dims) * c->in, count = c->batch * product(out, c->dims) * c->out;
    float *x = test_random_floats(&state, in_count, 1), *residual = test_random_floats(&state, count, 1);
    float *got = test_random_floats(&state, count, 0), *want = test_random_floats(&state, count, 0);
    memcpy(got, residual, (size_t)count * sizeof *got);

    fal_conv_args args = {.x = x, .batch = c->batch, .y = got};
    memcpy(args.size, c->size, sizeof c->size);
    args.residual = !c->residual ? NULL : c->in_place ? got : residual;
    fal_run_begin(run);
    fal_check_ok(fal_conv_run(conv, run, &args, &err), &err);
    args.y = want;
    args.residual = c->residual ? residual : NULL;
    fal_naive_conv(&d.params, &args);

    int64_t terms = c->in / c->groups * product(c->kernel, c->dims);
    double tolerance = (c->tolerance > 0 ? c->tolerance : 6e-8 * (8 + sqrt((double)terms))) * largest(want, count);
    fal_check_close(c->what, got, want, (size_t)count, tolerance, 1e-6);
    fal_conv_free(&conv);
    fal_run_free(&run);
    free_data(&d);
    fal_free(x), fal_free(residual), fal_free(got), fal_free(want);
}

/* With one thread and with two; groups and batch 0 mean 1. */
static void check_conv_twice(conv_case c, uint64_t seed)
{
    c.groups = c.groups ? c.groups : 1;
    c.batch = c.batch ? c.batch : 1;
    for (c.threads = 1; c.threads <= 2; c.threads++)
        check_conv(&c, seed);
}

#define CASE(...) check_conv_twice((conv_case){__VA_ARGS__}, __LINE__)

static void test_conv1d(void **unused)
{
    (void)unused;
    CASE(.what = "conv1d 1x1", .dims = 1, .in = 1, .out = 1, .size = {1}, .kernel = {1});
    CASE(.what = "conv1d first of wav2vec2", .dims = 1, .in = 1, .out = 37, .size = {420}, .kernel = {10},
         .stride = {5});
    CASE(.what = "conv1d stride 2", .dims = 1, .in = 24, .out = 40, .size = {131}, .kernel = {3}, .stride = {2},
         .bias = true, .act = FAL_ACT_GELU);
    CASE(.what = "conv1d as long as its input", .dims = 1, .in = 5, .out = 7, .size = {9}, .kernel = {9});
    CASE(.what = "conv1d audio stem", .dims = 1, .in = 1, .out = 16, .size = {1280}, .kernel = {80}, .stride = {4},
         .pad = {38}, .batch_norm = true, .act = FAL_ACT_SWISH);
    CASE(.what = "conv1d positional, 4 groups", .dims = 1, .in = 32, .out = 32, .groups = 4, .size = {57},
         .kernel = {128}, .pad = {64}, .bias = true, .act = FAL_ACT_GELU);
    CASE(.what = "conv1d positional, 1 frame", .dims = 1, .in = 32, .out = 32, .groups = 16, .size = {1},
         .kernel = {128}, .pad = {64}, .bias = true);
    CASE(.what = "conv1d depthwise", .dims = 1, .in = 45, .out = 45, .groups = 45, .size = {60}, .kernel = {31},
         .pad = {15}, .batch_norm = true, .act = FAL_ACT_SWISH, .batch = 2);
    CASE(.what = "conv1d pointwise", .dims = 1, .in = 33, .out = 65, .size = {50}, .kernel = {1}, .bias = true,
         .batch = 3);
}

static void test_conv2d(void **unused)
{
    (void)unused;
    CASE(.what = "conv2d patches", .dims = 2, .in = 3, .out = 20, .size = {28, 42}, .kernel = {14, 14},
         .stride = {14, 14}, .bias = true, .batch = 2);
    CASE(.what = "conv2d 1x1 stride 2", .dims = 2, .in = 17, .out = 34, .size = {11, 11}, .kernel = {1, 1},
         .stride = {2, 2}, .batch_norm = true, .batch = 2);
    CASE(.what = "conv2d 3x3 stride 2", .dims = 2, .in = 16, .out = 24, .size = {11, 7}, .kernel = {3, 3},
         .stride = {2, 2}, .pad = {1, 1}, .batch_norm = true, .act = FAL_ACT_PRELU, .batch = 3);
    CASE(.what = "conv2d 3x3 few channels", .dims = 2, .in = 6, .out = 6, .size = {9, 9}, .kernel = {3, 3},
         .pad = {1, 1}, .batch_norm = true, .act = FAL_ACT_PRELU, .residual = true, .act_after_residual = true,
         .in_place = true);
    CASE(.what = "conv2d 5x3, uneven padding, groups", .dims = 2, .in = 12, .out = 9, .groups = 3, .size = {10, 8},
         .kernel = {5, 3}, .stride = {2, 1}, .pad = {2, 0}, .bias = true, .residual = true);
    CASE(.what = "conv2d depthwise stride 2", .dims = 2, .in = 19, .out = 19, .groups = 19, .size = {10, 9},
         .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1}, .bias = true, .act = FAL_ACT_RELU);
}

/* Layers of 3 or 3x3 taps, stride 1 and 32 and more channels are computed by Winograd's filtering with tiles of 4 or 4x4,
 * from 256 channels on 3x3. Its error is stated as a multiple of the direct sum's: the bound below is twice the plain one. */
#define WINOGRAD(...) CASE(.dims = 2, .kernel = {3, 3}, .pad = {1, 1}, .tolerance = 2e-6, __VA_ARGS__)

static void test_conv_winograd(void **unused)
{
    (void)unused;
    WINOGRAD(.what = "winograd 22x22", .in = 64, .out = 64, .size = {22, 22}, .batch_norm = true, .act = FAL_ACT_PRELU,
             .residual = true, .act_after_residual = true, .in_place = true);
    WINOGRAD(.what = "winograd 11x11, many tasks", .in = 33, .out = 50, .size = {11, 11}, .batch = 40, .bias = true);
    WINOGRAD(.what = "winograd 1x1", .in = 32, .out = 32, .size = {1, 1}, .bias = true);
    WINOGRAD(.what = "winograd 5x9", .in = 48, .out = 32, .size = {5, 9}, .act = FAL_ACT_SWISH, .residual = true,
             .batch = 2);
    WINOGRAD(.what = "winograd 6x6, wide", .in = 256, .out = 64, .size = {6, 6}, .batch_norm = true, .batch = 3,
             .act = FAL_ACT_RELU);
    WINOGRAD(.what = "winograd 3x3, wide", .in = 515, .out = 70, .size = {3, 3}, .residual = true, .batch = 8);
    WINOGRAD(.what = "winograd 4x7, wide", .in = 257, .out = 33, .size = {4, 7}, .residual = true, .in_place = true);
    CASE(.what = "winograd unpadded", .dims = 2, .in = 40, .out = 36, .size = {9, 8}, .kernel = {3, 3},
         .tolerance = 2e-6);
    CASE(.what = "winograd padded by 2 and 0", .dims = 2, .in = 32, .out = 36, .size = {6, 8}, .kernel = {3, 3},
         .pad = {2, 0}, .tolerance = 2e-6);
}

#define WINOGRAD_1D(...) CASE(.dims = 1, .kernel = {3}, .pad = {1}, .tolerance = 2e-6, __VA_ARGS__)

static void test_conv_winograd_of_one_axis(void **unused)
{
    (void)unused;
    WINOGRAD_1D(.what = "winograd 1d, 64 channels", .in = 64, .out = 64, .size = {400}, .batch_norm = true,
                .act = FAL_ACT_SWISH, .residual = true, .act_after_residual = true, .in_place = true);
    WINOGRAD_1D(.what = "winograd 1d, many tasks", .in = 33, .out = 50, .size = {1003}, .batch = 3, .bias = true);
    WINOGRAD_1D(.what = "winograd 1d, one output", .in = 32, .out = 32, .size = {1}, .bias = true);
    WINOGRAD_1D(.what = "winograd 1d, wide", .in = 515, .out = 70, .size = {97}, .act = FAL_ACT_PRELU, .batch = 2);
    CASE(.what = "winograd 1d, unpadded", .dims = 1, .in = 40, .out = 36, .size = {19}, .kernel = {3},
         .tolerance = 2e-6);
    CASE(.what = "winograd 1d, padded by 2", .dims = 1, .in = 32, .out = 36, .size = {5}, .kernel = {3}, .pad = {2},
         .tolerance = 2e-6);
}

static void test_conv3d(void **unused)
{
    (void)unused;
    CASE(.what = "conv3d video stem", .dims = 3, .in = 1, .out = 20, .size = {4, 20, 22}, .kernel = {5, 7, 7},
         .stride = {1, 2, 2}, .pad = {2, 3, 3}, .batch_norm = true, .act = FAL_ACT_PRELU);
    CASE(.what = "conv3d video stem, 1 frame", .dims = 3, .in = 1, .out = 8, .size = {1, 16, 16}, .kernel = {5, 7, 7},
         .stride = {1, 2, 2}, .pad = {2, 3, 3}, .batch_norm = true, .act = FAL_ACT_SWISH);
    CASE(.what = "conv3d tubelets", .dims = 3, .in = 3, .out = 24, .size = {4, 16, 16}, .kernel = {2, 8, 8},
         .stride = {2, 8, 8}, .bias = true);
}

static void test_conv_random(void **unused)
{
    (void)unused;
    uint64_t state = 5;
    for (int i = 0; i < 30; i++) {
        conv_case c = {.what = "conv random", .dims = (int)test_random_int(&state, 1, 3)};
        c.groups = test_random_int(&state, 1, 3);
        c.in = c.groups * test_random_int(&state, 1, 20);
        c.out = c.groups * test_random_int(&state, 1, 20);
        c.batch = test_random_int(&state, 1, 3);
        for (int axis = 0; axis < c.dims; axis++) {
            c.kernel[axis] = test_random_int(&state, 1, 4);
            c.stride[axis] = test_random_int(&state, 1, 3);
            c.pad[axis] = test_random_int(&state, 0, 4);
            c.size[axis] = test_random_int(&state, c.kernel[axis], 10);
        }
        c.bias = test_random(&state) > 0;
        c.batch_norm = test_random(&state) > 0;
        c.residual = test_random(&state) > 0;
        c.act_after_residual = test_random(&state) > 0;
        c.in_place = test_random(&state) > 0;
        /* Behind BatchNorm's gain of up to 1000, tanh would hide the scale that the tolerance is taken from. */
        c.act = (fal_act)test_random_int(&state, FAL_ACT_NONE, c.batch_norm ? FAL_ACT_PRELU : FAL_ACT_TANH);
        c.threads = (int)test_random_int(&state, 1, 3);
        check_conv(&c, (uint64_t)i);
    }
}

static void test_conv_errors(void **unused)
{
    (void)unused;
    fal_error err = {0};
    float data[200] = {0};
    fal_conv *conv = NULL;
    fal_tensor vec4 = fal_tensor_f32(data, 1, (int64_t[]){4}), vec3 = fal_tensor_f32(data, 1, (int64_t[]){3});
    fal_conv_params ok = {.dims = 2, .weight = fal_tensor_f32(data, 4, (int64_t[]){4, 2, 3, 3})}, p;
    p = ok, p.dims = 3;
    fal_check_fails(fal_conv_create(&p, &conv, &err), FAL_ERR_ARGUMENT, "[4,2,3,3] does not have 2 + 3 axes", &err);
    p = ok, p.groups = 3;
    fal_check_fails(fal_conv_create(&p, &conv, &err), FAL_ERR_ARGUMENT, "3 groups", &err);
    p = ok, p.bias = &vec3;
    fal_check_fails(fal_conv_create(&p, &conv, &err), FAL_ERR_ARGUMENT, "bias is [3], expected [4]", &err);
    p = ok, p.bn_gamma = p.bn_beta = &vec4;
    fal_check_fails(fal_conv_create(&p, &conv, &err), FAL_ERR_ARGUMENT, "2 of the 4", &err);
    p = ok, p.act = FAL_ACT_PRELU;
    fal_check_fails(fal_conv_create(&p, &conv, &err), FAL_ERR_ARGUMENT, "no slopes", &err);
    p = ok, p.pad[1] = -1;
    fal_check_fails(fal_conv_create(&p, &conv, &err), FAL_ERR_ARGUMENT, "padding -1", &err);
    assert_null(conv);
    fal_check_ok(fal_conv_create(&ok, &conv, &err), &err);
    fal_run *run = NULL;
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 1}, &run, &err), &err);
    fal_check_fails(fal_conv_run(conv, run, &(fal_conv_args){.x = data, .batch = 1, .size = {3, 2}, .y = data}, &err),
                    FAL_ERR_TOO_SHORT, "extent 2", &err);
    fal_run_free(&run);
    fal_conv_free(&conv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv1d),      cmocka_unit_test(test_conv2d),       cmocka_unit_test(test_conv3d),
        cmocka_unit_test(test_conv_winograd),
        cmocka_unit_test(test_conv_winograd_of_one_axis),
        cmocka_unit_test(test_conv_random), cmocka_unit_test(test_conv_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
