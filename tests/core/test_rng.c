#include "support/test.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <math.h>
#include <string.h>

enum { N = 100003 };

/* The known answers published with the generator (Random123, kat_vectors: philox4x32 10). A block's counter words are
 * those of (counter, stream), its key words those of the seed. */
static void test_known_answers(void **state)
{
    (void)state;
    static const struct { uint64_t seed, stream, counter; uint32_t want[4]; } cases[] = {
        {0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, UINT64_MAX, UINT64_MAX, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fal_rng rng = fal_rng_make(cases[i].seed, cases[i].stream);
        rng.counter = cases[i].counter;
        for (int w = 0; w < 4; w++) {
            uint32_t got = fal_rng_u32(&rng);
            if (got != cases[i].want[w])
                fail_msg("vector %zu word %d: got %08x, want %08x", i, w, got, cases[i].want[w]);
        }
    }
}

static void test_fill_is_the_documented_formula(void **state)
{
    (void)state;
    float *uniform = fal_malloc_array(N, sizeof *uniform), *normal = fal_malloc_array(N, sizeof *normal);
    float *want = fal_malloc_array(N + 1, sizeof *want);
    fal_rng rng = fal_rng_make(7, fal_rng_stream("layer.0.weight"));
    fal_rng_fill_uniform(7, fal_rng_stream("layer.0.weight"), 0, 0, 1, uniform, N);
    fal_rng_fill_normal(7, fal_rng_stream("layer.0.weight"), 0, 0, 1, normal, N);
    for (int i = 0; i < N + 1; i += 2) {
        uint32_t word0 = fal_rng_u32(&rng), word1 = fal_rng_u32(&rng);
        double radius = sqrt(-2 * log(((word0 >> 8) + 1) * 0x1p-24)), angle = 2 * acos(-1) * (word1 >> 8) * 0x1p-24;
        assert_true((double)uniform[i] == (word0 >> 8) * 0x1p-24);
        want[i] = (float)(radius * cos(angle));
        want[i + 1] = (float)(radius * sin(angle));
    }
    /* The float32 polynomials are within a few units in the last place of a radius of at most 5.8. */
    fal_check_close("normal against libm in double", normal, want, N, 1.5e-6, 0);
    fal_free(uniform);
    fal_free(normal);
    fal_free(want);
}

static void test_pinned_values(void **state)
{
    (void)state;
    /* Model files depend on these bits: they must never change. */
    static const uint32_t want[8] = {0x3efe4279, 0x3f0373de, 0x3efc6cd0, 0x3efc8561,
                                     0x3efab2c0, 0x3f020618, 0x3eff79f1, 0x3ef1e79f};
    float got[8];
    fal_rng_fill_normal(42, fal_rng_stream("encoder.weight"), 4, 0.5f, 0.02f, got, 8);
    for (int i = 0; i < 8; i++) {
        uint32_t bits;
        memcpy(&bits, &got[i], sizeof bits);
        if (bits != want[i])
            fail_msg("element %d: got %08x (%.9g), want %08x", i, bits, (double)got[i], want[i]);
    }
}

static void test_any_split_gives_the_same(void **state)
{
    (void)state;
    float *whole = fal_malloc_array(N, sizeof *whole), *parts = fal_malloc_array(N, sizeof *parts);
    for (int kind = 0; kind < 2; kind++) {
        void (*fill)(uint64_t, uint64_t, uint64_t, float, float, float *, size_t) =
            kind ? fal_rng_fill_normal : fal_rng_fill_uniform;
        fill(1, 2, 0, -1, 3, whole, N);
        for (size_t at = 0, step = 1; at < N; at += step, step = step * 3 % 1009 + 1) {
            size_t n = at + step > N ? N - at : step;
            fill(1, 2, at, -1, 3, parts + at, n);
        }
        assert_memory_equal(whole, parts, N * sizeof *whole);
    }
    fal_free(whole);
    fal_free(parts);
}

static void check_moments(const char *name, const float *x, int n, double mean, double variance, double fourth)
{
    double m = 0, v = 0, q = 0;
    for (int i = 0; i < n; i++)
        m += (double)x[i] / n;
    for (int i = 0; i < n; i++) {
        double d = (double)x[i] - m;
        v += d * d / n;
        q += d * d * d * d / n;
    }
    double got[3] = {m, v, q}, want[3] = {mean, variance, fourth};
    fal_check_close_f64(name, got, want, 3, 0.03, 0.03); /* about five standard errors of the fourth moment */
}

static void test_moments(void **state)
{
    (void)state;
    float *x = fal_malloc_array(N, sizeof *x);
    fal_rng_fill_normal(3, 0, 0, 0, 1, x, N);
    check_moments("normal: mean, variance, fourth", x, N, 0, 1, 3);
    double lag = 0;
    for (int i = 0; i + 1 < N; i++)
        lag += (double)x[i] * (double)x[i + 1] / N;
    assert_true(fabs(lag) < 0.016);
    fal_rng_fill_uniform(3, 0, 0, 0, 1, x, N);
    check_moments("uniform: mean, variance, fourth", x, N, 0.5, 1.0 / 12, 1.0 / 80);
    fal_free(x);
}

static void test_single_draws(void **state)
{
    (void)state;
    fal_rng a = fal_rng_make(5, 1), b = fal_rng_make(5, 1), other = fal_rng_make(5, 2);
    float filled[4];
    fal_rng_fill_normal(5, 1, 0, 0, 1, filled, 4);
    assert_true(fal_rng_normal(&a) == (double)filled[0]);
    assert_true(fal_rng_normal(&a) == (double)filled[2]);
    fal_rng_fill_uniform(5, 1, 0, 0, 1, filled, 4);
    for (int i = 0; i < 4; i++)
        assert_true(fal_rng_uniform(&b) == (double)filled[i]);
    assert_int_not_equal(fal_rng_u32(&a), fal_rng_u32(&other));
}

static void test_index_is_in_range_and_even(void **state)
{
    (void)state;
    fal_rng rng = fal_rng_make(9, 9);
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[fal_rng_index(&rng, 6)]++;
    for (int i = 0; i < 6; i++)
        if (counts[i] < 9500 || counts[i] > 10500)
            fail_msg("value %d came %d times of 60000, want about 10000", i, counts[i]);
    assert_int_equal(fal_rng_index(&rng, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(fal_rng_index(&rng, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

static void test_shuffle_is_a_permutation(void **state)
{
    (void)state;
    size_t items[1000];
    bool seen[1000] = {false};
    int fixed = 0;
    fal_rng rng = fal_rng_make(1, 1);
    for (size_t i = 0; i < 1000; i++)
        items[i] = i;
    fal_rng_shuffle(&rng, items, 1000);
    for (size_t i = 0; i < 1000; i++) {
        assert_false(seen[items[i]]);
        seen[items[i]] = true;
        fixed += items[i] == i;
    }
    assert_true(fixed < 10);
    fal_rng_shuffle(&rng, items, 0);
}

static void test_stream_names(void **state)
{
    (void)state;
    assert_true(fal_rng_stream("") == UINT64_C(0xcbf29ce484222325)); /* FNV-1a's published values */
    assert_true(fal_rng_stream("a") == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(fal_rng_stream("foobar") == UINT64_C(0x85944171f73967e8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_fill_is_the_documented_formula),
        cmocka_unit_test(test_pinned_values),
        cmocka_unit_test(test_any_split_gives_the_same),
        cmocka_unit_test(test_moments),
        cmocka_unit_test(test_single_draws),
        cmocka_unit_test(test_index_is_in_range_and_even),
        cmocka_unit_test(test_shuffle_is_a_permutation),
        cmocka_unit_test(test_stream_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
