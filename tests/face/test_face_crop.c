/* Boxes of the timeline, and the squares cut around them. */
#include "support/test.h"

#include "core/alloc.h"
#include "face/face_crop.h"
#include "media/picture_scale.h"
#include "support/alloc_fail.h"

#include <string.h>

enum { WIDTH = 200, HEIGHT = 150 };

static void check_rect(fal_rect got, fal_rect want)
{
    const int64_t g[4] = {got.left, got.top, got.right, got.bottom};
    const int64_t w[4] = {want.left, want.top, want.right, want.bottom};
    for (int i = 0; i < 4; i++)
        assert_int_equal(g[i], w[i]);
}

static void check_square(fal_square got, fal_square want)
{
    assert_int_equal(got.left, want.left);
    assert_int_equal(got.top, want.top);
    assert_int_equal(got.size, want.size);
}

/* A face seen in frames 1 and 4 of a shot of six, and in frame 6 of the next one. */
static void test_boxes_between_detections(void **state)
{
    (void)state;
    enum { FRAMES = 8, ROWS = 6 };
    fal_error err = {0};
    fal_landmarks landmarks[ROWS] = {0};
    fal_rect boxes[ROWS] = {[0] = {10, 20, 30, 40}, [3] = {20, 20, 45, 33}, [5] = {100, 50, 140, 90}};
    uint8_t states[ROWS] = {[0] = FAL_FACE_DETECTED, [3] = FAL_FACE_TRACKED, [5] = FAL_FACE_DETECTED};
    uint8_t starts[FRAMES] = {[0] = 1, [6] = 1};
    fal_face_track track = {
        .first = 1, .count = ROWS, .landmarks = landmarks, .boxes = boxes, .states = states, .seen = 3};
    const fal_face_tracks tracks = {.frame_count = FRAMES,
                                    .width = WIDTH,
                                    .height = HEIGHT,
                                    .starts_shot = starts,
                                    .track_count = 1,
                                    .tracks = &track};
    fal_face_timeline *line = NULL;
    fal_check_ok(fal_timeline_create(&tracks, FAL_FACE_AUTO, &line, &err), &err);
    const fal_rect want[FRAMES] = {boxes[0], boxes[0], {13, 20, 35, 38}, {17, 20, 40, 35},
                                   boxes[3], boxes[3], boxes[5],         boxes[5]};
    for (int t = 0; t < FRAMES; t++)
        check_rect(line->boxes[t], want[t]);
    assert_int_equal(line->states[2], FAL_FACE_INTERPOLATED);
    fal_timeline_free(&line);
}

static fal_face_timeline timeline_of(fal_rect *boxes, int64_t frames)
{
    return (fal_face_timeline){
        .frame_count = frames, .width = WIDTH, .height = HEIGHT, .boxes = boxes, .has_face = boxes != NULL};
}

/* Boxes beside the frame have no square of their own. */
static void test_squares_are_borrowed(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_rect boxes[] = {{300, 10, 340, 50}, {40, 40, 79, 80}, {40, 200, 79, 240}, {0, 300, 9, 309}, {100, 60, 141, 99}};
    const fal_face_timeline line = timeline_of(boxes, 5);
    fal_face_plan *plan = NULL;
    fal_check_ok(fal_face_plan_create(&line, &plan, &err), &err);
    const fal_square first = fal_face_square(boxes[1], WIDTH, HEIGHT), last = fal_face_square(boxes[4], WIDTH, HEIGHT);
    const fal_square want[] = {first, first, first, last, last};
    check_square(first, (fal_square){33, 34, 52}); /* 40 * 1.3 about (59, 60) */
    for (int t = 0; t < 5; t++)
        check_square(plan->squares[t], want[t]);
    assert_int_equal(plan->borrowed, 3);
    assert_false(plan->whole_frames);
    fal_face_plan_free(&plan);
}

static void check_whole(const fal_face_timeline *line)
{
    fal_error err = {0};
    fal_face_plan *plan = NULL;
    fal_check_ok(fal_face_plan_create(line, &plan, &err), &err);
    assert_true(plan->whole_frames);
    assert_int_equal(plan->borrowed, 0);
    for (int64_t t = 0; t < line->frame_count; t++)
        check_square(plan->squares[t], (fal_square){25, 0, 150});
    fal_face_plan_free(&plan);
    assert_null(plan);
    fal_face_plan_free(&plan);
    fal_face_plan_free(NULL);
}

static void test_without_a_face(void **state)
{
    (void)state;
    fal_rect beside[] = {{300, 10, 340, 50}, {300, 10, 340, 50}};
    const fal_face_timeline none = timeline_of(NULL, 3), outside = timeline_of(beside, 2);
    check_whole(&none);
    check_whole(&outside);
}

/* The view scaled in place is the cut-out picture scaled. */
static void test_view_scales_like_its_copy(void **state)
{
    (void)state;
    enum { SIDE = 24, STRIDE = 3 * WIDTH + 8 };
    fal_error err = {0};
    uint8_t *pixels = fal_malloc((size_t)STRIDE * HEIGHT), *copy = fal_malloc((size_t)WIDTH * HEIGHT * 3);
    uint8_t got[SIDE * SIDE * 3], want[SIDE * SIDE * 3];
    for (int i = 0; i < STRIDE * HEIGHT; i++)
        pixels[i] = (uint8_t)(i * 7919 % 251);
    fal_rect boxes[] = {{60, 50, 120, 100}, {2, 3, 60, 77}};
    const fal_face_timeline line = timeline_of(boxes, 2);
    const fal_picture frame = {pixels, WIDTH, HEIGHT, STRIDE, 3};
    const fal_picture_rule rule = {.side = SIDE, .shorter = 27};
    fal_face_plan *plan = NULL;
    fal_picture_scaler *scaler = NULL;
    fal_check_ok(fal_face_plan_create(&line, &plan, &err), &err);
    for (int64_t t = 0; t < 2; t++) {
        fal_picture face;
        fal_check_ok(fal_face_plan_square(plan, t, &frame, &face, &err), &err);
        fal_check_ok(fal_picture_scaler_fit(&scaler, face.width, face.height, &rule, &err), &err);
        fal_picture_scaler_run(scaler, face.pixels, face.stride, got);
        const fal_square s = plan->squares[t];
        for (int64_t y = 0; y < s.size; y++)
            memcpy(copy + y * s.size * 3, pixels + (s.top + y) * STRIDE + 3 * s.left, (size_t)s.size * 3);
        fal_picture_scaler_run(scaler, copy, 3 * s.size, want);
        assert_memory_equal(got, want, sizeof got);
    }
    fal_picture_scaler_free(&scaler);
    fal_face_plan_free(&plan);
    fal_free(pixels);
    fal_free(copy);
}

static void test_refuses_other_frames(void **state)
{
    (void)state;
    fal_error err = {0};
    const fal_face_plan plan = {.frame_count = 3, .width = 9, .height = 8};
    const fal_picture frame = {NULL, 9, 8, 27, 3}, other = {NULL, 8, 8, 24, 3};
    fal_picture square;
    fal_check_fails(fal_face_plan_square(&plan, 3, &frame, &square, &err), FAL_ERR_ARGUMENT, "frame 3", &err);
    fal_check_fails(fal_face_plan_square(&plan, -1, &frame, &square, &err), FAL_ERR_ARGUMENT, "frame -1", &err);
    fal_check_fails(fal_face_plan_square(&plan, 0, &other, &square, &err), FAL_ERR_ARGUMENT, "8 x 8", &err);
}

static fal_status create_once(void *user, fal_error *err)
{
    fal_face_plan *plan = NULL;
    const fal_status st = fal_face_plan_create(user, &plan, err);
    fal_face_plan_free(&plan);
    return st;
}

static void test_alloc_failures(void **state)
{
    (void)state;
    fal_rect boxes[] = {{60, 50, 120, 100}};
    fal_face_timeline line = timeline_of(boxes, 1);
    fal_check_alloc_failures("face plan", create_once, &line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boxes_between_detections), cmocka_unit_test(test_squares_are_borrowed),
        cmocka_unit_test(test_without_a_face),           cmocka_unit_test(test_view_scales_like_its_copy),
        cmocka_unit_test(test_refuses_other_frames),     cmocka_unit_test(test_alloc_failures),
    };
    return cmocka_run_group_tests_name("face/face_crop", tests, NULL, NULL);
}
