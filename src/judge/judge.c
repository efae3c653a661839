/* Decode, follow the face, encode, score, fuse, explain: the main path of the program. */
#include "core/alloc.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/str.h"
#include "core/thread.h"
#include "face/detector.h"
#include "feature/clip_encode.h"
#include "feature/sound.h"
#include "judge/members.h"
#include "judge/mismatch.h"
#include "judge/part_rows.h"
#include "judge/ranges.h"
#include "judge/reasons.h"

#include <falsetto/judge.h>

#include <math.h>

struct fal_judge {
    fal_members *members;                /* with its clones */
    fal_session *session;                /* made by the first clip */
    const volatile sig_atomic_t *cancel; /* what the session listens to */
    fal_detector *detector;              /* NULL when no member looks at faces */
    int threads;
    const fal_log *log;
};

static const char *const verdict_names[] = {
    [FAL_VERDICT_REAL] = "REAL",
    [FAL_VERDICT_FAKE] = "FAKE",
    [FAL_VERDICT_SUSPICIOUS] = "SUSPICIOUS",
    [FAL_VERDICT_CANNOT_JUDGE] = "CANNOT JUDGE",
};

const char *fal_verdict_name(fal_verdict verdict)
{
    return (size_t)verdict < sizeof verdict_names / sizeof *verdict_names ? verdict_names[verdict] : "?";
}

/* ---- opening ---- */

fal_status fal_judge_open(const fal_judge_options *options, fal_judge **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_judge *judge = NULL;
    FAL_ALLOC(judge, fal_calloc(1, sizeof *judge));
    judge->threads = options->threads;
    judge->log = options->log;
    FAL_TRY(fal_members_open(options, &judge->members, err));
    if (fal_requests_need_faces(judge->members->requests, judge->members->request_count))
        FAL_TRY(fal_detector_open(NULL, &judge->detector, err));
    *out = judge, judge = NULL;
done:
    fal_judge_free(&judge);
    return st;
}

fal_status fal_judge_clone(const fal_judge *judge, fal_judge **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_judge *clone = NULL;
    FAL_ALLOC(clone, fal_calloc(1, sizeof *clone));
    clone->members = fal_members_share(judge->members);
    clone->threads = judge->threads;
    clone->log = judge->log;
    if (judge->detector)
        FAL_TRY(fal_detector_clone(judge->detector, &clone->detector, err));
    *out = clone, clone = NULL;
done:
    fal_judge_free(&clone);
    return st;
}

void fal_judge_free(fal_judge **judge)
{
    if (!judge || !*judge)
        return;
    fal_members_free(&(*judge)->members);
    fal_session_free(&(*judge)->session);
    fal_detector_free(&(*judge)->detector);
    fal_release(judge);
}

/* ---- one clip ---- */

typedef struct work {
    fal_judge *judge;
    const fal_clip_choices *choices;
    fal_clip_encoding clip;
    fal_arena *arena; /* owns everything the judgement points to */
    fal_judgement *result;
    fal_opinion *opinions;
} work;

/* A session stays warm from clip to clip; it is made anew when the caller's cancel flag is another one. */
static fal_status ready_session(work *w, fal_error *err)
{
    fal_judge *j = w->judge;
    const volatile sig_atomic_t *cancel = w->choices->progress ? w->choices->progress->cancel : NULL;
    if (j->session && j->cancel == cancel)
        return FAL_OK;
    fal_session_free(&j->session);
    j->cancel = cancel;
    return fal_session_create(&(fal_session_options){.threads = j->threads, .cancel = cancel}, &j->session, err);
}

static fal_status encode_clip(work *w, const char *path, fal_error *err)
{
    const fal_judge *j = w->judge;
    const fal_members *m = j->members;
    fal_input_request how = {
        .sound_facts = true,
        .exact = w->choices->exact_preprocessing,
        .trim_silence = w->choices->trim_silence,
        .face = w->choices->face,
        .mouth_alignment = w->choices->mouth_alignment,
        .threads = j->threads > 0 ? j->threads : fal_cpu_count(),
        .detector = j->detector,
        .progress = w->choices->progress,
        .log = j->log,
    };
    fal_status st = fal_clip_encode(path, &how, j->session, m->requests, m->request_count, &w->clip, err);
    if (st == FAL_ERR_TOO_SHORT && how.trim_silence) {
        how.trim_silence = false; /* nothing but silence: whole, so that the reasons can say so */
        st = fal_clip_encode(path, &how, j->session, m->requests, m->request_count, &w->clip, err);
    }
    return st;
}

/* A stream that is there but may hold nothing to judge: silence, or frames without any face for an encoder that looks
 * at one. */
static bool trustworthy(const work *w, const fal_member *m)
{
    if (m->stream == FAL_STREAM_AUDIO)
        return !fal_sound_is_silent(&w->clip.inputs.sound);
    return fal_encoder_describe(m->encoder)->video_input == FAL_INPUT_FRAME || !w->clip.inputs.face.whole_frames;
}

/* Rows are finite; a head of damaged weights may give anything. */
static bool are_finite(double clip_logit, const float *frame_logits, int64_t frames)
{
    bool finite = isfinite(clip_logit);
    for (int64_t t = 0; finite && t < frames; t++)
        finite = isfinite(frame_logits[t]);
    return finite;
}

static fal_status score_rows(work *w, const fal_member *m, const fal_part_rows *rows, fal_opinion *opinion,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    float *logits = NULL;
    double clip_logit;
    const fal_calibration *calibration = &fal_head_describe(m->head)->calibration;
    FAL_ALLOC(logits, fal_arena_alloc(w->arena, (size_t)rows->rows, sizeof *logits));
    st = fal_head_score(m->head, rows->data, rows->rows, rows->dim, logits, &clip_logit, err);
    if (st == FAL_ERR_TOO_SHORT)
        return FAL_OK; /* for this head: said in the reasons */
    FAL_TRY(st);
    if (!are_finite(clip_logit, logits, rows->rows))
        FAL_FAIL(FAL_ERR_FORMAT, "%s gives scores that are not finite: its weights are damaged",
                 fal_head_describe(m->head)->origin);
    opinion->clip_logit = clip_logit;
    opinion->frame_logits = logits;
    opinion->frames = rows->rows;
    opinion->p_fake = fal_head_probability(calibration, clip_logit, rows->rows);
    opinion->calibrated = calibration->fitted;
    opinion->usable = trustworthy(w, m);
done:
    return st;
}

/* Encoders state their rate for 25 frames per second; rows of pictures follow the rate of the frames. */
static double rows_hz(const fal_member *m, const fal_clip_inputs *in)
{
    const double stated = fal_encoder_describe(m->encoder)->rate_hz;
    return m->stream == FAL_STREAM_AUDIO ? stated : stated * in->frame_hz / FAL_FRAMES_PER_SECOND;
}

static fal_status form_opinion(work *w, const fal_member *m, fal_opinion *opinion, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_part_rows rows = {0};
    const fal_encoder_description *enc = fal_encoder_describe(m->encoder);
    const fal_clip_inputs *in = &w->clip.inputs;
    *opinion = (fal_opinion){.stream = m->stream, .rate_hz = rows_hz(m, in), .start_s = in->start_s};
    FAL_ALLOC(opinion->encoder, fal_arena_strdup(w->arena, m->name));
    FAL_ALLOC(opinion->head, fal_arena_strdup(w->arena, fal_head_describe(m->head)->origin));
    FAL_ALLOC(opinion->family, fal_arena_strdup(w->arena, enc->family));
    FAL_ALLOC(opinion->feature, fal_arena_strdup(w->arena, enc->feature));
    FAL_TRY(fal_part_rows_gather(m, &w->clip, &rows, err));
    if (rows.missing == FAL_OK) /* else said in the reasons */
        FAL_TRY(score_rows(w, m, &rows, opinion, err));
done:
    fal_part_rows_free(&rows);
    return st;
}

static fal_status form_opinions(work *w, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t n = w->judge->members->count;
    FAL_ALLOC(w->opinions, fal_arena_alloc(w->arena, n, sizeof *w->opinions));
    for (size_t i = 0; i < n; i++)
        FAL_TRY(form_opinion(w, &w->judge->members->items[i], &w->opinions[i], err));
    w->result->opinions = w->opinions;
    w->result->opinion_count = n;
done:
    return st;
}

/* Late fusion: the mean of the usable members' P(fake), and of their bands. */
static void fuse(work *w)
{
    fal_judgement *r = w->result;
    double p = 0, logit = 0, low = 0, high = 0, n = 0;
    for (size_t i = 0; i < r->opinion_count; i++) {
        if (!r->opinions[i].usable)
            continue;
        const fal_calibration *c = &fal_head_describe(w->judge->members->items[i].head)->calibration;
        p += r->opinions[i].p_fake;
        logit += r->opinions[i].clip_logit;
        low += c->low;
        high += c->high;
        n++;
    }
    for (size_t i = 0; i < r->opinion_count; i++)
        w->opinions[i].say = w->opinions[i].usable ? 1 / n : 0;
    r->p_fake = p / n; /* NAN without a usable member */
    r->clip_logit = logit / n;
    r->low = low / n;
    r->high = high / n;
    r->verdict = n == 0                ? FAL_VERDICT_CANNOT_JUDGE
                 : r->p_fake < r->low  ? FAL_VERDICT_REAL
                 : r->p_fake > r->high ? FAL_VERDICT_FAKE
                                       : FAL_VERDICT_SUSPICIOUS;
}

static void note_match(fal_judge_context *c, const fal_head_description *head, const fal_encoder_description *enc)
{
    fal_match match = fal_mismatch_find(head, enc);
    if (match <= c->match)
        return;
    c->match = match;
    c->mismatch_head = head->origin;
    c->mismatch_wanted = head->encoder ? head->encoder : head->family ? head->family : "another encoder";
    c->mismatch_given = enc->origin;
    c->mismatch_feature = head->feature && !fal_str_eq(head->feature, enc->feature) ? head->feature : NULL;
}

static fal_judge_context context_of(const work *w)
{
    const fal_members *members = w->judge->members;
    fal_judge_context c = {.result = w->result};
    for (size_t i = 0; i < members->count; i++) {
        const fal_member *m = &members->items[i];
        const fal_head_description *head = fal_head_describe(m->head);
        const fal_encoder_description *enc = fal_encoder_describe(m->encoder);
        c.needs_audio |= (m->stream & FAL_STREAM_AUDIO) != 0;
        c.needs_video |= (m->stream & FAL_STREAM_VIDEO) != 0;
        c.demonstration |= head->demonstration;
        c.random_encoder |= enc->random_weights;
        c.uncalibrated |= !head->calibration.fitted;
        if (m->stream == FAL_STREAM_AV && enc->audio_input == FAL_INPUT_WAVE && w->clip.inputs.frames)
            c.samples_per_frame = w->clip.inputs.wave_count / w->clip.inputs.frames;
        note_match(&c, head, enc);
    }
    return c;
}

static fal_status explain(work *w, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_judgement *r = w->result;
    fal_range *ranges = NULL;
    fal_reason *reasons = NULL;
    FAL_ALLOC(ranges, fal_arena_alloc(w->arena, FAL_MAX_RANGES, sizeof *ranges));
    FAL_ALLOC(reasons, fal_arena_alloc(w->arena, FAL_MAX_REASONS, sizeof *reasons));
    FAL_TRY(fal_ranges_find(r->opinions, r->opinion_count, ranges, &r->range_count, err));
    fal_judge_context context = context_of(w);
    r->reason_count = fal_reasons_collect(&context, reasons);
    r->ranges = ranges;
    r->reasons = reasons;
done:
    return st;
}

static void copy_facts(work *w)
{
    fal_judgement *r = w->result;
    r->media = w->clip.inputs.media;
    r->report = w->clip.inputs.report;
    r->face = w->clip.inputs.face;
    r->sound = w->clip.inputs.sound;
    r->duration_s = fmax(r->report.video_s, r->sound.duration_s);
}

static fal_status judge_clip(work *w, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_judgement *r = w->result;
    double start = fal_now_s();
    FAL_ALLOC(r->path, fal_arena_strdup(w->arena, path));
    FAL_TRY(ready_session(w, err));
    FAL_TRY(encode_clip(w, path, err));
    copy_facts(w);
    double before_scoring = fal_now_s();
    FAL_TRY(form_opinions(w, err));
    fuse(w);
    FAL_TRY(explain(w, err));
    double end = fal_now_s();
    r->timing = (fal_timing){w->clip.inputs.decode_s, w->clip.inputs.face_s, w->clip.encode_s + end - before_scoring,
                             end - start};
done:
    return st;
}

fal_status fal_judge_clip(fal_judge *judge, const char *path, const fal_clip_choices *choices, fal_judgement **out,
                          fal_error *err)
{
    static const fal_clip_choices defaults = {0};
    fal_status st = FAL_OK;
    work w = {.judge = judge, .choices = choices ? choices : &defaults};
    FAL_ALLOC(w.arena, fal_arena_create());
    FAL_ALLOC(w.result, fal_calloc(1, sizeof *w.result));
    FAL_TRY(judge_clip(&w, path, err));
    w.result->storage = w.arena, w.arena = NULL;
    *out = w.result, w.result = NULL;
done:
    fal_clip_encoding_free(&w.clip);
    fal_arena_free(&w.arena);
    fal_free(w.result);
    return st;
}

void fal_judgement_free(fal_judgement **judgement)
{
    if (!judgement || !*judgement)
        return;
    fal_arena *arena = (*judgement)->storage;
    fal_arena_free(&arena);
    fal_release(judgement);
}
