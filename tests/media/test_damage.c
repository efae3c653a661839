/* What is no media file, only part of one, or points elsewhere. */
#include "support/test.h"

#include "core/alloc.h"
#include "media/clip.h"
#include "media/synth.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavutil/log.h>

static void check_refused(const char *path, fal_status want, const char *part)
{
    fal_clip *clip = NULL;
    fal_error err = {0};
    fal_check_fails(fal_clip_open(path, NULL, &clip, &err), want, part, &err);
    assert_null(clip);
}

/* Runs `fn` with stderr in a file and tells how much was written. */
static long stderr_bytes(void (*fn)(void **))
{
    const char *path = fal_temp_path("stderr.txt");
    struct stat info;
    fflush(stderr);
    int saved = dup(STDERR_FILENO), file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0666);
    assert_true(saved >= 0 && file >= 0);
    dup2(file, STDERR_FILENO);
    fn(NULL);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    assert_int_equal(stat(path, &info), 0);
    return (long)info.st_size;
}

static void open_bad_files(void **state)
{
    (void)state;
    const char *noise = fal_temp_path("noise.mp4"), *text = fal_temp_path("list.m3u8");
    synth_text_file(text, "#EXTM3U\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n");
    synth_text_file(noise, "....ftypisom....isom........moov");
    fal_media_info info;
    fal_error err;
    fal_media_probe(noise, &info, &err);
    fal_media_probe(text, &info, &err);
}

/* FFmpeg prints by default; a program that wants its messages says so by choosing a level. */
static void test_silence(void **state)
{
    (void)state;
    av_log_set_level(AV_LOG_VERBOSE);
    assert_true(stderr_bytes(open_bad_files) > 0);
    assert_int_equal(av_log_get_level(), AV_LOG_VERBOSE);
    av_log_set_level(AV_LOG_INFO);
    assert_int_equal(stderr_bytes(open_bad_files), 0);
}

static void test_no_media(void **state)
{
    (void)state;
    const char *text = fal_temp_path("notes.mp4"), *empty = fal_temp_path("empty.mp4");
    const char *folder = fal_temp_path("folder.mp4");
    synth_text_file(text, "This is not a film.\n");
    synth_text_file(empty, "");
    mkdir(folder, 0777);
    check_refused(text, FAL_ERR_FORMAT, "notes.mp4: not a media file");
    check_refused(empty, FAL_ERR_FORMAT, "empty.mp4: empty file");
    check_refused(folder, FAL_ERR_IO, "folder.mp4");
    check_refused(fal_temp_path("nowhere.mp4"), FAL_ERR_NOT_FOUND, "nowhere.mp4: no such file");
    check_refused("http://localhost/clip.mp4", FAL_ERR_NOT_FOUND, "no such file");
    check_refused("concat:a.mp4|b.mp4", FAL_ERR_NOT_FOUND, "no such file");
}

/* Files that make a careless player open other files. The file they name is a good clip. */
static void test_playlists_are_refused(void **state)
{
    (void)state;
    synth_video v = {
        .encoder = "mpeg1video", .pixel_format = "yuv420p", .width = 32, .height = 32, .frames = 5, .fps = 25};
    const char *target = fal_temp_path("target.ts");
    char text[4096];
    synth_clip(target, "mpegts", &v, NULL);
    snprintf(text, sizeof text, "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n%s\n#EXT-X-ENDLIST\n",
             target);
    synth_text_file(fal_temp_path("list.m3u8"), text);
    synth_text_file(fal_temp_path("list.mp4"), text);
    snprintf(text, sizeof text, "ffconcat version 1.0\nfile '%s'\n", target);
    synth_text_file(fal_temp_path("list.ffconcat"), text);
    synth_text_file(fal_temp_path("list.sdp"), "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                                               "m=video 5000 RTP/AVP 96\n");
    check_refused(fal_temp_path("list.m3u8"), FAL_ERR_FORMAT, "list.m3u8: not a media file");
    check_refused(fal_temp_path("list.mp4"), FAL_ERR_FORMAT, "list.mp4: not a media file");
    check_refused(fal_temp_path("list.ffconcat"), FAL_ERR_FORMAT, "list.ffconcat: not a media file");
    check_refused(fal_temp_path("list.sdp"), FAL_ERR_FORMAT, "list.sdp: not a media file");
}

static int64_t count_frames(fal_clip *clip)
{
    fal_frame frame;
    fal_error err = {0};
    int64_t n = 0;
    for (bool end = false;; n++) {
        fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
        if (end)
            return n;
    }
}

static void make_clip(const char *path, const char *muxer)
{
    synth_video v = {
        .encoder = "mpeg4", .pixel_format = "yuv420p", .width = 160, .height = 120, .frames = 100, .fps = 25};
    synth_audio a = {.encoder = "mp2", .rate = 32000, .channels = 1, .length_ms = 4000};
    synth_clip(path, muxer, &v, &a);
}

static fal_media_report read_all(const char *path, int64_t *frames, size_t *samples)
{
    fal_clip *clip = NULL;
    float *wave = NULL;
    fal_error err = {0};
    fal_check_ok(fal_clip_open(path, NULL, &clip, &err), &err);
    *frames = count_frames(clip);
    fal_check_ok(fal_clip_read_audio(clip, FAL_RESAMPLE_SOXR_HQ, &wave, samples, &err), &err);
    fal_media_report report = *fal_clip_report(clip);
    fal_free(wave);
    fal_clip_free(&clip);
    return report;
}

/* Headers first, then data, so that a prefix is a clip that ends early. */
static void check_truncated(const char *muxer)
{
    const char *whole = fal_temp_path("whole.%s", muxer), *part = fal_temp_path("part.%s", muxer);
    int64_t frames;
    size_t samples;
    make_clip(whole, muxer);
    fal_media_report report = read_all(whole, &frames, &samples);
    assert_int_equal(frames, 100);
    assert_int_equal(report.warnings, 0);
    assert_true(report.lost_video_s == 0 && report.lost_audio_s == 0);
    synth_damage(whole, part, 0.5, 0, 0);
    report = read_all(part, &frames, &samples);
    print_message("half of a %s file: %d frames, %d samples, lost %.2f s of video, %.2f s of audio\n", muxer,
                  (int)frames, (int)samples, report.lost_video_s, report.lost_audio_s);
    assert_in_range(frames, 20, 80);
    assert_in_range(samples, 10000, 60000);
    assert_true(report.lost_video_s > 0.8 && report.lost_video_s < 3.2);
    assert_true(report.warnings & FAL_MEDIA_WARN_TRUNCATED_VIDEO);
}

static void test_truncated(void **state)
{
    (void)state;
    check_truncated("avi");
    check_truncated("matroska");
}

/* An MP4 file whose index, at the end, is gone cannot be read at all. */
static void test_missing_index(void **state)
{
    (void)state;
    const char *whole = fal_temp_path("whole.mp4"), *part = fal_temp_path("part.mp4");
    synth_video v = {.encoder = "mpeg4", .pixel_format = "yuv420p", .width = 64, .height = 64, .frames = 50, .fps = 25};
    synth_clip(whole, "mp4", &v, NULL);
    synth_damage(whole, part, 0.5, 0, 0);
    check_refused(part, FAL_ERR_FORMAT, "part.mp4: not a media file, or its start or index is missing");
}

/* Pictures and their places are known: 20 PNG pictures, the middle ones overwritten. */
static void test_damaged_middle(void **state)
{
    (void)state;
    const char *whole = fal_temp_path("good.mov"), *bad = fal_temp_path("bad.mov");
    synth_video v = {.encoder = "png", .pixel_format = "rgb24", .width = 320, .height = 240, .frames = 20, .fps = 25};
    fal_clip *clip = NULL;
    fal_error err = {0};
    synth_clip(whole, "mov", &v, NULL);
    synth_damage(whole, bad, 1, 0.4, 0.5);
    fal_check_ok(fal_clip_open(bad, NULL, &clip, &err), &err);
    int64_t frames = count_frames(clip);
    const fal_media_report *report = fal_clip_report(clip);
    print_message("damaged middle: %d frames of %d decoded, %d errors\n", (int)frames, (int)report->frames_decoded,
                  (int)report->video_errors);
    assert_int_equal(frames, 20);
    assert_in_range(report->video_errors, 1, 4);
    assert_int_equal(report->frames_decoded + report->video_errors, 20);
    assert_int_equal(report->frames_duplicated, report->video_errors);
    assert_true(report->warnings & FAL_MEDIA_WARN_DAMAGED_VIDEO);
    fal_clip_free(&clip);
}

/* A copy of a small file with other bytes `offset` after the first `mark`. */
static void copy_patched(const char *from, const char *to, const char *mark, size_t offset, const void *patch,
                         size_t length)
{
    uint8_t bytes[8192];
    FILE *file = fopen(from, "rb");
    assert_non_null(file);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    uint8_t *at = memmem(bytes, size, mark, strlen(mark));
    assert_non_null(at);
    memcpy(at + offset, patch, length);
    file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void test_absurd_size(void **state)
{
    (void)state;
    const char *path = fal_temp_path("wide.avi"), *wide = fal_temp_path("wider.avi");
    synth_video v = {.encoder = "rawvideo", .pixel_format = "bgr24", .width = 16, .height = 2, .frames = 1, .fps = 25};
    uint32_t huge = 40000;
    synth_clip(path, "avi", &v, NULL);
    copy_patched(path, wide, "strf", 12, &huge, sizeof huge); /* BITMAPINFOHEADER.biWidth */
    check_refused(wide, FAL_ERR_UNSUPPORTED, "wider.avi: picture of 40000x2 pixels");
}

/* The container says 16x2, the picture in it 16000x16000: not decoded, not even to find out what is in the file. */
static void test_absurd_size_inside(void **state)
{
    (void)state;
    const char *path = fal_temp_path("small.mov"), *lie = fal_temp_path("lie.mov");
    synth_video v = {.encoder = "png", .pixel_format = "rgb24", .width = 16, .height = 2, .frames = 1, .fps = 25};
    static const uint8_t huge[] = {0, 0, 0x3e, 0x80, 0, 0, 0x3e, 0x80};
    fal_clip *clip = NULL;
    fal_frame frame;
    fal_error err = {0};
    bool end = false;
    synth_clip(path, "mov", &v, NULL);
    copy_patched(path, lie, "IHDR", 4, huge, sizeof huge);
    fal_check_ok(fal_clip_open(lie, NULL, &clip, &err), &err);
    fal_check_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
    assert_true(end);
    assert_true(fal_clip_report(clip)->warnings & FAL_MEDIA_WARN_DAMAGED_VIDEO);
    fal_clip_free(&clip);
}

static void test_warning_names(void **state)
{
    (void)state;
    for (int bit = 0; bit < 12; bit++) {
        const char *code = fal_media_warning_code((fal_media_warning)(1 << bit));
        assert_string_not_equal(code, "unknown");
        assert_null(strchr(code, ' '));
        assert_string_not_equal(fal_media_warning_text((fal_media_warning)(1 << bit)), "unknown");
    }
    assert_string_equal(fal_media_warning_code((fal_media_warning)0), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_no_media),
        cmocka_unit_test(test_playlists_are_refused),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_missing_index),
        cmocka_unit_test(test_damaged_middle),
        cmocka_unit_test(test_absurd_size),
        cmocka_unit_test(test_absurd_size_inside),
        cmocka_unit_test(test_warning_names),
    };
    return cmocka_run_group_tests_name("media/damage", tests, NULL, NULL);
}
