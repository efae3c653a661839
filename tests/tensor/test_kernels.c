/* Every kernel table this CPU can run, and the 16-lane one split by the compiler, against plain loops. */
#include "tensor/kernels.h"

#include "core/alloc.h"
#include "core/half.h"
#include "support/test.h"
#include "tensor/naive.h"
#include "tensor/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

extern const fal_kernels test_kernels_wide;

typedef void check_fn(const fal_kernels *kernels);

static void for_each_table(check_fn *check)
{
    for (fal_cpu_level level = FAL_CPU_BASELINE; level <= FAL_CPU_AVX512; level++)
        if (fal_kernels_for(level))
            check(fal_kernels_for(level));
    check(&test_kernels_wide);
}

static const char *label(const fal_kernels *kernels, const char *what)
{
    static char text[96];
    snprintf(text, sizeof text, "%s %s", kernels->name, what);
    return text;
}

static void check_multiply(const fal_kernels *kernels)
{
    enum { K = 37, STRIDE = 41 };
    uint64_t state = 1;
    assert_in_range(kernels->mr, 1, FAL_MAX_MR);
    assert_in_range(kernels->nr, 1, FAL_MAX_NR);
    float *a = test_random_floats(&state, FAL_MAX_MR * STRIDE, 1), *b = test_random_floats(&state, K * FAL_MAX_NR, 1);
    for (int rows = 1; rows <= kernels->mr; rows++)
        for (int accumulate = 0; accumulate < 2; accumulate++) {
            float got[FAL_MAX_MR * FAL_MAX_NR], want[FAL_MAX_MR * FAL_MAX_NR];
            for (int i = 0; i < rows * kernels->nr; i++) {
                double sum = accumulate ? i : 0;
                for (int k = 0; k < K; k++)
                    sum += (double)a[i / kernels->nr * STRIDE + k] * b[k * kernels->nr + i % kernels->nr];
                got[i] = (float)i;
                want[i] = (float)sum;
            }
            kernels->multiply(rows, K, a, STRIDE, b, got, accumulate, a);
            fal_check_close(label(kernels, "multiply"), got, want, (size_t)(rows * kernels->nr), 3e-6, 1e-6);
        }
    fal_free(a), fal_free(b);
}

static void test_multiply(void **unused)
{
    (void)unused;
    for_each_table(check_multiply);
}

/* Bias, activation, residual before and after, row scales, widths that end within a vector. */
static void check_finish(const fal_kernels *kernels)
{
    enum { ROWS = 3, COLS = 45, STRIDE = 50 };
    uint64_t state = 2;
    float *product = test_random_floats(&state, ROWS * COLS, 1),
          *residual = test_random_floats(&state, ROWS * STRIDE, 1);
    float *vectors = test_random_floats(&state, 2 * COLS, 1), *scale = test_random_floats(&state, ROWS, 1);
    for (fal_act act = FAL_ACT_NONE; act <= FAL_ACT_TANH; act++)
        for (int after = 0; after < 2; after++) {
            float got[ROWS * STRIDE] = {0}, want[ROWS * STRIDE] = {0};
            fal_finish f = {.alpha = 0.5f,
                            .row_scale = scale,
                            .bias = vectors,
                            .slope = vectors + COLS,
                            .act = act,
                            .act_after_residual = after,
                            .residual = residual,
                            .residual_stride = STRIDE,
                            .y = got,
                            .y_stride = STRIDE};
            for (int i = 0; i < ROWS * COLS; i++) {
                int row = i / COLS, col = i % COLS;
                double v = 0.5 * scale[row] * product[i] + vectors[col], add = residual[row * STRIDE + col];
                double slope = vectors[COLS + col];
                want[row * STRIDE + col] =
                    (float)(after ? fal_naive_act(act, v + add, slope) : fal_naive_act(act, v, slope) + add);
            }
            kernels->finish(&f, ROWS, COLS, product, COLS);
            fal_check_close(label(kernels, "finish"), got, want, ROWS * STRIDE, 5e-7, 1e-6);
        }
    fal_free(product), fal_free(residual), fal_free(vectors), fal_free(scale);
}

static void test_finish(void **unused)
{
    (void)unused;
    for_each_table(check_finish);
}

static void check_softmax(const fal_kernels *kernels)
{
    for (int n = 1; n < 70; n += 4) {
        uint64_t state = (uint64_t)n;
        float *x = test_random_floats(&state, n, 30), want[70];
        double top = -INFINITY, sum = 0;
        for (int i = 0; i < n; i++)
            top = fmax(top, (double)x[i]);
        for (int i = 0; i < n; i++)
            sum += exp((double)x[i] - top);
        for (int i = 0; i < n; i++)
            want[i] = (float)exp((double)x[i] - top);
        float got_sum = kernels->softmax(x, n), want_sum = (float)sum;
        /* x - max x, up to 60, is rounded by up to 2e-6. */
        fal_check_close(label(kernels, "softmax"), x, want, (size_t)n, 1e-30, 3e-6);
        fal_check_close(label(kernels, "softmax sum"), &got_sum, &want_sum, 1, 0, 1e-6);
        fal_free(x);
    }
}

static void test_softmax(void **unused)
{
    (void)unused;
    for_each_table(check_softmax);
}

static void check_gradients(const fal_kernels *kernels)
{
    for (int n = 8; n < 90; n += 9) {
        uint64_t state = (uint64_t)n;
        float *x = test_random_floats(&state, n, 2), *dy = test_random_floats(&state, n, 1), got[90], want[90], y[90];
        float *gamma = test_random_floats(&state, n, 1);
        fal_layer_norm_gradient norm = {.x = x, .rows = 1, .dim = n, .gamma = gamma, .eps = 1e-5, .dy = dy, .dx = want};
        fal_naive_layer_norm_backward(&norm);
        float scale = kernels->normalise(x, n, 1e-5, y);
        kernels->layer_norm_backward(y, scale, n, gamma, dy, false, got);
        fal_check_close(label(kernels, "layer_norm_backward"), got, want, (size_t)n, 1e-6, 2e-6);
        for (int i = 0; i < n; i++)
            want[i] = (float)(dy[i] * fal_naive_gelu_slope(x[i]));
        kernels->gelu_backward(x, dy, n, got);
        fal_check_close(label(kernels, "gelu_backward"), got, want, (size_t)n, 2e-7, 0);
        double sum = 0, along = 0;
        for (int i = 0; i < n; i++)
            sum += y[i] = (float)exp((double)x[i] - 2);
        for (int i = 0; i < n; i++)
            along += y[i] / sum * dy[i];
        for (int i = 0; i < n; i++)
            want[i] = (float)(0.5 * y[i] / sum * (dy[i] - along));
        memcpy(got, dy, (size_t)n * sizeof *got);
        kernels->softmax_backward(y, (float)sum, 0.5f, n, got);
        fal_check_close(label(kernels, "softmax_backward"), got, want, (size_t)n, 1e-7, 1e-6);
        fal_free(x), fal_free(dy), fal_free(gamma);
    }
}

static void test_gradients(void **unused)
{
    (void)unused;
    for_each_table(check_gradients);
}

static void check_rows(const fal_kernels *kernels)
{
    enum { N = 77 };
    uint64_t state = 3;
    float *x = test_random_floats(&state, N, 1), *gamma = test_random_floats(&state, N, 1);
    float *beta = test_random_floats(&state, N, 1), got[N], want[N];
    kernels->layer_norm(x, N, gamma, beta, 1e-5, got);
    fal_naive_layer_norm(x, 1, N, gamma, beta, 1e-5, want);
    fal_check_close(label(kernels, "layer_norm"), got, want, N, 1e-6, 1e-6);
    for (fal_act act = FAL_ACT_NONE; act <= FAL_ACT_TANH; act++) {
        kernels->act(act, x, N, got);
        fal_naive_act_apply(act == FAL_ACT_PRELU ? FAL_ACT_NONE : act, x, N, want);
        fal_check_close(label(kernels, "act"), got, want, N, 2e-7, 1e-6);
    }
    memcpy(got, beta, sizeof got);
    kernels->multiply_add(x, gamma, N, got);
    kernels->add_scaled(x, 0.5f, N, got);
    kernels->max_into(beta, N, got);
    for (int i = 0; i < N; i++)
        want[i] = fmaxf(beta[i], beta[i] + x[i] * gamma[i] + 0.5f * x[i]);
    fal_check_close(label(kernels, "row sums and maximum"), got, want, N, 3e-7, 0);
    fal_free(x), fal_free(gamma), fal_free(beta);
}

static void test_rows(void **unused)
{
    (void)unused;
    for_each_table(check_rows);
}

/* Row groups of every size, lengths with every kind of remainder; a row's product is the same bytes in any group. */
static void check_products(const fal_kernels *kernels)
{
    enum { MOST_ROWS = 9, MOST = 90 };
    for (int n = 1; n < MOST; n += 11)
        for (int rows = 1; rows <= MOST_ROWS; rows += 2) {
            uint64_t state = (uint64_t)(n * MOST_ROWS + rows);
            float *x = test_random_floats(&state, rows * n, 1), *w = test_random_floats(&state, n, 1);
            float *scales = test_random_floats(&state, rows, 1), *sum = test_random_floats(&state, n, 1);
            float got[MOST_ROWS], want[MOST_ROWS], alone, added[MOST];
            memcpy(added, sum, (size_t)n * sizeof *sum);
            for (int r = 0; r < rows; r++) {
                double dot = 0;
                for (int i = 0; i < n; i++) {
                    dot += (double)x[r * n + i] * w[i];
                    added[i] += scales[r] * x[r * n + i];
                }
                want[r] = (float)dot;
            }
            kernels->dot_rows(x, rows, n, w, got);
            fal_check_close(label(kernels, "dot_rows"), got, want, (size_t)rows, 3e-6, 0);
            kernels->dot_rows(x + (rows - 1) * n, 1, n, w, &alone);
            assert_memory_equal(&alone, got + rows - 1, sizeof alone);
            kernels->add_rows(x, rows, n, scales, sum);
            fal_check_close(label(kernels, "add_rows"), sum, added, (size_t)n, 1e-6, 0);
            fal_free(x), fal_free(w), fal_free(scales), fal_free(sum);
        }
}

static void test_products(void **unused)
{
    (void)unused;
    for_each_table(check_products);
}

/* Every float16 that is a number, subnormal ones too, in rows of every kind of remainder; products as of wide rows. */
static void check_widening(const fal_kernels *kernels)
{
    enum { ALL = 0x7c00, N = 2 * ALL };
    uint64_t state = 5;
    uint16_t *half = fal_malloc_array(N, sizeof *half);
    float *got = fal_malloc_array(N, sizeof *got), *want = fal_malloc_array(N, sizeof *want);
    float *w = test_random_floats(&state, 1024, 1), *products = test_random_floats(&state, N, 0),
          *wide = products + N / 2;
    assert_true(half && got && want);
    for (int i = 0; i < N; i++)
        half[i] = (uint16_t)(i < ALL ? i : 0x8000 + i - ALL);
    for (int i = 0; i < N; i++)
        want[i] = fal_f16_to_f32(half[i]);
    for (int n = 1; n < 1024; n += 7 * n + 3) {
        const int rows = N / n / 2, from = N / 4; /* the middle: numbers of both signs */
        kernels->widen_dot_rows(half + from, rows, n, w, got, products);
        fal_check_close(label(kernels, "widened"), got, want + from, (size_t)(rows * n), 0, 0);
        kernels->dot_rows(want + from, rows, n, w, wide);
        assert_memory_equal(products, wide, (size_t)rows * sizeof *products);
    }
    kernels->widen_dot_rows(half, 1, N - 3, want, got, products);
    fal_check_close(label(kernels, "widened"), got, want, N - 3, 0, 0);
    fal_free(half), fal_free(got), fal_free(want), fal_free(w), fal_free(products);
}

static void test_widening(void **unused)
{
    (void)unused;
    for_each_table(check_widening);
}

/* Of the G matrix, the column of the centre tap: p / product of differences, 0 at infinity. */
static void centre_tap(int m, double g[6])
{
    static const double p[] = {0, 0.75, -0.75, 1.5, -1.5};
    for (int i = 0; i < m + 1; i++) {
        g[i] = p[i];
        for (int other = 0; other < m + 1; other++)
            g[i] /= other == i ? 1 : p[i] - p[other];
    }
    g[m + 1] = 0;
}

/* With weights that pass the centre tap only, transforming there and back must give the input back. */
static void check_winograd_tile(const fal_kernels *kernels, int m, int axes)
{
    enum { CHANNELS = 21, PADDED = 32 };
    uint64_t state = 4;
    const int t = m + 2, lines = axes == 1 ? 1 : m, points = axes == 1 ? t : t * t, outputs = lines * m;
    float *x = test_random_floats(&state, points * CHANNELS, 1), *v = test_random_floats(&state, points * PADDED, 0);
    float *got = test_random_floats(&state, outputs * CHANNELS, 0),
          *want = test_random_floats(&state, outputs * CHANNELS, 0);
    float *products = test_random_floats(&state, points * PADDED, 0);
    const float *pixels[36];
    double g[6];
    centre_tap(m, g);
    for (int i = 0; i < points; i++)
        pixels[i] = x + i * CHANNELS;
    kernels->winograd_input(m, axes, pixels, CHANNELS, v, PADDED);
    for (int i = 0; i < points; i++) /* panels: [ceil(21 / nr)][nr] is the plain order here */
        for (int c = 0; c < PADDED; c++)
            products[i * PADDED + c] = (float)((axes == 1 ? 1 : g[i / t]) * g[i % t] * v[i * PADDED + c]);
    fal_finish f = {.alpha = 1, .y = got, .y_stride = CHANNELS};
    kernels->winograd_output(m, axes, products, PADDED, kernels->nr, CHANNELS, &f, lines, m, m * CHANNELS);
    for (int i = 0; i < outputs * CHANNELS; i++) {
        const int line = axes == 1 ? 0 : i / CHANNELS / m + 1, col = i / CHANNELS % m + 1;
        want[i] = x[(line * t + col) * CHANNELS + i % CHANNELS];
    }
    fal_check_close(label(kernels, axes == 1 ? "winograd of a line"
                                   : m == 3  ? "winograd 3"
                                             : "winograd 4"),
                    got, want, (size_t)(outputs * CHANNELS), 5e-6, 0);
    fal_free(x), fal_free(v), fal_free(got), fal_free(want), fal_free(products);
}

static void check_winograd(const fal_kernels *kernels)
{
    check_winograd_tile(kernels, 3, 2);
    check_winograd_tile(kernels, 4, 2);
    check_winograd_tile(kernels, 4, 1);
}

static void test_winograd(void **unused)
{
    (void)unused;
    for_each_table(check_winograd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiply), cmocka_unit_test(test_finish),    cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_rows),     cmocka_unit_test(test_gradients), cmocka_unit_test(test_winograd),
        cmocka_unit_test(test_products), cmocka_unit_test(test_widening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
