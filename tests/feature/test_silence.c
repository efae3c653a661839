/* Leading silence against the reference's waveforms: seconds, frames and samples to drop, exactly. */
#include "core/json.h"
#include "feature/logfbank.h"
#include "support/golden.h"

#include <math.h>

static void check_count(const char *wave, const char *what, int64_t got, const fal_json *want)
{
    if (got != fal_json_int(want, -1))
        fail_msg("%s %s: got %lld, want %lld", wave, what, (long long)got, (long long)fal_json_int(want, -1));
}

static void check_wave(const fal_json *want)
{
    const char *name = fal_json_string(fal_json_get(want, "wave"), "");
    fal_npy wave = fal_golden_npy(fal_data_path("metrics/leading_silence/%s", name));
    int64_t samples = (int64_t)wave.count;
    fal_silence_trim got = fal_silence_trim_find(fal_npy_f32(&wave), samples);
    double seconds = fal_json_real(fal_json_get(want, "silence_seconds"), NAN);
    if (!(got.seconds == seconds))
        fail_msg("%s: %.17g s of silence, want %.17g", name, got.seconds, seconds);
    int64_t dropped = got.samples < samples ? got.samples : samples; /* a silent clip leaves nothing */
    check_count(name, "samples", samples, fal_json_get(want, "samples"));
    check_count(name, "frames to drop", got.frames, fal_json_get(want, "skip_video_frames"));
    check_count(name, "samples to drop", dropped, fal_json_get(want, "skip_audio_samples"));
    check_count(name, "samples left", samples - dropped, fal_json_get(want, "audio_samples_left"));
    print_message("%s: %.7g s of silence, %lld frames\n", name, got.seconds, (long long)got.frames);
    fal_npy_free(&wave);
}

static void test_leading_silence(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("metrics/leading_silence/expected.json"), &json, &err), &err);
    assert_int_equal(fal_json_count(json), 11);
    for (size_t i = 0; i < fal_json_count(json); i++)
        check_wave(fal_json_at(json, i));
    fal_json_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_leading_silence)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
