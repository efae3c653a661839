/* Auto-AVSR's mouth crops against the original implementation: gaps, smoothing, robust fit, warp, cut. */
#include "support/golden.h"
#include "support/test.h"

#include "core/alloc.h"
#include "face/mouth_avsr.h"
#include "media/image.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PIXELS = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE };

typedef struct avsr_case {
    const char *folder;
    const fal_avsr_route *route;
    int64_t frames, width, height;
    fal_npy rgb;        /* [frames][height][width][3] */
    double *points;     /* [frames][route->points][2], gaps filled */
    fal_avsr_cut *cuts; /* ours */
} avsr_case;

static const char *file_of(const avsr_case *c, const char *name)
{
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s.npy", c->folder, name);
    return path;
}

/* A frame without detection is a row of NaN. Points are filled as landmarks are, the first of the 68 standing in for
 * routes with fewer. */
static void fill_points(avsr_case *c)
{
    const size_t values = 2 * (size_t)c->route->points;
    fal_npy detected = fal_golden_npy_f64(file_of(c, "landmarks"));
    fal_check_shape("landmarks", &detected, 3, ((size_t[]){(size_t)c->frames, (size_t)c->route->points, 2}));
    fal_landmarks *rows = fal_calloc((size_t)c->frames, sizeof *rows);
    uint8_t *states = fal_calloc((size_t)c->frames, 1);
    for (int64_t t = 0; t < c->frames; t++) {
        const double *row = (const double *)detected.data + (size_t)t * values;
        states[t] = isnan(row[0]) ? FAL_FACE_MISSING : FAL_FACE_DETECTED;
        if (!isnan(row[0]))
            memcpy(rows[t].xy, row, values * sizeof *row);
    }
    assert_true(fal_landmarks_interpolate(rows, states, 0, c->frames));
    for (int64_t t = 0; t < c->frames; t++)
        memcpy((double *)detected.data + (size_t)t * values, rows[t].xy, values * sizeof(double));
    c->points = detected.data;
    fal_free(rows);
    fal_free(states);
}

static avsr_case load_case(const char *folder, const fal_avsr_route *route)
{
    avsr_case c = {.folder = folder, .route = route};
    c.rgb = fal_golden_npy_raw(file_of(&c, "frames_rgb"));
    assert_int_equal(c.rgb.rank, 4);
    c.frames = (int64_t)c.rgb.shape[0];
    c.height = (int64_t)c.rgb.shape[1];
    c.width = (int64_t)c.rgb.shape[2];
    fill_points(&c);
    c.cuts = fal_calloc((size_t)c.frames, sizeof *c.cuts);
    return c;
}

static void free_case(avsr_case *c)
{
    fal_npy_free(&c->rgb);
    fal_free(c->points);
    fal_free(c->cuts);
}

static void check_golden_f64(const avsr_case *c, const char *name, const double *got, size_t n, double tolerance)
{
    fal_npy want = fal_golden_npy_f64(file_of(c, name));
    assert_int_equal(want.count, n);
    fal_check_close_f64(name, got, want.data, n, tolerance, 0);
    fal_npy_free(&want);
}

static void check_bytes(const avsr_case *c, const char *name, const uint8_t *got, size_t n)
{
    fal_npy want = fal_golden_npy_raw(file_of(c, name));
    size_t differing = 0;
    assert_int_equal(want.count, n);
    for (size_t i = 0; i < n; i++)
        differing += got[i] != ((const uint8_t *)want.data)[i];
    print_message("parity %s  differing %zu/%zu  tolerance 0\n", name, differing, n);
    assert_int_equal(differing, 0);
    fal_npy_free(&want);
}

static void check_smoothing_and_fit(avsr_case *c)
{
    const size_t values = 2 * (size_t)c->route->points, n = (size_t)c->frames, stable = (size_t)c->route->stable_count;
    double *smoothed = fal_malloc_array(n * values, sizeof *smoothed);
    for (int64_t t = 0; t < c->frames; t++) {
        double *out = smoothed + (size_t)t * values;
        fal_avsr_smooth(c->route, c->points, c->frames, t, out);
        assert_true(fal_avsr_align(c->route, out, &c->cuts[t]));
    }
    check_golden_f64(c, "filled_landmarks", c->points, n * values, 1e-12);
    check_golden_f64(c, "smoothed_landmarks", smoothed, n * values, 1e-11);
    check_golden_f64(c, "stable_reference", &c->route->reference[0][0], 2 * stable, 1e-12);
    uint8_t *inliers = fal_malloc(n * stable);
    for (size_t t = 0; t < n; t++)
        memcpy(inliers + t * stable, c->cuts[t].inliers, stable);
    check_bytes(c, "inliers", inliers, n * stable);
    fal_free(inliers);
    fal_free(smoothed);
}

/* Six numbers of the transform, two of the mouth, four of the box. */
static void check_placement(const avsr_case *c)
{
    const size_t n = (size_t)c->frames;
    double *transforms = fal_malloc_array(n, 6 * sizeof(double)), *centres = fal_malloc_array(n, 2 * sizeof(double));
    double *boxes = fal_malloc_array(n, 4 * sizeof(double));
    for (size_t t = 0; t < n; t++) {
        const fal_avsr_cut *cut = &c->cuts[t];
        const double box[4] = {(double)cut->top, (double)cut->top + FAL_MOUTH_SIZE, (double)cut->left,
                               (double)cut->left + FAL_MOUTH_SIZE};
        memcpy(transforms + 6 * t, cut->transform.m, sizeof cut->transform.m);
        memcpy(centres + 2 * t, cut->centre, sizeof cut->centre);
        memcpy(boxes + 4 * t, box, sizeof box);
        assert_false(cut->off_centre);
    }
    check_golden_f64(c, "transforms", transforms, 6 * n, 1e-9);
    check_golden_f64(c, "mouth_centre", centres, 2 * n, 1e-8);
    check_golden_f64(c, "crop_box", boxes, 4 * n, 0);
    fal_free(transforms);
    fal_free(centres);
    fal_free(boxes);
}

static fal_picture frame_of(const avsr_case *c, int64_t t)
{
    return (fal_picture){(const uint8_t *)c->rgb.data + t * c->width * c->height * 3, c->width, c->height, c->width * 3,
                         3};
}

/* Colour, and grey made before the warp as convert_gray=True does. */
static void check_crops(const avsr_case *c)
{
    const size_t n = (size_t)c->frames;
    uint8_t *rgb = fal_malloc(n * PIXELS * 3), *gray = fal_malloc(n * PIXELS);
    uint8_t *levels = fal_malloc((size_t)(c->width * c->height));
    for (int64_t t = 0; t < c->frames; t++) {
        const fal_picture colour = frame_of(c, t), grey = {levels, c->width, c->height, c->width, 1};
        const fal_plane plane = {levels, c->width, c->height, c->width};
        fal_rgb_to_gray(FAL_GRAY_ROI, colour.pixels, colour.stride, &plane);
        fal_avsr_cut_frame(&colour, &c->cuts[t], rgb + t * PIXELS * 3);
        fal_avsr_cut_frame(&grey, &c->cuts[t], gray + t * PIXELS);
    }
    check_bytes(c, "crop_rgb", rgb, n * PIXELS * 3);
    check_bytes(c, "crop_gray", gray, n * PIXELS);
    fal_free(rgb);
    fal_free(gray);
    fal_free(levels);
}

static void check_plan(const avsr_case *c)
{
    fal_error err = {0};
    fal_avsr_plan *plan = NULL;
    uint8_t *rgb = fal_malloc((size_t)c->frames * PIXELS * 3), *starts = fal_calloc((size_t)c->frames, 1);
    const fal_face_timeline line = {.mode = FAL_FACE_EXACT,
                                    .frame_count = c->frames,
                                    .width = c->width,
                                    .height = c->height,
                                    .landmarks = (fal_landmarks *)(void *)c->points,
                                    .starts_shot = starts,
                                    .has_face = true};
    fal_check_ok(fal_avsr_plan_create(&line, &plan, &err), &err);
    assert_int_equal(plan->borrowed, 0);
    assert_int_equal(plan->off_centre, 0);
    for (int64_t t = 0; t < c->frames; t++) {
        const fal_picture frame = frame_of(c, t);
        fal_check_ok(fal_avsr_plan_crop(plan, t, &frame, rgb + t * PIXELS * 3, &err), &err);
    }
    check_bytes(c, "crop_rgb", rgb, (size_t)c->frames * PIXELS * 3);
    fal_avsr_plan_free(&plan);
    fal_free(rgb);
    fal_free(starts);
}

static void check_case(const char *folder, const fal_avsr_route *route)
{
    avsr_case c = load_case(folder, route);
    print_message("case %s: %lld frames\n", folder, (long long)c.frames);
    check_smoothing_and_fit(&c);
    check_placement(&c);
    check_crops(&c);
    if (route->points == FAL_LANDMARK_COUNT)
        check_plan(&c);
    free_case(&c);
}

static void test_drawn_faces(void **state)
{
    (void)state;
    check_case(fal_data_path("auto_avsr/crop_retinaface_syn"), &fal_avsr_68_points);
    check_case(fal_data_path("auto_avsr/crop_mediapipe_syn"), &fal_avsr_4_points);
}

static void test_filmed_faces(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_case(fal_golden_path("auto_avsr/crop_retinaface"), &fal_avsr_68_points);
    check_case(fal_golden_path("auto_avsr/crop_mediapipe"), &fal_avsr_4_points);
}

/* ---- plans of made-up clips -------------------------------------------------------------------------------------- */

enum { FRAMES = 14, SIDE = 300 };

typedef struct clip {
    fal_landmarks landmarks[FRAMES];
    uint8_t starts[FRAMES];
    fal_face_timeline line;
} clip;

/* The stable points of every frame lie where the reference has them, 1.5 times as large and moved by (t, 0); all other
 * points, and so the mouth, about them. */
static void make_clip(clip *c)
{
    const fal_avsr_route *route = &fal_avsr_68_points;
    *c = (clip){.starts = {1}};
    for (int t = 0; t < FRAMES; t++) {
        for (int p = 0; p < FAL_LANDMARK_COUNT; p++) {
            c->landmarks[t].xy[p][0] = 1.5 * 129 - 60 + t;
            c->landmarks[t].xy[p][1] = 1.5 * 157 - 60;
        }
        for (int i = 0; i < route->stable_count; i++)
            for (int k = 0; k < 2; k++)
                c->landmarks[t].xy[route->stable[i]][k] = 1.5 * route->reference[i][k] - 60 + (k == 0 ? t : 0);
    }
    c->line = (fal_face_timeline){.frame_count = FRAMES,
                                  .width = SIDE,
                                  .height = SIDE,
                                  .landmarks = c->landmarks,
                                  .starts_shot = c->starts,
                                  .has_face = true};
}

static fal_avsr_plan *plan_of(const clip *c)
{
    fal_error err = {0};
    fal_avsr_plan *plan = NULL;
    fal_check_ok(fal_avsr_plan_create(&c->line, &plan, &err), &err);
    return plan;
}

static void test_transform_is_found(void **state)
{
    (void)state;
    clip c;
    make_clip(&c);
    fal_avsr_plan *plan = plan_of(&c);
    for (int t = 0; t < FRAMES; t++) {
        const double want[6] = {1 / 1.5, 0, (60 - t) / 1.5, 0, 1 / 1.5, 40};
        fal_check_close_f64("transform", plan->cuts[t].transform.m, want, 6, 1e-4, 0);
        assert_false(plan->cuts[t].off_centre);
    }
    fal_avsr_plan_free(&plan);
}

/* A jump at a cut: with the cut known, the frames before it are aligned as if nothing followed. */
static void test_smoothing_stops_at_cuts(void **state)
{
    (void)state;
    clip whole, cut;
    make_clip(&whole);
    make_clip(&cut);
    for (int t = 7; t < FRAMES; t++)
        for (int p = 0; p < FAL_LANDMARK_COUNT; p++)
            cut.landmarks[t].xy[p][0] *= 1.5; /* another size, which moving the centre back does not hide */
    fal_avsr_plan *mixed = plan_of(&cut);
    cut.starts[7] = 1;
    fal_avsr_plan *apart = plan_of(&cut);
    fal_avsr_plan *want = plan_of(&whole);
    fal_check_close_f64("before the cut", apart->cuts[6].transform.m, want->cuts[6].transform.m, 6, 1e-4, 0);
    assert_true(fabs(mixed->cuts[6].transform.m[0] - want->cuts[6].transform.m[0]) > 1e-3);
    fal_avsr_plan_free(&mixed);
    fal_avsr_plan_free(&apart);
    fal_avsr_plan_free(&want);
}

/* Lips far below the aligned face: moved inside, or refused in exact mode. */
static void test_mouth_off_centre(void **state)
{
    (void)state;
    fal_error err = {0};
    clip c;
    make_clip(&c);
    for (int t = 0; t < FRAMES; t++)
        for (int p = 49; p < FAL_LANDMARK_COUNT; p++)
            c.landmarks[t].xy[p][1] += p == 54 ? 0 : 130;
    fal_avsr_plan *plan = plan_of(&c);
    assert_int_equal(plan->off_centre, FRAMES);
    assert_int_equal(plan->cuts[3].top, FAL_MOUTH_CANVAS - FAL_MOUTH_SIZE);
    fal_avsr_plan_free(&plan);
    c.line.mode = FAL_FACE_EXACT;
    fal_check_fails(fal_avsr_plan_create(&c.line, &plan, &err), FAL_ERR_UNSUPPORTED, "frame 0 the aligned mouth", &err);
    c.line.frame_count = 11;
    fal_check_fails(fal_avsr_plan_create(&c.line, &plan, &err), FAL_ERR_TOO_SHORT, "12 frames, the clip has 11", &err);
    assert_null(plan);
}

/* All points of frame 13 in one place, in a shot of its own. */
static void test_borrows_cuts(void **state)
{
    (void)state;
    clip c;
    make_clip(&c);
    c.starts[13] = 1;
    for (int p = 0; p < FAL_LANDMARK_COUNT; p++)
        c.landmarks[13].xy[p][0] = c.landmarks[13].xy[p][1] = 50;
    fal_avsr_plan *plan = plan_of(&c);
    assert_int_equal(plan->borrowed, 1);
    assert_memory_equal(plan->cuts[13].transform.m, plan->cuts[12].transform.m, sizeof(fal_affine));
    fal_avsr_plan_free(&plan);
    c.line.landmarks = c.landmarks + 13;
    c.line.frame_count = 1;
    plan = plan_of(&c);
    assert_true(plan->whole_frames);
    fal_avsr_plan_free(&plan);
    fal_avsr_plan_free(&plan);
    fal_avsr_plan_free(NULL);
}

/* Without a face the crops are the mouth plan's; a gray frame's level fills all three channels. */
static void test_fallback_and_gray(void **state)
{
    (void)state;
    fal_error err = {0};
    clip c;
    make_clip(&c);
    uint8_t *pixels = fal_malloc(SIDE * SIDE), rgb[PIXELS * 3], want[PIXELS * 3];
    for (int i = 0; i < SIDE * SIDE; i++)
        pixels[i] = (uint8_t)(i * 31 % 253);
    const fal_picture frame = {pixels, SIDE, SIDE, SIDE, 1};
    fal_avsr_plan *plan = plan_of(&c);
    fal_check_ok(fal_avsr_plan_crop(plan, 2, &frame, rgb, &err), &err);
    fal_avsr_cut_frame(&frame, &plan->cuts[2], want);
    for (int i = 0; i < PIXELS * 3; i++)
        assert_int_equal(rgb[i], want[i / 3]);
    fal_avsr_plan_free(&plan);
    c.line.has_face = false;
    plan = plan_of(&c);
    fal_check_ok(fal_avsr_plan_crop(plan, 2, &frame, rgb, &err), &err);
    fal_mouth_crop_middle(&frame, NULL, want);
    assert_memory_equal(rgb, want, sizeof want);
    fal_check_fails(fal_avsr_plan_crop(plan, FRAMES, &frame, rgb, &err), FAL_ERR_ARGUMENT, "frame 14", &err);
    fal_avsr_plan_free(&plan);
    fal_free(pixels);
}

static void test_fit_needs_points_apart(void **state)
{
    (void)state;
    const double one_place[4][2] = {{3, 4}, {3, 4}, {3, 4}, {3, 4}},
                 nan_place[4][2] = {{NAN, 4}, {3, NAN}, {1, 2}, {NAN, 1}};
    fal_affine out;
    uint8_t inliers[4];
    assert_false(fal_similarity_lmeds(one_place, fal_avsr_4_points.reference, 4, &out, inliers));
    assert_false(fal_similarity_lmeds(nan_place, fal_avsr_4_points.reference, 4, &out, inliers));
}

static fal_status create_once(void *user, fal_error *err)
{
    fal_avsr_plan *plan = NULL;
    const fal_status st = fal_avsr_plan_create(user, &plan, err);
    fal_avsr_plan_free(&plan);
    return st;
}

static void test_alloc_failures(void **state)
{
    (void)state;
    clip c;
    make_clip(&c);
    fal_check_alloc_failures("Auto-AVSR plan", create_once, &c.line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawn_faces),        cmocka_unit_test(test_filmed_faces),
        cmocka_unit_test(test_transform_is_found), cmocka_unit_test(test_smoothing_stops_at_cuts),
        cmocka_unit_test(test_mouth_off_centre),   cmocka_unit_test(test_borrows_cuts),
        cmocka_unit_test(test_fallback_and_gray),  cmocka_unit_test(test_fit_needs_points_apart),
        cmocka_unit_test(test_alloc_failures),
    };
    return cmocka_run_group_tests_name("face/mouth_avsr", tests, NULL, NULL);
}
