/* From the frame to the floats that a picture encoder's first layer reads: scaled and cut here, normalised by
 * encoder/pictures.h. Against the original preprocessing. */
#include "support/golden.h"
#include "support/test.h"

#include "core/alloc.h"
#include "core/json.h"
#include "encoder/pictures.h"
#include "media/picture_scale.h"

#include <stdio.h>
#include <unistd.h>

/* The originals compute in float32 too, in another order. */
static const double tolerance = 1e-6;

static void read_channels(const fal_json *config, const char *key, float out[3])
{
    const fal_json *list = fal_json_get(config, key);
    assert_int_equal(fal_json_count(list), 3);
    for (size_t c = 0; c < 3; c++)
        out[c] = (float)fal_json_real(fal_json_at(list, c), 0);
}

/* [3][side][side] of a picture [side][side][3]. */
static float *normalised(const uint8_t *pixels, int64_t side, const fal_levels *levels)
{
    float *out = fal_malloc_array((size_t)(3 * side * side), sizeof *out);
    assert_non_null(out);
    for (int64_t c = 0; c < 3; c++)
        for (int64_t i = 0; i < side * side; i++)
            out[c * side * side + i] = levels->value[c][pixels[3 * i + c]];
    return out;
}

/* False when the folder has no values for this item. */
static bool check_item(const char *folder, const char *image, const char *values, int64_t item,
                       const fal_picture_rule *rule, const fal_levels *levels)
{
    fal_error err = {0};
    char name[64];
    snprintf(name, sizeof name, "%s_%lld", values, (long long)item);
    if (access(fal_data_path("%s/%s.npy", folder, name), R_OK) != 0)
        return false;
    fal_npy in = fal_golden_npy_raw(fal_data_path("%s/%s_%lld.npy", folder, image, (long long)item));
    fal_npy want = fal_golden_npy(fal_data_path("%s/%s.npy", folder, name));
    const size_t side = (size_t)rule->side;
    fal_check_shape(name, &want, 3, ((size_t[]){3, side, side}));
    fal_picture_scaler *scaler = NULL;
    uint8_t *pixels = fal_malloc(side * side * 3);
    const int64_t height = (int64_t)in.shape[0], width = (int64_t)in.shape[1];
    fal_check_ok(fal_picture_scaler_create(width, height, rule, &scaler, &err), &err);
    fal_picture_scaler_run(scaler, in.data, 3 * width, pixels);
    float *got = normalised(pixels, rule->side, levels);
    fal_check_close(name, got, want.data, want.count, tolerance, 0);
    fal_picture_scaler_free(&scaler);
    fal_free(pixels);
    fal_free(got);
    fal_npy_free(&in);
    fal_npy_free(&want);
    return true;
}

typedef struct folder_rule {
    const char *folder, *image, *values, *side_key;
    fal_picture_rule rule; /* without the sizes */
    bool cut;              /* scaled on the shorter edge, then cut */
    int items;             /* with values */
} folder_rule;

static const folder_rule folders[] = {
    {"clip/preprocess_syn", "image", "pixel_values", "n_px", {.scaling = FAL_SCALE_BICUBIC}, true, 5},
    {"videomae/preprocess_frames_syn",
     "frame",
     "hf_pixel_values",
     "size",
     {.scaling = FAL_SCALE_BILINEAR, .crop_floor = true},
     true,
     3},
    {"fsfm/preprocess_faces_syn", "face", "pixel_values", "n", {.scaling = FAL_SCALE_BICUBIC}, false, 3},
};

static void test_folders(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof folders / sizeof *folders; f++) {
        const folder_rule *folder = &folders[f];
        fal_error err = {0};
        fal_json *root = NULL;
        float mean[3], std[3];
        fal_levels levels;
        int compared = 0;
        fal_check_ok(fal_json_read(fal_data_path("%s/case.json", folder->folder), &root, &err), &err);
        const fal_json *config = fal_json_get(root, "config"), *items = fal_json_get(config, "items");
        read_channels(config, "mean", mean);
        read_channels(config, "std", std);
        fal_levels_fill(&levels, mean, std);
        for (size_t i = 0; i < fal_json_count(items); i++) {
            fal_picture_rule rule = folder->rule;
            rule.side = fal_json_int(fal_json_get(fal_json_at(items, i), folder->side_key), 0);
            rule.shorter = folder->cut ? rule.side : 0;
            compared += check_item(folder->folder, folder->image, folder->values, (int64_t)i, &rule, &levels);
        }
        assert_int_equal(compared, folder->items);
        fal_json_free(&root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_folders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
