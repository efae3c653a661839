/* From files to encoder inputs and features: the official pipelines end to end, real clips of every awkward kind, facts
 * about sound. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "feature/encode_inputs.h"
#include "feature/logfbank.h"
#include "feature/sound.h"
#include "media/clip.h"
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = 16000 };

static fal_status encode(const fal_encoder *encoder, fal_session *session, fal_stream stream, const fal_clip_inputs *in,
                         fal_encoding *got, fal_error *err)
{
    const fal_clip_request request = {.encoder = encoder, .stream = stream, .pair = true};
    return fal_encode_inputs(&request, FAL_MOUTH_BY_FAMILY, session, in, got, err);
}

/* ---- AV-HuBERT: a wav file and mouth crops, as AVH-Align's extract_features ---- */

static float *read_speech(const char *path, int64_t *count)
{
    fal_clip *clip = NULL;
    float *samples = NULL;
    size_t n = 0;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(path, NULL, &clip, &err), &err);
    fal_check_ok(fal_clip_read_audio(clip, FAL_RESAMPLE_SOXR_HQ, &samples, &n, &err), &err);
    fal_clip_free(&clip);
    *count = (int64_t)n;
    return samples;
}

/* What fal_clip_inputs_read makes of a clip, from its parts: there is no clip file with these crops. */
static fal_clip_inputs avhubert_inputs(const char *folder, bool trimmed)
{
    fal_clip_inputs in = {.has_audio = true, .has_video = true};
    fal_silence_trim trim = {0};
    int64_t count;
    fal_error err = {0};
    float *speech = read_speech(fal_data_path("%s/e2e_audio.wav", folder), &count);
    fal_npy crops = fal_golden_npy_raw(fal_data_path("%s/e2e_roi_gray.npy", folder));
    size_t pixels = crops.count / crops.shape[0];
    if (trimmed)
        trim = fal_silence_trim_find(speech, count);
    fal_check_ok(fal_logfbank_stacked(speech + trim.samples, count - trim.samples, &in.logfbank, &in.audio_rows, &err),
                 &err);
    in.frames = (int64_t)crops.shape[0] - trim.frames;
    in.mouth = fal_malloc_array((size_t)in.frames, pixels);
    assert_non_null(in.mouth);
    memcpy(in.mouth, (const uint8_t *)crops.data + (size_t)trim.frames * pixels, (size_t)in.frames * pixels);
    fal_npy_free(&crops);
    fal_free(speech);
    return in;
}

static void check_avhubert(bool trimmed, double tolerance)
{
    static const struct {
        fal_stream stream;
        const char *key;
    } streams[] = {{FAL_STREAM_AUDIO, "audio"}, {FAL_STREAM_VIDEO, "visual"}, {FAL_STREAM_AV, "multimodal"}};
    const char *folder = "avhubert/finetuned_seq2seq_syn", *mode = trimmed ? "trimmed" : "untrimmed";
    fal_encoder *encoder = NULL;
    fal_session *session = NULL;
    fal_error err = {0};
    fal_clip_inputs in = avhubert_inputs(folder, trimmed);
    fal_check_ok(fal_encoder_open(fal_data_path("%s/checkpoint_ft.pt", folder), NULL, &encoder, &err), &err);
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    for (size_t i = 0; i < 3; i++) {
        char title[64];
        fal_encoding got;
        fal_npy want = fal_golden_npy(fal_data_path("%s/e2e_%s_%s.npy", folder, mode, streams[i].key));
        fal_check_ok(encode(encoder, session, streams[i].stream, &in, &got, &err), &err);
        snprintf(title, sizeof title, "avhubert %s %s", mode, streams[i].key);
        fal_check_shape(title, &want, 2, ((size_t[]){(size_t)got.rows, (size_t)got.dim}));
        fal_check_close(title, got.features, want.data, want.count, tolerance, 0);
        fal_npy_free(&want);
    }
    fal_session_free(&session);
    fal_encoder_free(&encoder);
    fal_clip_inputs_free(&in);
}

static void test_avhubert_end_to_end(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("avhubert/finetuned_seq2seq_syn/case.json"), &json, &err), &err);
    double tolerance = fal_json_real(fal_json_get(fal_json_get(json, "e2e_tolerance"), "max_abs"), 0);
    check_avhubert(false, tolerance);
    check_avhubert(true, tolerance);
    fal_json_free(&json);
}

/* ---- wav2vec 2.0: a sound file of any rate, as the official load_wav2vec ---- */

static void check_wav2vec2(const fal_encoder *encoder, fal_session *session, const fal_json *facts, const char *name)
{
    const char *folder = "wav2vec2/w2v2-xlsr-hf_syn";
    char file[64], title[96];
    fal_clip_inputs in = {0};
    fal_encoding got;
    fal_error err = {0};
    snprintf(file, sizeof file, "%s.feature25.npy", name);
    fal_npy want = fal_golden_npy(fal_data_path("%s/%s", folder, file));
    fal_check_ok(
        fal_clip_inputs_read(fal_data_path("%s/%s.wav", folder, name), &(fal_input_request){.wave = true}, &in, &err),
        &err);
    assert_true(in.has_audio && !in.has_video && !in.mouth && !in.logfbank);
    fal_check_ok(encode(encoder, session, FAL_STREAM_AUDIO, &in, &got, &err), &err);
    snprintf(title, sizeof title, "wav2vec2 %s", name);
    fal_check_shape(title, &want, 2, ((size_t[]){(size_t)got.rows, (size_t)got.dim}));
    double tolerance =
        fal_json_real(fal_json_get(fal_json_get(fal_json_get(facts, "files"), file), "suggested_max_abs"), 0);
    fal_check_close(title, got.features, want.data, want.count, tolerance, 1e-5);
    fal_clip_inputs_free(&in);
    fal_npy_free(&want);
}

static void test_wav2vec2_end_to_end(void **state)
{
    (void)state;
    fal_json *facts = NULL;
    fal_encoder *encoder = NULL;
    fal_session *session = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/case.json"), &facts, &err), &err);
    fal_check_ok(fal_encoder_open(fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model"), NULL, &encoder, &err), &err);
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    check_wav2vec2(encoder, session, facts, "e2e_mono_16000");
    check_wav2vec2(encoder, session, facts, "e2e_mono_48000");
    check_wav2vec2(encoder, session, facts, "e2e_stereo_44100");
    fal_session_free(&session);
    fal_encoder_free(&encoder);
    fal_json_free(&facts);
}

static void test_streams_that_are_missing(void **state)
{
    (void)state;
    fal_encoder *encoder = NULL;
    fal_session *session = NULL;
    fal_encoding got;
    fal_error err = {0};
    fal_clip_inputs none = {0}, short_wave = {.wave = (float[]){0}, .wave_count = 1};
    fal_check_ok(
        fal_encoder_open(fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt"), NULL, &encoder, &err), &err);
    fal_check_ok(fal_session_create(NULL, &session, &err), &err);
    fal_check_fails(encode(encoder, session, FAL_STREAM_AUDIO, &none, &got, &err), FAL_ERR_NOT_FOUND, "no audio", &err);
    fal_check_fails(encode(encoder, session, FAL_STREAM_VIDEO, &none, &got, &err), FAL_ERR_NOT_FOUND, "no video", &err);
    fal_check_fails(encode(encoder, session, FAL_STREAM_AV, &none, &got, &err), FAL_ERR_NOT_FOUND, "no audio", &err);
    fal_encoder_free(&encoder);
    fal_check_ok(fal_encoder_open(fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model"), NULL, &encoder, &err), &err);
    fal_check_fails(encode(encoder, session, FAL_STREAM_AUDIO, &short_wave, &got, &err), FAL_ERR_TOO_SHORT, NULL, &err);
    fal_session_free(&session);
    fal_encoder_free(&encoder);
}

/* ---- real clips ---- */

static fal_detector *detector;

static fal_clip_inputs read_clip(const char *name, fal_input_request want)
{
    fal_clip_inputs in = {0};
    fal_error err = {0};
    const char *path = fal_reference_path("media/%s", name);
    fal_skip_without(path);
    if (want.mouth && !detector)
        fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    want.detector = detector;
    fal_check_ok(fal_clip_inputs_read(path, &want, &in, &err), &err);
    print_message(
        "%s: %lld audio rows, %lld frames; face seen %lld interpolated %lld missing %lld of %lld, %lld faces, "
        "width %.0f, several in %.0f%%; rms %.1f peak %.1f dBFS, speech %.2f s\n",
        name, (long long)in.audio_rows, (long long)in.frames, (long long)in.face.seen, (long long)in.face.interpolated,
        (long long)in.face.missing, (long long)in.face.frames, (long long)in.face.faces, in.face.median_width,
        100 * in.face.several_fraction, in.sound.rms_dbfs, in.sound.peak_dbfs, in.sound.speech_s);
    return in;
}

/* Crops are pictures: neither black nor one grey. */
static void check_crops(const fal_clip_inputs *in)
{
    const size_t pixels = 96 * 96;
    for (int64_t t = 0; t < in->frames; t++) {
        const uint8_t *crop = in->mouth + (size_t)t * pixels;
        double sum = 0, squares = 0;
        for (size_t i = 0; i < pixels; i++) {
            sum += crop[i];
            squares += (double)crop[i] * crop[i];
        }
        double mean = sum / (double)pixels, deviation = sqrt(fmax(0, squares / (double)pixels - mean * mean));
        if (mean < 10 || mean > 245 || deviation < 4)
            fail_msg("crop %lld: mean %.1f, deviation %.1f", (long long)t, mean, deviation);
    }
}

static void test_clip_without_sound(void **state)
{
    (void)state;
    fal_clip_inputs in = read_clip("real_13_mead_noaudio_256.mp4",
                                   (fal_input_request){.logfbank = true, .mouth = true, .sound_facts = true});
    assert_true(!in.has_audio && in.has_video && !in.logfbank && !in.sound.present);
    assert_int_equal(in.face.faces, 1);
    assert_true(in.face.looked && !in.face.whole_frames && in.face.chosen == 1);
    assert_int_equal(in.face.frames, in.frames);
    assert_int_equal(in.face.seen + in.face.interpolated + in.face.missing, in.frames);
    assert_int_equal(fal_paired_rows(&in), in.frames);
    check_crops(&in);
    fal_clip_inputs_free(&in);
    assert_null(in.mouth);
}

static void test_clip_without_face(void **state)
{
    (void)state;
    fal_clip_inputs in = read_clip("noface_02_car_silent_audio.mp4",
                                   (fal_input_request){.logfbank = true, .mouth = true, .sound_facts = true});
    assert_true(in.has_audio && in.has_video && in.face.looked);
    assert_true(in.face.whole_frames && in.face.chosen == 0);
    assert_int_equal(in.face.seen, 0);
    assert_true(in.frames > 70 && in.frames < 90); /* 3.2 s, shown at 25 Hz from 12.5 */
    assert_true(in.mouth && in.logfbank);
    assert_true(in.sound.present && fal_sound_is_silent(&in.sound));
    assert_true(in.sound.peak_dbfs < -60 && in.sound.speech_s == 0);
    fal_clip_inputs_free(&in);
}

/* dlib's detector is a header: with sanitizers a large picture takes twenty times as long. */
static void skip_when_sanitized(void)
{
#ifdef FAL_ALLOC_FAIL
    print_message("skipped: face search in large pictures, too slow with sanitizers; other builds run it\n");
    skip();
#endif
}

static void test_clip_with_two_faces(void **state)
{
    (void)state;
    skip_when_sanitized();
    fal_clip_inputs first = read_clip("real_12_two_faces_2997.mp4", (fal_input_request){.mouth = true});
    fal_clip_inputs second = read_clip("real_12_two_faces_2997.mp4", (fal_input_request){.mouth = true, .face = 2});
    assert_true(first.face.faces >= 2 && first.face.several_fraction > 0.1);
    assert_int_equal(first.face.chosen, 1);
    assert_int_equal(second.face.chosen, 2);
    assert_int_equal(first.frames, second.frames);
    assert_true(memcmp(first.mouth, second.mouth, (size_t)first.frames * 96 * 96) != 0);
    check_crops(&first);
    check_crops(&second);
    fal_clip_inputs_free(&first);
    fal_clip_inputs_free(&second);
}

/* The report is of the whole stream, although the second pass stops at the last crop. */
static void test_report_of_exact_preprocessing(void **state)
{
    (void)state;
    skip_when_sanitized();
    fal_clip_inputs in = read_clip("real_13_mead_noaudio_256.mp4", (fal_input_request){.mouth = true, .exact = true});
    assert_int_equal(in.report.frames_decoded, in.frames);
    assert_int_equal(in.report.frames_out, in.frames);
    fal_check_close_f64("video_s", &in.report.video_s, &in.media.video.duration_s, 1, 0.05, 0);
    fal_clip_inputs_free(&in);
}

static void test_face_that_is_not_there(void **state)
{
    (void)state;
    fal_clip_inputs in = {0};
    fal_error err = {0};
    const char *path = fal_reference_path("media/real_13_mead_noaudio_256.mp4");
    fal_skip_without(path);
    if (!detector)
        fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    fal_check_fails(
        fal_clip_inputs_read(path, &(fal_input_request){.mouth = true, .face = 7, .detector = detector}, &in, &err),
        FAL_ERR_ARGUMENT, "face 7 asked for, the clip shows 1", &err);
    assert_null(in.mouth);
}

static void test_rotated_clip(void **state)
{
    (void)state;
    skip_when_sanitized();
    fal_clip_inputs in = read_clip("real_20_rotated_phone_derived.mp4", (fal_input_request){.mouth = true});
    assert_true(in.media.video.width < in.media.video.height); /* upright */
    assert_true(in.face.seen > in.face.frames * 3 / 4);
    check_crops(&in);
    fal_clip_inputs_free(&in);
}

/* Audio-visual rows are cut to the shorter stream for encoders that pair them. */
static void test_paired_rows(void **state)
{
    (void)state;
    float rows[1];
    uint8_t crops[1];
    fal_clip_inputs both = {.logfbank = rows, .audio_rows = 75, .mouth = crops, .frames = 73};
    fal_clip_inputs sound = {.logfbank = rows, .audio_rows = 75}, picture = {.mouth = crops, .frames = 73};
    assert_int_equal(fal_paired_rows(&both), 73);
    assert_int_equal(fal_paired_rows(&sound), 75);
    assert_int_equal(fal_paired_rows(&picture), 73);
}

/* Trimming drops the same time from both streams, and tells where the first row now is. */
static void test_trimmed_silence(void **state)
{
    (void)state;
    const char *path = fal_data_path("avhubert/preprocess_syn/lead_silence.wav");
    fal_clip_inputs whole = {0}, cut = {0};
    fal_error err = {0};
    fal_check_ok(fal_clip_inputs_read(path, &(fal_input_request){.logfbank = true}, &whole, &err), &err);
    fal_check_ok(fal_clip_inputs_read(path, &(fal_input_request){.logfbank = true, .trim_silence = true}, &cut, &err),
                 &err);
    int64_t frames = (int64_t)(whole.sound.leading_silence_s * 25) + 1;
    assert_true(whole.sound.leading_silence_s > 0 && whole.start_s == 0);
    assert_true(fabs(cut.start_s - (double)frames / 25) < 1e-12);
    assert_int_equal(cut.audio_rows, whole.audio_rows - frames);
    fal_npy want = fal_golden_npy(fal_data_path("avhubert/preprocess_syn/lead_silence_trim_stacked_ln.npy"));
    assert_int_equal(want.count, cut.audio_rows * FAL_LOGFBANK_DIM);
    fal_check_close("trimmed log filterbank", cut.logfbank, want.data, want.count, 2e-4, 0);
    fal_npy_free(&want);
    fal_clip_inputs_free(&whole);
    fal_clip_inputs_free(&cut);
}

/* Both front ends lose the same time, so that their rows stay side by side. */
static void test_trimmed_waveform(void **state)
{
    (void)state;
    const char *path = fal_data_path("avhubert/preprocess_syn/lead_silence.wav");
    fal_clip_inputs whole = {0}, cut = {0};
    fal_error err = {0};
    fal_check_ok(fal_clip_inputs_read(path, &(fal_input_request){.wave = true}, &whole, &err), &err);
    fal_check_ok(fal_clip_inputs_read(path, &(fal_input_request){.wave = true, .logfbank = true, .trim_silence = true},
                                      &cut, &err),
                 &err);
    int64_t dropped = whole.wave_count - cut.wave_count;
    assert_true(dropped > 0 && fabs((double)dropped / RATE - cut.start_s) < 1e-12);
    assert_memory_equal(cut.wave, whole.wave + dropped, (size_t)cut.wave_count * sizeof *cut.wave);
    fal_clip_inputs_free(&whole);
    fal_clip_inputs_free(&cut);
}

/* One second of zeros as 16-bit PCM. */
static const char *write_silence(void)
{
    static uint8_t wav[44 + 2 * RATE] =
        "RIFF\xa4\x7d\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\x7d\0";
    const char *path = fal_temp_path("silence.wav");
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, wav, sizeof wav, &err), &err);
    return path;
}

static void test_silence_leaves_nothing_to_trim(void **state)
{
    (void)state;
    fal_clip_inputs in = {0};
    fal_error err = {0};
    const char *path = write_silence();
    fal_check_fails(fal_clip_inputs_read(path, &(fal_input_request){.logfbank = true, .trim_silence = true}, &in, &err),
                    FAL_ERR_TOO_SHORT, "silence.wav: the audio is silent", &err);
    fal_check_ok(fal_clip_inputs_read(path, &(fal_input_request){.logfbank = true}, &in, &err), &err);
    assert_int_equal(in.audio_rows, 25);
    assert_true(in.sound.present && fal_sound_is_silent(&in.sound) && in.sound.rms_dbfs == -INFINITY);
    assert_true(in.sound.leading_silence_s == 1);
    fal_clip_inputs_free(&in);
}

static void test_bad_files_are_named(void **state)
{
    (void)state;
    fal_clip_inputs in = {0};
    fal_error err;
    const char *text = fal_data_path("index.json"), *absent = fal_temp_path("absent.mp4");
    fal_check_fails(fal_clip_inputs_read(text, &(fal_input_request){.wave = true}, &in, &err), FAL_ERR_FORMAT,
                    "index.json", &err);
    fal_check_fails(fal_clip_inputs_read(absent, &(fal_input_request){.wave = true}, &in, &err), FAL_ERR_NOT_FOUND,
                    "absent.mp4", &err);
}

static void test_cancel(void **state)
{
    (void)state;
    volatile sig_atomic_t cancel = 1;
    fal_progress progress = {.cancel = &cancel};
    fal_clip_inputs in = {0};
    fal_error err = {0};
    const char *path = fal_reference_path("media/real_13_mead_noaudio_256.mp4");
    fal_skip_without(path);
    if (!detector)
        fal_check_ok(fal_detector_open(NULL, &detector, &err), &err);
    fal_check_fails(
        fal_clip_inputs_read(path, &(fal_input_request){.mouth = true, .detector = detector, .progress = &progress},
                             &in, &err),
        FAL_ERR_CANCELLED, "stopped", &err);
}

/* ---- facts about sound ---- */

/* `silence_s` of nothing, then a sine of this amplitude. */
static float *make_tone(double silence_s, double tone_s, double amplitude, int64_t *samples)
{
    int64_t quiet = (int64_t)(silence_s * RATE);
    *samples = quiet + (int64_t)(tone_s * RATE);
    float *wave = calloc((size_t)*samples + 1, sizeof *wave);
    assert_non_null(wave);
    for (int64_t i = quiet; i < *samples; i++)
        wave[i] = (float)(amplitude * sin(2 * M_PI * 500 * ((double)(i - quiet) + 0.5) / RATE));
    return wave;
}

static void check_fact(const char *name, double got, double want, double tolerance)
{
    fal_check_close_f64(name, &got, &want, 1, tolerance, 0);
}

static void test_sound_of_a_tone(void **state)
{
    (void)state;
    int64_t samples;
    float *wave = make_tone(0.5, 1.5, 0.5, &samples);
    fal_sound_facts s = fal_sound_measure(wave, samples);
    free(wave);
    assert_true(s.present && !fal_sound_is_silent(&s));
    check_fact("duration", s.duration_s, 2, 1e-12);
    check_fact("peak", s.peak_dbfs, 20 * log10(0.5), 0.05); /* 32 samples a period: within 0.5 % of the crest */
    check_fact("rms", s.rms_dbfs, 10 * log10(0.125 * 0.75), 1e-3);
    check_fact("speech", s.speech_s, 1.5, 1e-9);
    check_fact("leading silence", s.leading_silence_s, 0.5, 1e-9);
}

static void test_sound_levels(void **state)
{
    (void)state;
    static const struct {
        double amplitude;
        bool silent;
        double speech_s;
    } levels[] = {{0, true, 0}, {1e-4, true, 0}, {0.0009, true, 0}, {0.0101, false, 1}, {1, false, 1}};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        int64_t samples;
        float *wave = make_tone(0, 1, levels[i].amplitude, &samples);
        fal_sound_facts s = fal_sound_measure(wave, samples);
        free(wave);
        print_message("amplitude %g: peak %.1f dBFS, speech %.2f s\n", levels[i].amplitude, s.peak_dbfs, s.speech_s);
        assert_int_equal(fal_sound_is_silent(&s), levels[i].silent);
        check_fact("speech", s.speech_s, levels[i].speech_s, 1e-9);
    }
}

/* 50 dB below the loud part is a pause, 30 dB below is not. */
static void test_pauses_do_not_count_as_speech(void **state)
{
    (void)state;
    int64_t samples;
    float *wave = make_tone(0, 3, 0.9, &samples);
    for (int64_t i = RATE; i < 2 * RATE; i++)
        wave[i] *= 0.003162f;
    check_fact("50 dB down", fal_sound_measure(wave, samples).speech_s, 2, 1e-9);
    for (int64_t i = RATE; i < 2 * RATE; i++)
        wave[i] *= 10;
    check_fact("30 dB down", fal_sound_measure(wave, samples).speech_s, 3, 1e-9);
    free(wave);
}

static void test_no_samples(void **state)
{
    (void)state;
    fal_sound_facts s = fal_sound_measure((float[]){0}, 0);
    assert_true(s.rms_dbfs == -INFINITY && s.peak_dbfs == -INFINITY && s.speech_s == 0 && s.leading_silence_s == 0);
    assert_true(fal_sound_is_silent(&s));
    assert_true(fal_sound_is_silent(&(fal_sound_facts){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avhubert_end_to_end),
        cmocka_unit_test(test_wav2vec2_end_to_end),
        cmocka_unit_test(test_streams_that_are_missing),
        cmocka_unit_test(test_clip_without_sound),
        cmocka_unit_test(test_clip_without_face),
        cmocka_unit_test(test_clip_with_two_faces),
        cmocka_unit_test(test_report_of_exact_preprocessing),
        cmocka_unit_test(test_face_that_is_not_there),
        cmocka_unit_test(test_rotated_clip),
        cmocka_unit_test(test_paired_rows),
        cmocka_unit_test(test_trimmed_silence),
        cmocka_unit_test(test_trimmed_waveform),
        cmocka_unit_test(test_silence_leaves_nothing_to_trim),
        cmocka_unit_test(test_bad_files_are_named),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_sound_of_a_tone),
        cmocka_unit_test(test_sound_levels),
        cmocka_unit_test(test_pauses_do_not_count_as_speech),
        cmocka_unit_test(test_no_samples),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fal_detector_free(&detector);
    return failed;
}
