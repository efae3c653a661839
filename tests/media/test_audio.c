/* Sound of clips whose every sample is known: formats, channels, rates, late starts, holes. */
#include "support/golden.h"

#include "core/alloc.h"
#include "media/clip.h"
#include "media/synth.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct sound {
    float *samples;
    size_t count;
    fal_media_report report;
} sound;

static sound read_sound(const char *path, fal_resample_mode mode, bool exact)
{
    sound s = {0};
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(path, &(fal_clip_options){.exact = exact}, &clip, &err), &err);
    fal_check_ok(fal_clip_read_audio(clip, mode, &s.samples, &s.count, &err), &err);
    s.report = *fal_clip_report(clip);
    fal_clip_free(&clip);
    return s;
}

static float tone(double t, double amplitude)
{
    const double pi = 3.14159265358979323846;
    return (float)(amplitude * sin(2 * pi * 440 * t));
}

/* Samples [from, to) must be the tone that started at `start` samples. */
static void check_tone(const char *name, const sound *s, size_t from, size_t to, size_t start, double amplitude,
                       double tolerance)
{
    assert_true(to <= s->count && from < to);
    float *want = fal_malloc_array(to - from, sizeof *want);
    for (size_t i = from; i < to; i++)
        want[i - from] = tone(((double)i - (double)start) / 16000, amplitude);
    fal_check_close(name, s->samples + from, want, to - from, tolerance, 0);
    fal_free(want);
}

static void check_silence(const sound *s, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (s->samples[i] != 0)
            fail_msg("sample %zu is %.9g, want silence from %zu to %zu", i, (double)s->samples[i], from, to);
}

static void check_encoding(const char *encoder, const char *muxer, int rate, int channels, double tolerance)
{
    const char *path = fal_temp_path("%s_%d_%d.bin", encoder, rate, channels);
    synth_audio a = {.encoder = encoder, .rate = rate, .channels = channels, .length_ms = 1000};
    synth_clip(path, muxer, NULL, &a);
    for (int mode = 0; mode < 2; mode++) {
        sound s = read_sound(path, (fal_resample_mode)mode, false);
        char name[80];
        snprintf(name, sizeof name, "%s %d Hz %d ch %s", encoder, rate, channels, mode ? "sinc" : "soxr");
        assert_in_range(s.count, 16000, 16000 + 400);
        check_tone(name, &s, 300, 15700, 0, 0.5 / channels, tolerance);
        assert_int_equal(s.report.audio_errors, 0);
        assert_int_equal(s.report.warnings, 0);
        fal_free(s.samples);
    }
}

/* Tolerance: the step of the sample format, and what the resamplers do to a tone (3e-4 and less). */
static void test_encodings(void **state)
{
    (void)state;
    check_encoding("pcm_s16le", "wav", 16000, 1, 5e-5);
    check_encoding("pcm_s16le", "wav", 48000, 2, 5e-4);
    check_encoding("pcm_s16le", "wav", 44100, 6, 5e-4);
    check_encoding("pcm_s16le", "wav", 8000, 1, 5e-4);
    check_encoding("pcm_u8", "wav", 22050, 1, 8e-3);
    check_encoding("pcm_s24le", "wav", 48000, 1, 5e-4);
    check_encoding("pcm_s32le", "wav", 32000, 2, 5e-4);
    check_encoding("pcm_f32le", "wav", 96000, 1, 5e-4);
    check_encoding("pcm_alaw", "wav", 8000, 1, 2e-2);
    check_encoding("flac", "flac", 44100, 2, 5e-4);
    check_encoding("alac", "mov", 48000, 2, 5e-4);
    check_encoding("aac", "mp4", 44100, 2, 2e-2);
}

/* One value at 16 kHz that 16 bits cannot hold: kept for SINC, rounded for SOXR_HQ. */
static void test_precision(void **state)
{
    (void)state;
    const char *path = fal_temp_path("fine.wav");
    synth_audio a = {.encoder = "pcm_f32le", .rate = 16000, .channels = 1, .length_ms = 200};
    synth_clip(path, "wav", NULL, &a);
    sound fine = read_sound(path, FAL_RESAMPLE_SINC, false), coarse = read_sound(path, FAL_RESAMPLE_SOXR_HQ, false);
    size_t off_grid = 0;
    assert_int_equal(fine.count, 3200);
    for (size_t i = 0; i < fine.count; i++) {
        float steps = coarse.samples[i] * 32768.0f;
        assert_true(steps == rintf(steps));
        off_grid += fine.samples[i] * 32768.0f != rintf(fine.samples[i] * 32768.0f);
    }
    check_tone("float kept", &fine, 0, 3200, 0, 0.5, 1e-7);
    check_tone("float as 16 bits", &coarse, 0, 3200, 0, 0.5, 0.51 / 32768);
    assert_true(off_grid > 3000);
    fal_free(fine.samples);
    fal_free(coarse.samples);
}

/* The decoded goldens are what torchaudio.load gives; ours must be their mean, resampled. */
static void check_decoded(const char *name, int64_t rate, double tolerance)
{
    fal_npy decoded = fal_golden_npy(fal_data_path("wav2vec2/preprocess_syn/%s.decoded.npy", name));
    size_t channels = decoded.shape[0], n = decoded.shape[1], count = 0;
    float *interleaved = fal_malloc_array(channels * n, sizeof *interleaved), *want = NULL;
    float *mono = fal_malloc_array(n, sizeof *mono);
    fal_error err = {0};
    for (size_t i = 0; i < channels * n; i++)
        interleaved[i % n * channels + i / n] = fal_npy_f32(&decoded)[i];
    fal_to_mono(interleaved, n, channels, mono);
    fal_check_ok(fal_resample_sinc(mono, n, rate, &want, &count, &err), &err);
    sound s = read_sound(fal_data_path("wav2vec2/preprocess_syn/%s.wav", name), FAL_RESAMPLE_SINC, true);
    assert_int_equal(s.count, count);
    assert_int_equal(s.report.audio_samples, n);
    fal_check_close(name, s.samples, want, count, tolerance, 0);
    fal_free(s.samples);
    fal_free(interleaved);
    fal_free(mono);
    fal_free(want);
    fal_npy_free(&decoded);
}

static void test_wav_goldens(void **state)
{
    (void)state;
    check_decoded("pcm8_mono", 8000, 0);
    check_decoded("pcm16_stereo", 44100, 0);
    check_decoded("pcm24_mono", 16000, 0);
    /* libsox, behind torchaudio.load, rounds float samples to 32-bit integers. */
    check_decoded("float32_mono", 22050, 1e-7);
}

static void check_soxr_file(int rate)
{
    fal_npy want = fal_golden_npy(fal_data_path("avhubert/resample_soxr_hq_syn/resampled_%d_to_16000.npy", rate));
    const char *path = fal_data_path("avhubert/resample_soxr_hq_syn/vowel_%d.wav", rate);
    sound s = read_sound(path, FAL_RESAMPLE_SOXR_HQ, false);
    assert_int_equal(s.count, want.count);
    fal_check_close("soxr from file", s.samples, fal_npy_f32(&want), want.count, 0, 0);
    fal_free(s.samples);
    fal_npy_free(&want);
}

static void test_soxr_goldens(void **state)
{
    (void)state;
    check_soxr_file(44100);
    check_soxr_file(48000);
    check_soxr_file(22050);
}

static const synth_video small_video = {
    .encoder = "ffv1", .pixel_format = "bgr0", .width = 16, .height = 16, .frames = 25, .fps = 25};

static void test_late_audio(void **state)
{
    (void)state;
    const char *path = fal_temp_path("late_audio.mkv");
    synth_audio a = {.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 600, .start_ms = 250};
    synth_clip(path, "matroska", &small_video, &a);
    sound filled = read_sound(path, FAL_RESAMPLE_SOXR_HQ, false), exact = read_sound(path, FAL_RESAMPLE_SOXR_HQ, true);
    assert_int_equal(filled.count, 4000 + 9600);
    check_silence(&filled, 0, 4000);
    check_tone("late audio", &filled, 4000, 13600, 4000, 0.5, 5e-5);
    assert_true(filled.report.warnings & FAL_MEDIA_WARN_LATE_AUDIO);
    assert_int_equal(filled.report.audio_samples, 9600);
    assert_int_equal(exact.count, 9600);
    check_tone("late audio, exact", &exact, 0, 9600, 0, 0.5, 5e-5);
    fal_free(filled.samples);
    fal_free(exact.samples);
}

static void test_hole(void **state)
{
    (void)state;
    const char *path = fal_temp_path("hole.mkv");
    synth_audio a = {.encoder = "pcm_s16le",
                     .rate = 16000,
                     .channels = 1,
                     .length_ms = 1024,
                     .hole_from_ms = 256,
                     .hole_to_ms = 640};
    synth_clip(path, "matroska", &small_video, &a);
    sound s = read_sound(path, FAL_RESAMPLE_SOXR_HQ, false);
    assert_int_equal(s.count, 16384);
    check_tone("before the hole", &s, 0, 4096, 0, 0.5, 5e-5);
    check_silence(&s, 4096, 10240);
    check_tone("after the hole", &s, 10240, 16384, 0, 0.5, 5e-5);
    assert_true(s.report.warnings & FAL_MEDIA_WARN_AUDIO_GAP);
    fal_free(s.samples);
}

static void put_le32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

/* A float WAV file may hold anything. */
static void test_samples_that_are_no_numbers(void **state)
{
    (void)state;
    enum { N = 1000 };
    const char *path = fal_temp_path("nan.wav");
    uint8_t wav[44 + 4 * N] = "RIFF....WAVEfmt \020\0\0\0\003\0\001\0\200\076\0\0\0\372\0\0\004\0\040\0data";
    static const float bad[] = {NAN, INFINITY, -INFINITY, 1e30f};
    put_le32(wav + 4, sizeof wav - 8);
    put_le32(wav + 40, 4 * N);
    for (int i = 0; i < N; i++)
        memcpy(wav + 44 + 4 * i, i >= 100 && i < 104 ? &bad[i - 100] : &(float){0.25f}, 4);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(wav, 1, sizeof wav, file), sizeof wav);
    fclose(file);
    sound s = read_sound(path, FAL_RESAMPLE_SINC, false);
    assert_int_equal(s.count, N);
    for (int i = 0; i < N; i++)
        assert_true(s.samples[i] == (i >= 100 && i < 104 ? 0.0f : 0.25f));
    assert_true(s.report.warnings & FAL_MEDIA_WARN_DAMAGED_AUDIO);
    fal_free(s.samples);
}

/* Frames and sound may be asked for in any order, and the sound more than once. */
static void test_order(void **state)
{
    (void)state;
    const char *path = fal_temp_path("order.mkv");
    synth_audio a = {.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 1000};
    synth_clip(path, "matroska", &small_video, &a);
    for (int order = 0; order < 2; order++) {
        fal_clip *clip = NULL;
        fal_frame frame;
        fal_error err = {0};
        int frames = 0;
        fal_check_ok(fal_clip_open(path, NULL, &clip, &err), &err);
        for (int step = 0; step < 3; step++) {
            float *samples = NULL;
            size_t count = 0;
            for (bool end = step % 2 == order; !end; frames += !end)
                fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
            fal_check_ok(fal_clip_read_audio(clip, FAL_RESAMPLE_SINC, &samples, &count, &err), &err);
            assert_int_equal(count, 16000);
            fal_free(samples);
        }
        assert_int_equal(frames, 25);
        assert_true(fal_clip_report(clip)->lost_video_s == 0 && fal_clip_report(clip)->lost_audio_s == 0);
        fal_clip_free(&clip);
    }
}

static void test_missing_streams(void **state)
{
    (void)state;
    const char *mute = fal_temp_path("mute.mkv"), *blind = fal_temp_path("blind.wav");
    synth_audio a = {.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 100};
    fal_clip *clip = NULL;
    float *samples = NULL;
    size_t count = 0;
    fal_frame frame;
    bool end = false;
    fal_error err = {0};
    synth_clip(mute, "matroska", &small_video, NULL);
    synth_clip(blind, "wav", NULL, &a);
    fal_check_ok(fal_clip_open(mute, NULL, &clip, &err), &err);
    fal_check_fails(fal_clip_read_audio(clip, FAL_RESAMPLE_SINC, &samples, &count, &err), FAL_ERR_NOT_FOUND, "mute.mkv",
                    &err);
    assert_null(samples);
    fal_clip_free(&clip);
    fal_check_ok(fal_clip_open(blind, NULL, &clip, &err), &err);
    assert_false(fal_clip_info(clip)->video.present);
    fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
    assert_true(end);
    fal_check_ok(fal_clip_rewind(clip, &err), &err);
    fal_clip_free(&clip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_wav_goldens),
        cmocka_unit_test(test_soxr_goldens),
        cmocka_unit_test(test_late_audio),
        cmocka_unit_test(test_hole),
        cmocka_unit_test(test_samples_that_are_no_numbers),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_missing_streams),
    };
    return cmocka_run_group_tests_name("media/audio", tests, NULL, NULL);
}
