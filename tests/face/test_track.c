/* Following drawn faces through small films: movement, gaps, cuts, several faces, none. */
#include "face/stage.h"
#include "support/alloc_fail.h"
#include "support/test.h"

#include "face/mouth.h"
#include "face/timeline.h"
#include "face/track.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static fal_detector *detector; /* opened once: its model is large */

static int open_detector(void **state)
{
    (void)state;
    fal_error err = {0};
    if (fal_detector_open(NULL, &detector, &err) != FAL_OK)
        printf("no detector: %s\n", err.text);
    return 0;
}

static int close_detector(void **state)
{
    (void)state;
    fal_detector_free(&detector);
    return 0;
}

/* Paints frame t. */
typedef void film(fal_stage *stage, int t);

static fal_face_tracks *follow(film *paint, int frames, fal_face_mode mode)
{
    fal_error err = {0};
    fal_tracker *tracker = NULL;
    fal_face_tracks *tracks = NULL;
    fal_stage *stage = test_malloc(sizeof *stage);
    fal_skip_without_landmark_model();
    const fal_tracker_options options = {.mode = mode, .detector = detector};
    fal_check_ok(fal_tracker_create(&options, &tracker, &err), &err);
    for (int t = 0; t < frames; t++) {
        paint(stage, t);
        const fal_picture picture = fal_stage_picture(stage);
        fal_check_ok(fal_tracker_feed(tracker, &picture, t / 25.0, &err), &err);
    }
    fal_check_ok(fal_tracker_finish(tracker, &tracks, &err), &err);
    fal_tracker_free(&tracker);
    test_free(stage);
    return tracks;
}

static fal_face_timeline *choose(const fal_face_tracks *tracks, int face)
{
    fal_error err = {0};
    fal_face_timeline *line = NULL;
    fal_check_ok(fal_timeline_create(tracks, face, &line, &err), &err);
    return line;
}

/* Middle of the lips. */
static double mouth_x(const fal_landmarks *lm)
{
    return (lm->xy[62][0] + lm->xy[66][0]) / 2;
}

static void paint_walk(fal_stage *stage, int t)
{
    fal_stage_clear(stage, 0);
    fal_stage_face(stage, 90 + 4 * t, 120 + t, 130, t % 13);
}

static void test_moving_face(void **state)
{
    (void)state;
    enum { N = 30 };
    fal_face_tracks *tracks = follow(paint_walk, N, FAL_FACE_FAST);
    assert_int_equal(tracks->track_count, 1);
    assert_int_equal(tracks->frames_with_face, N);
    assert_int_equal(tracks->tracks[0].first, 0);
    assert_int_equal(tracks->tracks[0].seen, N);
    assert_in_range(tracks->detector_runs, 1, 4);
    for (int t = 0; t < N; t++) {
        const double x = mouth_x(&tracks->tracks[0].landmarks[t]);
        if (fabs(x - (90 + 4 * t)) > 9)
            fail_msg("frame %d: mouth at x = %g, drawn at %d", t, x, 90 + 4 * t);
        assert_int_equal(tracks->faces[t], 1);
        assert_int_equal(tracks->starts_shot[t], t == 0);
    }
    fal_face_tracks_free(&tracks);
}

/* Fast mode must find what the official procedure finds, mostly to the pixel. */
static void test_fast_equals_exact(void **state)
{
    (void)state;
    enum { N = 14 };
    int same = 0;
    fal_face_tracks *fast = follow(paint_walk, N, FAL_FACE_FAST), *exact = follow(paint_walk, N, FAL_FACE_EXACT);
    assert_int_equal(exact->track_count, 1);
    assert_int_equal(exact->detector_runs, N);
    assert_int_equal(exact->tracks[0].seen, N);
    for (int t = 0; t < N; t++) {
        const fal_landmarks *a = &fast->tracks[0].landmarks[t], *b = &exact->tracks[0].landmarks[t];
        double distance = 0;
        for (int p = 0; p < FAL_LANDMARK_COUNT; p++)
            distance += hypot(a->xy[p][0] - b->xy[p][0], a->xy[p][1] - b->xy[p][1]) / FAL_LANDMARK_COUNT;
        same += distance == 0;
        if (distance > 4)
            fail_msg("frame %d: landmarks are %g pixels away from exact mode", t, distance);
    }
    printf("parity fast against exact: %d of %d frames identical, at least %d wanted\n", same, N, N - 4);
    assert_in_range(same, N - 4, N);
    fal_face_tracks_free(&fast);
    fal_face_tracks_free(&exact);
}

enum { GAP_START = 8, GAP_END = 13 };

static void paint_gap(fal_stage *stage, int t)
{
    fal_stage_clear(stage, 0);
    if (t < GAP_START || t >= GAP_END)
        fal_stage_face(stage, 150 + t, 120, 130, 2);
}

static void test_gap_is_bridged(void **state)
{
    (void)state;
    enum { N = 20 };
    fal_face_tracks *tracks = follow(paint_gap, N, FAL_FACE_FAST);
    assert_int_equal(tracks->track_count, 1);
    assert_int_equal(tracks->frames_with_face, N - (GAP_END - GAP_START));
    fal_face_timeline *line = choose(tracks, FAL_FACE_AUTO);
    assert_int_equal(line->seen, N - (GAP_END - GAP_START));
    assert_int_equal(line->interpolated, GAP_END - GAP_START);
    assert_int_equal(line->missing, 0);
    for (int t = GAP_START; t < GAP_END; t++) {
        assert_int_equal(line->states[t], FAL_FACE_INTERPOLATED);
        assert_true(mouth_x(&line->landmarks[t]) >= mouth_x(&line->landmarks[GAP_START - 1]));
        assert_true(mouth_x(&line->landmarks[t]) <= mouth_x(&line->landmarks[GAP_END]));
        assert_true(fal_rect_width(line->boxes[t]) > 40);
    }
    fal_timeline_free(&line);
    fal_face_tracks_free(&tracks);
}

static void paint_pair(fal_stage *stage, int t)
{
    fal_stage_clear(stage, 0);
    fal_stage_face(stage, 80, 130, 110, t % 13);
    fal_stage_face(stage, 230, 120, 170, (t + 5) % 13);
}

static void test_two_faces(void **state)
{
    (void)state;
    enum { N = 8 };
    fal_error err = {0};
    fal_face_tracks *tracks = follow(paint_pair, N, FAL_FACE_FAST);
    assert_int_equal(tracks->track_count, 2);
    assert_int_equal(tracks->faces[N - 1], 2);
    assert_true(tracks->tracks[0].mean_width >
                tracks->tracks[1].mean_width); /* a tie in frames: the larger one leads */
    fal_face_timeline *line = choose(tracks, FAL_FACE_AUTO);
    assert_true(fabs(mouth_x(&line->landmarks[3]) - 230) < 15);
    fal_timeline_free(&line);
    line = choose(tracks, 1);
    assert_true(fabs(mouth_x(&line->landmarks[3]) - 80) < 15);
    assert_int_equal(line->track[3], 1);
    fal_timeline_free(&line);
    fal_check_fails(fal_timeline_create(tracks, 2, &line, &err), FAL_ERR_ARGUMENT, "face 2 asked for, the clip has 2",
                    &err);
    fal_face_tracks_free(&tracks);
}

enum { CUT = 9 };

static void paint_cut(fal_stage *stage, int t)
{
    fal_stage_clear(stage, t >= CUT);
    if (t < CUT)
        fal_stage_face(stage, 80, 120, 140, 4);
    else
        fal_stage_face(stage, 235, 110, 110, 5);
}

static void test_scene_cut(void **state)
{
    (void)state;
    enum { N = 16 };
    fal_face_tracks *tracks = follow(paint_cut, N, FAL_FACE_FAST);
    for (int t = 0; t < N; t++)
        assert_int_equal(tracks->starts_shot[t], t == 0 || t == CUT);
    assert_int_equal(tracks->track_count, 2);
    assert_int_equal(tracks->tracks[0].seen, CUT);
    assert_int_equal(tracks->tracks[1].first, CUT);
    fal_face_timeline *line = choose(tracks, FAL_FACE_AUTO); /* follows whoever is there */
    assert_int_equal(line->seen, N);
    assert_int_equal(line->track[CUT - 1], 0);
    assert_int_equal(line->track[CUT], 1);
    fal_timeline_free(&line);
    line = choose(tracks, 0); /* one face only: the other shot has none */
    assert_int_equal(line->seen, CUT);
    assert_int_equal(line->missing, N - CUT);
    assert_int_equal(line->track[CUT], -1);
    assert_memory_equal(&line->landmarks[N - 1], &line->landmarks[CUT - 1], sizeof line->landmarks[0]);
    fal_timeline_free(&line);
    fal_face_tracks_free(&tracks);
}

static void paint_wall(fal_stage *stage, int t)
{
    (void)t;
    fal_stage_clear(stage, 0);
}

static void test_no_face(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_face_tracks *tracks = follow(paint_wall, 6, FAL_FACE_FAST);
    assert_int_equal(tracks->track_count, 0);
    assert_int_equal(tracks->frames_with_face, 0);
    fal_face_timeline *line = choose(tracks, FAL_FACE_AUTO);
    assert_false(line->has_face);
    assert_int_equal(line->missing, 6);
    fal_mouth_plan *plan = NULL;
    fal_check_ok(fal_mouth_plan_create(line, &plan, &err), &err);
    assert_true(plan->whole_frames);
    fal_mouth_plan_free(&plan);
    fal_timeline_free(&line);
    fal_check_fails(fal_timeline_create(tracks, 0, &line, &err), FAL_ERR_ARGUMENT, "the clip has 0", &err);
    fal_face_tracks_free(&tracks);
}

static void test_wrong_use(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_tracker *tracker = NULL;
    fal_face_tracks *tracks = NULL;
    fal_tracker_options options = {.detector = detector, .detect_interval = -1};
    fal_skip_without_landmark_model();
    fal_check_fails(fal_tracker_create(&options, &tracker, &err), FAL_ERR_ARGUMENT, "detect_interval", &err);
    options = (fal_tracker_options){.model_path = fal_temp_path("absent.dat")};
    fal_check_fails(fal_tracker_create(&options, &tracker, &err), FAL_ERR_NOT_FOUND, "libdlib-data", &err);
    options = (fal_tracker_options){.detector = detector};
    fal_check_ok(fal_tracker_create(&options, &tracker, &err), &err);
    fal_check_fails(fal_tracker_finish(tracker, &tracks, &err), FAL_ERR_TOO_SHORT, "no frame", &err);
    uint8_t pixels[12 * 12 * 3] = {0};
    fal_check_ok(fal_tracker_feed(tracker, &(fal_picture){pixels, 12, 12, 36, 3}, 0, &err),
                 &err); /* too small to search */
    fal_check_fails(fal_tracker_feed(tracker, &(fal_picture){pixels, 12, 11, 36, 3}, 0.04, &err), FAL_ERR_ARGUMENT,
                    "frame 1 is 12 x 11", &err);
    fal_check_fails(fal_tracker_feed(tracker, &(fal_picture){pixels, 12, 12, 12, 3}, 0.04, &err), FAL_ERR_ARGUMENT,
                    "stride", &err);
    fal_check_ok(fal_tracker_finish(tracker, &tracks, &err), &err);
    assert_int_equal(tracks->frame_count, 1);
    fal_face_tracks_free(&tracks);
    fal_check_ok(fal_tracker_feed(tracker, &(fal_picture){pixels, 12, 11, 36, 3}, 0, &err), &err); /* another clip */
    fal_tracker_free(&tracker);
}

/* A short film with a face and a crop of every frame. */
static fal_status follow_and_crop(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stage *stage = user;
    const fal_picture picture = fal_stage_picture(stage);
    fal_tracker *tracker = NULL;
    fal_face_tracks *tracks = NULL;
    fal_face_timeline *line = NULL;
    fal_mouth_plan *plan = NULL;
    uint8_t gray[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE];
    FAL_TRY(fal_tracker_create(&(fal_tracker_options){.detector = detector}, &tracker, err));
    for (int t = 0; t < 3; t++)
        FAL_TRY(fal_tracker_feed(tracker, &picture, t / 25.0, err));
    FAL_TRY(fal_tracker_finish(tracker, &tracks, err));
    FAL_TRY(fal_timeline_create(tracks, FAL_FACE_AUTO, &line, err));
    FAL_TRY(fal_mouth_plan_create(line, &plan, err));
    FAL_TRY(fal_mouth_plan_crop(plan, 2, &picture, gray, NULL, err));
done:
    fal_mouth_plan_free(&plan);
    fal_timeline_free(&line);
    fal_face_tracks_free(&tracks);
    fal_tracker_free(&tracker);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    fal_skip_without_landmark_model();
    fal_stage *stage = test_malloc(sizeof *stage);
    fal_stage_clear(stage, 0);
    fal_stage_face(stage, 160, 120, 130, 3);
    fal_check_alloc_failures("face track", follow_and_crop, stage);
    test_free(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moving_face),    cmocka_unit_test(test_fast_equals_exact),
        cmocka_unit_test(test_gap_is_bridged), cmocka_unit_test(test_two_faces),
        cmocka_unit_test(test_scene_cut),      cmocka_unit_test(test_no_face),
        cmocka_unit_test(test_wrong_use),      cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("face/track", tests, open_detector, close_detector);
}
