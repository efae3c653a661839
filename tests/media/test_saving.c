/* Pictures and sound written to files and read back. */
#include "core/alloc.h"
#include "core/file.h"
#include "media/clip.h"
#include "media/image.h"
#include "media/movie.h"
#include "media/synth.h"
#include "media/wav_file.h"
#include "support/alloc_fail.h"
#include "support/golden.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SIDE = 96, PIXELS = SIDE * SIDE };

static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir && (e = readdir(dir));)
        count += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    if (dir)
        closedir(dir);
    return count;
}

/* ---- movies ---- */

/* A picture of the golden, in the order R, G, B. */
static void picture(const fal_npy *bgr, size_t index, uint8_t *rgb)
{
    const uint8_t *in = (const uint8_t *)bgr->data + index * 3 * PIXELS;
    for (size_t i = 0; i < 3 * PIXELS; i++)
        rgb[i] = in[i / 3 * 3 + 2 - i % 3];
}

static fal_status write_movie(const char *path, const fal_npy *bgr, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_movie *movie = NULL;
    uint8_t rgb[3 * PIXELS];
    FAL_TRY(fal_movie_create(path, SIDE, SIDE, &movie, err));
    for (size_t i = 0; i < bgr->shape[0]; i++) {
        picture(bgr, i, rgb);
        FAL_TRY(fal_movie_add(movie, rgb, 3 * SIDE, err));
    }
    FAL_TRY(fal_movie_commit(&movie, err));
done:
    fal_movie_abort(&movie);
    return st;
}

static size_t total_difference(const fal_frame *frame, const uint8_t *rgb)
{
    size_t sum = 0;
    for (size_t y = 0; y < SIDE; y++)
        for (size_t x = 0; x < 3 * SIDE; x++)
            sum += (size_t)abs(frame->data[(int64_t)y * frame->stride + (int64_t)x] - rgb[y * 3 * SIDE + x]);
    return sum;
}

/* The mean difference of a level that crf 20 leaves; the spec measured 1.3 grey levels on a face. */
static void check_pictures(const char *path, const fal_npy *bgr)
{
    fal_clip *clip = NULL;
    fal_frame frame;
    fal_error err = {0};
    uint8_t rgb[3 * PIXELS];
    size_t count = 0;
    double sum = 0;
    bool end = false;
    fal_check_ok(fal_clip_open(path, &(fal_clip_options){.exact = true}, &clip, &err), &err);
    const fal_video_info *info = &fal_clip_info(clip)->video;
    assert_string_equal(info->codec, "h264");
    assert_string_equal(info->pixel_format, "yuv444p");
    assert_true(info->width == SIDE && info->height == SIDE && info->average_fps == 25);
    assert_false(fal_clip_info(clip)->audio.present);
    for (; fal_clip_next_frame(clip, &frame, &end, &err) == FAL_OK && !end; count++) {
        picture(bgr, count, rgb);
        sum += (double)total_difference(&frame, rgb);
    }
    assert_int_equal(count, bgr->shape[0]);
    double mean = sum / (double)(count * 3 * PIXELS);
    print_message("%s: mean difference of a level %.3f, want 3 or less\n", path, mean);
    assert_true(mean <= 3);
    fal_clip_free(&clip);
}

static void test_movie(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *path = fal_temp_path("movie/deep/of:crops_roi.mp4");
    fal_npy bgr = fal_golden_npy_raw(fal_data_path("avhubert/mouth_roi_syn/roi_bgr.npy"));
    fal_check_ok(write_movie(path, &bgr, &err), &err);
    check_pictures(path, &bgr);
    assert_int_equal(files_in(fal_temp_path("movie/deep")), 1);
    fal_npy_free(&bgr);
}

static void test_movie_is_repeatable(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_buf a = {0}, b = {0};
    fal_npy bgr = fal_golden_npy_raw(fal_data_path("avhubert/mouth_roi_short_syn/roi_bgr.npy"));
    fal_check_ok(write_movie(fal_temp_path("a.mp4"), &bgr, &err), &err);
    fal_check_ok(write_movie(fal_temp_path("b.mp4"), &bgr, &err), &err);
    fal_check_ok(fal_file_read(fal_temp_path("a.mp4"), 0, &a, &err), &err);
    fal_check_ok(fal_file_read(fal_temp_path("b.mp4"), 0, &b, &err), &err);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    fal_buf_free(&a);
    fal_buf_free(&b);
    fal_npy_free(&bgr);
}

static void test_unfinished_files_leave_nothing(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_movie *movie = NULL;
    fal_wav_file *wav = NULL;
    uint8_t rgb[3 * PIXELS] = {0};
    fal_check_ok(fal_movie_create(fal_temp_path("left/movie.mp4"), SIDE, SIDE, &movie, &err), &err);
    fal_check_ok(fal_movie_add(movie, rgb, 3 * SIDE, &err), &err);
    fal_check_ok(fal_wav_create(fal_temp_path("left/sound.wav"), 16000, 1, &wav, &err), &err);
    fal_check_ok(fal_wav_add(wav, (int16_t[]){1, 2, 3}, 3, &err), &err);
    assert_int_equal(files_in(fal_temp_path("left")), 2);
    fal_movie_abort(&movie);
    fal_wav_abort(&wav);
    assert_int_equal(files_in(fal_temp_path("left")), 0);
    fal_check_fails(fal_movie_create("/proc/no/movie.mp4", SIDE, SIDE, &movie, &err), FAL_ERR_IO, "/proc/no", &err);
    fal_check_fails(fal_wav_create("/proc/no/sound.wav", 16000, 1, &wav, &err), FAL_ERR_IO, "/proc/no", &err);
}

static fal_status short_movie(void *user, fal_error *err)
{
    return write_movie(fal_temp_path("memory/movie.mp4"), user, err);
}

static void test_movie_out_of_memory(void **state)
{
    (void)state;
    fal_npy bgr = fal_golden_npy_raw(fal_data_path("avhubert/mouth_roi_short_syn/roi_bgr.npy"));
    fal_check_alloc_failures("movie", short_movie, &bgr);
    fal_npy_free(&bgr);
}

/* ---- sound ---- */

typedef struct wave {
    float *samples;
    size_t count;
} wave;

static wave read_wave(const char *path, fal_resample_mode mode, bool exact)
{
    wave w = {0};
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(path, &(fal_clip_options){.exact = exact}, &clip, &err), &err);
    fal_check_ok(fal_clip_read_audio(clip, mode, &w.samples, &w.count, &err), &err);
    fal_clip_free(&clip);
    return w;
}

static void check_same_sound(const char *name, const char *from, const char *saved, fal_resample_mode mode, bool exact)
{
    wave want = read_wave(from, mode, exact), got = read_wave(saved, mode, exact);
    assert_int_equal(got.count, want.count);
    fal_check_close(name, got.samples, want.samples, want.count, 0, 0);
    fal_free(want.samples);
    fal_free(got.samples);
}

static const char *save(const char *from, bool exact)
{
    const char *to = fal_temp_path("saved.wav");
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(from, &(fal_clip_options){.exact = exact}, &clip, &err), &err);
    fal_check_ok(fal_clip_save_audio(clip, to, &err), &err);
    fal_clip_free(&clip);
    return to;
}

static void check_saved(const char *name, const char *muxer, const synth_audio *sound, bool sinc)
{
    const synth_video video = {
        .encoder = "png", .pixel_format = "rgb24", .width = 16, .height = 16, .frames = 30, .fps = 25};
    const char *from = fal_temp_path("%s.bin", name);
    fal_media_info info;
    fal_error err = {0};
    synth_clip(from, muxer, strcmp(muxer, "wav") ? &video : NULL, sound);
    for (int exact = 0; exact < 2; exact++) {
        const char *to = save(from, exact);
        fal_check_ok(fal_media_probe(to, &info, &err), &err);
        assert_string_equal(info.audio.codec, "pcm_s16le");
        assert_int_equal(info.audio.sample_rate, sound->rate);
        assert_int_equal(info.audio.channels, sound->channels);
        check_same_sound(name, from, to, FAL_RESAMPLE_SOXR_HQ, exact);
        if (sinc)
            check_same_sound(name, from, to, FAL_RESAMPLE_SINC, exact);
    }
}

static void test_saved_sound_is_the_clips(void **state)
{
    (void)state;
    check_saved("plain", "wav", &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 900},
                true);
    check_saved("lossy", "mov", &(synth_audio){.encoder = "aac", .rate = 44100, .channels = 2, .length_ms = 1000},
                true);
    check_saved("six", "wav", &(synth_audio){.encoder = "pcm_s16le", .rate = 48000, .channels = 6, .length_ms = 300},
                true);
    check_saved("fine", "wav", &(synth_audio){.encoder = "pcm_s24le", .rate = 48000, .channels = 1, .length_ms = 300},
                false);
    check_saved("late", "matroska",
                &(synth_audio){.encoder = "pcm_s16le", .rate = 22050, .channels = 2, .length_ms = 800, .start_ms = 300},
                true);
    check_saved("hole", "matroska",
                &(synth_audio){.encoder = "pcm_s16le",
                               .rate = 16000,
                               .channels = 1,
                               .length_ms = 1200,
                               .hole_from_ms = 400,
                               .hole_to_ms = 900},
                true);
}

static void test_no_sound_to_save(void **state)
{
    (void)state;
    fal_clip *clip = NULL;
    fal_error err = {0};
    const char *mute = fal_temp_path("mute.mov"), *to = fal_temp_path("none.wav");
    synth_clip(
        mute, "mov",
        &(synth_video){.encoder = "png", .pixel_format = "rgb24", .width = 16, .height = 16, .frames = 2, .fps = 25},
        &(synth_audio){0});
    fal_check_ok(fal_clip_open(mute, NULL, &clip, &err), &err);
    fal_check_fails(fal_clip_save_audio(clip, to, &err), FAL_ERR_NOT_FOUND, "audio", &err);
    assert_int_not_equal(access(to, F_OK), 0);
    fal_clip_free(&clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_movie),
        cmocka_unit_test(test_movie_is_repeatable),
        cmocka_unit_test(test_unfinished_files_leave_nothing),
        cmocka_unit_test(test_movie_out_of_memory),
        cmocka_unit_test(test_saved_sound_is_the_clips),
        cmocka_unit_test(test_no_sound_to_save),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
