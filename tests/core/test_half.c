#include "support/test.h"

#include "core/alloc.h"
#include "core/half.h"

#include <math.h>

enum { ALL = 1 << 16 };

/* The value of a float16 from its definition, without bit tricks. */
static double f16_value(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    double size = exponent == 31 ? (mantissa ? NAN : INFINITY)
                  : exponent     ? ldexp(1024 + mantissa, exponent - 25)
                                 : ldexp(mantissa, -24);
    return h & 0x8000 ? -size : size;
}

static void test_every_f16_is_exact_and_comes_back(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < ALL; h++) {
        float got = fal_f16_to_f32((uint16_t)h);
        double want = f16_value((uint16_t)h);
        if (isnan(want) ? !isnan(got) : (double)got != want || !signbit(got) != !signbit(want))
            fail_msg("float16 %04x: got %.9g, want %.9g", h, (double)got, want);
        uint16_t back = fal_f32_to_f16(got);
        if (isnan(want) ? !isnan(fal_f16_to_f32(back)) : back != h)
            fail_msg("float16 %04x came back as %04x", h, back);
    }
}

/* Between neighbours a and b: just below the middle gives a, just above b, the middle the even one. */
static void check_rounding(uint16_t a, uint16_t b)
{
    float low = fal_f16_to_f32(a), high = b == 0x7c00 ? 65536.0f : fal_f16_to_f32(b);
    float middle = low + (high - low) / 2;
    uint16_t got[3] = {fal_f32_to_f16(nextafterf(middle, low)), fal_f32_to_f16(middle),
                       fal_f32_to_f16(nextafterf(middle, high))};
    uint16_t want[3] = {a, a & 1 ? b : a, b};
    for (int i = 0; i < 3; i++)
        if (got[i] != want[i])
            fail_msg("between %04x and %04x, case %d: got %04x, want %04x", a, b, i, got[i], want[i]);
}

static void test_f16_rounds_to_nearest_even(void **state)
{
    (void)state;
    for (uint16_t h = 0; h < 0x7c00; h++)
        check_rounding(h, (uint16_t)(h + 1));
    assert_int_equal(fal_f32_to_f16(1e30f), 0x7c00);
    assert_int_equal(fal_f32_to_f16(-INFINITY), 0xfc00);
    assert_int_equal(fal_f32_to_f16(1e-30f), 0);
    assert_int_equal(fal_f32_to_f16(-1e-42f), 0x8000);
}

static void test_bf16(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < ALL; h++) {
        uint16_t back = fal_f32_to_bf16(fal_bf16_to_f32((uint16_t)h));
        bool nan = (h & 0x7fff) > 0x7f80;
        if (nan ? (back & 0x7fff) <= 0x7f80 : back != h)
            fail_msg("bfloat16 %04x came back as %04x", h, back);
    }
    assert_int_equal(fal_f32_to_bf16(1.00390625f), 0x3f80);     /* tie, even below */
    assert_int_equal(fal_f32_to_bf16(1.01171875f), 0x3f82);     /* tie, even above */
    assert_int_equal(fal_f32_to_bf16(1.00390637f), 0x3f81);
    assert_int_equal(fal_f32_to_bf16(3.4e38f), 0x7f80);         /* beyond the largest: infinity */
    /* A NaN whose payload is only in the bits that are dropped must not become infinity. */
    uint32_t bits = 0x7f800001;
    float nan;
    memcpy(&nan, &bits, sizeof nan);
    assert_int_equal(fal_f32_to_bf16(nan), 0x7fc0);
    assert_true(fal_f32_to_f16(nan) > 0x7c00);
}

static void test_arrays_equal_single_conversions(void **state)
{
    (void)state;
    float *f = fal_malloc_array(ALL, sizeof *f);
    uint16_t *h = fal_malloc_array(ALL, sizeof *h), *back = fal_malloc_array(ALL, sizeof *back);
    for (uint32_t i = 0; i < ALL; i++)
        h[i] = (uint16_t)i;
    fal_f16_to_f32_n(h + 1, f, ALL - 1); /* off any alignment */
    fal_f32_to_f16_n(f, back, ALL - 1);
    for (uint32_t i = 0; i < ALL - 1; i++) {
        float one = fal_f16_to_f32(h[i + 1]);
        assert_memory_equal(&f[i], &one, sizeof one);
        assert_int_equal(back[i], fal_f32_to_f16(one));
    }
    for (uint32_t i = 0; i < ALL; i++) {
        uint32_t bits = i << 16 | (i * 40503u & 0xffff);
        memcpy(&f[i], &bits, sizeof bits);
    }
    fal_f32_to_bf16_n(f, back, ALL);
    for (uint32_t i = 0; i < ALL; i++)
        assert_int_equal(back[i], fal_f32_to_bf16(f[i]));
    fal_f32_to_f16_n(f, back, ALL);
    for (uint32_t i = 0; i < ALL; i++)
        assert_int_equal(back[i], fal_f32_to_f16(f[i]));
    fal_bf16_to_f32_n(h, f, ALL);
    for (uint32_t i = 0; i < ALL; i++) {
        float one = fal_bf16_to_f32(h[i]);
        assert_memory_equal(&f[i], &one, sizeof one);
    }
    fal_free(f);
    fal_free(h);
    fal_free(back);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_f16_is_exact_and_comes_back),
        cmocka_unit_test(test_f16_rounds_to_nearest_even),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_arrays_equal_single_conversions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
