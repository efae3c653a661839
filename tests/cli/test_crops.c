/* Crops as a user meets them: made once, gone on with, read in place of the clips, kept apart from what clips gave. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "media/synth.h"
#include "support/golden.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 24 };

/* Three clips: sound and picture, picture only, sound only; and a file that is none. */
static const char *dataset(void)
{
    const synth_video video = {
        .encoder = "png", .pixel_format = "rgb24", .width = 112, .height = 100, .frames = FRAMES, .fps = 25};
    const synth_audio sound = {.encoder = "pcm_s16le", .rate = 22050, .channels = 2, .length_ms = 40 * FRAMES};
    if (access(fal_temp_path("data/list.csv"), R_OK) != 0) {
        write_text(fal_temp_path("data/id/bad.mov"), "no clip at all");
        synth_clip(fal_temp_path("data/id/both.mov"), "mov", &video, &sound);
        synth_clip(fal_temp_path("data/id/mute.mov"), "mov", &video, NULL);
        synth_clip(fal_temp_path("data/dark.mov"), "mov", NULL, &sound);
        write_text(fal_temp_path("data/list.csv"), "path,label\nid/both.mov,0\nid/mute.mov,1\ndark.mov,0\n");
        write_text(fal_temp_path("data/worse.csv"), "path,label\nid/both.mov,0\nid/bad.mov,1\n");
    }
    return fal_temp_path("data/list.csv"); /* anew: a path lasts for 31 more */
}

static const char *lip_reader(void)
{
    return fal_data_path("braven/video_ft_syn/vsr_syn_ft_braven.pth");
}
static const char *both_streams(void)
{
    return fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt");
}
#define EXTRACT "extract", "-q", "-j", "1", dataset()
#define ENCODERS "-e", tiny_encoder(), "-e", lip_reader(), "-e", both_streams()

static const char *crops(void)
{
    if (access(fal_temp_path("crops"), R_OK) != 0)
        expect(run(EXTRACT, "--save-crops", fal_temp_path("crops")), 0,
               "crops: 3 clips, 3 written, 0 already there, 0 failed", NULL);
    return fal_temp_path("crops");
}

/* Nothing fits all three clips: each encoder misses one or two. */
static const char *straight(void)
{
    if (access(fal_temp_path("straight"), R_OK) != 0)
        expect(run(EXTRACT, ENCODERS, "-o", fal_temp_path("straight")), 1,
               "3 clips x 3 encoders, 5 written, 0 already there, 4 failed", NULL);
    return fal_temp_path("straight");
}

static bool there(const char *path)
{
    return access(path, R_OK) == 0;
}

static void check_holds(const char *path, const char *part)
{
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    if (!strstr(text.data, part))
        fail_msg("%s holds\n%s\nwant '%s'", path, text.data, part);
    fal_buf_free(&text);
}

/* ---- saving ---- */

static void test_crops_alone(void **state)
{
    (void)state;
    crops();
    assert_true(there(fal_temp_path("crops/id/both_roi.mp4")) && there(fal_temp_path("crops/id/both.wav")));
    assert_true(there(fal_temp_path("crops/id/mute_roi.mp4")) && !there(fal_temp_path("crops/id/mute.wav")));
    assert_true(!there(fal_temp_path("crops/dark_roi.mp4")) && there(fal_temp_path("crops/dark.wav")));
    check_holds(fal_temp_path("crops/crops.json"), "\"mouth_alignment\": \"avhubert\"");
    check_holds(fal_temp_path("crops/failed.csv"), "path,encoder,reason");
    assert_int_equal(files_in(crops(), ".npz") + files_in(fal_temp_path("crops/id"), ".npz"), 0);
}

static void test_crops_again(void **state)
{
    (void)state;
    expect(run(EXTRACT, "--save-crops", crops()), 0, "0 written, 3 already there, 0 failed", NULL);
    assert_int_equal(truncate(fal_temp_path("crops/id/both_roi.mp4"), 200), 0);
    assert_int_equal(unlink(fal_temp_path("crops/dark.wav")), 0);
    expect(run(EXTRACT, "--save-crops", crops()), 0, "2 written, 1 already there, 0 failed", NULL);
    expect(run(EXTRACT, "--save-crops", crops()), 0, "0 written, 3 already there, 0 failed", NULL);
}

static void test_missing_face_is_said(void **state)
{
    (void)state;
    expect(run("extract", "-j", "1", dataset(), "--save-crops", fal_temp_path("said")), 0, "3 clips, 3 written",
           "id/mute.mov: no face found, its crops are the middle of its frames");
}

static void test_crops_that_cannot_be_made(void **state)
{
    (void)state;
    dataset();
    expect(run("extract", "-q", fal_temp_path("data/worse.csv"), "--save-crops", fal_temp_path("some")), 1,
           "2 clips, 1 written, 0 already there, 1 failed", "some/failed.csv tells why");
    check_holds(fal_temp_path("some/failed.csv"), "id/bad.mov,crops,");
    assert_int_equal(files_in(fal_temp_path("some/id"), ""), 2);
}

static void test_crops_beside_features(void **state)
{
    (void)state;
    crops(), straight();
    expect(run(EXTRACT, ENCODERS, "-o", fal_temp_path("beside"), "--save-crops", fal_temp_path("beside-crops")), 1,
           "3 clips x 3 encoders and their crops, 8 written, 0 already there, 4 failed", "files are missing");
    check_same_file(fal_temp_path("beside-crops/id/both_roi.mp4"), fal_temp_path("crops/id/both_roi.mp4"));
    check_same_file(fal_temp_path("beside-crops/id/both.wav"), fal_temp_path("crops/id/both.wav"));
    check_same_file(fal_temp_path("beside/checkpoint_ft/id/both.npz"),
                    fal_temp_path("straight/checkpoint_ft/id/both.npz"));
    assert_false(there(fal_temp_path("beside-crops/failed.csv")));
}

static void test_one_kind_of_crops_in_a_folder(void **state)
{
    (void)state;
    expect(run(EXTRACT, "--save-crops", crops(), "--mouth-alignment", "avhubert"), 0, "3 already there", NULL);
    expect(run(EXTRACT, "--save-crops", crops(), "--mouth-alignment", "auto-avsr"), 1, NULL, "other settings");
    expect(run(EXTRACT, "--save-crops", crops(), "--exact-preprocessing"), 1, NULL, "use another folder");
}

/* ---- reading ---- */

static double distance(const float *a, const float *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    return sqrt(sum);
}

/* The lossy step moves lip features by little: measured against how far apart the clip's first and last row are. */
static void check_near(const char *file, const char *key)
{
    fal_npy got = fal_golden_npz(fal_temp_path("from/%s", file), key);
    fal_npy want = fal_golden_npz(fal_temp_path("straight/%s", file), key);
    const float *x = fal_npy_f32(&got), *y = fal_npy_f32(&want);
    const size_t rows = want.shape[0], dim = want.shape[1];
    double farthest = 0, scale = distance(y, y + (rows - 1) * dim, dim);
    assert_int_equal(got.count, want.count);
    for (size_t row = 0; row < rows; row++)
        farthest = fmax(farthest, distance(x + row * dim, y + row * dim, dim));
    print_message("%s %s: rows moved by %.3g at most, the clip's first and last are %.3g apart\n", file, key, farthest,
                  scale);
    assert_true(farthest > 0 && farthest < 0.25 * scale);
    fal_npy_free(&got);
    fal_npy_free(&want);
}

static void test_from_crops(void **state)
{
    (void)state;
    crops(), straight();
    expect(run(EXTRACT, ENCODERS, "--root", crops(), "--from-crops", "-o", fal_temp_path("from")), 1,
           "3 clips x 3 encoders, 5 written, 0 already there, 4 failed", NULL);
    check_same_file(fal_temp_path("from/model-audio/id/both.npz"), fal_temp_path("straight/model-audio/id/both.npz"));
    check_same_file(fal_temp_path("from/model-audio/dark.npz"), fal_temp_path("straight/model-audio/dark.npz"));
    check_near("vsr_syn_ft_braven-video/id/both.npz", "arr_0");
    check_near("vsr_syn_ft_braven-video/id/mute.npz", "arr_0");
    check_near("checkpoint_ft/id/both.npz", "visual");
    check_near("checkpoint_ft/id/both.npz", "multimodal");
    fal_npy got = fal_golden_npz(fal_temp_path("from/checkpoint_ft/id/both.npz"), "audio");
    fal_npy want = fal_golden_npz(fal_temp_path("straight/checkpoint_ft/id/both.npz"), "audio");
    assert_int_equal(got.count, want.count);
    fal_check_close("sound", fal_npy_f32(&got), fal_npy_f32(&want), want.count, 0, 0);
    fal_npy_free(&got);
    fal_npy_free(&want);
    check_holds(fal_temp_path("from/failed.csv"), "id/mute.mov,model-audio,the clip has no audio");
    check_holds(fal_temp_path("from/checkpoint_ft/extract.json"), "\"from_crops\": true");
    check_holds(fal_temp_path("from/checkpoint_ft/extract.json"), "\"mouth_alignment\": \"avhubert\"");
}

static void test_crops_and_clips_do_not_mix(void **state)
{
    (void)state;
    crops();
    expect(run(EXTRACT, "-e", lip_reader(), "-o", fal_temp_path("apart")), 1, "2 written", NULL);
    expect(run(EXTRACT, "-e", lip_reader(), "--root", crops(), "--from-crops", "-o", fal_temp_path("apart")), 1, NULL,
           "other settings");
}

static void test_list_of_pictures(void **state)
{
    (void)state;
    crops();
    write_text(fal_temp_path("crops/list.csv"), "path,label\nid/both_roi.mp4,0\nid/gone_roi.mp4,0\n");
    expect(run("extract", "-q", fal_temp_path("crops/list.csv"), "--from-crops", "-e", both_streams(), "-o",
               fal_temp_path("named")),
           1, "2 clips, 1 written, 0 already there, 1 failed", NULL);
    assert_true(there(fal_temp_path("named/id/both_roi.npz")));
    check_holds(fal_temp_path("named/failed.csv"), "there is neither");
}

static void test_trees_of_others(void **state)
{
    (void)state;
    crops();
    assert_int_equal(unlink(fal_temp_path("crops/crops.json")), 0); /* as if the original scripts had made it */
    expect(run(EXTRACT, "-e", lip_reader(), "--root", crops(), "--from-crops", "-o", fal_temp_path("others")), 1,
           "2 written, 0 already there, 1 failed", NULL);
    check_holds(fal_temp_path("others/extract.json"), "\"mouth_alignment\": \"unknown\"");
    check_holds(fal_temp_path("others/failed.csv"), "dark.mov,");
}

/* ---- what does not go together ---- */

static void test_encoders_of_other_pictures(void **state)
{
    (void)state;
    const char *faces = fal_temp_path("faces.safetensors"), *never = fal_temp_path("never");
    expect(run("models", "import", "--heads", "3", fal_data_path("fsfm/pretrain_online_syn/checkpoint-400.pth"), "-o",
               faces),
           0, NULL, NULL);
    expect(run(EXTRACT, "--from-crops", "-e", fal_data_path("clip/hf_safetensors_syn"), "-o", never), 1, NULL,
           "reads whole frames, crops hold mouths only");
    expect(run(EXTRACT, "--from-crops", "-e", tiny_encoder(), "-e", faces, "-o", never), 1, NULL, "reads faces");
    assert_false(there(never));
}

static void test_misuse(void **state)
{
    (void)state;
    expect(run(EXTRACT), 2, NULL, "--save-crops");
    expect(run(EXTRACT, "-e", tiny_encoder(), "--save-crops", "x"), 2, NULL, "-o");
    expect(run(EXTRACT, "-o", "x", "--from-crops", "--save-crops", "y"), 2, NULL, "--save-crops");
    expect(run(EXTRACT, "-o", "x", "--from-crops", "--mouth-alignment", "auto-avsr"), 2, NULL, "--mouth-alignment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crops_alone),
        cmocka_unit_test(test_crops_again),
        cmocka_unit_test(test_missing_face_is_said),
        cmocka_unit_test(test_crops_that_cannot_be_made),
        cmocka_unit_test(test_crops_beside_features),
        cmocka_unit_test(test_one_kind_of_crops_in_a_folder),
        cmocka_unit_test(test_from_crops),
        cmocka_unit_test(test_crops_and_clips_do_not_mix),
        cmocka_unit_test(test_list_of_pictures),
        cmocka_unit_test(test_trees_of_others),
        cmocka_unit_test(test_encoders_of_other_pictures),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
