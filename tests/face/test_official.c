/* Exact mode against the landmarks and boxes that the official procedure gave for real clips: equal to the pixel. The
 * first frame and one further on of every clip; the benchmark bench_face compares all of them. */
#include "support/golden.h"
#include "support/test.h"

#include "face/track.h"
#include "media/clip.h"

#include <stdio.h>

enum { SECOND_FRAME = 20, MOST_PIXELS = 1280 * 720 /* larger frames take a second each */ };

typedef struct official {
    fal_npy landmarks, boxes; /* int32 [frames][68][2], [frames][5]: number of detections, left, top, right, bottom */
} official;

static official load_official(const char *clip)
{
    return (official){fal_golden_npy_raw(fal_reference_path("media/landmarks/%s.landmarks.npy", clip)),
                      fal_golden_npy_raw(fal_reference_path("media/landmarks/%s.boxes.npy", clip))};
}

/* One frame through a tracker of its own. */
static void check_frame(fal_detector *detector, const fal_frame *frame, const official *want, const char *clip)
{
    fal_error err = {0};
    fal_tracker *tracker = NULL;
    fal_face_tracks *tracks = NULL;
    const fal_tracker_options options = {.mode = FAL_FACE_EXACT, .detector = detector};
    const fal_picture picture = {frame->data, frame->width, frame->height, frame->stride, 3};
    const int32_t *box = (const int32_t *)want->boxes.data + 5 * frame->index;
    const int32_t *points = (const int32_t *)want->landmarks.data + 136 * frame->index;
    fal_check_ok(fal_tracker_create(&options, &tracker, &err), &err);
    fal_check_ok(fal_tracker_feed(tracker, &picture, frame->time_s, &err), &err);
    fal_check_ok(fal_tracker_finish(tracker, &tracks, &err), &err);
    fal_tracker_free(&tracker);
    if (tracks->faces[0] != box[0])
        fail_msg("%s frame %d: %d faces, expected %d", clip, (int)frame->index, tracks->faces[0], box[0]);
    if (box[0] > 0) {
        const fal_face_track *track = &tracks->tracks[0];
        const int64_t got[4] = {track->boxes[0].left, track->boxes[0].top, track->boxes[0].right,
                                track->boxes[0].bottom};
        for (int i = 0; i < 4; i++)
            if (got[i] != box[1 + i])
                fail_msg("%s frame %d: side %d of the box at %d, expected %d", clip, (int)frame->index, i, (int)got[i],
                         box[1 + i]);
        for (int i = 0; i < 136; i++)
            if (track->landmarks[0].xy[i / 2][i % 2] != points[i])
                fail_msg("%s frame %d: landmark %d at %g, expected %d", clip, (int)frame->index, i / 2,
                         track->landmarks[0].xy[i / 2][i % 2], points[i]);
    }
    fal_face_tracks_free(&tracks);
}

/* Number of frames compared: the first one and number `second`. */
static int check_clip(fal_detector *detector, const char *name, int second)
{
    fal_error err = {0};
    fal_clip *clip = NULL;
    official want = load_official(name);
    int compared = 0;
    fal_check_ok(fal_clip_open(fal_reference_path("media/%s", name), &(fal_clip_options){.exact = true}, &clip, &err),
                 &err);
    for (int t = 0; t <= second; t++) {
        fal_frame frame;
        bool end;
        fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
        if (end || frame.width * frame.height > MOST_PIXELS)
            break;
        if (t != 0 && t != second)
            continue;
        check_frame(detector, &frame, &want, name);
        compared++;
    }
    fal_clip_free(&clip);
    fal_npy_free(&want.landmarks);
    fal_npy_free(&want.boxes);
    return compared;
}

static void test_official_landmarks(void **state)
{
    (void)state;
    static const char *const clips[] = {
        "fake_01_faceswap_porch_man.mp4",    "fake_03_wav2lip.mp4",
        "fake_06_sadtalker_art_256.mp4",     "fake_10_edtalk_512.mp4",
        "noface_01_bottles_noaudio.mp4",     "real_01_grid_man_mpeg1.mpg",
        "real_05_teacher_1278x720.mp4",      "real_11_suit_man_vfr_700x700.mp4",
        "real_12_two_faces_2997.mp4",        "real_14_asl_noaudio.mkv",
        "real_20_rotated_phone_derived.mp4", "real_25_h263_15fps_derived.3gp",
    };
    fal_error err = {0};
    fal_detector *detector = NULL;
    int compared = 0;
    fal_skip_without_reference();
    fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    for (size_t i = 0; i < sizeof clips / sizeof clips[0]; i++)
        compared += check_clip(detector, clips[i], SECOND_FRAME);
    /* Three points of this frame depend on the last bit of a sum in the landmark model. */
    compared += check_clip(detector, "real_22_gray_22khz_derived.avi", 30);
    printf("parity official landmarks: %d frames of %zu clips, all boxes and points equal\n", compared,
           sizeof clips / sizeof clips[0] + 1);
    assert_in_range(compared, 22, 26);
    fal_detector_free(&detector);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_official_landmarks)};
    return cmocka_run_group_tests_name("face/official", tests, NULL, NULL);
}
