#include "support/test.h"

#include "core/json.h"
#include "media/sampling.h"

enum { MOST = 64 };

static void check_indices(const int64_t *got, const fal_json *want, int64_t n)
{
    assert_int_equal(fal_json_count(want), n);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(got[i], fal_json_int(fal_json_at(want, (size_t)i), -1));
}

static void test_kinetics(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_json *cases = NULL;
    int64_t got[FAL_SAMPLE_WINDOW];
    fal_check_ok(fal_json_read(fal_data_path("videomae/sampling/sampling.json"), &cases, &err), &err);
    assert_int_equal(fal_json_count(cases), 8);
    for (size_t i = 0; i < fal_json_count(cases); i++) {
        const fal_json *one = fal_json_at(cases, i), *clips = fal_json_get(one, "clips");
        const int64_t windows = fal_json_int(fal_json_get(one, "test_num_segment"), 0);
        assert_int_equal(fal_json_count(clips), windows);
        for (int64_t w = 0; w < windows; w++) {
            fal_sample_kinetics(fal_json_int(fal_json_get(one, "total_frames"), 0),
                                fal_json_int(fal_json_get(one, "frame_sample_rate"), 0), windows, w, got);
            check_indices(got, fal_json_at(clips, (size_t)w), FAL_SAMPLE_WINDOW);
        }
    }
    fal_json_free(&cases);
}

static void test_uniform(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_json *root = NULL;
    int64_t got[MOST];
    fal_check_ok(fal_json_read(fal_data_path("fsfm/preprocess_faces_syn/face_crop.json"), &root, &err), &err);
    const fal_json *cases = fal_json_get(root, "uniform_frames");
    assert_true(fal_json_count(cases) >= 3);
    for (size_t i = 0; i < fal_json_count(cases); i++) {
        const fal_json *one = fal_json_at(cases, i);
        const int64_t count = fal_json_int(fal_json_get(one, "num"), 0);
        assert_in_range(count, 1, MOST);
        fal_sample_uniform(fal_json_int(fal_json_get(one, "total"), 0), count, got);
        check_indices(got, fal_json_get(one, "indices"), count);
    }
    fal_json_free(&root);
    fal_sample_uniform(9, 1, got);
    assert_int_equal(got[0], 0);
}

/* No reference file holds these: 40 frames in 16 parts of 2.5, and fewer frames than parts. */
static void test_ssv2(void **state)
{
    (void)state;
    const int64_t first[FAL_SAMPLE_WINDOW] = {0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30, 32, 35, 37};
    const int64_t second[FAL_SAMPLE_WINDOW] = {1, 3, 6, 8, 11, 13, 16, 18, 21, 23, 26, 28, 31, 33, 36, 38};
    const int64_t few[FAL_SAMPLE_WINDOW] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2};
    int64_t got[FAL_SAMPLE_WINDOW];
    fal_sample_ssv2(40, 0, got);
    assert_memory_equal(got, first, sizeof got);
    fal_sample_ssv2(40, 1, got);
    assert_memory_equal(got, second, sizeof got);
    fal_sample_ssv2(3, 1, got);
    assert_memory_equal(got, few, sizeof got);
}

static void test_stays_inside(void **state)
{
    (void)state;
    int64_t got[MOST];
    for (int64_t total = 1; total < 300; total++) {
        for (int64_t w = 0; w < FAL_SAMPLE_KINETICS_WINDOWS; w++) {
            fal_sample_kinetics(total, FAL_SAMPLE_KINETICS_RATE, FAL_SAMPLE_KINETICS_WINDOWS, w, got);
            fal_sample_ssv2(total, w % FAL_SAMPLE_SSV2_WINDOWS, got + FAL_SAMPLE_WINDOW);
            fal_sample_uniform(total, FAL_SAMPLE_FSFM_FRAMES, got + 2 * FAL_SAMPLE_WINDOW);
            for (int i = 0; i < MOST; i++)
                assert_in_range(got[i], 0, total - 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinetics),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_ssv2),
        cmocka_unit_test(test_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
