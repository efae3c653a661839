#include "support/golden.h"
#include "support/test.h"

#include "core/alloc.h"
#include "core/json.h"
#include "core/rng.h"
#include "media/picture_scale.h"
#include "support/alloc_fail.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct picture {
    int64_t width, height;
    uint8_t *rgb;
} picture;

/* Prints how many bytes differ, by how much, and wants none to. */
static void check_same(const char *name, const uint8_t *got, const uint8_t *want, size_t n)
{
    size_t differing = 0;
    int worst = 0;
    for (size_t i = 0; i < n; i++) {
        const int off = abs(got[i] - want[i]);
        differing += off != 0;
        worst = off > worst ? off : worst;
    }
    print_message("pixels %s: %zu of %zu differ, by at most %d, tolerance 0\n", name, differing, n, worst);
    assert_true(n > 0);
    assert_int_equal(differing, 0);
}

static uint8_t *scaled(const picture *p, const fal_picture_rule *rule)
{
    fal_error err = {0};
    fal_picture_scaler *scaler = NULL;
    fal_check_ok(fal_picture_scaler_create(p->width, p->height, rule, &scaler, &err), &err);
    uint8_t *out = fal_malloc((size_t)(rule->side * rule->side * 3));
    assert_non_null(out);
    fal_picture_scaler_run(scaler, p->rgb, 3 * p->width, out);
    fal_picture_scaler_free(&scaler);
    assert_null(scaler);
    return out;
}

/* ---- the formulas, written down once more: every pixel of the scaled picture, then the cut ------------------------
 */

static double kernel(fal_scaling scaling, double x)
{
    x = fabs(x);
    if (scaling == FAL_SCALE_BILINEAR)
        return x < 1 ? 1 - x : 0;
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? -0.5 * (((x - 5) * x + 8) * x - 4) : 0;
}

static uint8_t plain_sample(const uint8_t *in, int64_t step, int64_t nin, int64_t nout, int64_t o, fal_scaling scaling)
{
    const double scale = (double)nin / (double)nout, fscale = scale > 1 ? scale : 1;
    const double support = (scaling == FAL_SCALE_BICUBIC ? 2.0 : 1.0) * fscale, centre = ((double)o + 0.5) * scale;
    const int64_t lo = (int64_t)fmax(0, trunc(centre - support + 0.5));
    const int64_t hi = (int64_t)fmin((double)nin, trunc(centre + support + 0.5));
    double sum = 0;
    for (int64_t i = lo; i < hi; i++)
        sum += kernel(scaling, ((double)i - centre + 0.5) * (1 / fscale));
    int64_t value = 1 << 21;
    for (int64_t i = lo; i < hi; i++) {
        const double w = kernel(scaling, ((double)i - centre + 0.5) * (1 / fscale)) / sum;
        value += in[i * step] * (int64_t)trunc(w * 4194304.0 + (w < 0 ? -0.5 : 0.5));
    }
    value = value < 0 ? 0 : value >> 22;
    return (uint8_t)(value > 255 ? 255 : value);
}

static picture plain_resize(const picture *p, int64_t width, int64_t height, fal_scaling scaling)
{
    uint8_t *narrow = fal_malloc((size_t)(width * p->height * 3));
    picture out = {width, height, fal_malloc((size_t)(width * height * 3))};
    assert_true(narrow && out.rgb);
    for (int64_t y = 0; y < p->height; y++)
        for (int64_t i = 0; i < width * 3; i++)
            narrow[y * width * 3 + i] =
                plain_sample(p->rgb + y * p->width * 3 + i % 3, 3, p->width, width, i / 3, scaling);
    for (int64_t y = 0; y < height; y++)
        for (int64_t i = 0; i < width * 3; i++)
            out.rgb[y * width * 3 + i] = plain_sample(narrow + i, width * 3, p->height, height, y, scaling);
    fal_free(narrow);
    return out;
}

static uint8_t *plain_cut(const picture *p, int64_t left, int64_t top, int64_t side)
{
    uint8_t *out = fal_malloc((size_t)(side * side * 3));
    assert_non_null(out);
    for (int64_t y = 0; y < side; y++)
        memcpy(out + y * side * 3, p->rgb + ((top + y) * p->width + left) * 3, (size_t)side * 3);
    return out;
}

static uint8_t *plain_scaled(const picture *p, const fal_picture_rule *rule)
{
    int64_t width = rule->side, height = rule->side;
    if (rule->shorter) {
        width = p->width <= p->height ? rule->shorter : rule->shorter * p->width / p->height;
        height = p->width <= p->height ? rule->shorter * p->height / p->width : rule->shorter;
    }
    picture whole = plain_resize(p, width, height, rule->scaling);
    const double left = (double)(width - rule->side) / 2, top = (double)(height - rule->side) / 2;
    uint8_t *out = plain_cut(&whole, (int64_t)(rule->crop_floor ? floor(left) : nearbyint(left)),
                             (int64_t)(rule->crop_floor ? floor(top) : nearbyint(top)), rule->side);
    fal_free(whole.rgb);
    return out;
}

static picture random_picture(fal_rng *rng, int64_t width, int64_t height)
{
    picture p = {width, height, fal_malloc((size_t)(width * height * 3))};
    assert_non_null(p.rgb);
    for (int64_t i = 0; i < width * height * 3; i++) /* many bytes at the ends, where the filter overshoots */
        p.rgb[i] = (uint8_t)(fal_rng_index(rng, 2) ? 255 * fal_rng_index(rng, 2) : fal_rng_index(rng, 256));
    return p;
}

static void test_random_sizes(void **state)
{
    (void)state;
    fal_rng rng = fal_rng_make(20, 0);
    for (int round = 0; round < 60; round++) {
        picture p = random_picture(&rng, 1 + (int64_t)fal_rng_index(&rng, 120), 1 + (int64_t)fal_rng_index(&rng, 120));
        const int64_t side = 1 + (int64_t)fal_rng_index(&rng, 40);
        const fal_picture_rule rule = {.side = side,
                                       .shorter = fal_rng_index(&rng, 3) ? side + (int64_t)fal_rng_index(&rng, 12) : 0,
                                       .scaling = fal_rng_index(&rng, 2) ? FAL_SCALE_BICUBIC : FAL_SCALE_BILINEAR,
                                       .crop_floor = fal_rng_index(&rng, 2)};
        uint8_t *got = scaled(&p, &rule), *want = plain_scaled(&p, &rule);
        char name[160];
        snprintf(name, sizeof name, "%lldx%lld to %lld, shorter %lld, scaling %d, floor %d", (long long)p.width,
                 (long long)p.height, (long long)side, (long long)rule.shorter, (int)rule.scaling, rule.crop_floor);
        check_same(name, got, want, (size_t)(side * side * 3));
        fal_free(got);
        fal_free(want);
        fal_free(p.rgb);
    }
}

/* ---- pictures made by Pillow and OpenCV
 * ------------------------------------------------------------------------------------- */

/* Wants `rule` to make of FOLDER/<image>_<item> the picture FOLDER/<result>_<item>, or its middle when that is larger.
 * False when there is no such result. */
static bool check_golden(const char *folder, const char *image, const char *result, int64_t item,
                         const fal_picture_rule *rule)
{
    char in_path[512], want_path[512];
    snprintf(in_path, sizeof in_path, "%s/%s_%lld.npy", folder, image, (long long)item);
    snprintf(want_path, sizeof want_path, "%s/%s_%lld.npy", folder, result, (long long)item);
    if (access(want_path, R_OK) != 0)
        return false;
    fal_npy in = fal_golden_npy_raw(in_path), want = fal_golden_npy_raw(want_path);
    const picture p = {(int64_t)in.shape[1], (int64_t)in.shape[0], in.data};
    const picture whole = {(int64_t)want.shape[1], (int64_t)want.shape[0], want.data};
    uint8_t *got = scaled(&p, rule);
    uint8_t *cut = plain_cut(&whole, (whole.width - rule->side) / 2, (whole.height - rule->side) / 2, rule->side);
    check_same(want_path, got, cut, (size_t)(rule->side * rule->side * 3));
    fal_free(got);
    fal_free(cut);
    fal_npy_free(&in);
    fal_npy_free(&want);
    return true;
}

/* Both branches of the rule that a golden folder holds for an item. Results compared. */
typedef int case_checker(const char *folder, const fal_json *item, int64_t i);

static int check_clip_item(const char *folder, const fal_json *item, int64_t i)
{
    const int64_t n = fal_json_int(fal_json_get(item, "n_px"), 0);
    const fal_picture_rule openai = {.side = n, .shorter = n, .scaling = FAL_SCALE_BICUBIC};
    fal_picture_rule hugging_face = openai;
    hugging_face.crop_floor = true;
    return check_golden(folder, "image", "cropped", i, &openai) +
           check_golden(folder, "image", "cropped_hf", i, &hugging_face);
}

static int check_videomae_item(const char *folder, const fal_json *item, int64_t i)
{
    const int64_t n = fal_json_int(fal_json_get(item, "size"), 0);
    const fal_picture_rule hugging_face = {.side = n, .shorter = n, .scaling = FAL_SCALE_BILINEAR, .crop_floor = true};
    fal_picture_rule official = hugging_face;
    official.scaling = FAL_SCALE_OPENCV_BILINEAR;
    return check_golden(folder, "frame", "hf_resized", i, &hugging_face) +
           check_golden(folder, "frame", "cv2_resized", i, &official);
}

static int check_fsfm_item(const char *folder, const fal_json *item, int64_t i)
{
    const int64_t n = fal_json_int(fal_json_get(item, "n"), 0);
    const fal_picture_rule squash = {.side = n, .scaling = FAL_SCALE_BICUBIC};
    const fal_picture_rule simple = {
        .side = n, .shorter = fal_json_int(fal_json_get(item, "simple_resize"), 0), .scaling = FAL_SCALE_BICUBIC};
    return check_golden(folder, "face", "squash", i, &squash) + check_golden(folder, "face", "simple", i, &simple);
}

static void check_case(const char *folder, case_checker *check, int wanted)
{
    fal_error err = {0};
    fal_json *root = NULL;
    char path[512];
    snprintf(path, sizeof path, "%s/case.json", folder);
    fal_check_ok(fal_json_read(path, &root, &err), &err);
    const fal_json *items = fal_json_get(fal_json_get(root, "config"), "items");
    int compared = 0;
    for (size_t i = 0; i < fal_json_count(items); i++)
        compared += check(folder, fal_json_at(items, i), fal_json_int(fal_json_get(fal_json_at(items, i), "item"), -1));
    assert_int_equal(compared, wanted);
    fal_json_free(&root);
}

static void test_clip(void **state)
{
    (void)state;
    check_case(fal_data_path("clip/preprocess_syn"), check_clip_item, 13);
}

static void test_videomae(void **state)
{
    (void)state;
    check_case(fal_data_path("videomae/preprocess_frames_syn"), check_videomae_item, 6);
}

static void test_fsfm(void **state)
{
    (void)state;
    check_case(fal_data_path("fsfm/preprocess_faces_syn"), check_fsfm_item, 6);
}

static void test_photographs(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_case(fal_golden_path("clip/preprocess_224"), check_clip_item, 2);
    check_case(fal_golden_path("clip/preprocess_small"), check_clip_item, 9);
    check_case(fal_golden_path("videomae/preprocess_frames"), check_videomae_item, 4);
    check_case(fal_golden_path("fsfm/preprocess_faces"), check_fsfm_item, 6);
}

/* ---- the object -------------------------------------------------------------------------------------------------- */

/* Rows farther apart than they are long, and two runs with one scaler. */
static void test_stride(void **state)
{
    (void)state;
    enum { WIDTH = 37, HEIGHT = 29, STRIDE = 3 * WIDTH + 5, SIDE = 16 };
    fal_error err = {0};
    fal_rng rng = fal_rng_make(21, 0);
    picture p = random_picture(&rng, WIDTH, HEIGHT);
    uint8_t padded[HEIGHT * STRIDE], out[SIDE * SIDE * 3];
    memset(padded, 200, sizeof padded);
    for (int y = 0; y < HEIGHT; y++)
        memcpy(padded + y * STRIDE, p.rgb + y * 3 * WIDTH, 3 * WIDTH);
    const fal_picture_rule rule = {.side = SIDE, .shorter = 18};
    uint8_t *want = plain_scaled(&p, &rule);
    fal_picture_scaler *scaler = NULL;
    fal_check_ok(fal_picture_scaler_create(WIDTH, HEIGHT, &rule, &scaler, &err), &err);
    for (int run = 0; run < 2; run++) {
        memset(out, 0, sizeof out);
        const uint64_t before = fal_alloc_count();
        fal_picture_scaler_run(scaler, padded, STRIDE, out);
        assert_int_equal(fal_alloc_count(), before);
        check_same("stride", out, want, sizeof out);
    }
    fal_picture_scaler_free(&scaler);
    fal_picture_scaler_free(&scaler);
    fal_picture_scaler_free(NULL);
    fal_free(want);
    fal_free(p.rgb);
}

static void test_fit(void **state)
{
    (void)state;
    fal_error err = {0};
    const fal_picture_rule rule = {.side = 8}, cut = {.side = 8, .shorter = 9};
    fal_picture_scaler *scaler = NULL;
    fal_check_ok(fal_picture_scaler_fit(&scaler, 20, 20, &rule, &err), &err);
    const uint64_t before = fal_alloc_count();
    fal_check_ok(fal_picture_scaler_fit(&scaler, 20, 20, &rule, &err), &err);
    assert_int_equal(fal_alloc_count(), before);
    fal_check_ok(fal_picture_scaler_fit(&scaler, 20, 20, &cut, &err), &err);
    assert_true(fal_alloc_count() > before);
    fal_picture_scaler *kept = scaler;
    fal_check_fails(fal_picture_scaler_fit(&scaler, 0, 20, &cut, &err), FAL_ERR_ARGUMENT, "0 x 20", &err);
    assert_ptr_equal(scaler, kept);
    fal_picture_scaler_free(&scaler);
}

static void test_refuses(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_picture_scaler *scaler = NULL;
    const fal_picture_rule good = {.side = 8}, empty = {.side = 0}, huge = {.side = FAL_PICTURE_SIDE_MAX + 1};
    const fal_picture_rule larger_cut = {.side = 8, .shorter = 7}, unknown = {.side = 8, .scaling = (fal_scaling)9};
    fal_check_fails(fal_picture_scaler_create(16385, 1, &good, &scaler, &err), FAL_ERR_ARGUMENT, "16385 x 1", &err);
    fal_check_fails(fal_picture_scaler_create(1, -1, &good, &scaler, &err), FAL_ERR_ARGUMENT, "1 x -1", &err);
    fal_check_fails(fal_picture_scaler_create(9, 9, &empty, &scaler, &err), FAL_ERR_ARGUMENT, "cut 0 pixels", &err);
    fal_check_fails(fal_picture_scaler_create(9, 9, &huge, &scaler, &err), FAL_ERR_ARGUMENT, "cut 1025", &err);
    fal_check_fails(fal_picture_scaler_create(9, 9, &larger_cut, &scaler, &err), FAL_ERR_ARGUMENT, "edge to 7", &err);
    fal_check_fails(fal_picture_scaler_create(9, 9, &unknown, &scaler, &err), FAL_ERR_ARGUMENT, "scaling 9", &err);
    assert_null(scaler);
}

/* The longest pictures there are: only what the square needs is held. */
static void test_extreme_shapes(void **state)
{
    (void)state;
    const int64_t sizes[][2] = {{16384, 1}, {1, 16384}, {16384, 3}, {1, 1}, {16384, 1}, {1, 16384}, {1, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const fal_picture_rule rule = {
            .side = 24, .shorter = 24, .scaling = i < 4 ? FAL_SCALE_BICUBIC : FAL_SCALE_OPENCV_BILINEAR};
        picture p = {sizes[i][0], sizes[i][1], fal_malloc((size_t)(sizes[i][0] * sizes[i][1] * 3))};
        assert_non_null(p.rgb);
        memset(p.rgb, 77, (size_t)(p.width * p.height * 3));
        uint8_t *got = scaled(&p, &rule), want[24 * 24 * 3];
        memset(want, 77, sizeof want);
        check_same("one colour", got, want, sizeof want);
        fal_free(got);
        fal_free(p.rgb);
    }
}

static fal_status create_once(void *rule, fal_error *err)
{
    fal_picture_scaler *scaler = NULL;
    const fal_status st = fal_picture_scaler_create(40, 30, rule, &scaler, err);
    fal_picture_scaler_free(&scaler);
    return st;
}

static void test_alloc_failures(void **state)
{
    (void)state;
    fal_picture_rule rule = {.side = 8, .shorter = 9};
    fal_check_alloc_failures("picture scaler", create_once, &rule);
    rule.scaling = FAL_SCALE_OPENCV_BILINEAR;
    fal_check_alloc_failures("picture scaler as OpenCV", create_once, &rule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sizes),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_videomae),
        cmocka_unit_test(test_fsfm),
        cmocka_unit_test(test_photographs),
        cmocka_unit_test(test_stride),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_extreme_shapes),
        cmocka_unit_test(test_alloc_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
