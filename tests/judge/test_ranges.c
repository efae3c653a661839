/* Time ranges on made-up curves. */
#include "judge/ranges.h"
#include "support/alloc_fail.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES = 100 };

typedef struct found {
    fal_range ranges[FAL_MAX_RANGES];
    size_t count;
} found;

static found find(const fal_opinion *opinions, size_t count)
{
    found f = {.count = 99};
    fal_error err = {0};
    fal_check_ok(fal_ranges_find(opinions, count, f.ranges, &f.count, &err), &err);
    return f;
}

static fal_opinion opinion_of(const float *logits)
{
    return (fal_opinion){.usable = true, .frames = FRAMES, .rate_hz = 25, .frame_logits = logits};
}

static void check_range(const fal_range *got, double start, double end, double peak, double peak_s)
{
    const double want[] = {start, end, peak, peak_s};
    fal_check_close_f64("start end peak at", &got->start_s, want, 4, 1e-6, 0);
}

static void test_flat_curve(void **state)
{
    (void)state;
    float logits[FRAMES] = {0};
    fal_opinion o = opinion_of(logits);
    assert_int_equal(find(&o, 1).count, 0);
    logits[50] = 0.0009f;
    assert_int_equal(find(&o, 1).count, 0);
    assert_int_equal(find(NULL, 0).count, 0);
    o.frames = 0;
    assert_int_equal(find(&o, 1).count, 0);
}

static void test_one_bump(void **state)
{
    (void)state;
    float logits[FRAMES];
    for (int t = 0; t < FRAMES; t++)
        logits[t] = t >= 40 && t < 60 ? 2 : -1;
    logits[45] = 3;
    fal_opinion o = opinion_of(logits);
    found f = find(&o, 1);
    assert_int_equal(f.count, 1);
    check_range(&f.ranges[0], 1.6, 2.4, 3, 1.82);
}

/* Level: half-way between the median -1 and the maximum 1, that is 0; a frame at the level belongs. */
static void test_level(void **state)
{
    (void)state;
    float logits[FRAMES];
    for (int t = 0; t < FRAMES; t++)
        logits[t] = -1;
    logits[10] = 1;
    logits[11] = 0;
    logits[12] = -0.01f;
    fal_opinion o = opinion_of(logits);
    found f = find(&o, 1);
    assert_int_equal(f.count, 1);
    check_range(&f.ranges[0], 0.4, 0.48, 1, 0.42);
}

static void test_near_runs_are_one(void **state)
{
    (void)state;
    float logits[FRAMES] = {0};
    logits[10] = logits[15] = 1; /* four frames between: 0.16 s */
    logits[40] = logits[46] = 1; /* five: 0.2 s */
    fal_opinion o = opinion_of(logits);
    found f = find(&o, 1);
    assert_int_equal(f.count, 3);
    for (size_t i = 0; i < 3; i++)
        if (f.ranges[i].start_s < 1)
            check_range(&f.ranges[i], 0.4, 0.64, 1, 0.42);
        else
            assert_true(f.ranges[i].end_s - f.ranges[i].start_s < 0.05);
}

static void test_strongest_five(void **state)
{
    (void)state;
    float logits[FRAMES] = {0};
    for (int i = 0; i < 9; i++)
        logits[5 + 10 * i] = 1 + 0.05f * (float)i;
    fal_opinion o = opinion_of(logits);
    found f = find(&o, 1);
    assert_int_equal(f.count, FAL_MAX_RANGES);
    for (int i = 0; i < FAL_MAX_RANGES; i++)
        check_range(&f.ranges[i], (85 - 10 * i) / 25.0, (86 - 10 * i) / 25.0, 1 + 0.05 * (8 - i), (85.5 - 10 * i) / 25);
}

/* A late start and half the rate: frame t lies at start + t / rate. Where one opinion ends the other stands alone. */
static void test_opinions_of_different_clocks(void **state)
{
    (void)state;
    float slow[FRAMES] = {0}, fast[FRAMES] = {0};
    slow[4] = 1;             /* 0.4 + 4/12.5 = 0.72 .. 0.80 s */
    fast[18] = fast[19] = 1; /* 0.72 .. 0.80 s */
    fal_opinion both[] = {opinion_of(slow), opinion_of(fast)};
    both[0].rate_hz = 12.5;
    both[0].start_s = 0.4;
    found f = find(both, 2);
    assert_int_equal(f.count, 1);
    check_range(&f.ranges[0], 0.72, 0.8, 1, 0.74);
    both[1].usable = false;
    fast[90] = 50;
    f = find(both, 2);
    assert_int_equal(f.count, 1);
    check_range(&f.ranges[0], 0.72, 0.8, 1, 0.74);
}

static fal_status find_status(void *opinion, fal_error *err)
{
    found f;
    return fal_ranges_find(opinion, 1, f.ranges, &f.count, err);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    float logits[FRAMES] = {0, 1};
    fal_opinion o = opinion_of(logits);
    fal_check_alloc_failures("ranges", find_status, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flat_curve),
        cmocka_unit_test(test_one_bump),
        cmocka_unit_test(test_level),
        cmocka_unit_test(test_near_runs_are_one),
        cmocka_unit_test(test_strongest_five),
        cmocka_unit_test(test_opinions_of_different_clocks),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
