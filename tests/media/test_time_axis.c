#include "support/test.h"

#include "media/time_axis.h"

#include <libavutil/avutil.h>

static fal_time_axis milliseconds(void)
{
    return fal_time_axis_start((AVRational){1, 1000}, (AVRational){25, 1});
}

static void test_good_times_are_kept(void **state)
{
    (void)state;
    static const int64_t times[] = {5, 45, 85, 126, 164, 700, 740};
    fal_time_axis axis = milliseconds();
    bool repaired = false;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        assert_int_equal(fal_time_axis_place(&axis, times[i], 40, &repaired), times[i]);
    assert_false(repaired);
    assert_int_equal(axis.first, 5);
    assert_int_equal(axis.end, 780);
}

static void test_missing_time_follows_on(void **state)
{
    (void)state;
    fal_time_axis axis = milliseconds();
    bool repaired = false;
    assert_int_equal(fal_time_axis_place(&axis, AV_NOPTS_VALUE, 40, &repaired), 0);
    assert_int_equal(fal_time_axis_place(&axis, AV_NOPTS_VALUE, 40, &repaired), 40);
    assert_int_equal(fal_time_axis_place(&axis, 90, 40, &repaired), 90);
    assert_int_equal(fal_time_axis_place(&axis, AV_NOPTS_VALUE, 40, &repaired), 130);
    assert_false(repaired);
}

/* A jump shifts all later times with it. */
static void check_jump(int64_t jump)
{
    fal_time_axis axis = milliseconds();
    bool repaired = false;
    fal_time_axis_place(&axis, 0, 40, &repaired);
    fal_time_axis_place(&axis, 40, 40, &repaired);
    assert_false(repaired);
    assert_int_equal(fal_time_axis_place(&axis, 80 + jump, 40, &repaired), 80);
    assert_true(repaired);
    assert_int_equal(fal_time_axis_place(&axis, 120 + jump, 40, &repaired), 120);
    assert_int_equal(axis.end, 160);
}

static void test_jumps(void **state)
{
    (void)state;
    check_jump(61 * 1000);
    check_jump(INT64_C(1) << 59);
    check_jump(-2000);
    check_jump(-(INT64_C(1) << 59));
}

static void test_late_start(void **state)
{
    (void)state;
    fal_time_axis axis = milliseconds(), broken = milliseconds();
    bool repaired = false;
    assert_int_equal(fal_time_axis_place(&axis, 300 * 1000, 40, &repaired), 300 * 1000);
    assert_false(repaired);
    assert_int_equal(fal_time_axis_place(&broken, 601 * 1000, 40, &repaired), 0);
    assert_true(repaired);
}

static void test_frame_length(void **state)
{
    (void)state;
    fal_time_axis axis = milliseconds(), unknown = fal_time_axis_start((AVRational){1, 1000}, (AVRational){0, 0});
    AVFrame *frame = av_frame_alloc();
    assert_int_equal(fal_time_axis_frame_ticks(&axis, frame), 40);
    assert_int_equal(fal_time_axis_frame_ticks(&unknown, frame), 1);
    av_frame_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_times_are_kept),
        cmocka_unit_test(test_missing_time_follows_on),
        cmocka_unit_test(test_jumps),
        cmocka_unit_test(test_late_start),
        cmocka_unit_test(test_frame_length),
    };
    return cmocka_run_group_tests_name("media/time_axis", tests, NULL, NULL);
}
