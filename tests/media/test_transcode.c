/* Writing clips anew: what is untouched stays, what is touched changes as asked, nothing moves in time. */
#include "media/transcode.h"

#include "core/alloc.h"
#include "core/digest.h"
#include "core/file.h"
#include "media/clip.h"
#include "media/sound_file.h"
#include "media/synth.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a clip holds ---- */

typedef struct content {
    int64_t width, height, frames;
    uint8_t *pixels; /* [frames, height, width, 3] */
    float *samples;
    size_t count;
} content;

static content read_clip(const char *path)
{
    content c = {0};
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_frame frame;
    bool end = false;
    fal_check_ok(fal_clip_open(path, NULL, &clip, &err), &err);
    for (;; c.frames++) {
        fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
        if (end)
            break;
        size_t row = (size_t)(3 * frame.width), size = row * (size_t)frame.height;
        c.width = frame.width;
        c.height = frame.height;
        c.pixels = realloc(c.pixels, size * (size_t)(c.frames + 1));
        assert_non_null(c.pixels);
        for (int64_t y = 0; y < frame.height; y++)
            memcpy(c.pixels + size * (size_t)c.frames + row * (size_t)y, frame.data + y * frame.stride, row);
    }
    if (fal_clip_info(clip)->audio.present)
        fal_check_ok(fal_clip_read_audio(clip, FAL_RESAMPLE_SOXR_HQ, &c.samples, &c.count, &err), &err);
    fal_clip_free(&clip);
    return c;
}

static void content_free(content *c)
{
    free(c->pixels);
    fal_free(c->samples);
}

/* Root mean square difference of two clips' pixels; the clips must have the same frames. */
static double picture_error(const content *a, const content *b)
{
    double sum = 0;
    size_t count = (size_t)(a->frames * a->width * a->height * 3);
    assert_int_equal(a->frames, b->frames);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (size_t i = 0; i < count; i++)
        sum += ((double)a->pixels[i] - b->pixels[i]) * ((double)a->pixels[i] - b->pixels[i]);
    return sqrt(sum / (double)count);
}

static double sound_error(const content *a, const content *b)
{
    double sum = 0;
    size_t count = a->count < b->count ? a->count : b->count;
    assert_true(count > 0);
    for (size_t i = 0; i < count; i++)
        sum += ((double)a->samples[i] - b->samples[i]) * ((double)a->samples[i] - b->samples[i]);
    return sqrt(sum / (double)count);
}

/* ---- material ---- */

static const char *film(void)
{
    static bool made;
    const synth_video video = {
        .encoder = "ffv1", .pixel_format = "yuv420p", .width = 96, .height = 64, .frames = 20, .fps = 25};
    const synth_audio audio = {.encoder = "pcm_s16le", .rate = 44100, .channels = 2, .length_ms = 800};
    if (!made)
        synth_clip(fal_temp_path("film.mkv"), "matroska", &video, &audio);
    made = true;
    return fal_temp_path("film.mkv");
}

static const char *speech(void)
{
    const char *path = fal_temp_path("speech.wav");
    sound_file_syllables(path, 2 * SOUND_FILE_RATE, 0, 0.5, 1);
    return path;
}

static content transcode(const char *from, const fal_recipe *recipe)
{
    fal_error err = {0};
    const char *to = fal_temp_path("out.mkv");
    fal_check_ok(fal_transcode(from, to, recipe, NULL, &err), &err);
    return read_clip(to);
}

/* ---- nothing asked ---- */

static void check_untouched(const char *from)
{
    content before = read_clip(from), after = transcode(from, &(fal_recipe){0});
    assert_true(picture_error(&before, &after) == 0);
    if (before.samples) {
        assert_int_equal(before.count, after.count);
        assert_true(sound_error(&before, &after) == 0);
    }
    content_free(&before);
    content_free(&after);
}

static void test_nothing_asked(void **state)
{
    (void)state;
    check_untouched(film());
    const synth_video late = {.encoder = "mpeg4",
                              .pixel_format = "yuv420p",
                              .width = 48,
                              .height = 48,
                              .frames = 10,
                              .fps = 10,
                              .start_ms = 400};
    const synth_audio sound = {.encoder = "aac", .rate = 22050, .channels = 1, .length_ms = 1200};
    synth_clip(fal_temp_path("late.mp4"), "mp4", &late, &sound);
    check_untouched(fal_temp_path("late.mp4"));
}

static void test_turned_pictures_come_out_upright(void **state)
{
    (void)state;
    const synth_video video = {.encoder = "ffv1",
                               .pixel_format = "yuv420p",
                               .width = 64,
                               .height = 32,
                               .frames = 5,
                               .fps = 25,
                               .rotation_deg = 90};
    synth_clip(fal_temp_path("turned.mov"), "mov", &video, NULL);
    check_untouched(fal_temp_path("turned.mov"));
    content small = transcode(fal_temp_path("turned.mov"),
                              &(fal_recipe){.picture = {.filter = "scale=iw/2:ih/2", .keep_size = true}});
    assert_int_equal(small.width, 32);
    assert_int_equal(small.height, 64);
    content_free(&small);
}

/* ---- pictures ---- */

static void test_filters_of_pictures(void **state)
{
    (void)state;
    content before = read_clip(film());
    content same = transcode(film(), &(fal_recipe){.picture = {.filter = "null"}});
    assert_true(picture_error(&before, &same) == 0); /* ffv1 loses nothing */
    content blurred = transcode(film(), &(fal_recipe){.picture = {.filter = "gblur=sigma=4"}});
    assert_true(picture_error(&before, &blurred) > 2);
    assert_true(sound_error(&before, &blurred) == 0);
    content small = transcode(film(), &(fal_recipe){.picture = {.filter = "scale=iw/3:ih/3", .keep_size = true}});
    assert_true(picture_error(&before, &small) > 1);
    content free_size = transcode(film(), &(fal_recipe){.picture = {.filter = "scale=iw/2:ih/2"}});
    assert_int_equal(free_size.width, 48);
    content *all[] = {&before, &same, &blurred, &small, &free_size};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        content_free(all[i]);
}

static void test_missing_frames_are_shown_as_the_last_one(void **state)
{
    (void)state;
    content before = read_clip(film());
    content dropped = transcode(film(), &(fal_recipe){.picture = {.filter = "select='not(eq(n,7))'"}});
    size_t size = (size_t)(before.width * before.height * 3);
    assert_int_equal(dropped.frames, before.frames);
    assert_memory_equal(dropped.pixels + 7 * size, before.pixels + 6 * size, size);
    assert_memory_equal(dropped.pixels + 8 * size, before.pixels + 8 * size, size);
    content_free(&before);
    content_free(&dropped);
}

static void check_quality(const char *encoder, const char *fine, const char *coarse)
{
    if (!fal_has_encoder(encoder)) {
        print_message("skipped %s: this FFmpeg lacks it\n", encoder);
        return;
    }
    content before = read_clip(film());
    content good = transcode(film(), &(fal_recipe){.picture = {.encoder = encoder, .options = fine}});
    content bad = transcode(film(), &(fal_recipe){.picture = {.encoder = encoder, .options = coarse}});
    double good_error = picture_error(&before, &good), bad_error = picture_error(&before, &bad);
    print_message("%s: error %.2f (%s), %.2f (%s)\n", encoder, good_error, fine, bad_error, coarse);
    assert_true(good_error < 4);
    assert_true(bad_error > 1.3 * good_error);
    content_free(&before);
    content_free(&good);
    content_free(&bad);
}

static void test_compression_of_pictures(void **state)
{
    (void)state;
    check_quality("libx264", "crf=12:preset=veryfast", "crf=48:preset=veryfast");
    check_quality("libx265", "crf=12:x265-params='log-level=none:pools=none:frame-threads=1'",
                  "crf=48:x265-params='log-level=none:pools=none:frame-threads=1'");
}

/* ---- sound ---- */

/* The shift, in samples, at which `after` fits `before` best. */
static int best_lag(const content *before, const content *after)
{
    enum { REACH = 3000 };
    int best = 0;
    double highest = -1;
    for (int lag = -REACH; lag <= REACH; lag++) {
        double sum = 0;
        for (size_t i = REACH; i + REACH < before->count && (size_t)((int)i + lag) < after->count; i++)
            sum += (double)before->samples[i] * after->samples[(int)i + lag];
        if (sum > highest) {
            highest = sum;
            best = lag;
        }
    }
    return best;
}

static void check_codec(const char *encoder, const char *options)
{
    if (!fal_has_encoder(encoder)) {
        print_message("skipped %s: this FFmpeg lacks it\n", encoder);
        return;
    }
    content before = read_clip(speech());
    content after = transcode(speech(), &(fal_recipe){.sound = {.encoder = encoder, .options = options}});
    int lag = best_lag(&before, &after);
    print_message("%s: lag %d samples, %zu of %zu samples, error %.4f\n", encoder, lag, after.count, before.count,
                  sound_error(&before, &after));
    assert_in_range(lag + 1, 0, 2);
    assert_in_range(after.count, before.count - 400, before.count + 2000);
    assert_true(sound_error(&before, &after) > 1e-4);
    content_free(&before);
    content_free(&after);
}

static void test_lossy_sound_stays_in_its_place(void **state)
{
    (void)state;
    check_codec("aac", "b=48000");
    check_codec("libmp3lame", "b=48000");
    check_codec("libopus", "b=32000");
    check_codec("pcm_mulaw", NULL);
}

static void test_filters_of_sound(void **state)
{
    (void)state;
    content before = read_clip(speech());
    content muted = transcode(speech(), &(fal_recipe){.sound = {.filter = "aeval=exprs='val(ch)*gte(t,0.1)':c=same"}});
    assert_int_equal(before.count, muted.count);
    for (size_t i = 0; i < before.count; i++)
        if (fabsf(muted.samples[i] - (i < 1600 ? 0 : before.samples[i])) > 1e-4f)
            fail_msg("sample %zu is %g, was %g", i, (double)muted.samples[i], (double)before.samples[i]);
    content_free(&before);
    content_free(&muted);
}

/* ---- the same again; what cannot be ---- */

static void digest_of(const fal_recipe *recipe, const char *name, char out[FAL_SHA256_HEX])
{
    fal_error err = {0};
    fal_file_digest digest;
    fal_check_ok(fal_transcode(film(), fal_temp_path("%s", name), recipe, NULL, &err), &err);
    fal_check_ok(fal_digest_file(fal_temp_path("%s", name), false, "", NULL, &digest, &err), &err);
    memcpy(out, digest.sha256, FAL_SHA256_HEX);
}

static void test_same_bytes_again(void **state)
{
    (void)state;
    char first[FAL_SHA256_HEX], second[FAL_SHA256_HEX];
    const fal_recipe recipe = {
        .picture = {.filter = "noise=alls=20:allf=t:all_seed=1", .encoder = "mpeg4", .options = "b=100000"},
        .sound = {.filter = "aeval=exprs='val(ch)+0.01*random(0)':c=same", .encoder = "aac", .options = "b=32000"}};
    digest_of(&recipe, "once.mkv", first);
    digest_of(&recipe, "twice.mkv", second);
    assert_string_equal(first, second);
}

static void test_refusals(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *to = fal_temp_path("never.mkv");
    volatile sig_atomic_t stop = 1;
    fal_check_fails(fal_transcode(fal_temp_path("absent.mp4"), to, &(fal_recipe){0}, NULL, &err), FAL_ERR_NOT_FOUND,
                    "absent.mp4", &err);
    fal_check_fails(fal_transcode(film(), to, &(fal_recipe){.picture = {.encoder = "no-such"}}, NULL, &err),
                    FAL_ERR_UNSUPPORTED, "no-such", &err);
    fal_check_fails(
        fal_transcode(film(), to, &(fal_recipe){.picture = {.encoder = "mpeg4", .options = "crfx=3"}}, NULL, &err),
        FAL_ERR_UNSUPPORTED, "crfx", &err);
    fal_check_fails(fal_transcode(film(), to, &(fal_recipe){.picture = {.filter = "no-such-filter"}}, NULL, &err),
                    FAL_ERR_FORMAT, "no-such-filter", &err);
    fal_check_fails(fal_transcode(film(), fal_temp_path("no/folder/x.mkv"), &(fal_recipe){0}, NULL, &err),
                    FAL_ERR_NOT_FOUND, "x.mkv", &err);
    fal_check_fails(fal_transcode(film(), to, &(fal_recipe){0}, &stop, &err), FAL_ERR_CANCELLED, "stopped", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_asked),
        cmocka_unit_test(test_turned_pictures_come_out_upright),
        cmocka_unit_test(test_filters_of_pictures),
        cmocka_unit_test(test_missing_frames_are_shown_as_the_last_one),
        cmocka_unit_test(test_compression_of_pictures),
        cmocka_unit_test(test_lossy_sound_stays_in_its_place),
        cmocka_unit_test(test_filters_of_sound),
        cmocka_unit_test(test_same_bytes_again),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
