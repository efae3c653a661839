/* Reasons: every code has a clip that raises it, and its edge that does not. */
#include "judge/reasons.h"
#include "support/test.h"

#include <math.h>
#include <string.h>

/* A clip without anything to complain about: one usable audio-visual member, a face in every frame, three seconds. */
typedef struct scene {
    fal_opinion opinions[2];
    fal_judgement j;
    fal_judge_context c;
    fal_reason reasons[FAL_MAX_REASONS];
    size_t count;
} scene;

static scene *good_scene(void)
{
    static scene s;
    s = (scene){
        .opinions = {
            {.encoder = "enc", .head = "head", .stream = FAL_STREAM_AV, .usable = true, .frames = 75, .p_fake = 0.2}}};
    s.j = (fal_judgement){.path = "clip.mp4", .opinions = s.opinions, .opinion_count = 1, .duration_s = 3};
    s.j.media.video.present = s.j.media.audio.present = true;
    s.j.report.video_s = s.j.report.audio_s = 3;
    s.j.report.frames_out = 75;
    s.j.face = (fal_face_facts){.looked = true, .frames = 75, .seen = 75, .faces = 1, .chosen = 1, .median_width = 120};
    s.j.sound = (fal_sound_facts){.present = true, .duration_s = 3, .peak_dbfs = -3, .rms_dbfs = -20, .speech_s = 2.5};
    s.c = (fal_judge_context){.result = &s.j, .needs_audio = true, .needs_video = true};
    return &s;
}

static void collect(scene *s)
{
    s->count = fal_reasons_collect(&s->c, s->reasons);
}

static const fal_reason *find(const scene *s, const char *code)
{
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->reasons[i].code, code))
            return &s->reasons[i];
    return NULL;
}

static void list(const scene *s)
{
    for (size_t i = 0; i < s->count; i++)
        print_error("  %s (%d): %s\n", s->reasons[i].code, (int)s->reasons[i].severity, s->reasons[i].text);
}

static void expect(scene *s, const char *code, fal_severity severity, const char *part)
{
    collect(s);
    const fal_reason *r = find(s, code);
    if (r && r->severity == severity && strstr(r->text, part))
        return;
    list(s);
    fail_msg("want %s with severity %d and text containing \"%s\"", code, (int)severity, part);
}

static void expect_none(scene *s)
{
    collect(s);
    list(s);
    assert_int_equal(s->count, 0);
}

static void test_good_clip(void **state)
{
    (void)state;
    expect_none(good_scene());
}

static void test_missing_video(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.media.video.present = false;
    s->j.report.frames_out = 0;
    s->j.face = (fal_face_facts){0};
    s->opinions[0].usable = false;
    s->opinions[0].frames = 0;
    expect(s, "no-video", FAL_SEVERITY_BLOCKING, "no video");
    assert_null(find(s, "too-short")); /* one cause, one reason */
    s->opinions[0].usable = true;      /* another member could judge */
    expect(s, "no-video", FAL_SEVERITY_WARNING, "no video");
    s->j.media.video.present = true;
    expect(s, "no-video", FAL_SEVERITY_WARNING, "no decodable video");
    s->c.needs_video = false;
    expect_none(s);
}

static void test_missing_audio(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.media.audio.present = false;
    s->j.sound = (fal_sound_facts){0};
    s->opinions[0].usable = false;
    expect(s, "no-audio", FAL_SEVERITY_BLOCKING, "no audio");
    s->j.media.audio.present = true;
    expect(s, "no-audio", FAL_SEVERITY_BLOCKING, "no decodable audio");
    s->c.needs_audio = false;
    expect_none(s);
}

static void test_too_short_for_a_frame(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->opinions[0].usable = false;
    s->opinions[0].frames = 0;
    expect(s, "too-short", FAL_SEVERITY_BLOCKING, "one frame of enc");
}

static void test_faces(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.face.seen = 46;
    expect_none(s); /* 38.7 % without */
    s->j.face.seen = 45;
    expect(s, "no-face-partial", FAL_SEVERITY_WARNING, "40% of 75 frames");
    s = good_scene();
    s->j.face.seen = 0;
    s->j.face.whole_frames = true;
    s->opinions[0].usable = false;
    expect(s, "no-face", FAL_SEVERITY_BLOCKING, "75 frames");
    assert_null(find(s, "no-face-partial"));
    s->opinions[1] = (fal_opinion){.encoder = "sound", .stream = FAL_STREAM_AUDIO, .usable = true, .frames = 75};
    s->j.opinion_count = 2;
    expect(s, "no-face", FAL_SEVERITY_WARNING, "75 frames");
}

static void test_several_faces(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.face.faces = 3;
    s->j.face.several_fraction = 0.09;
    expect_none(s);
    s->j.face.several_fraction = 0.5;
    s->j.face.chosen = 2;
    expect(s, "several-faces", FAL_SEVERITY_WARNING, "face 2 of 3");
}

static void test_small_face(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.face.median_width = 64;
    expect_none(s);
    s->j.face.median_width = 63;
    expect(s, "small-face", FAL_SEVERITY_WARNING, "63 pixels");
}

static void test_sound(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.sound.speech_s = 1.5;
    expect_none(s);
    s->j.sound.speech_s = 1.4;
    expect(s, "short-speech", FAL_SEVERITY_WARNING, "1.4 s");
    s->j.sound.peak_dbfs = -61;
    s->j.sound.speech_s = 0;
    s->opinions[0].usable = false;
    expect(s, "silent-audio", FAL_SEVERITY_BLOCKING, "-61 dBFS");
    assert_null(find(s, "short-speech"));
    s->c.needs_audio = false; /* silence is nothing to a member that looks at mouths */
    s->opinions[0].usable = true;
    expect_none(s);
}

static void test_lengths(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.duration_s = 0.9;
    expect(s, "short-clip", FAL_SEVERITY_WARNING, "0.90 s");
    s = good_scene();
    s->j.report.audio_s = 3.5;
    expect_none(s);
    s->j.report.audio_s = 4;
    expect(s, "length-mismatch", FAL_SEVERITY_WARNING, "1.00 s longer");
    s->j.report.audio_s = 2;
    expect(s, "length-mismatch", FAL_SEVERITY_WARNING, "1.00 s shorter");
}

/* Encoders of one stream each read their own whole; only one that joins both has something cut. */
static void test_lengths_of_separate_members(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.report.audio_s = 4;
    expect(s, "length-mismatch", FAL_SEVERITY_WARNING, "an encoder of both got them at one length");
    s->opinions[0].stream = FAL_STREAM_AUDIO;
    s->opinions[1] = (fal_opinion){.encoder = "b", .stream = FAL_STREAM_VIDEO, .usable = true, .frames = 75};
    s->j.opinion_count = 2;
    expect(s, "length-mismatch", FAL_SEVERITY_WARNING, "than video.");
    assert_null(strstr(find(s, "length-mismatch")->text, "both"));
    s->c.needs_video = false; /* nobody looked */
    expect_none(s);
}

static void test_sound_per_frame(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->c.samples_per_frame = 640;
    expect_none(s);
    s->c.samples_per_frame = 531;
    expect_none(s);
    s->c.samples_per_frame = 669;
    expect_none(s);
    s->c.samples_per_frame = 530;
    expect(s, "av-length-ratio", FAL_SEVERITY_WARNING, "530 samples of sound per frame");
    s->c.samples_per_frame = 670;
    expect(s, "av-length-ratio", FAL_SEVERITY_WARNING, "670 samples of sound per frame");
}

/* A whole-frame encoder needs no face, and nobody looked for one. */
static void test_frames_without_a_face_track(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.face = (fal_face_facts){0};
    s->opinions[0].stream = FAL_STREAM_VIDEO;
    expect_none(s);
}

/* Every warning that decoding can give reaches the reasons under its own code. */
static void test_media_warnings(void **state)
{
    (void)state;
    for (uint32_t bit = 1; bit <= FAL_MEDIA_WARN_LOW_BIT_RATE; bit <<= 1) {
        scene *s = good_scene();
        s->j.report.warnings = bit;
        collect(s);
        assert_int_equal(s->count, 1);
        assert_string_equal(s->reasons[0].code, fal_media_warning_code((fal_media_warning)bit));
        assert_true(strlen(s->reasons[0].text) > 10);
        assert_true(s->reasons[0].severity != FAL_SEVERITY_BLOCKING);
    }
    scene *s = good_scene();
    s->j.report.warnings = FAL_MEDIA_WARN_DAMAGED_VIDEO;
    expect(s, fal_media_warning_code(FAL_MEDIA_WARN_DAMAGED_VIDEO), FAL_SEVERITY_WARNING, "");
    s->j.report.warnings = FAL_MEDIA_WARN_VARIABLE_RATE;
    expect(s, fal_media_warning_code(FAL_MEDIA_WARN_VARIABLE_RATE), FAL_SEVERITY_NOTE, "");
}

static void test_members(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->opinions[1] =
        (fal_opinion){.encoder = "b", .stream = FAL_STREAM_AUDIO, .usable = true, .frames = 75, .p_fake = 0.69};
    s->j.opinion_count = 2;
    expect_none(s);
    s->opinions[1].p_fake = 0.75;
    expect(s, "members-disagree", FAL_SEVERITY_WARNING, "from 0.20 to 0.75");
    s->opinions[1].usable = false; /* left out: nobody to disagree with */
    expect_none(s);
    s->c.demonstration = true;
    expect(s, "demonstration-detector", FAL_SEVERITY_WARNING, "puppets");
    s->c.random_encoder = true;
    expect(s, "random-encoder", FAL_SEVERITY_WARNING, "random weights");
    s->c.uncalibrated = true;
    expect(s, "uncalibrated-head", FAL_SEVERITY_NOTE, "no calibration");
    s->c.mismatch_head = "probe.ckpt";
    s->c.mismatch_wanted = "large.pt";
    s->c.mismatch_given = "base.pt";
    s->c.match = FAL_MATCH_OTHER;
    expect(s, "encoder-mismatch", FAL_SEVERITY_WARNING,
           "probe.ckpt was trained on features of large.pt, not of base.pt");
    s->c.mismatch_feature = "pooled";
    expect(s, "encoder-mismatch", FAL_SEVERITY_WARNING, "trained on the feature \"pooled\" of large.pt");
    s->c.match = FAL_MATCH_RENAMED;
    expect(s, "encoder-mismatch", FAL_SEVERITY_NOTE, "if the file was renamed");
    s->c.match = FAL_MATCH_FITS;
    collect(s);
    assert_null(find(s, "encoder-mismatch"));
}

static void test_order_and_limits(void **state)
{
    (void)state;
    scene *s = good_scene();
    s->j.report.warnings = 0xfff;
    s->j.sound = (fal_sound_facts){0};
    s->j.face = (fal_face_facts){.looked = true, .frames = 10, .whole_frames = true, .several_fraction = 1};
    s->j.duration_s = 0.2;
    s->opinions[0].usable = false;
    s->c = (fal_judge_context){.result = &s->j,
                               .needs_audio = true,
                               .needs_video = true,
                               .demonstration = true,
                               .random_encoder = true,
                               .uncalibrated = true,
                               .match = FAL_MATCH_OTHER,
                               .mismatch_head = "h",
                               .mismatch_wanted = "w",
                               .mismatch_given = "g"};
    collect(s);
    assert_true(s->count <= FAL_MAX_REASONS);
    assert_int_equal(s->reasons[0].severity, FAL_SEVERITY_BLOCKING);
    for (size_t i = 1; i < s->count; i++)
        assert_true(s->reasons[i].severity <= s->reasons[i - 1].severity);
    for (size_t i = 0; i < s->count; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(s->reasons[i].code, s->reasons[k].code);
}

static void test_long_names_are_cut(void **state)
{
    (void)state;
    char name[400];
    scene *s = good_scene();
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    s->c.match = FAL_MATCH_OTHER;
    s->c.mismatch_head = s->c.mismatch_wanted = s->c.mismatch_given = name;
    collect(s);
    assert_int_equal(strlen(s->reasons[0].text), sizeof s->reasons[0].text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_clip),
        cmocka_unit_test(test_missing_video),
        cmocka_unit_test(test_missing_audio),
        cmocka_unit_test(test_too_short_for_a_frame),
        cmocka_unit_test(test_faces),
        cmocka_unit_test(test_several_faces),
        cmocka_unit_test(test_small_face),
        cmocka_unit_test(test_sound),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_lengths_of_separate_members),
        cmocka_unit_test(test_sound_per_frame),
        cmocka_unit_test(test_frames_without_a_face_track),
        cmocka_unit_test(test_media_warnings),
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_order_and_limits),
        cmocka_unit_test(test_long_names_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
