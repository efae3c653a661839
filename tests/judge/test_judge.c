/* Judging clips with tiny random encoders and made-up heads: verdicts, fusion, reasons, what is refused. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/rng.h"
#include "core/thread.h"
#include "head/pooling.h"
#include "support/probe_file.h"
#include "media/synth.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include <falsetto/judge.h>
#include <falsetto/report.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DIM = 4096 };

static const char *wave_encoder(void)
{
    return fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model");
}

static const char *lip_encoder(void)
{
    return fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt");
}

/* ---- heads and clips ---- */

/* A random probe for an encoder's features. A fitted calibration with `slope` 0 gives P = sigmoid(offset) whatever the
 * clip. */
static const char *make_head(const char *name, const char *encoder, fal_stream stream, fal_calibration calibration)
{
    fal_encoder *enc = NULL;
    float weight[MAX_DIM];
    fal_error err = {0};
    const char *path = fal_temp_path("%s.safetensors", name);
    fal_check_ok(fal_encoder_open(encoder, NULL, &enc, &err), &err);
    fal_probe probe = {.dim = fal_encoder_describe(enc)->dim, .weight = weight, .bias = -1, .l2_normalise = true};
    assert_true(probe.dim <= MAX_DIM);
    fal_rng_fill_normal(5, fal_rng_stream(name), 0, 0, 2, weight, (size_t)probe.dim);
    fal_check_ok(fal_probe_save(path, &probe, &(fal_head_training){.stream = stream}, &calibration, &err), &err);
    fal_encoder_free(&enc);
    return path;
}

static fal_calibration constant(double p)
{
    return (fal_calibration){.fitted = true, .offset = log(p / (1 - p)), .low = 0.3, .high = 0.7};
}

static const fal_calibration raw = {.slope = 2, .low = 0.3, .high = 0.7};

static const char *tone(const char *name, int length_ms)
{
    const char *path = fal_temp_path("%s.wav", name);
    synth_clip(path, "wav", &(synth_video){0},
               &(synth_audio){.encoder = "pcm_s16le", .rate = 16000, .channels = 1, .length_ms = length_ms});
    return path;
}

/* Two seconds without any face, and without sound. */
static const char *picture_only(int fps)
{
    const char *path = fal_temp_path("picture.mov");
    synth_clip(
        path, "mov",
        &(synth_video){
            .encoder = "png", .pixel_format = "rgb24", .width = 160, .height = 120, .frames = 2 * fps, .fps = fps},
        &(synth_audio){0});
    return path;
}

static fal_judge *open_judge(const fal_judge_member *members, size_t count)
{
    fal_judge *judge = NULL;
    fal_error err = {0};
    fal_check_ok(
        fal_judge_open(&(fal_judge_options){.members = members, .member_count = count, .threads = 1}, &judge, &err),
        &err);
    return judge;
}

static fal_judgement *judge_with(fal_judge *judge, const char *clip, const fal_clip_choices *choices)
{
    fal_judgement *j = NULL;
    fal_error err = {0};
    fal_check_ok(fal_judge_clip(judge, clip, choices, &j, &err), &err);
    print_message("%s: %s, P %.4f, logit %.4f, %zu opinions, %zu ranges;", clip, fal_verdict_name(j->verdict),
                  j->p_fake, j->clip_logit, j->opinion_count, j->range_count);
    for (size_t i = 0; i < j->reason_count; i++)
        print_message(" %s", j->reasons[i].code);
    print_message("\n");
    return j;
}

static fal_judgement *judge_once(fal_judge_member member, const char *clip)
{
    fal_judge *judge = open_judge(&member, 1);
    fal_judgement *j = judge_with(judge, clip, NULL);
    fal_judge_free(&judge);
    return j;
}

static const fal_reason *reason(const fal_judgement *j, const char *code)
{
    for (size_t i = 0; i < j->reason_count; i++)
        if (!strcmp(j->reasons[i].code, code))
            return &j->reasons[i];
    return NULL;
}

static void expect_blocked(const fal_judgement *j, const char *code)
{
    assert_int_equal(j->verdict, FAL_VERDICT_CANNOT_JUDGE);
    assert_true(isnan(j->p_fake) && isnan(j->clip_logit));
    assert_int_equal(j->range_count, 0);
    assert_true(j->reason_count > 0);
    assert_string_equal(j->reasons[0].code, code);
    assert_int_equal(j->reasons[0].severity, FAL_SEVERITY_BLOCKING);
}

/* ---- one member ---- */

static void check_opinion(const fal_opinion *o, const fal_calibration *c)
{
    double pooled = fal_log_sum_exp(o->frame_logits, o->frames), p = fal_head_probability(c, o->clip_logit, o->frames);
    /* The probe pools in passing, with exponentials in float32. */
    fal_check_close_f64("clip logit", &o->clip_logit, &pooled, 1, 1e-7, 0);
    fal_check_close_f64("P(fake)", &o->p_fake, &p, 1, 1e-12, 0);
}

static void test_sound_clip(void **state)
{
    (void)state;
    const char *clip = tone("three", 3000), *head = make_head("raw", wave_encoder(), FAL_STREAM_AUDIO, raw);
    fal_judgement *j = judge_once((fal_judge_member){wave_encoder(), head, 0, NULL}, clip);
    assert_string_equal(j->path, clip);
    assert_int_equal(j->opinion_count, 1);
    const fal_opinion *o = &j->opinions[0];
    assert_string_equal(o->encoder, wave_encoder());
    assert_string_equal(o->head, head);
    assert_string_equal(o->family, "wav2vec2");
    assert_int_equal(o->stream, FAL_STREAM_AUDIO);
    assert_true(o->usable && !o->calibrated && o->rate_hz == 25 && o->start_s == 0);
    assert_in_range(o->frames, 73, 75);
    check_opinion(o, &raw);
    assert_true(j->p_fake == o->p_fake && j->clip_logit == o->clip_logit && j->low == 0.3 && j->high == 0.7);
    assert_true(j->verdict == (o->p_fake < 0.3   ? FAL_VERDICT_REAL
                               : o->p_fake > 0.7 ? FAL_VERDICT_FAKE
                                                 : FAL_VERDICT_SUSPICIOUS));
    assert_true(j->media.audio.present && !j->media.video.present && !j->face.looked);
    assert_true(j->sound.present && fabs(j->duration_s - 3) < 1e-9 && fabs(j->sound.speech_s - 3) < 0.05);
    for (size_t i = 0; i < j->range_count; i++)
        assert_true(j->ranges[i].start_s >= 0 && j->ranges[i].start_s < j->ranges[i].end_s && j->ranges[i].end_s <= 3 &&
                    j->ranges[i].peak_s > j->ranges[i].start_s && j->ranges[i].peak_s < j->ranges[i].end_s);
    assert_non_null(reason(j, "uncalibrated-head"));
    assert_true(j->timing.total_s >= j->timing.encode_s && j->timing.encode_s >= 0 && j->timing.decode_s >= 0);
    fal_judgement_free(&j);
    assert_null(j);
    fal_judgement_free(&j);
}

static void test_bands(void **state)
{
    (void)state;
    static const struct {
        double p;
        fal_verdict verdict;
    } cases[] = {{0.1, FAL_VERDICT_REAL}, {0.5, FAL_VERDICT_SUSPICIOUS}, {0.9, FAL_VERDICT_FAKE}};
    const char *clip = tone("two", 2000);
    for (size_t i = 0; i < 3; i++) {
        const char *head = make_head("band", wave_encoder(), FAL_STREAM_AUDIO, constant(cases[i].p));
        fal_judgement *j = judge_once((fal_judge_member){wave_encoder(), head, 0, NULL}, clip);
        fal_check_close_f64("calibrated P", &j->p_fake, &cases[i].p, 1, 1e-12, 0);
        assert_int_equal(j->verdict, cases[i].verdict);
        assert_true(j->opinions[0].calibrated);
        assert_null(reason(j, "uncalibrated-head"));
        fal_judgement_free(&j);
    }
}

static void test_same_clip_same_answer(void **state)
{
    (void)state;
    fal_judge_member member = {wave_encoder(), make_head("same", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    fal_judge *judge = open_judge(&member, 1);
    const char *clip = tone("again", 1700);
    fal_judgement *a = judge_with(judge, clip, NULL);
    fal_judgement *other = judge_with(judge, tone("between", 900), NULL);
    fal_judgement *b = judge_with(judge, clip, NULL);
    assert_int_equal(a->opinions[0].frames, b->opinions[0].frames);
    assert_memory_equal(a->opinions[0].frame_logits, b->opinions[0].frame_logits,
                        (size_t)a->opinions[0].frames * sizeof(float));
    assert_true(a->p_fake == b->p_fake);
    fal_judge_free(&judge); /* judgements outlive the judge */
    assert_string_equal(b->opinions[0].family, "wav2vec2");
    fal_judgement_free(&a);
    fal_judgement_free(&other);
    fal_judgement_free(&b);
}

/* ---- clones ---- */

typedef struct team {
    fal_judge *judges[2];
    fal_judgement *results[2];
    const char *clip;
} team;

static bool judge_on_thread(void *user, int worker, size_t item)
{
    team *t = user;
    (void)worker;
    return fal_judge_clip(t->judges[item], t->clip, NULL, &t->results[item], NULL) == FAL_OK;
}

static void test_clones_share_the_weights(void **state)
{
    (void)state;
    fal_judge_member member = {wave_encoder(), make_head("clone", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    team t = {.judges = {open_judge(&member, 1)}, .clip = tone("clone", 1300)};
    fal_error err = {0};
    uint64_t before = fal_alloc_count();
    fal_check_ok(fal_judge_clone(t.judges[0], &t.judges[1], &err), &err);
    assert_int_equal(fal_alloc_count() - before, 1);
    fal_check_ok(fal_parallel_for(2, 2, judge_on_thread, &t, &err), &err);
    assert_non_null(t.results[0]);
    assert_non_null(t.results[1]);
    assert_memory_equal(t.results[0]->opinions[0].frame_logits, t.results[1]->opinions[0].frame_logits,
                        (size_t)t.results[0]->opinions[0].frames * sizeof(float));
    fal_judge_free(&t.judges[0]); /* a clone outlives what it was made from */
    fal_judgement *again = judge_with(t.judges[1], t.clip, NULL);
    assert_true(again->clip_logit == t.results[0]->clip_logit);
    fal_judge_free(&t.judges[1]);
    fal_judgement_free(&again);
    for (int i = 0; i < 2; i++)
        fal_judgement_free(&t.results[i]);
}

/* ---- fusion ---- */

static void test_mean_of_members(void **state)
{
    (void)state;
    fal_calibration low = constant(0.2), high = constant(0.6);
    high.low = 0.1;
    high.high = 0.5;
    fal_judge_member members[] = {{wave_encoder(), make_head("low", wave_encoder(), FAL_STREAM_AUDIO, low), 0, NULL},
                                  {wave_encoder(), make_head("high", wave_encoder(), FAL_STREAM_AUDIO, high), 0, NULL}};
    fal_judge *judge = open_judge(members, 2);
    fal_judgement *j = judge_with(judge, tone("fused", 1500), NULL);
    const double got[] = {j->p_fake, j->low, j->high, j->clip_logit};
    const double want[] = {0.4, 0.2, 0.6, (j->opinions[0].clip_logit + j->opinions[1].clip_logit) / 2};
    fal_check_close_f64("fused P, band, logit", got, want, 4, 1e-12, 0);
    assert_int_equal(j->verdict, FAL_VERDICT_SUSPICIOUS);
    assert_true(j->opinions[0].clip_logit != j->opinions[1].clip_logit);
    fal_judgement_free(&j);
    fal_judge_free(&judge);
}

/* One member looks at mouths, and the clip has none: the other judges alone, with a warning. */
static void test_member_without_its_stream(void **state)
{
    (void)state;
    fal_judge_member members[] = {
        {lip_encoder(), make_head("lips", lip_encoder(), FAL_STREAM_VIDEO, constant(0.99)), FAL_STREAM_VIDEO, NULL},
        {wave_encoder(), make_head("ears", wave_encoder(), FAL_STREAM_AUDIO, constant(0.1)), 0, NULL}};
    fal_judge *judge = open_judge(members, 2);
    fal_judgement *j = judge_with(judge, tone("ears", 1500), NULL);
    assert_false(j->opinions[0].usable);
    assert_int_equal(j->opinions[0].frames, 0);
    assert_true(j->opinions[1].usable && fabs(j->p_fake - 0.1) < 1e-12);
    assert_int_equal(j->verdict, FAL_VERDICT_REAL);
    assert_non_null(reason(j, "no-video"));
    assert_int_equal(reason(j, "no-video")->severity, FAL_SEVERITY_WARNING);
    fal_judgement_free(&j);
    fal_judge_free(&judge);
}

/* ---- what cannot be judged ---- */

static void test_clip_without_sound(void **state)
{
    (void)state;
    fal_judge_member member = {wave_encoder(), make_head("deaf", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    fal_judgement *j = judge_once(member, picture_only(25));
    expect_blocked(j, "no-audio");
    fal_judgement_free(&j);
}

static void test_clip_without_face(void **state)
{
    (void)state;
    fal_judge_member member = {lip_encoder(), make_head("blind", lip_encoder(), FAL_STREAM_VIDEO, raw), 0, NULL};
    fal_judgement *j = judge_once(member, picture_only(25));
    expect_blocked(j, "no-face");
    assert_true(j->face.whole_frames && j->opinions[0].frames == 50); /* scored, for the timeline, but not believed */
    fal_judgement_free(&j);
}

/* Left at its own rate, a clip has a row per frame, and the timeline stays as long as the clip. */
static void test_rate_of_exact_rows(void **state)
{
    (void)state;
    const fal_judge_member member = {lip_encoder(), make_head("quick", lip_encoder(), FAL_STREAM_VIDEO, raw), 0, NULL};
    fal_judge *judge = open_judge(&member, 1);
    for (int exact = 0; exact < 2; exact++) {
        const int hz = exact ? 30 : 25;
        fal_judgement *j = judge_with(judge, picture_only(30), &(fal_clip_choices){.exact_preprocessing = exact});
        assert_int_equal(j->opinions[0].frames, 2 * hz);
        fal_check_close_f64("rate", &j->opinions[0].rate_hz, &(double){hz}, 1, 1e-6, 0);
        fal_judgement_free(&j);
    }
    fal_judge_free(&judge);
}

/* Two seconds of zeros, 16 bits at 16 kHz. */
static const char *silence(void)
{
    static uint8_t wav[44 + 64000] =
        "RIFF\x24\xfa\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\xfa\0";
    const char *path = fal_temp_path("silence.wav");
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, wav, sizeof wav, &err), &err);
    return path;
}

/* Trimming would leave nothing: the clip is judged whole, so that the reasons can say what is wrong with it. */
static void test_silent_clip(void **state)
{
    (void)state;
    fal_judge_member member = {lip_encoder(), make_head("quiet", lip_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    fal_judge *judge = open_judge(&member, 1);
    const fal_clip_choices choices[] = {{0}, {.trim_silence = true}};
    for (size_t i = 0; i < 2; i++) {
        fal_judgement *j = judge_with(judge, silence(), &choices[i]);
        expect_blocked(j, "silent-audio");
        assert_int_equal(j->opinions[0].frames, 50);
        fal_judgement_free(&j);
    }
    fal_judge_free(&judge);
}

static void test_clip_too_short_for_a_frame(void **state)
{
    (void)state;
    fal_judge_member member = {wave_encoder(), make_head("short", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    fal_judgement *j = judge_once(member, tone("blink", 10));
    expect_blocked(j, "too-short");
    fal_judgement_free(&j);
}

/* ---- reasons that come from members ---- */

static void test_head_of_another_encoder(void **state)
{
    (void)state;
    float weight[64] = {1};
    fal_probe probe = {.dim = 64, .weight = weight, .l2_normalise = true};
    fal_head_training training = {.stream = FAL_STREAM_AUDIO, .encoder = "wavlm-large", .demonstration = true};
    const char *path = fal_temp_path("foreign.safetensors");
    fal_error err = {0};
    fal_check_ok(fal_probe_save(path, &probe, &training, &raw, &err), &err);
    fal_judgement *j = judge_once((fal_judge_member){wave_encoder(), path, 0, NULL}, tone("foreign", 1600));
    assert_non_null(reason(j, "encoder-mismatch"));
    assert_non_null(strstr(reason(j, "encoder-mismatch")->text, "wavlm-large"));
    assert_non_null(reason(j, "demonstration-detector"));
    fal_judgement_free(&j);
}

/* ---- what is refused ---- */

static void test_bad_members(void **state)
{
    (void)state;
    fal_judge *judge = NULL;
    fal_error err;
    const char *head = make_head("any", wave_encoder(), FAL_STREAM_AUDIO, raw);
    fal_judge_member other = {lip_encoder(), head, FAL_STREAM_AUDIO, NULL},
                     no_stream = {wave_encoder(), head, FAL_STREAM_VIDEO, NULL}, half = {wave_encoder(), NULL, 0, NULL},
                     bad_stream = {wave_encoder(), head, (fal_stream)77, NULL};
    fal_judge_member no_head = {wave_encoder(), fal_temp_path("absent.ckpt"), 0, NULL},
                     no_encoder = {"no-such-model", head, 0, NULL};
    fal_check_fails(fal_judge_open(&(fal_judge_options){0}, &judge, &err), FAL_ERR_ARGUMENT, "no encoder", &err);
    fal_check_fails(fal_judge_open(&(fal_judge_options){.members = &other, .member_count = 1}, &judge, &err),
                    FAL_ERR_ARGUMENT, "takes features of 64 channels", &err);
    fal_check_fails(fal_judge_open(&(fal_judge_options){.members = &no_stream, .member_count = 1}, &judge, &err),
                    FAL_ERR_ARGUMENT, "has no video stream", &err);
    fal_check_fails(fal_judge_open(&(fal_judge_options){.members = &half, .member_count = 1}, &judge, &err),
                    FAL_ERR_ARGUMENT, "has no head", &err);
    fal_check_fails(fal_judge_open(&(fal_judge_options){.members = &bad_stream, .member_count = 1}, &judge, &err),
                    FAL_ERR_ARGUMENT, "has no none stream", &err);
    fal_check_fails(fal_judge_open(&(fal_judge_options){.members = &no_head, .member_count = 1}, &judge, &err),
                    FAL_ERR_NOT_FOUND, "absent.ckpt", &err);
    fal_check_fails(fal_judge_open(&(fal_judge_options){.members = &no_encoder, .member_count = 1}, &judge, &err),
                    FAL_ERR_NOT_FOUND, "no-such-model", &err);
    assert_null(judge);
    fal_judge_free(&judge);
    fal_judge_free(NULL);
}

/* Scores that overflow must not come out as a verdict. */
static void test_damaged_head(void **state)
{
    (void)state;
    float weight[64];
    fal_probe probe = {.dim = 64, .weight = weight, .l2_normalise = false};
    for (int i = 0; i < 64; i++)
        weight[i] = 3e38f;
    const char *path = fal_temp_path("damaged.safetensors");
    fal_error err = {0};
    fal_check_ok(fal_probe_save(path, &probe, &(fal_head_training){.stream = FAL_STREAM_AUDIO}, &raw, &err), &err);
    fal_judge_member member = {wave_encoder(), path, 0, NULL};
    fal_judge *judge = open_judge(&member, 1);
    fal_judgement *j = NULL;
    fal_check_fails(fal_judge_clip(judge, tone("damaged", 1000), NULL, &j, &err), FAL_ERR_FORMAT,
                    "damaged.safetensors gives scores that are not finite", &err);
    assert_null(j);
    fal_judge_free(&judge);
}

static void test_unreadable_clip(void **state)
{
    (void)state;
    fal_judge_member member = {wave_encoder(), make_head("clip", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    fal_judge *judge = open_judge(&member, 1);
    fal_judgement *j = NULL;
    fal_error err;
    fal_check_fails(fal_judge_clip(judge, fal_temp_path("absent.mp4"), NULL, &j, &err), FAL_ERR_NOT_FOUND, "absent.mp4",
                    &err);
    fal_check_fails(fal_judge_clip(judge, fal_data_path("index.json"), NULL, &j, &err), FAL_ERR_FORMAT, "index.json",
                    &err);
    assert_null(j);
    j = judge_with(judge, tone("after", 1000), NULL); /* the judge goes on */
    fal_judgement_free(&j);
    fal_judge_free(&judge);
}

static void test_cancel(void **state)
{
    (void)state;
    volatile sig_atomic_t cancel = 1;
    fal_progress progress = {.cancel = &cancel};
    fal_judge_member member = {wave_encoder(), make_head("stop", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL};
    fal_judge *judge = open_judge(&member, 1);
    fal_judgement *j = NULL;
    fal_error err;
    const char *clip = tone("stop", 1000);
    fal_check_fails(fal_judge_clip(judge, clip, &(fal_clip_choices){.progress = &progress}, &j, &err),
                    FAL_ERR_CANCELLED, "stopped", &err);
    assert_null(j);
    cancel = 0;
    j = judge_with(judge, clip, &(fal_clip_choices){.progress = &progress});
    fal_judgement_free(&j);
    fal_judge_free(&judge);
}

/* ---- a real clip with sound and face ---- */

static void test_real_clip(void **state)
{
    (void)state;
    const char *clip = fal_reference_path("media/real_10_street_glasses_short.mp4");
    fal_skip_without(clip);
    fal_judge_member member = {lip_encoder(), make_head("both", lip_encoder(), FAL_STREAM_AV, raw), 0, NULL};
    fal_judgement *j = judge_once(member, clip);
    const fal_opinion *o = &j->opinions[0];
    assert_int_equal(o->stream, FAL_STREAM_AV); /* as the head says */
    assert_true(o->usable && o->frames >= 60 && o->frames <= 66);
    assert_true(j->face.looked && j->face.chosen == 1 && j->face.median_width > 30);
    assert_true(j->sound.present && j->sound.speech_s > 0.5);
    assert_true(j->duration_s > 2.4 && j->duration_s < 2.8);
    check_opinion(o, &raw);
    fal_judgement_free(&j);
}

/* ---- allocation ---- */

typedef struct job {
    fal_judge_member member;
    const char *clip;
} job;

/* Without threads or faces: only this thread's allocations are counted, and FFmpeg's are its own. */
static fal_status judge_and_report(void *user, fal_error *err)
{
    const job *what = user;
    fal_status st = FAL_OK;
    fal_judge *judge = NULL;
    fal_judgement *j = NULL;
    char *json = NULL;
    FAL_TRY(
        fal_judge_open(&(fal_judge_options){.members = &what->member, .member_count = 1, .threads = 1}, &judge, err));
    FAL_TRY(fal_judge_clip(judge, what->clip, NULL, &j, err));
    FAL_TRY(fal_judgement_json(j, true, &json, err));
done:
    fal_text_free(&json);
    fal_judgement_free(&j);
    fal_judge_free(&judge);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    job what = {{wave_encoder(), make_head("alloc", wave_encoder(), FAL_STREAM_AUDIO, raw), 0, NULL},
                tone("alloc", 300)};
    fal_check_alloc_failures("judge a clip", judge_and_report, &what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sound_clip),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_same_clip_same_answer),
        cmocka_unit_test(test_clones_share_the_weights),
        cmocka_unit_test(test_mean_of_members),
        cmocka_unit_test(test_member_without_its_stream),
        cmocka_unit_test(test_clip_without_sound),
        cmocka_unit_test(test_clip_without_face),
        cmocka_unit_test(test_rate_of_exact_rows),
        cmocka_unit_test(test_silent_clip),
        cmocka_unit_test(test_clip_too_short_for_a_frame),
        cmocka_unit_test(test_head_of_another_encoder),
        cmocka_unit_test(test_bad_members),
        cmocka_unit_test(test_damaged_head),
        cmocka_unit_test(test_unreadable_clip),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_real_clip),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
