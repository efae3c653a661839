/* Boxes, gap filling, the square around a face. */
#include "support/test.h"

#include "core/json.h"
#include "face/face_crop.h"
#include "face/landmarks.h"

static void test_iou(void **state)
{
    (void)state;
    const fal_rect a = {0, 0, 9, 9}, b = {5, 0, 14, 9}, far_away = {20, 20, 29, 29};
    const double got[3] = {fal_rect_iou(a, a), fal_rect_iou(a, b), fal_rect_iou(a, far_away)};
    const double want[3] = {1, 50.0 / 150.0, 0};
    fal_check_close_f64("iou", got, want, 3, 1e-15, 0);
}

static void test_gaps(void **state)
{
    (void)state;
    enum { N = 8 };
    fal_landmarks lm[N] = {0};
    uint8_t states[N] = {FAL_FACE_MISSING, FAL_FACE_DETECTED, FAL_FACE_MISSING, FAL_FACE_MISSING,
                         FAL_FACE_MISSING, FAL_FACE_TRACKED,  FAL_FACE_MISSING, FAL_FACE_MISSING};
    lm[1].xy[67][1] = 10;
    lm[5].xy[67][1] = 20;
    assert_true(fal_landmarks_interpolate(lm, states, 0, N));
    const double want[N] = {10, 10, 12.5, 15, 17.5, 20, 20, 20};
    const uint8_t want_states[N] = {FAL_FACE_MISSING,      FAL_FACE_DETECTED,     FAL_FACE_INTERPOLATED,
                                    FAL_FACE_INTERPOLATED, FAL_FACE_INTERPOLATED, FAL_FACE_TRACKED,
                                    FAL_FACE_MISSING,      FAL_FACE_MISSING};
    for (int t = 0; t < N; t++)
        fal_check_close_f64("filled", &lm[t].xy[67][1], &want[t], 1, 1e-12, 0);
    assert_memory_equal(states, want_states, N);
}

static void test_gaps_without_any_face(void **state)
{
    (void)state;
    fal_landmarks lm[2] = {0};
    uint8_t states[2] = {FAL_FACE_MISSING, FAL_FACE_MISSING};
    assert_false(fal_landmarks_interpolate(lm, states, 0, 2));
    assert_int_equal(states[0], FAL_FACE_MISSING);
}

static int64_t int_of(const fal_json *object, const char *key)
{
    const fal_json *value = fal_json_get(object, key);
    if (fal_json_kind(value) != FAL_JSON_INT)
        fail_msg("face_crop.json: no integer \"%s\"", key);
    return fal_json_int(value, 0);
}

/* Against the original arithmetic, including borders, an inverted box and a box of one pixel. */
static void test_squares(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_json *json = NULL;
    fal_check_ok(fal_json_read(fal_data_path("fsfm/preprocess_faces_syn/face_crop.json"), &json, &err), &err);
    const fal_json *crops = fal_json_get(json, "crops");
    assert_true(fal_json_count(crops) >= 6);
    for (size_t i = 0; i < fal_json_count(crops); i++) {
        const fal_json *crop = fal_json_at(crops, i), *face = fal_json_get(crop, "face");
        const fal_rect box = {int_of(face, "left"), int_of(face, "top"), int_of(face, "right"), int_of(face, "bottom")};
        const fal_square got = fal_face_square(box, int_of(crop, "frame_w"), int_of(crop, "frame_h"));
        assert_int_equal(got.left, int_of(crop, "crop_x"));
        assert_int_equal(got.top, int_of(crop, "crop_y"));
        assert_int_equal(got.size, int_of(crop, "crop_size"));
    }
    fal_json_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_iou),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_gaps_without_any_face),
        cmocka_unit_test(test_squares),
    };
    return cmocka_run_group_tests_name("face/landmarks", tests, NULL, NULL);
}
