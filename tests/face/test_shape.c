/* The landmark model: a small one made here, whole and damaged. That the real one agrees with dlib is checked in
 * face/official. */
#include "support/alloc_fail.h"
#include "support/test.h"

#include "core/buf.h"
#include "face/shape.h"

#include <math.h>
#include <string.h>

enum { TREES = 2, LEAVES = 2, PIXELS = 3 };

static void put_int(fal_buf *out, int64_t value)
{
    uint8_t bytes[9] = {0};
    uint64_t rest = value < 0 ? (uint64_t)-value : (uint64_t)value;
    int size = 0;
    do {
        bytes[++size] = (uint8_t)rest;
        rest >>= 8;
    } while (rest);
    bytes[0] = (uint8_t)(size | (value < 0 ? 0x80 : 0));
    fal_buf_append(out, bytes, (size_t)size + 1);
}

/* Sixteenths, exactly. */
static void put_float(fal_buf *out, double value)
{
    put_int(out, lrint(value * 16));
    put_int(out, -4);
}

static void put_shape(fal_buf *out, double x, double y)
{
    put_int(out, -136);
    put_int(out, -1);
    for (int p = 0; p < FAL_LANDMARK_COUNT; p++) {
        put_float(out, x + (p % 2) * 0.25);
        put_float(out, y + (p / 2 % 2) * 0.25);
    }
}

/* One cascade of two trees: each moves everything right or left by 1/4 box. Tree t compares pixel t with pixel t + 1.
 */
static void put_model(fal_buf *out, int64_t trees, int64_t highest_pixel)
{
    put_int(out, 1);
    put_shape(out, 0.25, 0.25);
    put_int(out, 1);
    put_int(out, trees);
    for (int64_t t = 0; t < trees; t++) {
        put_int(out, LEAVES - 1);
        put_int(out, t);
        put_int(out, t + 1 < highest_pixel ? t + 1 : highest_pixel);
        put_float(out, 10);
        put_int(out, LEAVES);
        for (int leaf = 0; leaf < LEAVES; leaf++) {
            put_int(out, -136);
            put_int(out, -1);
            for (int i = 0; i < 136; i++)
                put_float(out, i % 2 ? 0 : leaf ? -0.25 : 0.25);
        }
    }
    put_int(out, 1);
    put_int(out, PIXELS);
    for (int p = 0; p < PIXELS; p++)
        put_int(out, p); /* landmark 0, 1, 2 */
    put_int(out, 1);
    put_int(out, PIXELS);
    for (int p = 0; p < PIXELS; p++) {
        put_float(out, p == 2 ? -8 : 0); /* the third pixel is far outside the picture: 0 */
        put_float(out, 0);
    }
}

static void test_prediction(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_buf bytes = {0};
    fal_shape_model *model = NULL;
    put_model(&bytes, TREES, PIXELS - 1);
    fal_check_ok(fal_shape_model_parse(bytes.data, bytes.length, "small", &model, &err), &err);
    uint8_t pixels[64 * 64];
    memset(pixels, 50, sizeof pixels);
    const fal_rect box = {8, 16, 40, 48};
    /* Pixel 0 lies at landmark 0: 8 + 0.25*32 = 16, 16 + 0.25*32 = 24; pixel 1 a quarter to the right. */
    pixels[24 * 64 + 16] = 70;
    const fal_picture gray = {pixels, 64, 64, 64, 1};
    fal_landmarks got;
    fal_shape_model_predict(model, &gray, box, &got);
    /* Tree 0: 70 - 50 > 10 goes left, +0.25. Tree 1: 50 - 0 > 10, +0.25 again. */
    const double want[4] = {8 + 0.75 * 32, 16 + 0.25 * 32, 8 + 1.0 * 32, 16 + 0.5 * 32};
    fal_check_close_f64("landmark 0", got.xy[0], want, 2, 0, 0);
    fal_check_close_f64("landmark 3", got.xy[3], want + 2, 2, 0, 0);
    fal_shape_model_free(&model);
    fal_buf_free(&bytes);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_buf bytes = {0};
    fal_shape_model *model = NULL;
    put_model(&bytes, TREES, PIXELS - 1);
    for (size_t length = 0; length < bytes.length; length++) {
        fal_status st = fal_shape_model_parse(bytes.data, length, "cut", &model, &err);
        if (st != FAL_ERR_FORMAT || model)
            fail_msg("%zu of %zu bytes: status %s, expected format", length, bytes.length, fal_status_name(st));
    }
    fal_buf_free(&bytes);
}

static void check_refused(fal_buf *bytes, fal_status want, const char *part)
{
    fal_error err = {0};
    fal_shape_model *model = NULL;
    fal_check_fails(fal_shape_model_parse(bytes->data, bytes->length, "odd.dat", &model, &err), want, part, &err);
    assert_null(model);
    fal_buf_free(bytes);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    fal_buf bytes = {0};
    fal_buf_puts(&bytes, "not a model at all");
    check_refused(&bytes, FAL_ERR_FORMAT, "odd.dat");
    put_int(&bytes, 2);
    check_refused(&bytes, FAL_ERR_FORMAT, "version");
    put_int(&bytes, 1);
    put_int(&bytes, -10);
    put_int(&bytes, -1);
    check_refused(&bytes, FAL_ERR_UNSUPPORTED, "136");
    put_int(&bytes, 1);
    put_shape(&bytes, 0, 0);
    put_int(&bytes, INT64_MAX);
    check_refused(&bytes, FAL_ERR_FORMAT, "cascades");
    put_model(&bytes, 200, PIXELS); /* pixel 3 of 3 */
    check_refused(&bytes, FAL_ERR_FORMAT, "does not exist");
    put_int(&bytes, 1);
    put_int(&bytes, -136);
    put_int(&bytes, -1);
    put_int(&bytes, 1);
    put_int(&bytes, 32000); /* dlib's infinity */
    check_refused(&bytes, FAL_ERR_FORMAT, "out of range");
}

static fal_status parse_once(void *user, fal_error *err)
{
    const fal_buf *bytes = user;
    fal_shape_model *model = NULL;
    fal_status st = fal_shape_model_parse(bytes->data, bytes->length, "small", &model, err);
    fal_shape_model_free(&model);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fal_buf bytes = {0};
    put_model(&bytes, TREES, PIXELS - 1);
    fal_check_alloc_failures("landmark model", parse_once, &bytes);
    fal_buf_free(&bytes);
}

static void test_missing_file(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_shape_model *model = NULL;
    fal_check_fails(fal_shape_model_read(fal_temp_path("none.dat"), &model, &err), FAL_ERR_NOT_FOUND, "none.dat", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prediction),          cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_nonsense_is_refused), cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_missing_file),
    };
    return cmocka_run_group_tests_name("face/shape", tests, NULL, NULL);
}
