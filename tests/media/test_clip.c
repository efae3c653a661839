/* Frames of clips whose every picture is known: rates, times, geometry, pixel formats. */
#include "support/alloc_fail.h"
#include "support/test.h"

#include "core/alloc.h"
#include "media/clip.h"
#include "media/synth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fal_clip *open_clip(const char *path, const fal_clip_options *options)
{
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(path, options, &clip, &err), &err);
    return clip;
}

static bool next(fal_clip *clip, fal_frame *frame)
{
    bool end = false;
    fal_error err = {0};
    fal_check_ok(fal_clip_next_frame(clip, frame, &end, &err), &err);
    return !end;
}

static const uint8_t *pixel(const fal_frame *frame, int64_t x, int64_t y)
{
    return frame->data + y * frame->stride + 3 * x;
}

/* Which picture a frame shows, from the red of its lower right corner. */
static int shown(const fal_frame *frame)
{
    return pixel(frame, frame->width - 1, frame->height - 1)[0] / 3;
}

/* The clip must show these pictures, at the default rate or each once. */
static void check_pictures(const char *path, bool exact, const int *want, int count)
{
    fal_clip *clip = open_clip(path, &(fal_clip_options){.exact = exact});
    fal_frame frame;
    int n = 0;
    for (; next(clip, &frame); n++) {
        if (n < count && shown(&frame) != want[n])
            fail_msg("%s: frame %d shows picture %d, want %d", path, n, shown(&frame), want[n]);
        assert_int_equal(frame.index, n);
        if (!exact)
            assert_true(frame.time_s == n / 25.0);
    }
    if (n != count)
        fail_msg("%s: %d frames, want %d", path, n, count);
    assert_int_equal(fal_clip_report(clip)->frames_out, count);
    fal_clip_free(&clip);
}

static const char *png_clip(const char *name, const synth_video *video, const synth_audio *audio)
{
    const char *path = fal_temp_path("%s.mov", name);
    synth_video v = *video;
    v.encoder = v.encoder ? v.encoder : "png";
    v.pixel_format = v.pixel_format ? v.pixel_format : "rgb24";
    v.width = v.width ? v.width : 32;
    v.height = v.height ? v.height : 24;
    synth_clip(path, "mov", &v, audio);
    return path;
}

static void test_native_rate(void **state)
{
    (void)state;
    const char *path = png_clip("r25", &(synth_video){.frames = 6, .fps = 25}, NULL);
    static const int want[] = {0, 1, 2, 3, 4, 5};
    check_pictures(path, false, want, 6);
    check_pictures(path, true, want, 6);
}

/* Picture n of a clip at `fps` belongs to slot round(25 n / fps), halves upwards; each slot shows the last picture that
 * belongs to it or to an earlier one, up to the slot where the last picture ends. */
static int slots_by_rule(int frames, int fps, int *want)
{
    int count = (2 * 25 * frames + fps) / (2 * fps);
    for (int slot = 0; slot < count; slot++)
        for (int n = 0; n < frames; n++)
            if ((2 * 25 * n + fps) / (2 * fps) <= slot)
                want[slot] = n;
    return count;
}

static void test_other_rates(void **state)
{
    (void)state;
    static const int rates[] = {50, 30, 24, 15, 10, 60, 1};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        int frames = rates[i] == 1 ? 2 : 31, want[100], all[31];
        char name[16];
        snprintf(name, sizeof name, "r%d", rates[i]);
        const char *path = png_clip(name, &(synth_video){.frames = frames, .fps = rates[i]}, NULL);
        for (int n = 0; n < frames; n++)
            all[n] = n;
        check_pictures(path, false, want, slots_by_rule(frames, rates[i], want));
        check_pictures(path, true, all, frames);
    }
}

static void test_chosen_rate(void **state)
{
    (void)state;
    const char *path = png_clip("chosen", &(synth_video){.frames = 10, .fps = 25}, NULL);
    fal_clip *clip = open_clip(path, &(fal_clip_options){.fps = 50, .threads = 2});
    fal_frame frame;
    int n = 0;
    for (; next(clip, &frame); n++)
        assert_int_equal(shown(&frame), n / 2);
    assert_int_equal(n, 20);
    assert_int_equal(fal_clip_report(clip)->frames_duplicated, 10);
    fal_clip_free(&clip);
}

static void test_variable_rate(void **state)
{
    (void)state;
    static const int times[] = {0, 40, 50, 60, 200, 215, 300};
    /* Slots of 40 ms: 0, 1, 1, 2 (1.5 rounds up), 5, 5, 8 (7.5 rounds up). */
    static const int want[] = {0, 2, 3, 3, 3, 5, 5, 5, 6};
    const char *path = png_clip("vfr", &(synth_video){.frames = 7, .times_ms = times}, NULL);
    fal_clip *clip = open_clip(path, NULL);
    fal_frame frame;
    size_t n = 0;
    for (; next(clip, &frame) && n < 9; n++)
        if (shown(&frame) != want[n])
            fail_msg("frame %zu shows picture %d, want %d", n, shown(&frame), want[n]);
    assert_true(n >= 8);
    assert_true(fal_clip_info(clip)->video.variable_rate);
    assert_true(fal_clip_report(clip)->warnings & FAL_MEDIA_WARN_VARIABLE_RATE);
    assert_int_equal(fal_clip_report(clip)->frames_dropped, 2);
    fal_clip_free(&clip);
}

static void test_exact_mode_tells_true_times(void **state)
{
    (void)state;
    static const int times[] = {0, 40, 50, 60, 200};
    const char *path = png_clip("times", &(synth_video){.frames = 5, .times_ms = times}, NULL);
    fal_clip *clip = open_clip(path, &(fal_clip_options){.exact = true});
    fal_frame frame;
    for (int n = 0; n < 5; n++) {
        assert_true(next(clip, &frame));
        if (frame.time_s < times[n] / 1000.0 - 1e-6 || frame.time_s > times[n] / 1000.0 + 1e-6)
            fail_msg("frame %d at %.6f s, want %.6f", n, frame.time_s, times[n] / 1000.0);
    }
    assert_false(next(clip, &frame));
    assert_false(next(clip, &frame));
    fal_clip_free(&clip);
}

static void test_gap_repeats_the_last_picture(void **state)
{
    (void)state;
    static const int times[] = {0, 40, 1080, 1120};
    const char *path = png_clip("gap", &(synth_video){.frames = 4, .times_ms = times}, NULL);
    fal_clip *clip = open_clip(path, NULL);
    fal_frame frame;
    for (int n = 0; n < 28; n++) {
        assert_true(next(clip, &frame));
        assert_int_equal(shown(&frame), n < 1 ? 0 : n < 27 ? 1 : 2);
    }
    assert_true(fal_clip_report(clip)->warnings & FAL_MEDIA_WARN_VIDEO_GAP);
    fal_clip_free(&clip);
}

/* A small file that claims to show each of its pictures for a minute. */
static void test_endless_slide_show_is_refused(void **state)
{
    (void)state;
    enum { PICTURES = 245 };
    int times[PICTURES];
    for (int n = 0; n < PICTURES; n++)
        times[n] = n * 60000;
    const char *path = png_clip("slides", &(synth_video){.frames = PICTURES, .times_ms = times}, NULL);
    fal_clip *clip = open_clip(path, &(fal_clip_options){.fps = 1});
    fal_frame frame;
    fal_error err = {0};
    bool end = false;
    fal_status st = FAL_OK;
    while (st == FAL_OK && !end)
        st = fal_clip_next_frame(clip, &frame, &end, &err);
    fal_check_fails(st, FAL_ERR_UNSUPPORTED, "more than 4 hours of video", &err);
    assert_int_equal(frame.index, 239 * 60 - 1); /* the next one looks ahead to a picture at four hours */
    fal_clip_free(&clip);
}

/* A clip that starts at one hour (as cut recordings do) is not late: only the difference between the streams counts. */
static void test_late_video(void **state)
{
    (void)state;
    synth_video video = {
        .encoder = "ffv1", .pixel_format = "bgr0", .width = 32, .height = 24, .frames = 5, .fps = 25, .start_ms = 200};
    synth_audio audio = {.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = 500};
    const char *path = fal_temp_path("late_video.mkv"), *alone = fal_temp_path("offset.mkv");
    static const int late[] = {0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, all[] = {0, 1, 2, 3, 4};
    synth_clip(path, "matroska", &video, &audio);
    check_pictures(path, false, late, 10);
    check_pictures(path, true, all, 5);
    fal_clip *clip = open_clip(path, NULL);
    fal_frame frame;
    assert_true(next(clip, &frame));
    assert_true(fal_clip_report(clip)->warnings & FAL_MEDIA_WARN_LATE_VIDEO);
    assert_true(fal_clip_info(clip)->video.start_s > 0.19 && fal_clip_info(clip)->video.start_s < 0.21);
    fal_clip_free(&clip);
    video.start_ms = 3600 * 1000;
    synth_clip(alone, "matroska", &video, NULL);
    check_pictures(alone, false, all, 5);
}

/* Where the corner that is red 255 in the stored picture must be after turning. */
static void check_turn(int degrees, bool mirrored, bool want_right, bool want_bottom)
{
    char name[32];
    snprintf(name, sizeof name, "turn%d%d", degrees, mirrored);
    const char *path =
        png_clip(name,
                 &(synth_video){
                     .width = 40, .height = 24, .frames = 1, .fps = 25, .rotation_deg = degrees, .mirrored = mirrored},
                 NULL);
    fal_clip *clip = open_clip(path, NULL);
    const fal_video_info *video = &fal_clip_info(clip)->video;
    fal_frame frame;
    bool sideways = degrees % 180 != 0;
    assert_int_equal(video->width, sideways ? 24 : 40);
    assert_int_equal(video->height, sideways ? 40 : 24);
    if (!mirrored)
        assert_int_equal(video->rotation_deg, degrees);
    assert_true(next(clip, &frame));
    assert_int_equal(frame.width, video->width);
    assert_int_equal(frame.height, video->height);
    for (int corner = 0; corner < 4; corner++) {
        bool right = corner & 1, bottom = corner & 2;
        int red = pixel(&frame, right ? frame.width - 1 : 0, bottom ? frame.height - 1 : 0)[0];
        int want = right == want_right && bottom == want_bottom ? 255 : 0;
        if (red != want)
            fail_msg("turned by %d: corner %s %s has red %d, want %d", degrees, bottom ? "bottom" : "top",
                     right ? "right" : "left", red, want);
    }
    fal_clip_free(&clip);
}

static void test_rotation(void **state)
{
    (void)state;
    check_turn(0, false, false, false);
    check_turn(90, false, true, false);
    check_turn(180, false, true, true);
    check_turn(270, false, false, true);
    check_turn(0, true, true, false);
}

/* Angles between the quarter turns are not followed, and not announced either. */
static void test_odd_angle(void **state)
{
    (void)state;
    const char *path = png_clip(
        "odd_angle", &(synth_video){.width = 40, .height = 24, .frames = 1, .fps = 25, .rotation_deg = 60}, NULL);
    fal_clip *clip = open_clip(path, NULL);
    const fal_video_info *video = &fal_clip_info(clip)->video;
    fal_frame frame;
    assert_true(next(clip, &frame));
    assert_int_equal(video->rotation_deg, 0);
    assert_int_equal(video->width, frame.width);
    assert_int_equal(video->height, frame.height);
    fal_clip_free(&clip);
}

static int distance(int a, int b)
{
    return a > b ? a - b : b - a;
}

/* Every pixel of the first picture within `tolerance` levels of what was painted. */
static void check_format(const char *encoder, const char *muxer, const char *format, int width, int height,
                         int tolerance)
{
    const char *path = fal_temp_path("%s_%s_%dx%d.bin", encoder, format, width, height);
    bool gray = strncmp(format, "gray", 4) == 0;
    synth_video v = {
        .encoder = encoder, .pixel_format = format, .width = width, .height = height, .frames = 3, .fps = 25};
    synth_clip(path, muxer, &v, NULL);
    fal_clip *clip = open_clip(path, NULL);
    fal_frame frame;
    assert_true(next(clip, &frame));
    assert_int_equal(frame.width, width);
    assert_int_equal(frame.height, height);
    assert_true(frame.stride >= 3 * frame.width);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            bool edge = distance(x, width / 2) < 3 || distance(y, height / 2) < 3;
            const uint8_t *p = pixel(&frame, x, y);
            int red = x < width / 2 && y < height / 2 ? 255 : 0, green = 255 * x / width, blue = 255 * y / height;
            int luma = (299 * red + 587 * green + 114 * blue + 500) / 1000;
            int off = gray ? distance(p[0], luma) : distance(p[0], red);
            off = gray || off > distance(p[1], green) ? off : distance(p[1], green);
            off = gray || off > distance(p[2], blue) ? off : distance(p[2], blue);
            if (!edge && off > tolerance)
                fail_msg("%s %s at (%d,%d): %d,%d,%d, want %d,%d,%d within %d", encoder, format, x, y, p[0], p[1], p[2],
                         red, green, blue, tolerance);
        }
    }
    fal_clip_free(&clip);
}

/* Chroma subsampling and coding blur the gradients a little; the colour matrix or range being wrong costs far more. */
static void test_pixel_formats_and_odd_sizes(void **state)
{
    (void)state;
    check_format("png", "mov", "rgb24", 33, 17, 0);
    check_format("ffv1", "matroska", "bgr0", 1, 1, 255);
    check_format("ffv1", "matroska", "bgr0", 33, 35, 0);
    check_format("ffv1", "matroska", "yuv444p", 33, 35, 3);
    check_format("ffv1", "matroska", "yuv420p", 133, 135, 14);
    check_format("ffv1", "matroska", "yuv420p10le", 164, 148, 14);
    check_format("ffv1", "matroska", "yuv422p12le", 147, 131, 14);
    check_format("ffv1", "matroska", "gray", 45, 33, 2);
    check_format("ffv1", "matroska", "gray10le", 45, 33, 2);
    check_format("mjpeg", "avi", "yuvj420p", 160, 144, 24);
    check_format("mpeg4", "mp4", "yuv420p", 160, 144, 24);
    check_format("mpeg1video", "mpeg", "yuv420p", 160, 144, 24);
}

/* Two elementary streams of different size, one after the other. */
static void append_file(const char *to, const char *from)
{
    char block[4096];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "ab");
    assert_non_null(in);
    assert_non_null(out);
    for (size_t got; (got = fread(block, 1, sizeof block, in)) > 0;)
        assert_int_equal(fwrite(block, 1, got, out), got);
    fclose(in);
    fclose(out);
}

static void test_size_change(void **state)
{
    (void)state;
    const char *path = fal_temp_path("sizes.m1v"), *second = fal_temp_path("second.m1v");
    synth_video v = {
        .encoder = "mpeg1video", .pixel_format = "yuv420p", .width = 64, .height = 48, .frames = 6, .fps = 25};
    synth_clip(path, "mpeg1video", &v, NULL);
    v.width = 96;
    v.height = 80;
    synth_clip(second, "mpeg1video", &v, NULL);
    append_file(path, second);
    fal_clip *clip = open_clip(path, &(fal_clip_options){.exact = true});
    fal_frame frame;
    int n = 0;
    for (; next(clip, &frame); n++) {
        assert_int_equal(frame.width, 64);
        assert_int_equal(frame.height, 48);
    }
    assert_in_range(n, 11, 12);
    assert_true(fal_clip_report(clip)->warnings & FAL_MEDIA_WARN_SIZE_CHANGE);
    fal_clip_free(&clip);
}

/* Wide pictures, then tall ones that FFmpeg cannot scale to the size of the first, then wide ones again: the last wide
 * one stands in, nothing moves in time. */
static void test_pictures_that_cannot_be_converted(void **state)
{
    (void)state;
    const char *path = fal_temp_path("shapes.m1v"), *tall = fal_temp_path("tall.m1v"),
               *wide = fal_temp_path("wide.m1v");
    synth_video v = {
        .encoder = "mpeg1video", .pixel_format = "yuv420p", .width = 2000, .height = 16, .frames = 4, .fps = 25};
    synth_clip(path, "mpeg1video", &v, NULL);
    synth_clip(wide, "mpeg1video", &v, NULL);
    v.width = 16;
    v.height = 2000;
    synth_clip(tall, "mpeg1video", &v, NULL);
    append_file(path, tall);
    append_file(path, wide);
    for (int exact = 0; exact < 2; exact++) {
        fal_clip *clip = open_clip(path, &(fal_clip_options){.exact = exact});
        fal_frame frame;
        int64_t n = 0;
        for (; next(clip, &frame); n++) {
            assert_int_equal(frame.width, 2000);
            assert_int_equal(frame.height, 16);
        }
        const fal_media_report *report = fal_clip_report(clip);
        print_message("%d frames, %d damaged\n", (int)n, (int)report->frames_damaged);
        assert_int_equal(n, report->frames_decoded - report->frames_dropped + report->frames_duplicated);
        assert_in_range(report->frames_damaged, 3, 5);
        assert_true(report->warnings & FAL_MEDIA_WARN_DAMAGED_VIDEO);
        assert_true(report->warnings & FAL_MEDIA_WARN_SIZE_CHANGE);
        fal_clip_free(&clip);
    }
}

static void test_rewind(void **state)
{
    (void)state;
    const char *path = png_clip("rewind", &(synth_video){.frames = 8, .fps = 25}, NULL);
    fal_clip *clip = open_clip(path, NULL);
    fal_frame frame;
    fal_error err = {0};
    for (int pass = 0; pass < 3; pass++) {
        int n = 0;
        for (; n < (pass == 1 ? 3 : 9) && next(clip, &frame); n++) {
            assert_int_equal(shown(&frame), n);
            assert_int_equal(frame.index, n);
        }
        assert_int_equal(n, pass == 1 ? 3 : 8);
        assert_int_equal(fal_clip_report(clip)->frames_out, n);
        fal_check_ok(fal_clip_rewind(clip, &err), &err);
        assert_int_equal(fal_clip_report(clip)->frames_out, 0);
    }
    fal_clip_free(&clip);
}

static void test_info(void **state)
{
    (void)state;
    synth_video v = {.encoder = "mpeg4", .pixel_format = "yuv420p", .width = 64, .height = 48, .frames = 50, .fps = 50};
    synth_audio a = {.encoder = "aac", .rate = 44100, .channels = 2, .length_ms = 1000};
    const char *path = fal_temp_path("info.mp4");
    fal_media_info info;
    fal_error err = {0};
    synth_clip(path, "mp4", &v, &a);
    fal_check_ok(fal_media_probe(path, &info, &err), &err);
    assert_non_null(strstr(info.container, "mp4"));
    assert_true(info.video.present && info.audio.present);
    assert_string_equal(info.video.codec, "mpeg4");
    assert_string_equal(info.video.pixel_format, "yuv420p");
    assert_string_equal(info.audio.codec, "aac");
    assert_int_equal(info.video.width, 64);
    assert_int_equal(info.video.height, 48);
    assert_int_equal(info.audio.sample_rate, 44100);
    assert_int_equal(info.audio.channels, 2);
    assert_true(info.video.nominal_fps == 50 && info.video.average_fps == 50 && !info.video.variable_rate);
    assert_true(info.video.duration_s > 0.99 && info.video.duration_s < 1.01);
    assert_true(info.duration_s > 0.99 && info.duration_s < 1.1);
    assert_true(info.video.bit_rate > 0);
}

static void test_bits_per_pixel(void **state)
{
    (void)state;
    synth_video v = {
        .encoder = "mpeg4", .pixel_format = "yuv420p", .width = 320, .height = 240, .frames = 25, .fps = 25};
    double found[2];
    for (int i = 0; i < 2; i++) {
        const char *path = fal_temp_path("bits%d.mp4", i);
        v.coarseness = i ? 1 : 31;
        synth_clip(path, "mp4", &v, NULL);
        fal_clip *clip = open_clip(path, NULL);
        fal_frame frame;
        while (next(clip, &frame))
            continue;
        found[i] = fal_clip_report(clip)->bits_per_pixel;
        fal_clip_free(&clip);
    }
    print_message("bits per pixel: %.4f coarse, %.4f fine\n", found[0], found[1]);
    assert_true(found[0] > 0 && found[0] < found[1]);
}

static void test_bad_options(void **state)
{
    (void)state;
    const char *path = png_clip("options", &(synth_video){.frames = 1, .fps = 25}, NULL);
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_fails(fal_clip_open(path, &(fal_clip_options){.fps = -1}, &clip, &err), FAL_ERR_ARGUMENT, "-1", &err);
    fal_check_fails(fal_clip_open(path, &(fal_clip_options){.threads = -2}, &clip, &err), FAL_ERR_ARGUMENT, "-2", &err);
    assert_null(clip);
    fal_clip_free(&clip);
}

static fal_status read_everything(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip *clip = NULL;
    float *samples = NULL;
    size_t count;
    fal_frame frame;
    FAL_TRY(fal_clip_open(user, NULL, &clip, err));
    for (bool end = false; !end;)
        FAL_TRY(fal_clip_next_frame(clip, &frame, &end, err));
    FAL_TRY(fal_clip_read_audio(clip, FAL_RESAMPLE_SINC, &samples, &count, err));
done:
    fal_free(samples);
    fal_clip_free(&clip);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    synth_audio audio = {.encoder = "pcm_s16le", .rate = 8000, .channels = 2, .length_ms = 300, .start_ms = 100};
    const char *path = png_clip("memory", &(synth_video){.frames = 3, .fps = 25}, &audio);
    fal_check_alloc_failures("reading a clip", read_everything, (void *)path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native_rate),
        cmocka_unit_test(test_other_rates),
        cmocka_unit_test(test_chosen_rate),
        cmocka_unit_test(test_variable_rate),
        cmocka_unit_test(test_exact_mode_tells_true_times),
        cmocka_unit_test(test_gap_repeats_the_last_picture),
        cmocka_unit_test(test_endless_slide_show_is_refused),
        cmocka_unit_test(test_late_video),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_odd_angle),
        cmocka_unit_test(test_pixel_formats_and_odd_sizes),
        cmocka_unit_test(test_size_change),
        cmocka_unit_test(test_pictures_that_cannot_be_converted),
        cmocka_unit_test(test_rewind),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_bits_per_pixel),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests_name("media/clip", tests, NULL, NULL);
}
