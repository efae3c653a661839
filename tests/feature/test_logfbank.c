/* The log filterbank against the original's output, file by file, and its silence rule. */
#include "feature/logfbank.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "support/golden.h"

#include <stdio.h>
#include <string.h>

/* Tolerances of the case: rounding of float32 sums in the original. A row of 104 equal values is 0 in exact arithmetic;
 * the original returns rounding noise there. */
enum { SAMPLES_MAX = 1 << 20 };
#define ROWS_ATOL 1e-4
#define STACKED_ATOL 5e-5
#define CONSTANT_ROW_ATOL 5e-3

typedef struct sound {
    float *wave;
    int64_t count;
} sound;

static uint32_t u32_at(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* 16-bit PCM WAV to float32 mono, channels averaged. */
static sound read_wav(const char *path)
{
    fal_buf file = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &file, &err), &err);
    const char *at = file.data + 12, *end = file.data + file.length;
    int channels = 0;
    for (; at + 8 <= end && memcmp(at, "data", 4) != 0; at += 8 + u32_at(at + 4))
        if (memcmp(at, "fmt ", 4) == 0)
            channels = at[10];
    assert_true(at + 8 <= end && channels > 0);
    sound s = {.count = u32_at(at + 4) / (2 * channels)};
    assert_true(s.count > 0 && s.count < SAMPLES_MAX);
    s.wave = fal_malloc_array((size_t)s.count, sizeof *s.wave);
    assert_non_null(s.wave);
    for (int64_t i = 0; i < s.count; i++) {
        float sum = 0;
        for (int c = 0; c < channels; c++) {
            int16_t v;
            memcpy(&v, at + 8 + 2 * (i * channels + c), sizeof v);
            sum += (float)v / 32768;
        }
        s.wave[i] = sum / (float)channels;
    }
    fal_buf_free(&file);
    return s;
}

static bool is_constant(const float *row)
{
    for (int i = 1; i < FAL_LOGFBANK_DIM; i++)
        if (row[i] != row[0])
            return false;
    return true;
}

static fal_npy load(const char *folder, const char *name, const char *kind)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s_%s.npy", folder, name, kind);
    return fal_golden_npy(path);
}

static void check_rows(const char *folder, const char *name, sound s)
{
    fal_error err = {0};
    fal_npy want = load(folder, name, "logfbank");
    fal_check_shape(name, &want, 2, ((size_t[]){(size_t)fal_logfbank_rows(s.count), FAL_LOGFBANK_BANDS}));
    float *got = fal_malloc_array(want.count, sizeof *got);
    assert_non_null(got);
    fal_check_ok(fal_logfbank(s.wave, s.count, got, &err), &err);
    fal_check_close(name, got, fal_npy_f32(&want), want.count, ROWS_ATOL, 0);
    fal_free(got);
    fal_npy_free(&want);
}

static void check_stacked(const char *folder, const char *name, sound s)
{
    fal_error err = {0};
    float *got = NULL;
    int64_t frames = 0;
    fal_npy want = load(folder, name, "stacked_ln");
    fal_check_ok(fal_logfbank_stacked(s.wave, s.count, &got, &frames, &err), &err);
    fal_check_shape(name, &want, 2, ((size_t[]){(size_t)frames, FAL_LOGFBANK_DIM}));
    for (int64_t f = 0; f < frames; f++) {
        const float *row = got + f * FAL_LOGFBANK_DIM;
        char title[128];
        snprintf(title, sizeof title, "%s stacked row %d", name, (int)f);
        fal_check_close(title, row, fal_npy_f32(&want) + f * FAL_LOGFBANK_DIM, FAL_LOGFBANK_DIM,
                        is_constant(row) ? CONSTANT_ROW_ATOL : STACKED_ATOL, 0);
    }
    fal_free(got);
    fal_npy_free(&want);
}

/* What case.json says of the trimming: seconds and lengths are exact. */
static fal_silence_trim check_trim(const fal_json *facts, const char *name, sound s)
{
    fal_silence_trim trim = fal_silence_trim_find(s.wave, s.count);
    double seconds = fal_json_real(fal_json_get(facts, "silence_seconds"), -1);
    if (trim.seconds != seconds)
        fail_msg("%s: got %.17g s of silence, want %.17g s", name, trim.seconds, seconds);
    assert_int_equal(trim.samples, fal_json_int(fal_json_get(facts, "skipped_samples"), -1));
    assert_int_equal(trim.frames, fal_json_int(fal_json_get(facts, "video_skip_frames"), -1));
    return trim;
}

static void check_folder(const char *folder)
{
    char path[512];
    fal_error err = {0};
    fal_json *json = NULL;
    const fal_json *facts;
    const char *name;
    void *iter = NULL;
    int checked = 0;
    snprintf(path, sizeof path, "%s/case.json", folder);
    fal_check_ok(fal_json_read(path, &json, &err), &err);
    while (fal_json_next(fal_json_get(json, "per_file"), &iter, &name, &facts)) {
        snprintf(path, sizeof path, "%s/%s", folder, fal_json_string(fal_json_get(facts, "wav"), ""));
        sound whole = read_wav(path), s = whole;
        if (strstr(name, "_trim")) {
            fal_silence_trim trim = check_trim(facts, name, whole);
            s = (sound){whole.wave + trim.samples, whole.count - trim.samples};
        }
        check_rows(folder, name, s);
        check_stacked(folder, name, s);
        fal_free(whole.wave);
        checked++;
    }
    fal_json_free(&json);
    assert_true(checked >= 8);
}

static void test_synthetic(void **state)
{
    (void)state;
    check_folder(fal_data_path("avhubert/preprocess_syn"));
}

static void test_speech(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_folder(fal_golden_path("avhubert/preprocess"));
}

static void test_row_counts(void **state)
{
    static const struct {
        int64_t samples, rows;
    } counts[] = {{1, 1}, {399, 1}, {400, 1}, {401, 2}, {560, 2}, {561, 3}};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        assert_int_equal(fal_logfbank_rows(counts[i].samples), counts[i].rows);
}

static void test_nothing(void **state)
{
    (void)state;
    fal_error err = {0};
    float *rows = NULL;
    int64_t frames = -1;
    fal_check_fails(fal_logfbank_stacked(NULL, 0, &rows, &frames, &err), FAL_ERR_TOO_SHORT, "no audio samples", &err);
    assert_null(rows);
    assert_int_equal(frames, -1);
}

/* Silence up to the last sample, all of it, and none. */
static void test_silence(void **state)
{
    (void)state;
    enum { SAMPLES = 1281 };
    float wave[SAMPLES] = {0};
    fal_silence_trim all = fal_silence_trim_find(wave, SAMPLES);
    assert_int_equal(all.samples, 3 * 640); /* int(1281/16000 * 25) + 1 frames: more than there is */
    assert_int_equal(all.frames, 3);
    wave[640] = 0.0005f; /* not louder than the limit */
    wave[641] = -0.001f;
    fal_silence_trim some = fal_silence_trim_find(wave, SAMPLES);
    assert_true(some.seconds == 641 / 16000.0);
    assert_int_equal(some.samples, 2 * 640);
    wave[0] = 0.1f;
    assert_int_equal(fal_silence_trim_find(wave, SAMPLES).samples, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synthetic), cmocka_unit_test(test_speech),  cmocka_unit_test(test_row_counts),
        cmocka_unit_test(test_nothing),   cmocka_unit_test(test_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
