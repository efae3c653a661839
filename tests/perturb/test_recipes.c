/* Every perturbation of the table on one short clip: it must change what it says and nothing else. */
#include "core/alloc.h"
#include "core/digest.h"
#include "core/str.h"
#include "media/clip.h"
#include "media/synth.h"
#include "perturb/recipes.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>

static const char *film(void)
{
    static bool made;
    const synth_video video = {
        .encoder = "mpeg4", .pixel_format = "yuv420p", .width = 96, .height = 64, .frames = 15, .fps = 25};
    const synth_audio audio = {.encoder = "aac", .rate = 44100, .channels = 1, .length_ms = 600};
    if (!made)
        synth_clip(fal_temp_path("film.mp4"), "mp4", &video, &audio);
    made = true;
    return fal_temp_path("film.mp4");
}

typedef struct digests {
    int64_t width, height, frames;
    char pictures[FAL_SHA256_HEX], sound[FAL_SHA256_HEX];
    double duration_s;
} digests;

static digests digest_clip(const char *path)
{
    digests d = {0};
    fal_digest pictures = fal_sha256_start(), sound = fal_sha256_start();
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_frame frame;
    bool end = false;
    float *samples = NULL;
    size_t count;
    fal_check_ok(fal_clip_open(path, NULL, &clip, &err), &err);
    for (;; d.frames++) {
        fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
        if (end)
            break;
        d.width = frame.width;
        d.height = frame.height;
        for (int64_t y = 0; y < frame.height; y++)
            fal_sha256_add(&pictures, frame.data + y * frame.stride, (size_t)(3 * frame.width));
    }
    fal_check_ok(fal_clip_read_audio(clip, FAL_RESAMPLE_SOXR_HQ, &samples, &count, &err), &err);
    fal_sha256_add(&sound, samples, count * sizeof *samples);
    fal_sha256_text(&pictures, d.pictures);
    fal_sha256_text(&sound, d.sound);
    d.duration_s = (double)count / 16000;
    fal_free(samples);
    fal_clip_free(&clip);
    return d;
}

static void check_cell(const fal_perturbation *p, double severity, const digests *clean)
{
    fal_error err = {0};
    const char *to = fal_temp_path("worse.mkv");
    fal_check_ok(fal_perturb_clip(film(), p->name, severity, to, &err), &err);
    digests d = digest_clip(to);
    bool other_pictures = strcmp(d.pictures, clean->pictures) != 0, other_sound = strcmp(d.sound, clean->sound) != 0;
    print_message("  %-16s %6g %-8s pictures %s, sound %s, %lld frames, %.3f s\n", p->name, severity, p->unit,
                  other_pictures ? "changed" : "same", other_sound ? "changed" : "same", (long long)d.frames,
                  d.duration_s);
    assert_int_equal(other_pictures, p->picture);
    assert_int_equal(other_sound, p->sound);
    assert_int_equal(d.frames, clean->frames);
    assert_true(d.duration_s > clean->duration_s - 0.03 && d.duration_s < clean->duration_s + 0.06);
}

static void test_every_row(void **state)
{
    (void)state;
    digests clean = digest_clip(film());
    assert_true(fal_perturbation_count() >= 14);
    for (size_t i = 0; i < fal_perturbation_count(); i++) {
        fal_perturbation p = fal_perturbation_at(i);
        assert_in_range(p.severity_count, 3, FAL_PERTURBATION_SEVERITIES);
        assert_true(p.picture || p.sound);
        if (p.missing)
            print_message("skipped %s: this FFmpeg lacks %s\n", p.name, p.missing);
        for (size_t k = 0; !p.missing && k < p.severity_count; k++)
            check_cell(&p, p.severities[k], &clean);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *to = fal_temp_path("never.mkv");
    const synth_audio audio = {.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 300};
    fal_check_fails(fal_perturb_clip(film(), "sepia", 1, to, &err), FAL_ERR_NOT_FOUND, "h264, hevc", &err);
    fal_check_fails(fal_perturb_clip(film(), "blur", 3, to, &err), FAL_ERR_ARGUMENT, "no severity 3", &err);
    synth_clip(fal_temp_path("sound.wav"), "wav", NULL, &audio);
    fal_check_fails(fal_perturb_clip(fal_temp_path("sound.wav"), "blur", 2, to, &err), FAL_ERR_NOT_FOUND, "no pictures",
                    &err);
    assert_false(fal_path_exists(to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
