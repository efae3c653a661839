/* Writers: the JSON says everything the judgement holds, pictures are whole files of their kind, nothing is left
 * behind. */
#include "core/file.h"
#include "core/json.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include <falsetto/encoder.h>
#include <falsetto/report.h>

#include <dirent.h>
#include <math.h>
#include <string.h>

static const float curve[] = {0.1f, -2.5f, 3.25f, 1e-7f};

/* Every field has a value that no other has. */
static fal_judgement *sample(void)
{
    static const fal_opinion opinions[] = {
        {.encoder = "dir/large.pt",
         .head = "head.ckpt",
         .family = "avhubert",
         .stream = FAL_STREAM_AV,
         .usable = true,
         .calibrated = true,
         .clip_logit = 1.0 / 3,
         .p_fake = 0.625,
         .frames = 4,
         .rate_hz = 25,
         .start_s = 0.12,
         .frame_logits = curve},
        {.encoder = "xlsr", .head = "other", .family = "wav2vec2", .stream = FAL_STREAM_AUDIO, .rate_hz = 25},
    };
    static const fal_range ranges[] = {{0.12, 0.2, 3.25, 0.18}, {0.4, 0.44, 1.5, 0.42}};
    static fal_reason reasons[] = {{.code = "several-faces", .severity = FAL_SEVERITY_WARNING},
                                   {.code = "uncalibrated-head", .severity = FAL_SEVERITY_NOTE}};
    static fal_judgement j;
    strcpy(reasons[0].text, "Say \"cheese\"\\ to <two> & more.");
    j = (fal_judgement){.path = "clips/a b.mp4",
                        .verdict = FAL_VERDICT_FAKE,
                        .p_fake = 0.625,
                        .clip_logit = 1.0 / 3,
                        .low = 0.25,
                        .high = 0.5,
                        .opinions = opinions,
                        .opinion_count = 2,
                        .ranges = ranges,
                        .range_count = 2,
                        .reasons = reasons,
                        .reason_count = 2,
                        .duration_s = 1.5,
                        .face = {true, 38, 30, 5, 3, 2, 0.4, 1, 99.5, false},
                        .sound = {true, 1.4, -20.5, -3.5, 1.1, 0.05},
                        .timing = {0.1, 0.2, 0.3, 0.7}};
    strcpy(j.media.container, "mov");
    j.media.duration_s = 1.6;
    j.media.video = (fal_video_info){.present = true,
                                     .width = 640,
                                     .height = 480,
                                     .rotation_deg = 90,
                                     .average_fps = 29.97,
                                     .variable_rate = true,
                                     .codec = "h264"};
    j.media.audio = (fal_audio_info){.present = true, .sample_rate = 44100, .channels = 2, .codec = "aac"};
    j.report = (fal_media_report){.video_errors = 1,
                                  .audio_errors = 2,
                                  .video_s = 1.5,
                                  .audio_s = 1.4,
                                  .lost_video_s = 0.1,
                                  .lost_audio_s = 0.2,
                                  .bits_per_pixel = 0.07};
    return &j;
}

/* ---- JSON ---- */

static fal_json *parsed(const fal_judgement *j, bool compact)
{
    char *text = NULL;
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_judgement_json(j, compact, &text, &err), &err);
    if (compact)
        assert_null(strchr(text, '\n'));
    fal_check_ok(fal_json_parse(text, strlen(text), "judgement", &json, &err), &err);
    fal_text_free(&text);
    return json;
}

static void expect_text(const fal_json *object, const char *key, const char *want)
{
    const char *got = fal_json_string(fal_json_get(object, key), NULL);
    if (!got || strcmp(got, want))
        fail_msg("%s: got %s, want %s", key, got ? got : "nothing", want);
}

static void expect_number(const fal_json *object, const char *key, double want)
{
    double got = fal_json_real(fal_json_get(object, key), NAN);
    if (!(got == want))
        fail_msg("%s: got %.17g, want %.17g", key, got, want);
}

static void expect_flag(const fal_json *object, const char *key, bool want)
{
    if (fal_json_kind(fal_json_get(object, key)) != FAL_JSON_BOOL ||
        fal_json_bool(fal_json_get(object, key), !want) != want)
        fail_msg("%s: not %s", key, want ? "true" : "false");
}

static void check_opinions(const fal_json *list)
{
    assert_int_equal(fal_json_count(list), 2);
    const fal_json *first = fal_json_at(list, 0), *second = fal_json_at(list, 1);
    const fal_json *logits = fal_json_get(first, "frame_logits");
    expect_text(first, "encoder", "dir/large.pt");
    expect_text(first, "head", "head.ckpt");
    expect_text(first, "family", "avhubert");
    expect_text(first, "stream", "av");
    expect_flag(first, "usable", true);
    expect_flag(first, "calibrated", true);
    expect_number(first, "clip_logit", 1.0 / 3);
    expect_number(first, "p_fake", 0.625);
    expect_number(first, "rate_hz", 25);
    expect_number(first, "start_s", 0.12);
    assert_int_equal(fal_json_count(logits), 4);
    for (size_t t = 0; t < 4; t++) /* float32 digits read back exactly */
        assert_true((float)fal_json_real(fal_json_at(logits, t), NAN) == curve[t]);
    expect_flag(second, "usable", false);
    assert_int_equal(fal_json_count(fal_json_get(second, "frame_logits")), 0);
    assert_null(fal_json_get(second, "clip_logit")); /* it has no say */
}

static void check_facts(const fal_json *json)
{
    const fal_json *media = fal_json_get(json, "media"), *face = fal_json_get(json, "face");
    const fal_json *sound = fal_json_get(json, "sound"), *timing = fal_json_get(json, "timing");
    expect_text(media, "container", "mov");
    expect_text(media, "video_codec", "h264");
    expect_text(media, "audio_codec", "aac");
    expect_number(media, "width", 640);
    expect_number(media, "rotation_deg", 90);
    expect_number(media, "fps", 29.97);
    expect_number(media, "sample_rate", 44100);
    expect_number(media, "lost_audio_s", 0.2);
    expect_number(media, "decode_errors", 3);
    expect_number(face, "seen", 30);
    expect_number(face, "faces", 2);
    expect_number(face, "median_width_px", 99.5);
    expect_flag(face, "whole_frames", false);
    expect_number(sound, "peak_dbfs", -3.5);
    expect_number(sound, "speech_s", 1.1);
    expect_number(timing, "total_s", 0.7);
}

static void test_json_is_complete(void **state)
{
    (void)state;
    for (int compact = 0; compact < 2; compact++) {
        fal_json *json = parsed(sample(), compact);
        const fal_json *band = fal_json_get(json, "band"), *ranges = fal_json_get(json, "ranges");
        const fal_json *reasons = fal_json_get(json, "reasons");
        expect_text(json, "format", "falsetto-judgement-1");
        expect_text(json, "path", "clips/a b.mp4");
        expect_text(json, "verdict", "FAKE");
        expect_number(json, "p_fake", 0.625);
        expect_number(json, "clip_logit", 1.0 / 3);
        expect_number(json, "duration_s", 1.5);
        assert_true(fal_json_real(fal_json_at(band, 0), 0) == 0.25 && fal_json_real(fal_json_at(band, 1), 0) == 0.5);
        assert_int_equal(fal_json_count(ranges), 2);
        expect_number(fal_json_at(ranges, 1), "start_s", 0.4);
        expect_number(fal_json_at(ranges, 1), "end_s", 0.44);
        expect_number(fal_json_at(ranges, 1), "peak_s", 0.42);
        expect_number(fal_json_at(ranges, 1), "peak_logit", 1.5);
        expect_text(fal_json_at(reasons, 0), "code", "several-faces");
        expect_text(fal_json_at(reasons, 0), "severity", "warning");
        expect_text(fal_json_at(reasons, 0), "text", "Say \"cheese\"\\ to <two> & more.");
        expect_text(fal_json_at(reasons, 1), "severity", "note");
        check_opinions(fal_json_get(json, "opinions"));
        check_facts(json);
        fal_json_free(&json);
    }
}

static void test_json_without_verdict(void **state)
{
    (void)state;
    fal_judgement j = {.path = "bad\xff\xfename.mp4",
                       .verdict = FAL_VERDICT_CANNOT_JUDGE,
                       .p_fake = NAN,
                       .clip_logit = NAN,
                       .low = NAN,
                       .high = NAN,
                       .sound = {.present = true, .rms_dbfs = -INFINITY, .peak_dbfs = -INFINITY}};
    fal_json *json = parsed(&j, true);
    expect_text(json, "verdict", "CANNOT JUDGE");
    expect_text(json, "path", "bad\xef\xbf\xbd\xef\xbf\xbdname.mp4");
    assert_int_equal(fal_json_kind(fal_json_get(json, "p_fake")), FAL_JSON_NULL);
    assert_int_equal(fal_json_kind(fal_json_get(fal_json_get(json, "sound"), "rms_dbfs")), FAL_JSON_NULL);
    assert_int_equal(fal_json_count(fal_json_get(json, "opinions")), 0);
    assert_null(fal_json_get(fal_json_get(json, "media"), "width"));
    fal_json_free(&json);
}

static fal_status write_json(void *j, fal_error *err)
{
    char *text = NULL;
    fal_status st = fal_judgement_json(j, false, &text, err);
    fal_text_free(&text);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("judgement as JSON", write_json, sample());
}

/* ---- pictures ---- */

static size_t file_count(const char *folder)
{
    size_t count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        count += e->d_name[0] != '.' || strlen(e->d_name) > 2;
    closedir(dir);
    return count;
}

static void check_picture(const fal_judgement *j, const char *name, const char *begins, const char *holds)
{
    const char *path = fal_temp_path("pictures/%s", name);
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_judgement_draw(j, path, &err), &err);
    fal_check_ok(fal_file_read(path, 0, &bytes, &err), &err);
    assert_true(bytes.length > 500);
    assert_memory_equal(bytes.data, begins, strlen(begins));
    if (!memmem(bytes.data, bytes.length, holds, strlen(holds)))
        fail_msg("%s: no \"%s\" in %zu bytes", name, holds, bytes.length);
    fal_buf_free(&bytes);
}

static void check_all_pictures(const fal_judgement *j)
{
    check_picture(j, "a.svg", "<?xml", "</svg>");
    check_picture(j, "a.png", "\x89PNG\r\n\x1a\n", "IEND");
    check_picture(j, "a.pdf", "%PDF-", "%%EOF");
    assert_int_equal(file_count(fal_temp_path("pictures")),
                     3); /* no temporaries; the second round replaces the first */
}

static void test_pictures(void **state)
{
    (void)state;
    check_all_pictures(sample());
    check_all_pictures(sample());
}

static void test_pictures_of_odd_clips(void **state)
{
    (void)state;
    fal_judgement empty = {.path = "x", .verdict = FAL_VERDICT_CANNOT_JUDGE, .p_fake = NAN, .clip_logit = NAN};
    check_all_pictures(&empty);
    float flat[] = {1, 1, 1};
    fal_opinion o = {
        .encoder = "e", .stream = FAL_STREAM_AUDIO, .usable = true, .frames = 3, .rate_hz = 25, .frame_logits = flat};
    fal_judgement same = {.path = "x", .opinions = &o, .opinion_count = 1, .duration_s = 0.12};
    check_all_pictures(&same);
    o.frames = 1;
    check_all_pictures(&same);
    flat[0] = flat[1] = flat[2] = 1e13f; /* flat and huge: an axis whose ticks vanish beside it would never end */
    o.frames = 3;
    check_all_pictures(&same);
    same.duration_s = 36000; /* ten hours: still ten labels */
    check_all_pictures(&same);
}

/* A file name is bytes; a reason can be cut in the middle of a character. */
static void test_pictures_of_names_that_are_not_text(void **state)
{
    (void)state;
    fal_judgement *j = sample();
    fal_reason cut = {.code = "c", .text = "half a character \xc3"};
    j->path = "cl\xffip\xe2\x82.mp4";
    j->reasons = &cut;
    j->reason_count = 1;
    check_all_pictures(j);
}

static void test_pictures_that_cannot_be(void **state)
{
    (void)state;
    fal_error err;
    size_t before = file_count(fal_temp_path("."));
    fal_check_fails(fal_judgement_draw(sample(), fal_temp_path("a.gif"), &err), FAL_ERR_ARGUMENT, ".svg, .pdf or .png",
                    &err);
    fal_check_fails(fal_judgement_draw(sample(), "/proc/nowhere/a.svg", &err), FAL_ERR_IO, "/proc/nowhere", &err);
    assert_int_equal(file_count(fal_temp_path(".")), before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_complete),        cmocka_unit_test(test_json_without_verdict),
        cmocka_unit_test(test_allocation_failures),     cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_pictures_of_odd_clips),   cmocka_unit_test(test_pictures_of_names_that_are_not_text),
        cmocka_unit_test(test_pictures_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
