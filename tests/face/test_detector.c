/* The detector's interface, its tiles against its own search of everything, and clones. */
#include "face/stage.h"
#include "support/test.h"

#include "core/arena.h"
#include "core/file.h"
#include "face/detector.h"

#include <stdio.h>
#include <stdlib.h>

static fal_detector *open_detector(void)
{
    fal_error err = {0};
    fal_detector *detector = NULL;
    fal_skip_without_landmark_model();
    fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    return detector;
}

static void test_model_file(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_detector *detector = NULL;
    fal_check_fails(fal_detector_open(fal_temp_path("no.dat"), &detector, &err), FAL_ERR_NOT_FOUND, "libdlib-data",
                    &err);
    const char *path = fal_temp_path("text.dat");
    fal_check_ok(fal_file_write(path, "some text", 9, &err), &err);
    fal_check_fails(fal_detector_open(path, &detector, &err), FAL_ERR_FORMAT, "text.dat", &err);
    setenv("FALSETTO_LANDMARKS", path, 1);
    fal_check_fails(fal_detector_open(NULL, &detector, &err), FAL_ERR_FORMAT, "text.dat", &err);
    unsetenv("FALSETTO_LANDMARKS");
    assert_null(detector);
}

static void check_same_box(const char *name, fal_rect got, fal_rect want)
{
    if (got.left != want.left || got.top != want.top || got.right != want.right || got.bottom != want.bottom)
        fail_msg("%s: box %lld %lld %lld %lld, expected %lld %lld %lld %lld", name, (long long)got.left,
                 (long long)got.top, (long long)got.right, (long long)got.bottom, (long long)want.left,
                 (long long)want.top, (long long)want.right, (long long)want.bottom);
}

/* Every face size from the smallest on: the tile of its level shows the same box as the whole pyramid. */
static void test_tile_shows_the_same_box(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_detector *detector = open_detector();
    fal_arena *arena = fal_arena_create();
    fal_stage stage;
    for (int height = 60; height <= 220; height += 40) {
        fal_face_box whole[4], part[4];
        size_t count;
        fal_level_tile tile;
        fal_stage_clear(&stage, 0);
        fal_stage_face(&stage, 150, 118, height, 3);
        const fal_picture gray = fal_stage_picture(&stage);
        fal_check_ok(fal_detector_find(detector, &gray, true, 0, whole, 4, &count, &err), &err);
        assert_int_equal(count, 1);
        const fal_rect box = whole[0].rect;
        const fal_level level =
            fal_level_of(FAL_STAGE_WIDTH, FAL_STAGE_HEIGHT, fal_level_for_face((double)(box.right - box.left)));
        fal_check_ok(fal_level_cut_tile(&gray, &level, box, 24, arena, &tile, &err), &err);
        fal_check_ok(fal_detector_find_in_tile(detector, &tile, 0, part, 4, &count, &err), &err);
        assert_in_range(count, 1, 4);
        printf("face of %d pixels: level %d, score %.3f, in its tile %.3f\n", height, level.index, whole[0].score,
               part[0].score);
        check_same_box("tile", part[0].rect, box);
        fal_arena_reset(arena);
    }
    fal_arena_free(&arena);
    fal_detector_free(&detector);
}

static void test_level_sizes(void **state)
{
    (void)state;
    /* Measured with dlib's pyramid_up and pyramid_down<6>. */
    const fal_level zero = fal_level_of(1278, 720, 0), one = fal_level_of(1278, 720, 1);
    assert_int_equal(zero.width, 2558);
    assert_int_equal(zero.height, 1441);
    assert_int_equal(one.width, 2131);
    assert_int_equal(one.height, 1200);
    assert_int_equal(fal_level_for_face(1), 0);
}

/* A face at or beyond the border, and frames too small for any window, are quiet. */
static void test_tiles_at_borders(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_arena *arena = fal_arena_create();
    fal_stage stage;
    fal_stage_clear(&stage, 0);
    const fal_picture gray = fal_stage_picture(&stage);
    const fal_rect boxes[] = {
        {-60, -50, 40, 50}, {280, 200, 380, 300}, {-900, -900, -800, -800}, {5000, 5000, 5100, 5100}};
    fal_level_tile tile;
    for (size_t i = 0; i < sizeof boxes / sizeof boxes[0]; i++) {
        const fal_level level = fal_level_of(FAL_STAGE_WIDTH, FAL_STAGE_HEIGHT, 4);
        fal_check_ok(fal_level_cut_tile(&gray, &level, boxes[i], 24, arena, &tile, &err), &err);
        assert_true(tile.left % FAL_LEVEL_CELL == 0 && tile.top % FAL_LEVEL_CELL == 0);
        if (tile.pixels.width > 0)
            assert_true(tile.left + tile.pixels.width <= level.width && tile.top + tile.pixels.height <= level.height);
        assert_int_equal(tile.pixels.width > 0, i < 2);
    }
    const fal_picture dot = {gray.pixels, 1, 1, 1, 1};
    for (int index = 0; index < 3; index++) {
        const fal_level level = fal_level_of(1, 1, index);
        fal_check_ok(fal_level_cut_tile(&dot, &level, (fal_rect){0, 0, 0, 0}, 24, arena, &tile, &err), &err);
        assert_int_equal(tile.pixels.width, 0);
    }
    fal_arena_free(&arena);
}

static void test_clone_outlives_its_original(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_detector *detector = open_detector(), *clone = NULL;
    fal_stage stage;
    fal_face_box box, again;
    fal_landmarks landmarks, same;
    size_t count;
    fal_stage_clear(&stage, 0);
    fal_stage_face(&stage, 160, 120, 150, 6);
    const fal_picture gray = fal_stage_picture(&stage);
    fal_check_ok(fal_detector_clone(detector, &clone, &err), &err);
    fal_check_ok(fal_detector_find(detector, &gray, false, 0, &box, 1, &count, &err), &err);
    assert_int_equal(count, 1);
    fal_check_ok(fal_detector_landmarks(detector, &gray, box.rect, &landmarks, &err), &err);
    fal_detector_free(&detector);
    fal_check_ok(fal_detector_find(clone, &gray, false, 0, &again, 1, &count, &err), &err);
    check_same_box("clone", again.rect, box.rect);
    fal_check_ok(fal_detector_landmarks(clone, &gray, box.rect, &same, &err), &err);
    assert_memory_equal(&landmarks, &same, sizeof same);
    fal_detector_free(&clone);
}

static void test_odd_pictures(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_detector *detector = open_detector();
    uint8_t pixels[9] = {0};
    size_t count = 7;
    fal_landmarks landmarks;
    const fal_picture tiny = {pixels, 1, 1, 1, 1}, colour = {pixels, 3, 1, 9, 3};
    fal_check_ok(fal_detector_find(detector, &tiny, true, 0, NULL, 0, &count, &err), &err);
    assert_int_equal(count, 0);
    fal_check_fails(fal_detector_find(detector, &colour, true, 0, NULL, 0, &count, &err), FAL_ERR_ARGUMENT,
                    "3 channels", &err);
    fal_check_fails(fal_detector_landmarks(detector, &colour, (fal_rect){0, 0, 1, 1}, &landmarks, &err),
                    FAL_ERR_ARGUMENT, "3 channels", &err);
    /* A box far outside: all pixels are 0 there, points are somewhere near the box. */
    fal_check_ok(fal_detector_landmarks(detector, &tiny, (fal_rect){500, 500, 600, 600}, &landmarks, &err), &err);
    assert_true(landmarks.xy[30][0] > 450 && landmarks.xy[30][0] < 650);
    fal_detector_free(&detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_model_file),
        cmocka_unit_test(test_tile_shows_the_same_box),
        cmocka_unit_test(test_level_sizes),
        cmocka_unit_test(test_tiles_at_borders),
        cmocka_unit_test(test_clone_outlives_its_original),
        cmocka_unit_test(test_odd_pictures),
    };
    return cmocka_run_group_tests_name("face/detector", tests, NULL, NULL);
}
