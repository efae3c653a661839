/* Trees of crops: written from clips, read in place of them, made by others. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"
#include "face/mouth.h"
#include "feature/clip_encode.h"
#include "feature/crop_inputs.h"
#include "feature/crop_saving.h"
#include "media/movie.h"
#include "media/synth.h"
#include "media/wav_file.h"
#include "support/alloc_fail.h"
#include "support/golden.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES = 20, PIXELS = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE };

static fal_detector *detector;

static int open_detector(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    return 0;
}

static int close_detector(void **state)
{
    (void)state;
    fal_detector_free(&detector);
    return 0;
}

/* ---- material ---- */

static const synth_video drawn = {
    .encoder = "png", .pixel_format = "rgb24", .width = 128, .height = 112, .frames = FRAMES, .fps = 25};
static const synth_audio tone = {.encoder = "pcm_s16le", .rate = 44100, .channels = 2, .length_ms = FRAMES * 40};

/* Without a face: its crops are the middle of its frames. */
static const char *clip_of(const char *name, const synth_video *video, const synth_audio *audio)
{
    const char *path = fal_temp_path("clips/%s.mov", name);
    fal_error err = {0};
    fal_check_ok(fal_make_dirs(fal_temp_path("clips"), &err), &err);
    synth_clip(path, "mov", video, audio);
    return path;
}

static void save(const char *clip, const char *place, fal_input_request how)
{
    fal_crop_saving saving;
    fal_clip_inputs in;
    fal_error err = {0};
    fal_check_ok(fal_crop_saving_open(clip, place, how.exact, &saving, &err), &err);
    const fal_picture_sink sink = fal_crop_saving_sink(&saving);
    how.crop_sink = saving.lacks_pictures ? &sink : NULL;
    how.detector = detector;
    fal_check_ok(fal_clip_inputs_read(clip, &how, &in, &err), &err);
    fal_check_ok(fal_crop_saving_finish(&saving, &in, &err), &err);
    fal_clip_inputs_free(&in);
    fal_crop_saving_free(&saving);
}

static fal_clip_inputs read_inputs(const char *path, fal_input_request how)
{
    fal_clip_inputs in = {0};
    fal_error err = {0};
    how.detector = how.from_crops ? NULL : detector;
    fal_check_ok(fal_clip_inputs_read(path, &how, &in, &err), &err);
    return in;
}

/* A tree's pictures, made by somebody: all of one grey level per picture. */
static void write_pictures(const char *path, int64_t width, int64_t height, int count)
{
    fal_movie *movie = NULL;
    fal_error err = {0};
    uint8_t *rgb = fal_malloc_array((size_t)(width * height), 3);
    assert_non_null(rgb);
    fal_check_ok(fal_movie_create(path, width, height, &movie, &err), &err);
    for (int i = 0; i < count; i++) {
        memset(rgb, 40 + 8 * i, (size_t)(width * height * 3));
        fal_check_ok(fal_movie_add(movie, rgb, 3 * width, &err), &err);
    }
    fal_check_ok(fal_movie_commit(&movie, &err), &err);
    fal_free(rgb);
}

/* Mean and greatest difference of levels; fails above the bounds. */
static void check_levels(const char *what, const uint8_t *got, const uint8_t *want, size_t count, double mean, int most)
{
    double sum = 0;
    int worst = 0;
    for (size_t i = 0; i < count; i++) {
        int difference = abs(got[i] - want[i]);
        sum += difference;
        worst = difference > worst ? difference : worst;
    }
    print_message("%s: levels differ by %.3f (at most %.1f wanted), worst %d (%d)\n", what, sum / (double)count, mean,
                  worst, most);
    assert_true(count > 0 && sum <= mean * (double)count && worst <= most);
}

/* ---- from a clip to crops and back ---- */

static const fal_input_request all_inputs = {.wave = true, .logfbank = true, .mouth = true, .mouth_avsr = true};

static void check_same_sound(const fal_clip_inputs *got, const fal_clip_inputs *want)
{
    assert_int_equal(got->wave_count, want->wave_count);
    assert_int_equal(got->audio_rows, want->audio_rows);
    fal_check_close("waveform", got->wave, want->wave, (size_t)want->wave_count, 0, 0);
    fal_check_close("filterbank", got->logfbank, want->logfbank, (size_t)want->audio_rows * 104, 0, 0);
}

static void check_round_trip(const char *clip, const char *place, fal_input_request how, double mean, int most)
{
    save(clip, place, (fal_input_request){.mouth_alignment = how.mouth_alignment});
    fal_clip_inputs want = read_inputs(clip, how);
    const bool colours_too = how.mouth_alignment == FAL_MOUTH_AUTO_AVSR; /* else the clip's are cut in another way */
    how.from_crops = true;
    how.mouth_alignment = FAL_MOUTH_BY_FAMILY;
    fal_clip_inputs got = read_inputs(place, how);
    assert_int_equal(got.frames, want.frames);
    assert_true(got.start_s == want.start_s);
    assert_int_equal(got.report.warnings, 0);
    assert_true(got.media.video.present && got.media.audio.present && got.has_video && got.has_audio);
    assert_false(got.face.looked);
    check_same_sound(&got, &want);
    check_levels("grey", got.mouth, want.mouth, (size_t)want.frames * PIXELS, mean, most);
    if (colours_too)
        check_levels("colour", got.mouth_avsr, want.mouth_avsr, (size_t)want.frames * PIXELS * 3, mean, most);
    fal_clip_inputs_free(&want);
    fal_clip_inputs_free(&got);
}

static void test_round_trip(void **state)
{
    (void)state;
    const char *clip = clip_of("drawn", &drawn, &tone);
    check_round_trip(clip, fal_temp_path("tree/drawn.mov"), all_inputs, 2, 30);
}

/* Crops are never trimmed; what is read from them is, and loses what the clip would. */
static void test_round_trip_of_trimmed_silence(void **state)
{
    (void)state;
    synth_audio late = tone;
    late.start_ms = 200;
    fal_input_request how = all_inputs;
    how.trim_silence = true;
    const char *clip = clip_of("late", &drawn, &late), *place = fal_temp_path("tree/late.mov");
    check_round_trip(clip, place, how, 2, 30);
    fal_clip_inputs whole = read_inputs(place, (fal_input_request){.mouth = true, .from_crops = true});
    fal_clip_inputs cut =
        read_inputs(place, (fal_input_request){.mouth = true, .trim_silence = true, .from_crops = true});
    assert_int_equal(whole.frames, FRAMES);
    assert_in_range(cut.frames, FRAMES - 7, FRAMES - 5);
    int64_t skipped = whole.frames - cut.frames;
    assert_memory_equal(cut.mouth, whole.mouth + skipped * PIXELS, (size_t)cut.frames * PIXELS);
    fal_clip_inputs_free(&whole);
    fal_clip_inputs_free(&cut);
}

/* dlib's detector is a header: with sanitizers a face search takes twenty times as long. */
static void skip_when_sanitized(void)
{
#ifdef FAL_ALLOC_FAIL
    print_message("skipped: faces of a real clip, too slow with sanitizers; other builds run it\n");
    skip();
#endif
}

static void test_round_trip_of_a_face(void **state)
{
    (void)state;
    const char *clip = fal_reference_path("media/fake_06_sadtalker_art_256.mp4");
    fal_skip_without(clip);
    skip_when_sanitized();
    fal_input_request how = all_inputs;
    check_round_trip(clip, fal_temp_path("tree/face.mp4"), how, 2.5, 70);
    how.mouth_alignment = FAL_MOUTH_AUTO_AVSR;
    check_round_trip(clip, fal_temp_path("avsr/face.mp4"), how, 2.5, 70);
}

/* ---- official trees ---- */

/* The file that the original script wrote, and what OpenCV read back from it. */
static void test_official_pictures(void **state)
{
    (void)state;
    const char *folder = fal_golden_path("avhubert/mouth_roi_margin12");
    fal_skip_without(folder);
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_golden_path("avhubert/mouth_roi_margin12/roi.mp4"), 0, &bytes, &err), &err);
    fal_check_ok(fal_file_write(fal_temp_path("official/id04/abc_roi.mp4"), bytes.data, bytes.length, &err), &err);
    fal_buf_free(&bytes);
    fal_npy want = fal_golden_npy_raw(fal_golden_path("avhubert/mouth_roi_margin12/roi_mp4_gray.npy"));
    fal_clip_inputs in =
        read_inputs(fal_temp_path("official/id04/abc.mp4"), (fal_input_request){.mouth = true, .from_crops = true});
    assert_int_equal(in.frames, want.shape[0]);
    assert_false(in.has_audio);
    check_levels("OpenCV's reading", in.mouth, want.data, want.count, 0.1, 2);
    fal_clip_inputs_free(&in);
    fal_npy_free(&want);
}

/* Crops written here lose what those of the original script lose: 1.30 levels in the mean, 18 at most. */
static void test_loss_is_that_of_the_original(void **state)
{
    (void)state;
    fal_skip_without(fal_golden_path("avhubert/mouth_roi_margin12"));
    fal_npy bgr = fal_golden_npy_raw(fal_golden_path("avhubert/mouth_roi_margin12/roi_bgr.npy"));
    fal_npy grey = fal_golden_npy_raw(fal_golden_path("avhubert/mouth_roi_margin12/roi_gray.npy"));
    uint8_t *pixels = bgr.data;
    fal_movie *movie = NULL;
    fal_error err = {0};
    for (size_t i = 0; i < bgr.count; i += 3) {
        uint8_t blue = pixels[i];
        pixels[i] = pixels[i + 2];
        pixels[i + 2] = blue;
    }
    fal_check_ok(fal_movie_create(fal_temp_path("loss/a_roi.mp4"), 96, 96, &movie, &err), &err);
    for (size_t t = 0; t < bgr.shape[0]; t++)
        fal_check_ok(fal_movie_add(movie, pixels + t * 3 * PIXELS, 3 * 96, &err), &err);
    fal_check_ok(fal_movie_commit(&movie, &err), &err);
    fal_clip_inputs in =
        read_inputs(fal_temp_path("loss/a.mp4"), (fal_input_request){.mouth = true, .from_crops = true});
    assert_int_equal(in.frames, grey.shape[0]);
    check_levels("loss", in.mouth, grey.data, grey.count, 1.4, 24);
    fal_clip_inputs_free(&in);
    fal_npy_free(&bgr);
    fal_npy_free(&grey);
}

/* Upstream takes one picture for one step of 1/25 s, whatever the file says. */
static void test_every_picture_once(void **state)
{
    (void)state;
    synth_video fast = drawn;
    fast.encoder = "mpeg4", fast.pixel_format = "yuv420p", fast.fps = 30, fast.width = fast.height = 96;
    fal_error err = {0};
    fal_check_ok(fal_make_dirs(fal_temp_path("fast"), &err), &err);
    synth_clip(fal_temp_path("fast/a_roi.mp4"), "mp4", &fast, NULL);
    fal_clip_inputs in =
        read_inputs(fal_temp_path("fast/a.mp4"), (fal_input_request){.mouth = true, .from_crops = true});
    assert_int_equal(in.frames, FRAMES);
    assert_true(in.frame_hz == 25);
    fal_clip_inputs_free(&in);
}

/* A list may name the pictures themselves. */
static void test_pictures_named_themselves(void **state)
{
    (void)state;
    fal_crop_files files;
    fal_error err = {0};
    fal_check_ok(fal_crop_files_name("a/b.mp4", &files, &err), &err);
    assert_string_equal(files.pictures, "a/b_roi.mp4");
    assert_string_equal(files.sound, "a/b.wav");
    fal_crop_files_free(&files);
    fal_check_ok(fal_crop_files_name("a/b_roi.mp4", &files, &err), &err);
    assert_string_equal(files.pictures, "a/b_roi.mp4");
    assert_string_equal(files.sound, "a/b.wav");
    fal_crop_files_free(&files);
    fal_check_fails(fal_crop_files_name("abc", &files, &err), FAL_ERR_ARGUMENT, "too short", &err);
}

static void test_one_file_of_two(void **state)
{
    (void)state;
    const fal_input_request how = {.wave = true, .logfbank = true, .mouth = true, .from_crops = true};
    fal_clip_inputs in;
    fal_error err = {0};
    write_pictures(fal_temp_path("half/seen_roi.mp4"), 96, 96, 3);
    in = read_inputs(fal_temp_path("half/seen.mp4"), how);
    assert_true(in.has_video && !in.has_audio && !in.media.audio.present && in.frames == 3 && !in.wave);
    fal_clip_inputs_free(&in);
    synth_clip(fal_temp_path("half/heard.wav"), "wav", NULL, &tone);
    in = read_inputs(fal_temp_path("half/heard.mp4"), how);
    assert_true(in.has_audio && !in.has_video && !in.media.video.present && in.frames == 0 && !in.mouth);
    assert_true(in.wave_count > 0 && in.report.audio_samples == 44100 * FRAMES / 25);
    assert_true(in.media.duration_s > 0.7);
    fal_clip_inputs_free(&in);
    fal_check_fails(fal_clip_inputs_read(fal_temp_path("half/gone.mp4"), &how, &in, &err), FAL_ERR_NOT_FOUND,
                    "half/gone_roi.mp4 nor", &err);
    fal_check_ok(fal_file_write(fal_temp_path("half/torn_roi.mp4"), "no pictures", 11, &err), &err);
    fal_check_fails(fal_clip_inputs_read(fal_temp_path("half/torn.mp4"), &how, &in, &err), FAL_ERR_FORMAT,
                    "half/torn_roi.mp4", &err);
}

static void test_silence_throughout(void **state)
{
    (void)state;
    const int16_t silence[1600] = {0};
    fal_wav_file *wav = NULL;
    fal_clip_inputs in;
    fal_error err = {0};
    fal_check_ok(fal_wav_create(fal_temp_path("silent/a.wav"), 16000, 1, &wav, &err), &err);
    fal_check_ok(fal_wav_add(wav, silence, 1600, &err), &err);
    fal_check_ok(fal_wav_commit(&wav, &err), &err);
    fal_check_fails(fal_clip_inputs_read(fal_temp_path("silent/a.mp4"),
                                         &(fal_input_request){.wave = true, .trim_silence = true, .from_crops = true},
                                         &in, &err),
                    FAL_ERR_TOO_SHORT, "silent/a.wav: the audio is silent", &err);
}

/* Pictures with sound of their own: upstream listens to the other file. */
static void test_sound_of_the_pictures_is_not_heard(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_check_ok(fal_make_dirs(fal_temp_path("loud"), &err), &err);
    synth_clip(fal_temp_path("loud/a_roi.mp4"), "mov", &drawn, &tone);
    fal_clip_inputs in =
        read_inputs(fal_temp_path("loud/a.mp4"), (fal_input_request){.wave = true, .mouth = true, .from_crops = true});
    assert_true(in.frames == FRAMES && !in.has_audio && !in.media.audio.present);
    fal_clip_inputs_free(&in);
}

/* ---- sizes ---- */

static void check_size(int64_t width, int64_t height)
{
    fal_clip_inputs in;
    write_pictures(fal_temp_path("sizes/%lldx%lld_roi.mp4", (long long)width, (long long)height), width, height, 4);
    in = read_inputs(fal_temp_path("sizes/%lldx%lld.mp4", (long long)width, (long long)height),
                     (fal_input_request){.mouth = true, .mouth_avsr = true, .from_crops = true});
    assert_int_equal(in.frames, 4);
    for (int64_t t = 0; t < in.frames; t++)
        for (int y = 4; y < 92; y++) /* the 88x88 that encoders look at */
            for (int x = 4; x < 92; x++) {
                const uint8_t grey = in.mouth[t * PIXELS + y * 96 + x];
                const uint8_t *rgb = in.mouth_avsr + 3 * (t * PIXELS + y * 96 + x);
                const int level = 40 + 8 * (int)t;
                if (abs(grey - level) > 3 || abs(rgb[0] - level) > 3 || abs(rgb[2] - level) > 3)
                    fail_msg("picture %d at %d, %d: grey %d, red %d, blue %d, want %d", (int)t, x, y, grey, rgb[0],
                             rgb[2], level);
            }
    fal_clip_inputs_free(&in);
}

static void test_sizes(void **state)
{
    (void)state;
    fal_clip_inputs in;
    fal_error err = {0};
    check_size(96, 96);
    check_size(88, 88);
    check_size(97, 103);
    check_size(320, 180); /* a whole frame, as official scripts store it where they find no face */
    write_pictures(fal_temp_path("sizes/small_roi.mp4"), 96, 80, 1);
    fal_check_fails(fal_clip_inputs_read(fal_temp_path("sizes/small.mp4"),
                                         &(fal_input_request){.mouth = true, .from_crops = true}, &in, &err),
                    FAL_ERR_UNSUPPORTED, "small_roi.mp4: crops of 96 x 80 pixels, want 96 x 96", &err);
}

/* ---- what is saved ---- */

static bool lacks(const char *clip, const char *place, bool pictures, bool sound)
{
    fal_crop_saving saving;
    fal_error err = {0};
    fal_check_ok(fal_crop_saving_open(clip, place, false, &saving, &err), &err);
    bool same = saving.lacks_pictures == pictures && saving.lacks_sound == sound;
    fal_crop_saving_free(&saving);
    return same;
}

static void test_saved_files_are_kept(void **state)
{
    (void)state;
    const char *clip = clip_of("kept", &drawn, &tone), *place = fal_temp_path("kept/kept.mov");
    assert_true(lacks(clip, place, true, true));
    save(clip, place, (fal_input_request){0});
    assert_true(lacks(clip, place, false, false));
    assert_int_equal(truncate(fal_temp_path("kept/kept_roi.mp4"), 300), 0);
    assert_true(lacks(clip, place, true, false));
    assert_int_equal(unlink(fal_temp_path("kept/kept.wav")), 0);
    save(clip, place, (fal_input_request){0});
    assert_true(lacks(clip, place, false, false));
}

static void test_clips_with_one_stream(void **state)
{
    (void)state;
    const char *mute = clip_of("mute", &drawn, NULL), *dark = clip_of("dark", NULL, &tone);
    save(mute, fal_temp_path("one/mute.mov"), (fal_input_request){0});
    save(dark, fal_temp_path("one/dark.mov"), (fal_input_request){0});
    assert_true(fal_path_exists(fal_temp_path("one/mute_roi.mp4")) && !fal_path_exists(fal_temp_path("one/mute.wav")));
    assert_true(fal_path_exists(fal_temp_path("one/dark.wav")) && !fal_path_exists(fal_temp_path("one/dark_roi.mp4")));
    assert_true(lacks(mute, fal_temp_path("one/mute.mov"), false, false));
    assert_true(lacks(dark, fal_temp_path("one/dark.mov"), false, false));
}

/* Auto-AVSR's script refuses fewer than 12 frames: the sound is saved, and the reason given. */
static void test_clip_that_auto_avsr_refuses(void **state)
{
    (void)state;
    synth_video brief = drawn;
    fal_crop_saving saving;
    fal_clip_inputs in;
    fal_error err = {0};
    brief.frames = 5;
    const char *clip = clip_of("brief", &brief, &tone), *place = fal_temp_path("refused/brief.mov");
    fal_check_ok(fal_crop_saving_open(clip, place, true, &saving, &err), &err);
    const fal_picture_sink sink = fal_crop_saving_sink(&saving);
    in = read_inputs(clip,
                     (fal_input_request){.exact = true, .mouth_alignment = FAL_MOUTH_AUTO_AVSR, .crop_sink = &sink});
    fal_check_fails(fal_crop_saving_finish(&saving, &in, &err), FAL_ERR_TOO_SHORT, "12", &err);
    assert_true(fal_path_exists(fal_temp_path("refused/brief.wav")));
    assert_false(fal_path_exists(fal_temp_path("refused/brief_roi.mp4")));
    fal_clip_inputs_free(&in);
    fal_crop_saving_free(&saving);
}

/* A place that cannot be written to: the clip's other readers get theirs all the same. */
static void test_pictures_that_cannot_be_written(void **state)
{
    (void)state;
    fal_crop_saving saving;
    fal_clip_inputs in;
    fal_error err = {0};
    const char *clip = clip_of("nowhere", &drawn, &tone);
    fal_check_ok(fal_crop_saving_open(clip, "/proc/nowhere/a.mp4", false, &saving, &err), &err);
    const fal_picture_sink sink = fal_crop_saving_sink(&saving);
    in = read_inputs(clip, (fal_input_request){.mouth = true, .crop_sink = &sink});
    assert_int_equal(in.frames, FRAMES);
    fal_check_fails(fal_crop_saving_finish(&saving, &in, &err), FAL_ERR_IO, "/proc/nowhere", &err);
    fal_clip_inputs_free(&in);
    fal_crop_saving_free(&saving);
}

static void test_tree_belongs_to_its_settings(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *tree = fal_temp_path("claimed");
    assert_string_equal(fal_crop_tree_alignment(tree), "unknown");
    fal_check_ok(fal_crop_tree_claim(tree, FAL_MOUTH_BY_FAMILY, false, &err), &err);
    fal_check_ok(fal_crop_tree_claim(tree, FAL_MOUTH_AVHUBERT, false, &err), &err);
    assert_string_equal(fal_crop_tree_alignment(tree), "avhubert");
    fal_check_fails(fal_crop_tree_claim(tree, FAL_MOUTH_AUTO_AVSR, false, &err), FAL_ERR_ARGUMENT, "other settings",
                    &err);
    fal_check_fails(fal_crop_tree_claim(tree, FAL_MOUTH_AVHUBERT, true, &err), FAL_ERR_ARGUMENT, "other settings",
                    &err);
    fal_check_ok(fal_file_write(fal_temp_path("claimed/crops.json"), "{\"mouth_alignment\": 3}", 22, &err), &err);
    assert_string_equal(fal_crop_tree_alignment(tree), "unknown");
}

/* ---- out of memory ---- */

static fal_status read_case(void *user, fal_error *err)
{
    fal_clip_inputs in;
    fal_status st = fal_clip_inputs_read(
        user, &(fal_input_request){.wave = true, .mouth = true, .mouth_avsr = true, .from_crops = true}, &in, err);
    if (st == FAL_OK)
        fal_clip_inputs_free(&in);
    return st;
}

static fal_status save_case(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_crop_saving saving = {0};
    fal_clip_inputs in = {0};
    fal_remove_tree(fal_temp_path("memory/saved"));
    FAL_TRY(fal_crop_tree_claim(fal_temp_path("memory/saved"), FAL_MOUTH_BY_FAMILY, false, err));
    FAL_TRY(fal_crop_saving_open(user, fal_temp_path("memory/saved/a.mov"), false, &saving, err));
    const fal_picture_sink sink = fal_crop_saving_sink(&saving);
    FAL_TRY(fal_clip_inputs_read(user, &(fal_input_request){.crop_sink = &sink, .detector = detector}, &in, err));
    FAL_TRY(fal_crop_saving_finish(&saving, &in, err));
done:
    fal_clip_inputs_free(&in);
    fal_crop_saving_free(&saving);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    synth_video brief = drawn;
    brief.frames = 2;
    char *clip = fal_strdup(clip_of("memory", &brief, &tone)), *place = fal_strdup(fal_temp_path("memory/kept.mov"));
    save(clip, place, (fal_input_request){0});
    fal_check_alloc_failures("reading crops", read_case, place);
    fal_check_alloc_failures("saving crops", save_case, clip);
    fal_free(clip);
    fal_free(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_round_trip_of_trimmed_silence),
        cmocka_unit_test(test_round_trip_of_a_face),
        cmocka_unit_test(test_official_pictures),
        cmocka_unit_test(test_loss_is_that_of_the_original),
        cmocka_unit_test(test_every_picture_once),
        cmocka_unit_test(test_pictures_named_themselves),
        cmocka_unit_test(test_one_file_of_two),
        cmocka_unit_test(test_silence_throughout),
        cmocka_unit_test(test_sound_of_the_pictures_is_not_heard),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_saved_files_are_kept),
        cmocka_unit_test(test_clips_with_one_stream),
        cmocka_unit_test(test_clip_that_auto_avsr_refuses),
        cmocka_unit_test(test_pictures_that_cannot_be_written),
        cmocka_unit_test(test_tree_belongs_to_its_settings),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, open_detector, close_detector);
}
