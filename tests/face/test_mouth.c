/* Mouth crops against the original implementation: gap filling, alignment, warp, cut, grey. */
#include "support/golden.h"
#include "support/test.h"

#include "core/alloc.h"
#include "face/mouth.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct mouth_case {
    const char *name;
    int64_t frames, width, height;
    uint8_t *rgb;             /* [frames][height][width][3] */
    fal_landmarks *landmarks; /* as detected */
    uint8_t *states;
    fal_npy want_filled, want_transforms, want_roi, want_gray;
} mouth_case;

/* Goldens hold BGR, the library reads RGB. */
static void swap_red_blue(uint8_t *pixels, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t blue = pixels[3 * i];
        pixels[3 * i] = pixels[3 * i + 2];
        pixels[3 * i + 2] = blue;
    }
}

static mouth_case load_case(const char *folder)
{
    mouth_case c = {.name = folder};
    char path[1024];
    snprintf(path, sizeof path, "%s/frames_bgr.npy", folder);
    fal_npy frames = fal_golden_npy_raw(path);
    assert_int_equal(frames.rank, 4);
    c.frames = (int64_t)frames.shape[0];
    c.height = (int64_t)frames.shape[1];
    c.width = (int64_t)frames.shape[2];
    c.rgb = frames.data;
    swap_red_blue(c.rgb, frames.count / 3);
    snprintf(path, sizeof path, "%s/landmarks.npy", folder);
    fal_npy landmarks = fal_golden_npy_f64(path);
    fal_check_shape("landmarks", &landmarks, 3, ((size_t[]){(size_t)c.frames, 68, 2}));
    c.landmarks = landmarks.data;
    snprintf(path, sizeof path, "%s/landmarks_valid.npy", folder);
    fal_npy valid = fal_golden_npy_raw(path);
    assert_int_equal(valid.count, c.frames);
    c.states = valid.data;
    for (int64_t t = 0; t < c.frames; t++)
        c.states[t] = c.states[t] ? FAL_FACE_DETECTED : FAL_FACE_MISSING;
    snprintf(path, sizeof path, "%s/landmarks_interp.npy", folder);
    c.want_filled = fal_golden_npy_f64(path);
    snprintf(path, sizeof path, "%s/transforms.npy", folder);
    c.want_transforms = fal_golden_npy_f64(path);
    snprintf(path, sizeof path, "%s/roi_bgr.npy", folder);
    c.want_roi = fal_golden_npy_raw(path);
    swap_red_blue(c.want_roi.data, c.want_roi.count / 3);
    snprintf(path, sizeof path, "%s/roi_gray.npy", folder);
    c.want_gray = fal_golden_npy_raw(path);
    return c;
}

static void free_case(mouth_case *c)
{
    fal_free(c->rgb);
    fal_free(c->landmarks);
    fal_free(c->states);
    fal_npy_free(&c->want_filled);
    fal_npy_free(&c->want_transforms);
    fal_npy_free(&c->want_roi);
    fal_npy_free(&c->want_gray);
}

/* Prints how many bytes differ and by how much: at most `part` of them, by one level. */
static void check_bytes(const char *name, const uint8_t *got, const uint8_t *want, size_t n, double part)
{
    size_t differing = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        differing += got[i] != want[i];
        worst = abs(got[i] - want[i]) > abs(got[worst] - want[worst]) ? i : worst;
    }
    printf("parity %s  differing %zu/%zu  max_abs %d  tolerance %g of them by 1\n", name, differing, n,
           abs(got[worst] - want[worst]), part);
    if ((double)differing > part * (double)n || abs(got[worst] - want[worst]) > 1)
        fail_msg("%s: byte %zu is %d, expected %d", name, worst, got[worst], want[worst]);
}

static fal_picture case_frame(const mouth_case *c, int64_t t)
{
    return (fal_picture){c->rgb + t * c->width * c->height * 3, c->width, c->height, c->width * 3, 3};
}

static void check_transforms(const mouth_case *c)
{
    fal_affine *got = fal_malloc_array((size_t)c->frames, sizeof *got);
    double *want = fal_malloc_array((size_t)c->frames, sizeof *got);
    fal_mouth_transforms(c->landmarks, c->frames, got);
    for (int64_t t = 0; t < c->frames; t++) /* upper two rows of the 3x3 matrices */
        memcpy(want + 6 * t, (const double *)c->want_transforms.data + 9 * t, 6 * sizeof *want);
    fal_check_close_f64("transforms", (const double *)got, want, (size_t)c->frames * 6, 1e-9, 0);
    fal_free(got);
    fal_free(want);
}

static fal_face_timeline timeline_of(const mouth_case *c, uint8_t *starts_shot)
{
    starts_shot[0] = 1;
    return (fal_face_timeline){.mode = FAL_FACE_EXACT,
                               .frame_count = c->frames,
                               .width = c->width,
                               .height = c->height,
                               .landmarks = c->landmarks,
                               .states = c->states,
                               .starts_shot = starts_shot,
                               .has_face = true};
}

enum { PIXELS = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE };

/* With the transforms of the original: every byte equal. */
static void check_cut(const mouth_case *c)
{
    fal_error err = {0};
    uint8_t *gray = fal_malloc_array((size_t)c->frames, PIXELS), *rgb = fal_malloc_array((size_t)c->frames, PIXELS * 3);
    for (int64_t t = 0; t < c->frames; t++) {
        const fal_picture frame = case_frame(c, t);
        fal_affine transform;
        memcpy(transform.m, (const double *)c->want_transforms.data + 9 * t, sizeof transform.m);
        fal_check_ok(
            fal_mouth_crop_frame(&frame, &transform, &c->landmarks[t], gray + t * PIXELS, rgb + t * PIXELS * 3, &err),
            &err);
    }
    assert_int_equal(c->want_gray.count, c->frames * PIXELS);
    check_bytes("cut_rgb", rgb, c->want_roi.data, c->want_roi.count, 0);
    check_bytes("cut_gray", gray, c->want_gray.data, c->want_gray.count, 0);
    fal_free(gray);
    fal_free(rgb);
}

/* From the landmarks on: our transforms differ from the original's in the last bits (closed form against singular value
 * decomposition), and truncation turns that into a level here and there. The case files allow 1 % of the pixels. */
static void check_plan(const mouth_case *c)
{
    fal_error err = {0};
    fal_mouth_plan *plan = NULL;
    uint8_t *starts = fal_calloc((size_t)c->frames, 1);
    uint8_t *gray = fal_malloc_array((size_t)c->frames, PIXELS), *rgb = fal_malloc_array((size_t)c->frames, PIXELS * 3);
    const fal_face_timeline line = timeline_of(c, starts);
    fal_check_ok(fal_mouth_plan_create(&line, &plan, &err), &err);
    assert_false(plan->whole_frames);
    for (int64_t t = 0; t < c->frames; t++) {
        const fal_picture frame = case_frame(c, t);
        fal_check_ok(fal_mouth_plan_crop(plan, t, &frame, gray + t * PIXELS, rgb + t * PIXELS * 3, &err), &err);
    }
    check_bytes("roi_rgb", rgb, c->want_roi.data, c->want_roi.count, 0.01);
    check_bytes("roi_gray", gray, c->want_gray.data, c->want_gray.count, 0.01);
    fal_mouth_plan_free(&plan);
    fal_free(starts);
    fal_free(gray);
    fal_free(rgb);
}

static void check_case(const char *folder)
{
    mouth_case c = load_case(folder);
    printf("case %s: %lld frames\n", folder, (long long)c.frames);
    assert_true(fal_landmarks_interpolate(c.landmarks, c.states, 0, c.frames));
    fal_check_close_f64("landmarks_interp", (const double *)c.landmarks, c.want_filled.data, c.want_filled.count, 1e-9,
                        0);
    check_transforms(&c);
    check_cut(&c);
    check_plan(&c);
    free_case(&c);
}

static void test_drawn_faces(void **state)
{
    (void)state;
    check_case(fal_data_path("avhubert/mouth_roi_syn"));
    check_case(fal_data_path("avhubert/mouth_roi_short_syn"));
}

static void test_filmed_faces(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_case(fal_golden_path("avhubert/mouth_roi_margin12"));
    check_case(fal_golden_path("avhubert/mouth_roi_short"));
}

static void test_mean_face_is_the_published_table(void **state)
{
    (void)state;
    fal_npy table = fal_golden_npy_f64(fal_data_path("avhubert/20words_mean_face.npy"));
    fal_check_shape("mean face", &table, 2, ((size_t[]){68, 2}));
    for (int p = 0; p < FAL_STABLE_POINTS; p++)
        fal_check_close_f64("mean face", fal_mouth_mean_face[p],
                            (const double *)table.data + 2 * fal_mouth_stable_points[p], 2, 0, 0);
    fal_npy_free(&table);
}

/* A window is the same pixels as the whole canvas cut afterwards, also where the canvas leaves the frame. */
static void test_window_equals_cut_of_canvas(void **state)
{
    (void)state;
    enum { W = 37, H = 29, CANVAS = 64, SIDE = 20 };
    uint8_t pixels[W * H * 3], *whole = fal_malloc(CANVAS * CANVAS * 3), part[SIDE * SIDE * 3];
    for (int i = 0; i < W * H * 3; i++)
        pixels[i] = (uint8_t)(40 + (i * 7919) % 200);
    const fal_picture frame = {pixels, W, H, W * 3, 3};
    const fal_affine inverses[] = {{{0.4, -0.1, 6, 0.1, 0.4, 2}},   /* canvas inside the frame */
                                   {{0.9, -0.4, 9, 0.4, 0.9, -8}}}; /* leaves it */
    for (int k = 0; k < 2; k++) {
        const fal_warp_window all = {CANVAS, CANVAS, 0, 0, CANVAS, CANVAS}, some = {CANVAS, CANVAS, 31, 40, SIDE, SIDE};
        fal_warp_affine(&frame, &inverses[k], &all, whole);
        fal_warp_affine(&frame, &inverses[k], &some, part);
        for (int y = 0; y < SIDE; y++)
            assert_memory_equal(part + y * SIDE * 3, whole + ((40 + y) * CANVAS + 31) * 3, SIDE * 3);
    }
    fal_free(whole);
}

/* Grey levels 33, 37, 41, ... lose one level on the way through v/255*255. */
static void test_identity_warp_truncates(void **state)
{
    (void)state;
    uint8_t pixels[256], out[256];
    int lowered = 0;
    for (int i = 0; i < 256; i++)
        pixels[i] = (uint8_t)i;
    const fal_picture frame = {pixels, 16, 16, 16, 1};
    const fal_affine identity = {{1, 0, 0, 0, 1, 0}};
    fal_warp_affine(&frame, &identity, &(fal_warp_window){16, 16, 0, 0, 16, 16}, out);
    for (int i = 0; i < 256; i++) {
        assert_in_range(out[i], i ? i - 1 : 0, i);
        lowered += out[i] != i;
    }
    assert_int_equal(lowered, 24);
    assert_int_equal(out[33], 32);
    assert_int_equal(out[244], 243);
}

static void test_whole_frame_fallback(void **state)
{
    (void)state;
    enum { W = 111, H = 90 };
    fal_error err = {0};
    uint8_t pixels[W * H], gray[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE], rgb[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE * 3];
    for (int i = 0; i < W * H; i++)
        pixels[i] = (uint8_t)(1 + i % 255);
    uint8_t states[1] = {FAL_FACE_MISSING}, starts[1] = {1};
    const fal_face_timeline line = {.frame_count = 1, .width = W, .height = H, .states = states, .starts_shot = starts};
    fal_mouth_plan *plan = NULL;
    fal_check_ok(fal_mouth_plan_create(&line, &plan, &err), &err);
    assert_true(plan->whole_frames);
    const fal_picture frame = {pixels, W, H, W, 1};
    fal_check_ok(fal_mouth_plan_crop(plan, 0, &frame, gray, rgb, &err), &err);
    /* The encoder's own 88x88 middle of the whole frame starts at ((111-88)/2, (90-88)/2) = (11, 1). */
    for (int y = 0; y < 88; y++)
        assert_memory_equal(gray + (y + 4) * FAL_MOUTH_SIZE + 4, pixels + (y + 1) * W + 11, 88);
    assert_int_equal(gray[0], 0); /* 3 rows above the frame */
    assert_int_equal(rgb[3 * (4 * FAL_MOUTH_SIZE + 4) + 1], gray[4 * FAL_MOUTH_SIZE + 4]);
    fal_mouth_plan_free(&plan);
}

static void test_refuses_nonsense(void **state)
{
    (void)state;
    fal_error err = {0};
    uint8_t pixels[64] = {0}, gray[FAL_MOUTH_SIZE * FAL_MOUTH_SIZE];
    fal_landmarks landmarks = {{{0}}};
    fal_affine transform;
    fal_mouth_transforms(&landmarks, 1, &transform); /* all points in one place */
    const fal_picture frame = {pixels, 8, 8, 8, 1};
    fal_check_fails(fal_mouth_crop_frame(&frame, &transform, &landmarks, gray, NULL, &err), FAL_ERR_ARGUMENT,
                    "no alignment", &err);
    const fal_mouth_plan plan = {.frame_count = 3, .width = 9, .height = 8, .whole_frames = true};
    fal_check_fails(fal_mouth_plan_crop(&plan, 3, &frame, gray, NULL, &err), FAL_ERR_ARGUMENT, "frame 3", &err);
    fal_check_fails(fal_mouth_plan_crop(&plan, 1, &frame, gray, NULL, &err), FAL_ERR_ARGUMENT, "8 x 8", &err);
}

/* Landmarks that jump at frame 3: with a cut there, no alignment mixes the two sides. */
static void test_smoothing_stops_at_cuts(void **state)
{
    (void)state;
    enum { N = 6 };
    fal_error err = {0};
    fal_landmarks landmarks[N];
    uint8_t states[N], starts[N] = {1, 0, 0, 1, 0, 0};
    for (int t = 0; t < N; t++) {
        states[t] = FAL_FACE_DETECTED;
        for (int p = 0; p < FAL_LANDMARK_COUNT; p++) {
            landmarks[t].xy[p][0] = 50 + 3 * (p % 9) + (t >= 3 ? 40 : 0);
            landmarks[t].xy[p][1] = 60 + 2 * (p / 7);
        }
    }
    const fal_face_timeline line = {.frame_count = N,
                                    .width = 200,
                                    .height = 200,
                                    .landmarks = landmarks,
                                    .states = states,
                                    .starts_shot = starts,
                                    .has_face = true};
    fal_mouth_plan *plan = NULL;
    fal_check_ok(fal_mouth_plan_create(&line, &plan, &err), &err);
    fal_affine alone;
    fal_mouth_transforms(landmarks, 1, &alone);
    fal_check_close_f64("before the cut", plan->transforms[0].m, alone.m, 6, 1e-9, 0);
    fal_mouth_transforms(landmarks + 3, 1, &alone);
    fal_check_close_f64("after the cut", plan->transforms[5].m, alone.m, 6, 1e-9, 0);
    fal_mouth_plan_free(&plan);
}

/* Frame 2's points all coincide: the alignment of the frame before stands in, the other frames keep theirs. */
static void test_borrows_alignments(void **state)
{
    (void)state;
    enum { N = 4 };
    fal_error err = {0};
    fal_landmarks landmarks[N];
    uint8_t states[N], starts[N] = {1, 1, 1, 1}, pixels[90 * 90] = {0}, gray[PIXELS];
    for (int t = 0; t < N; t++) {
        states[t] = FAL_FACE_DETECTED;
        for (int p = 0; p < FAL_LANDMARK_COUNT; p++) {
            landmarks[t].xy[p][0] = t == 2 ? 44 : 20 + t + 5 * (p % 9);
            landmarks[t].xy[p][1] = t == 2 ? 55 : 30 + 4 * (p / 7);
        }
    }
    fal_face_timeline line = {.frame_count = N,
                              .width = 90,
                              .height = 90,
                              .landmarks = landmarks,
                              .states = states,
                              .starts_shot = starts,
                              .has_face = true};
    fal_mouth_plan *plan = NULL;
    fal_check_ok(fal_mouth_plan_create(&line, &plan, &err), &err);
    fal_affine own;
    fal_mouth_transforms(landmarks + 3, 1, &own);
    assert_int_equal(plan->borrowed, 1);
    assert_memory_equal(plan->transforms[2].m, plan->transforms[1].m, sizeof own.m);
    assert_memory_equal(plan->transforms[3].m, own.m, sizeof own.m);
    const fal_picture frame = {pixels, 90, 90, 90, 1};
    fal_check_ok(fal_mouth_plan_crop(plan, 2, &frame, gray, NULL, &err), &err);
    fal_mouth_plan_free(&plan);
    line.frame_count = 1; /* and nobody to borrow from */
    line.landmarks = landmarks + 2;
    fal_check_ok(fal_mouth_plan_create(&line, &plan, &err), &err);
    assert_true(plan->whole_frames);
    fal_mouth_plan_free(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawn_faces),
        cmocka_unit_test(test_filmed_faces),
        cmocka_unit_test(test_mean_face_is_the_published_table),
        cmocka_unit_test(test_window_equals_cut_of_canvas),
        cmocka_unit_test(test_identity_warp_truncates),
        cmocka_unit_test(test_whole_frame_fallback),
        cmocka_unit_test(test_refuses_nonsense),
        cmocka_unit_test(test_smoothing_stops_at_cuts),
        cmocka_unit_test(test_borrows_alignments),
    };
    return cmocka_run_group_tests_name("face/mouth", tests, NULL, NULL);
}
