#include "judge/reasons.h"

#include "feature/sound.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Thresholds, with the sentence in docs/reasons.md that explains each. */
static const double PARTIAL_FACE = 0.4;  /* share of frames without a face */
static const double SEVERAL_FACES = 0.1; /* share of frames with more than one */
static const double SMALL_FACE_PX = 64;  /* the 96-pixel crop is upscaled more than threefold below this */
static const double SHORT_SPEECH_S = 1.5;
static const double SHORT_CLIP_S = 1.0;
static const double LENGTH_GAP_S = 0.5;
enum { LEAST_SAMPLES = 530, MOST_SAMPLES = 670 }; /* at 16 kHz per frame of 40 ms, both excluded: Auto-AVSR's bounds */
static const double DISAGREEMENT = 0.5;           /* between the members' P(fake) */

typedef struct writer {
    fal_reason *out;
    size_t count;
} writer;

FAL_PRINTF(4, 5)
static void say(writer *w, const char *code, fal_severity severity, const char *fmt, ...)
{
    if (w->count == FAL_MAX_REASONS)
        return;
    fal_reason *reason = &w->out[w->count++];
    va_list ap;
    reason->code = code;
    reason->severity = severity;
    va_start(ap, fmt);
    vsnprintf(reason->text, sizeof reason->text, fmt, ap);
    va_end(ap);
}

static fal_severity blocking_unless_others(const fal_judgement *r)
{
    for (size_t i = 0; i < r->opinion_count; i++)
        if (r->opinions[i].usable)
            return FAL_SEVERITY_WARNING;
    return FAL_SEVERITY_BLOCKING;
}

static bool has_frames(const fal_judgement *r)
{
    return r->media.video.present && r->report.frames_out > 0;
}

static void check_streams(const fal_judge_context *c, writer *w)
{
    const fal_judgement *r = c->result;
    if (c->needs_video && !has_frames(r))
        say(w, "no-video", blocking_unless_others(r), "The file has no %svideo, which an encoder needs.",
            r->media.video.present ? "decodable " : "");
    if (c->needs_audio && !r->sound.present)
        say(w, "no-audio", blocking_unless_others(r), "The file has no %saudio, which an encoder needs.",
            r->media.audio.present ? "decodable " : "");
}

static void check_frames(const fal_judge_context *c, writer *w)
{
    const fal_judgement *r = c->result;
    for (size_t i = 0; i < r->opinion_count; i++) {
        const fal_opinion *o = &r->opinions[i];
        bool has_input =
            (!(o->stream & FAL_STREAM_AUDIO) || r->sound.present) && (!(o->stream & FAL_STREAM_VIDEO) || has_frames(r));
        if (!o->frames && has_input) {
            say(w, "too-short", blocking_unless_others(r), "The clip is too short for one frame of %s.", o->encoder);
            return;
        }
    }
}

static void check_face(const fal_judge_context *c, writer *w)
{
    const fal_face_facts *f = &c->result->face;
    if (!f->looked || !f->frames)
        return;
    double without = 1 - (double)f->seen / (double)f->frames;
    if (f->whole_frames)
        say(w, "no-face", blocking_unless_others(c->result),
            "No face was found in any of %lld frames; encoders of mouths and faces got the middle of the frames.",
            (long long)f->frames);
    else if (without >= PARTIAL_FACE)
        say(w, "no-face-partial", FAL_SEVERITY_WARNING,
            "No face in %.0f%% of %lld frames; positions there are guessed.", 100 * without, (long long)f->frames);
    if (f->several_fraction >= SEVERAL_FACES)
        say(w, "several-faces", FAL_SEVERITY_WARNING,
            "Several faces in %.0f%% of the frames; face %d of %lld, the most persistent unless chosen, was judged.",
            100 * f->several_fraction, f->chosen, (long long)f->faces);
    if (!f->whole_frames && f->median_width > 0 && f->median_width < SMALL_FACE_PX)
        say(w, "small-face", FAL_SEVERITY_WARNING, "The face is only %.0f pixels wide.", f->median_width);
}

static void check_sound(const fal_judge_context *c, writer *w)
{
    const fal_sound_facts *s = &c->result->sound;
    if (!c->needs_audio || !s->present)
        return;
    if (fal_sound_is_silent(s)) {
        say(w, "silent-audio", blocking_unless_others(c->result), "The audio track is silent (peak %.0f dBFS).",
            s->peak_dbfs);
        return;
    }
    if (s->speech_s < SHORT_SPEECH_S)
        say(w, "short-speech", FAL_SEVERITY_WARNING, "Only %.1f s of sound above the background; %.1f s are wanted.",
            s->speech_s, SHORT_SPEECH_S);
}

static bool joins_streams(const fal_judgement *r)
{
    for (size_t i = 0; i < r->opinion_count; i++)
        if (r->opinions[i].stream == FAL_STREAM_AV)
            return true;
    return false;
}

static void check_lengths(const fal_judge_context *c, writer *w)
{
    const fal_judgement *r = c->result;
    if (r->duration_s > 0 && r->duration_s < SHORT_CLIP_S)
        say(w, "short-clip", FAL_SEVERITY_WARNING, "The clip lasts only %.2f s.", r->duration_s);
    if (!c->needs_video || !r->sound.present || r->report.video_s <= 0 || r->report.audio_s <= 0)
        return;
    double gap = r->report.audio_s - r->report.video_s;
    if (fabs(gap) > LENGTH_GAP_S)
        say(w, "length-mismatch", FAL_SEVERITY_WARNING, "Audio is %.2f s %s than video%s.", fabs(gap),
            gap > 0 ? "longer" : "shorter", joins_streams(r) ? "; an encoder of both got them at one length" : "");
}

/* Auto-AVSR's own demonstration refuses such clips; the encoder cuts the waveform, or fills it with silence. */
static void check_join(const fal_judge_context *c, writer *w)
{
    if (c->samples_per_frame && (c->samples_per_frame <= LEAST_SAMPLES || c->samples_per_frame >= MOST_SAMPLES))
        say(w, "av-length-ratio", FAL_SEVERITY_WARNING,
            "%lld samples of sound per frame, where an encoder of both joins 640: it got sound cut or filled up.",
            (long long)c->samples_per_frame);
}

static void check_media(const fal_judge_context *c, writer *w)
{
    /* Facts about the file that change what the encoder sees. */
    static const fal_media_warning serious = FAL_MEDIA_WARN_DAMAGED_VIDEO | FAL_MEDIA_WARN_DAMAGED_AUDIO |
                                             FAL_MEDIA_WARN_TRUNCATED_VIDEO | FAL_MEDIA_WARN_TRUNCATED_AUDIO |
                                             FAL_MEDIA_WARN_LOW_BIT_RATE;
    for (int bit = 0; bit < 32; bit++) {
        uint32_t warning = 1u << bit;
        if (c->result->report.warnings & warning)
            say(w, fal_media_warning_code((fal_media_warning)warning),
                (uint32_t)serious & warning ? FAL_SEVERITY_WARNING : FAL_SEVERITY_NOTE, "%s",
                fal_media_warning_text((fal_media_warning)warning));
    }
}

static void check_members(const fal_judge_context *c, writer *w)
{
    const fal_judgement *r = c->result;
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < r->opinion_count; i++)
        if (r->opinions[i].usable) {
            low = fmin(low, r->opinions[i].p_fake);
            high = fmax(high, r->opinions[i].p_fake);
        }
    if (high - low >= DISAGREEMENT)
        say(w, "members-disagree", FAL_SEVERITY_WARNING, "The encoders disagree: P(fake) from %.2f to %.2f.", low,
            high);
    if (c->demonstration)
        say(w, "demonstration-detector", FAL_SEVERITY_WARNING,
            "The probe was trained on drawn puppets: it shows how the program works and says nothing about "
            "real clips.");
    if (c->random_encoder)
        say(w, "random-encoder", FAL_SEVERITY_WARNING,
            "The encoder has random weights (the paper's baseline); install a released checkpoint for real use.");
    if (c->uncalibrated)
        say(w, "uncalibrated-head", FAL_SEVERITY_NOTE,
            "P(fake) is sigmoid(2 s) of the raw logit, which grows with the clip's length: the head has no "
            "calibration.");
}

static void check_match(const fal_judge_context *c, writer *w)
{
    if (c->match == FAL_MATCH_OTHER && c->mismatch_feature)
        say(w, "encoder-mismatch", FAL_SEVERITY_WARNING, "The head %s was trained on the feature \"%s\" of %s.",
            c->mismatch_head, c->mismatch_feature, c->mismatch_wanted);
    else if (c->match == FAL_MATCH_OTHER)
        say(w, "encoder-mismatch", FAL_SEVERITY_WARNING, "The head %s was trained on features of %s, not of %s.",
            c->mismatch_head, c->mismatch_wanted, c->mismatch_given);
    else if (c->match == FAL_MATCH_RENAMED)
        say(w, "encoder-mismatch", FAL_SEVERITY_NOTE,
            "The head %s was trained on %s; %s is of its family and width, the same if the file was renamed.",
            c->mismatch_head, c->mismatch_wanted, c->mismatch_given);
}

typedef void check_fn(const fal_judge_context *context, writer *w);

static check_fn *const checks[] = {
    check_streams, check_frames, check_face,    check_sound, check_lengths,
    check_join,    check_media,  check_members, check_match,
};

/* Stable, so that reasons of one severity stay in the order of the checks. */
static void sort_by_severity(fal_reason *reasons, size_t count)
{
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && reasons[k].severity > reasons[k - 1].severity; k--) {
            fal_reason swap = reasons[k];
            reasons[k] = reasons[k - 1];
            reasons[k - 1] = swap;
        }
}

size_t fal_reasons_collect(const fal_judge_context *context, fal_reason out[FAL_MAX_REASONS])
{
    writer w = {.out = out};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        checks[i](context, &w);
    sort_by_severity(out, w.count);
    return w.count;
}
