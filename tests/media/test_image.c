#include "support/test.h"

#include "core/rng.h"
#include "media/image.h"

#include <math.h>

enum { SIDE = 64 };

static void fill(uint8_t *bytes, size_t count)
{
    fal_rng rng = fal_rng_make(11, 0);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)fal_rng_index(&rng, 256);
}

static int gray_by_formula(fal_gray_weights weights, int r, int g, int b)
{
    return weights == FAL_GRAY_ROI ? (9798 * r + 19235 * g + 3735 * b + 16384) >> 15
                                   : (4899 * r + 9617 * g + 1868 * b + 8192) >> 14;
}

static void test_gray(void **state)
{
    (void)state;
    uint8_t rgb[5 * 40], gray[5 * 16];
    fill(rgb, sizeof rgb);
    for (int w = 0; w < 2; w++) {
        fal_plane out = {gray, 13, 5, 16};
        fal_rgb_to_gray((fal_gray_weights)w, rgb, 40, &out);
        for (int y = 0; y < 5; y++)
            for (int x = 0; x < 13; x++) {
                const uint8_t *p = rgb + 40 * y + 3 * x;
                assert_int_equal(gray[16 * y + x], gray_by_formula((fal_gray_weights)w, p[0], p[1], p[2]));
            }
    }
}

static void test_gray_extremes(void **state)
{
    (void)state;
    assert_int_equal(fal_gray_roi(0, 0, 0), 0);
    assert_int_equal(fal_gray_roi(255, 255, 255), 255);
    assert_int_equal(fal_gray_roi(255, 0, 0), 76);
    assert_int_equal(fal_gray_roi(0, 255, 0), 150);
    assert_int_equal(fal_gray_roi(0, 0, 255), 29);
}

/* Length of the overlap of pixel i with [from, to). */
static double overlap(int i, double from, double to)
{
    return fmax(0, fmin(i + 1, to) - fmax(i, from));
}

static double area_mean(const uint8_t *in, int width, int height, double x0, double x1, double y0, double y1)
{
    double sum = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            sum += in[y * SIDE + x] * overlap(x, x0, x1) * overlap(y, y0, y1);
    return sum / ((x1 - x0) * (y1 - y0));
}

static void check_near(const char *what, int x, int y, int got, double want)
{
    if (fabs(got - want) > 0.501)
        fail_msg("%s at (%d,%d): got %d, want %.4f rounded", what, x, y, got, want);
}

static void check_shrink(int in_width, int in_height, int out_width, int out_height)
{
    uint8_t in[SIDE * SIDE], out[SIDE * SIDE];
    fal_error err = {0};
    fill(in, sizeof in);
    fal_plane from = {in, in_width, in_height, SIDE}, to = {out, out_width, out_height, SIDE};
    fal_check_ok(fal_gray_shrink(&from, &to, &err), &err);
    double sx = (double)in_width / out_width, sy = (double)in_height / out_height;
    for (int y = 0; y < out_height; y++)
        for (int x = 0; x < out_width; x++)
            check_near("shrink", x, y, out[y * SIDE + x],
                       area_mean(in, in_width, in_height, x * sx, (x + 1) * sx, y * sy, (y + 1) * sy));
}

static void test_shrink(void **state)
{
    (void)state;
    check_shrink(64, 48, 32, 24);
    check_shrink(64, 48, 21, 17);
    check_shrink(63, 47, 62, 1);
    check_shrink(50, 50, 1, 1);
    check_shrink(10, 10, 10, 10);
    check_shrink(7, 9, 3, 5);
}

static double sample_at(const uint8_t *in, int width, int height, double x, double y)
{
    x = fmin(fmax(x, 0), width - 1);
    y = fmin(fmax(y, 0), height - 1);
    int x0 = (int)x, y0 = (int)y, x1 = x0 + 1 < width ? x0 + 1 : x0, y1 = y0 + 1 < height ? y0 + 1 : y0;
    double fx = x - x0, fy = y - y0;
    double top = in[y0 * SIDE + x0] * (1 - fx) + in[y0 * SIDE + x1] * fx;
    double bottom = in[y1 * SIDE + x0] * (1 - fx) + in[y1 * SIDE + x1] * fx;
    return top * (1 - fy) + bottom * fy;
}

static void check_resize(int in_width, int in_height, int out_width, int out_height)
{
    uint8_t in[SIDE * SIDE], out[SIDE * SIDE];
    fal_error err = {0};
    fill(in, sizeof in);
    fal_plane from = {in, in_width, in_height, SIDE}, to = {out, out_width, out_height, SIDE};
    fal_check_ok(fal_gray_resize(&from, &to, &err), &err);
    for (int y = 0; y < out_height; y++)
        for (int x = 0; x < out_width; x++)
            check_near("resize", x, y, out[y * SIDE + x],
                       sample_at(in, in_width, in_height, (x + 0.5) * in_width / out_width - 0.5,
                                 (y + 0.5) * in_height / out_height - 0.5));
}

static void test_resize(void **state)
{
    (void)state;
    check_resize(20, 30, 40, 60);
    check_resize(64, 64, 33, 21);
    check_resize(1, 1, 5, 5);
    check_resize(17, 3, 17, 3);
}

static void test_bad_sizes(void **state)
{
    (void)state;
    uint8_t bytes[16] = {0};
    fal_error err = {0};
    fal_plane small = {bytes, 2, 2, 4}, large = {bytes, 4, 4, 4}, empty = {bytes, 0, 4, 4};
    fal_check_fails(fal_gray_shrink(&small, &large, &err), FAL_ERR_ARGUMENT, "2x2 pixels to 4x4", &err);
    fal_check_fails(fal_gray_shrink(&large, &empty, &err), FAL_ERR_ARGUMENT, "0x4", &err);
    fal_check_fails(fal_gray_resize(&empty, &large, &err), FAL_ERR_ARGUMENT, "0x4", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gray),   cmocka_unit_test(test_gray_extremes), cmocka_unit_test(test_shrink),
        cmocka_unit_test(test_resize), cmocka_unit_test(test_bad_sizes),
    };
    return cmocka_run_group_tests_name("media/image", tests, NULL, NULL);
}
