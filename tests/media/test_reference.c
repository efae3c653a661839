/* Real clips: every one opens and decodes to the same bytes as with the ffmpeg program.
 *
 * The sums are of `ffmpeg -i CLIP -map 0:v:0 -fps_mode passthrough -f rawvideo -pix_fmt rgb24 - | md5sum` (every frame
 * once) and the same with `-vf fps=25:start_time=0` (25 frames per second), FFmpeg 5.1 on x86-64 with AVX2. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/csv.h"
#include "core/str.h"
#include "media/clip.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/md5.h>
#include <libavutil/mem.h>

typedef struct clip_row {
    const char *name;
    int64_t native_frames;
    const char *native_md5;
    int64_t frames;
    const char *md5;
} clip_row;

static const clip_row clips[] = {
    {"fake_01_faceswap_porch_man.mp4", 120, "d5f1e7a6c278b415545e2f4c9642b146", 125,
     "1899d1bd9d99302fac874ce2d0064f98"},
    {"fake_02_hyperlips.mp4", 130, "f698ad03daf34c2427a90066e635eeb2", 130, "f698ad03daf34c2427a90066e635eeb2"},
    {"fake_03_wav2lip.mp4", 165, "1b49425f76fca866e8181e6d17887c75", 165, "1b49425f76fca866e8181e6d17887c75"},
    {"fake_04_latentsync.mp4", 102, "7bd879fb849280abda57e135281f5149", 102, "7bd879fb849280abda57e135281f5149"},
    {"fake_05_sadtalker_fullbody.mp4", 200, "3f02a323fb1a49e49af41f213265f63c", 200,
     "3f02a323fb1a49e49af41f213265f63c"},
    {"fake_06_sadtalker_art_256.mp4", 200, "a8eaf31d7abf14537a64a66073475e19", 200, "a8eaf31d7abf14537a64a66073475e19"},
    {"fake_07_dreamtalk_512.mp4", 202, "2a36f33b4100a421222a556adf3e8345", 203, "301135d44ca5b3c965bb1bc1e9aff59b"},
    {"fake_08_dfdc_faceswap_1080p.mp4", 98, "aa10c224f4a15806e41d30cbc4777168", 84, "0b3bd4d60d0f8ca1af56b139ca73a09f"},
    {"fake_09_roop_noaudio.mp4", 24, "8f68cbe6d4131f4ef11061e67b868c5d", 25, "37a3cf0e4895aa6206cd91bea4c890af"},
    {"fake_10_edtalk_512.mp4", 250, "eceddf8219e4d1d970cdcb26bf5b4876", 250, "eceddf8219e4d1d970cdcb26bf5b4876"},
    {"noface_01_bottles_noaudio.mp4", 181, "d51132d59a8a3c3885758d5af5afa5b2", 152, "3387a2ddeff1bae6d03a198b5c4f9dfc"},
    {"noface_02_car_silent_audio.mp4", 40, "46c5460507d1008a460c05ef979d169a", 80, "e7aa6c033c8958c8ab16117fccb4026c"},
    {"real_03_portrait_woman_hevc.mp4", 250, "f9d7c8ee733ab45a4fa116ca0e843adf", 250,
     "f9d7c8ee733ab45a4fa116ca0e843adf"},
    {"real_04_portrait_man_hevc_30fps.mp4", 182, "96c59a698fb7eae880ca162fbe671b71", 154,
     "77f7446c71d4d925b2a21139fc753002"},
    {"real_05_teacher_1278x720.mp4", 141, "52d8b531ed6baac011825fbc0032cbaf", 141, "52d8b531ed6baac011825fbc0032cbaf"},
    {"real_06_bearded_man_854x428.mp4", 165, "1ae93ce14a5ed504cbb509f8f91dc57c", 165,
     "1ae93ce14a5ed504cbb509f8f91dc57c"},
    {"real_07_porch_man_24fps.mp4", 120, "4346d76808b3061526a288b5ced68fbe", 125, "1526e498e8af9ce9ce51e8c19f3252c5"},
    {"real_08_dfdc_1080p_2997_mono.mp4", 98, "2be20e77e909dec5503e1a94d78b1a54", 83,
     "6a9f6ac8c179565716ed3dfae4123820"},
    {"real_09_drama_woman_23976.mp4", 88, "a74f2b84706a1e1400c354bebb3b44ad", 92, "72b3d8d69f1988516f07f0a763e0e833"},
    {"real_10_street_glasses_short.mp4", 61, "a3970657c60548ef3b835ae7e1be2c2d", 64,
     "08ddcc3d27d9b7de4b7382ce84077dff"},
    {"real_11_suit_man_vfr_700x700.mp4", 135, "c533fff40d3548ddb2a9a65271de7c74", 153,
     "91d77da8a6e412f76720fdb4b45d7045"},
    {"real_12_two_faces_2997.mp4", 122, "e8b527609de3013d7c5e60982cc8de26", 103, "5d0540516e6cd97cef0d0263665799cb"},
    {"real_13_mead_noaudio_256.mp4", 108, "0ce4ff3777bd2adb2ada7ad6136fa5e7", 108, "0ce4ff3777bd2adb2ada7ad6136fa5e7"},
    {"real_15_car_woman_noaudio.mp4", 24, "c9a46c1af53965bae18cd332cbd65e19", 25, "a34672964fa5e16bf60502711f0a421b"},
    {"real_20_rotated_phone_derived.mp4", 150, "5a1dc70e70e07052a87f6c6a8c57da40", 125,
     "0c67dffd503f37cb6a7a473017919539"},
    {"real_21_50fps_8khz_mono_derived.mp4", 226, "a888328df1caf269005b3518e14e5ce0", 113,
     "2828c797b626938ec615d0b85a4b16b7"},
    {"unlabelled_01_profile_dfdc.mp4", 122, "5cd6def7be97f26ea94607b4d35a3ea4", 103,
     "33c8120d80d18d43996118bdda363019"},
    {"real_14_asl_noaudio.mkv", 87, "46aa73f1f98ff7d7f606a0f852a06277", 73, "f8c6d7f978f215de669ff5394e298139"},
    {"real_26_av1_delayed_audio_derived.mkv", 88, "88355ac8ff4026601cdda7fab837a383", 92,
     "bfb72ba16c1debe4c6c4f7a65e5d5ad1"},
    {"real_23_vp9_opus_derived.webm", 75, "1b47405965e829c6cb51179edffde1df", 75, "1b47405965e829c6cb51179edffde1df"},
    {"real_24_h264_pcm32k_derived.mov", 120, "ccbf2c00cc047860cdb92d564383b88b", 100,
     "16de4de7f7bad480d7a6f27a6a9eb830"},
    {"real_22_gray_22khz_derived.avi", 75, "79a9985fa423e8702b5c81ce8b3cc883", 77, "6ddfa8be6dbabf5e3889c32bc4ecbf50"},
    {"real_01_grid_man_mpeg1.mpg", 75, "37726508f55c11d56bc036859855167e", 75, "37726508f55c11d56bc036859855167e"},
    {"real_02_grid_glasses_mpeg1.mpg", 75, "26b3c07bc47f1278ea08112d02958b2e", 75, "26b3c07bc47f1278ea08112d02958b2e"},
    {"real_25_h263_15fps_derived.3gp", 45, "a56617644a737de520f3aa9de8955e89", 75, "8587d8222a103a46938e96b4f14fc2a9"},
};

typedef struct sum {
    struct AVMD5 *md5;
    char text[33];
} sum;

static void add_frame(sum *s, const fal_frame *frame)
{
    for (int64_t y = 0; y < frame->height; y++)
        av_md5_update(s->md5, frame->data + y * frame->stride, (size_t)(3 * frame->width));
}

static void finish(sum *s)
{
    uint8_t digest[16];
    av_md5_final(s->md5, digest);
    for (int i = 0; i < 16; i++)
        snprintf(s->text + 2 * i, 3, "%02x", digest[i]);
    av_freep(&s->md5);
}

static fal_clip *open_clip(const char *name, bool exact)
{
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(fal_reference_path("media/%s", name), &(fal_clip_options){.exact = exact, .threads = 2},
                               &clip, &err),
                 &err);
    return clip;
}

static bool check_frames(const clip_row *row, bool exact)
{
    fal_clip *clip = open_clip(row->name, exact);
    const fal_video_info *video = &fal_clip_info(clip)->video;
    sum s = {.md5 = av_md5_alloc()};
    int64_t count = 0, want = exact ? row->native_frames : row->frames;
    fal_frame frame;
    fal_error err = {0};
    av_md5_init(s.md5);
    for (bool end = false;; count++) {
        fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
        if (end)
            break;
        assert_true(frame.width == video->width && frame.height == video->height);
        add_frame(&s, &frame);
    }
    finish(&s);
    const char *want_md5 = exact ? row->native_md5 : row->md5;
    bool same = count == want && strcmp(s.text, want_md5) == 0;
    if (!same)
        print_error("%s%s: %d frames with sum %s, want %d with %s\n", row->name, exact ? " (exact)" : "", (int)count,
                    s.text, (int)want, want_md5);
    assert_int_equal(fal_clip_report(clip)->video_errors, 0);
    assert_true(fal_clip_report(clip)->lost_video_s == 0);
    fal_clip_free(&clip);
    return same;
}

static void check_all(bool exact)
{
    fal_skip_without(fal_reference_path("media/manifest.csv"));
    size_t failed = 0, decoded = 0;
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++) {
        /* Long clips that have 25 frames per second anyway are not decoded twice. */
        bool known = !exact && clips[i].frames > 100 && strcmp(clips[i].md5, clips[i].native_md5) == 0;
        failed += !known && !check_frames(&clips[i], exact);
        decoded += !known;
    }
    print_message("%zu clips decoded, %zu differ\n", decoded, failed);
    assert_int_equal(failed, 0);
}

static void test_every_frame(void **state)
{
    (void)state;
    check_all(true);
}

static void test_25_frames_per_second(void **state)
{
    (void)state;
    check_all(false);
}

/* Sound is as long as the headers say, to a codec frame. */
static void check_sound(fal_clip *clip)
{
    const fal_audio_info *audio = &fal_clip_info(clip)->audio;
    for (int mode = 0; mode < 2; mode++) {
        float *samples = NULL;
        size_t count = 0, loud = 0;
        fal_error err = {0};
        fal_check_ok(fal_clip_read_audio(clip, (fal_resample_mode)mode, &samples, &count, &err), &err);
        double got_s = (double)count / FAL_AUDIO_RATE, want_s = audio->duration_s + audio->start_s;
        if (fabs(got_s - want_s) > 0.15)
            fail_msg("%s: %.3f s of sound, want about %.3f", fal_clip_path(clip), got_s, want_s);
        for (size_t i = 0; i < count; i++)
            loud += !(fabsf(samples[i]) <= 1.3f); /* counts NaN as well; filters overshoot at clipped peaks */
        assert_int_equal(loud, 0);
        fal_free(samples);
    }
    assert_int_equal(fal_clip_report(clip)->audio_errors, 0);
    assert_true(fal_clip_report(clip)->lost_audio_s == 0);
}

static void test_every_file_of_the_manifest(void **state)
{
    (void)state;
    fal_skip_without(fal_reference_path("media/manifest.csv"));
    fal_csv table;
    fal_error err = {0};
    fal_check_ok(fal_csv_read(fal_reference_path("media/manifest.csv"), &table, &err), &err);
    int path = fal_csv_column(&table, "path"), kind = fal_csv_column(&table, "kind");
    for (size_t row = 0; row < table.rows; row++) {
        const char *what = fal_csv_cell(&table, row, kind);
        fal_clip *clip = open_clip(fal_csv_cell(&table, row, path), false);
        const fal_media_info *info = fal_clip_info(clip);
        assert_true(info->video.present == !fal_str_starts(what, "audio"));
        if (fal_str_starts(what, "av") || fal_str_starts(what, "audio"))
            assert_true(info->audio.present);
        if (strcmp(what, "noaudio") == 0)
            assert_false(info->audio.present);
        if (info->audio.present)
            check_sound(clip);
        fal_clip_free(&clip);
    }
    print_message("%zu files opened\n", table.rows);
    fal_csv_free(&table);
}

static void test_known_properties(void **state)
{
    (void)state;
    fal_skip_without(fal_reference_path("media/manifest.csv"));
    fal_media_info info;
    fal_error err = {0};
    fal_check_ok(fal_media_probe(fal_reference_path("media/real_20_rotated_phone_derived.mp4"), &info, &err), &err);
    assert_int_equal(info.video.rotation_deg, 90);
    assert_int_equal(info.video.width, 540);
    assert_int_equal(info.video.height, 960);
    fal_check_ok(fal_media_probe(fal_reference_path("media/real_11_suit_man_vfr_700x700.mp4"), &info, &err), &err);
    assert_true(info.video.variable_rate);
    fal_check_ok(fal_media_probe(fal_reference_path("media/real_26_av1_delayed_audio_derived.mkv"), &info, &err), &err);
    assert_true(fabs(info.audio.start_s - 0.2) < 0.001);
    assert_string_equal(info.video.codec, "av1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_frame),
        cmocka_unit_test(test_25_frames_per_second),
        cmocka_unit_test(test_every_file_of_the_manifest),
        cmocka_unit_test(test_known_properties),
    };
    return cmocka_run_group_tests_name("media/reference", tests, NULL, NULL);
}
