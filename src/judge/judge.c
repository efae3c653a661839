/* Decode, follow the face, encode, score, fuse, explain: the main path of the program. */
#include "core/alloc.h"
#include "core/arena.h"
#include "core/clock.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "face/detector.h"
#include "feature/encode_inputs.h"
#include "feature/inputs.h"
#include "feature/sound.h"
#include "judge/ranges.h"
#include "judge/reasons.h"

#include <falsetto/judge.h>

#include <math.h>
#include <string.h>

#define FAL_LOG_COMPONENT "judge"

typedef struct member {
    size_t encoder; /* index in fal_judge.encoders */
    fal_head *head;
    fal_stream stream;
    char *encoder_name;
} member;

struct fal_judge {
    size_t encoder_count, member_count;
    fal_encoder **encoders; /* one per distinct name */
    member *members;
    fal_session *session;   /* made by the first clip */
    const volatile sig_atomic_t *cancel; /* what the session listens to */
    fal_detector *detector; /* NULL when no member looks at faces */
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

static fal_status find_or_open_encoder(fal_judge *judge, const fal_judge_options *options, const char *name,
                                       size_t *index, fal_error *err)
{
    for (size_t i = 0; i < judge->encoder_count; i++)
        if (fal_str_eq(fal_encoder_describe(judge->encoders[i])->origin, name)) {
            *index = i;
            return FAL_OK;
        }
    fal_encoder_options how = {.numbers = options->numbers, .threads = options->threads, .log = options->log};
    fal_status st = fal_encoder_open(name, &how, &judge->encoders[judge->encoder_count], err);
    if (st == FAL_OK)
        *index = judge->encoder_count++;
    return st;
}

static fal_status check_member(const member *m, const fal_encoder_description *enc, fal_error *err)
{
    const fal_head_description *head = fal_head_describe(m->head);
    if (m->stream > FAL_STREAM_AV || !(enc->streams & 1 << m->stream))
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s has no %s stream", enc->origin, fal_stream_name(m->stream));
    if (head->dim != enc->dim)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "%s takes features of %lld channels, but %s (%s) gives %lld: "
                        "the head belongs to another encoder",
                        head->origin, (long long)head->dim, enc->origin, enc->family, (long long)enc->dim);
    return FAL_OK;
}

static fal_status open_member(fal_judge *judge, const fal_judge_options *options, const fal_judge_member *wanted,
                              member *m, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!wanted->encoder || !wanted->head)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a member of the judge has no %s", wanted->encoder ? "head" : "encoder");
    FAL_ALLOC(m->encoder_name, fal_strdup(wanted->encoder));
    FAL_TRY(fal_head_open(wanted->head, options->log, &m->head, err));
    FAL_TRY(find_or_open_encoder(judge, options, wanted->encoder, &m->encoder, err));
    const fal_encoder_description *enc = fal_encoder_describe(judge->encoders[m->encoder]);
    const fal_head_description *head = fal_head_describe(m->head);
    m->stream = wanted->stream ? wanted->stream : head->stream_known ? head->stream : enc->default_stream;
    FAL_TRY(check_member(m, enc, err));
done:
    return st;
}

static bool looks_at(const fal_judge *judge, const member *m, fal_input_kind kind)
{
    const fal_encoder_description *enc = fal_encoder_describe(judge->encoders[m->encoder]);
    return ((m->stream & FAL_STREAM_AUDIO) && enc->audio_input == kind) ||
           ((m->stream & FAL_STREAM_VIDEO) && enc->video_input == kind);
}

static bool any_looks_at(const fal_judge *judge, fal_input_kind kind)
{
    for (size_t i = 0; i < judge->member_count; i++)
        if (looks_at(judge, &judge->members[i], kind))
            return true;
    return false;
}

fal_status fal_judge_open(const fal_judge_options *options, fal_judge **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_judge *judge = NULL;
    if (!options->member_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "no encoder with a head was given");
    FAL_ALLOC(judge, fal_calloc(1, sizeof *judge));
    judge->threads = options->threads;
    judge->log = options->log;
    FAL_ALLOC(judge->members, fal_calloc(options->member_count, sizeof *judge->members));
    FAL_ALLOC(judge->encoders, fal_calloc(options->member_count, sizeof(fal_encoder *)));
    for (; judge->member_count < options->member_count; judge->member_count++) {
        member *m = &judge->members[judge->member_count];
        st = open_member(judge, options, &options->members[judge->member_count], m, err);
        if (st != FAL_OK) {
            judge->member_count++; /* half open: freed with the rest */
            goto done;
        }
    }
    if (any_looks_at(judge, FAL_INPUT_MOUTH))
        FAL_TRY(fal_detector_open(NULL, &judge->detector, err));
    *out = judge, judge = NULL;
done:
    fal_judge_free(&judge);
    return st;
}

void fal_judge_free(fal_judge **judge)
{
    if (!judge || !*judge)
        return;
    fal_judge *j = *judge;
    for (size_t i = 0; i < j->member_count; i++) {
        fal_head_free(&j->members[i].head);
        fal_free(j->members[i].encoder_name);
    }
    for (size_t i = 0; i < j->encoder_count; i++)
        fal_encoder_free(&j->encoders[i]);
    fal_free(j->members);
    fal_free(j->encoders);
    fal_session_free(&j->session);
    fal_detector_free(&j->detector);
    fal_release(judge);
}

/* ---- one clip ---- */

typedef struct work {
    fal_judge *judge;
    const fal_clip_choices *choices;
    fal_clip_inputs in;
    fal_arena *arena;       /* owns everything the judgement points to */
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

static fal_status read_inputs(work *w, const char *path, fal_error *err)
{
    const fal_judge *j = w->judge;
    fal_input_request want = {
        .wave = any_looks_at(j, FAL_INPUT_WAVE),
        .logfbank = any_looks_at(j, FAL_INPUT_LOGFBANK),
        .mouth = any_looks_at(j, FAL_INPUT_MOUTH),
        .sound_facts = true,
        .exact = w->choices->exact_preprocessing,
        .trim_silence = w->choices->trim_silence,
        .face = w->choices->face,
        .threads = j->threads > 0 ? j->threads : fal_cpu_count(),
        .detector = j->detector,
        .progress = w->choices->progress,
        .log = j->log,
    };
    fal_status st = fal_clip_inputs_read(path, &want, &w->in, err);
    if (st == FAL_ERR_TOO_SHORT && want.trim_silence) {
        want.trim_silence = false; /* nothing but silence: whole, so that the reasons can say so */
        st = fal_clip_inputs_read(path, &want, &w->in, err);
    }
    return st;
}

/* A stream that is there but holds nothing to judge: silence, or frames without any face. */
static bool trustworthy(const work *w, fal_stream stream)
{
    return stream == FAL_STREAM_AUDIO ? !fal_sound_is_silent(&w->in.sound) : !w->in.face.whole_frames;
}

static fal_status score_features(work *w, const member *m, const fal_encoding *features, fal_opinion *opinion,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    float *logits = NULL;
    const fal_head_description *head = fal_head_describe(m->head);
    FAL_ALLOC(logits, fal_arena_alloc(w->arena, (size_t)features->rows, sizeof *logits));
    FAL_TRY(fal_head_score(m->head, features->features, features->rows, features->dim, logits, &opinion->clip_logit,
                           err));
    opinion->frame_logits = logits;
    opinion->frames = features->rows;
    opinion->p_fake = fal_head_probability(&head->calibration, opinion->clip_logit, features->rows);
    opinion->calibrated = head->calibration.fitted;
    opinion->usable = trustworthy(w, opinion->stream);
done:
    return st;
}

static fal_status form_opinion(work *w, const member *m, fal_opinion *opinion, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_encoding features = {0};
    const fal_encoder *encoder = w->judge->encoders[m->encoder];
    const fal_encoder_description *enc = fal_encoder_describe(encoder);
    *opinion = (fal_opinion){.stream = m->stream, .rate_hz = enc->rate_hz, .start_s = w->in.start_s};
    FAL_ALLOC(opinion->encoder, fal_arena_strdup(w->arena, m->encoder_name));
    FAL_ALLOC(opinion->head, fal_arena_strdup(w->arena, fal_head_describe(m->head)->origin));
    FAL_ALLOC(opinion->family, fal_arena_strdup(w->arena, enc->family));
    st = fal_encode_inputs(encoder, w->judge->session, m->stream, &w->in, &features, err);
    if (st == FAL_ERR_NOT_FOUND || st == FAL_ERR_TOO_SHORT)
        return FAL_OK; /* the stream is missing: said in the reasons */
    FAL_TRY(st);
    FAL_TRY(score_features(w, m, &features, opinion, err));
done:
    return st;
}

static fal_status form_opinions(work *w, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t n = w->judge->member_count;
    FAL_ALLOC(w->opinions, fal_arena_alloc(w->arena, n, sizeof *w->opinions));
    for (size_t i = 0; i < n; i++) {
        fal_progress_report(w->choices->progress, "encoding", (double)i, (double)n);
        FAL_TRY(form_opinion(w, &w->judge->members[i], &w->opinions[i], err));
    }
    fal_progress_report(w->choices->progress, "encoding", (double)n, (double)n);
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
        const fal_calibration *c = &fal_head_describe(w->judge->members[i].head)->calibration;
        p += r->opinions[i].p_fake;
        logit += r->opinions[i].clip_logit;
        low += c->low;
        high += c->high;
        n++;
    }
    r->p_fake = p / n; /* NAN without a usable member */
    r->clip_logit = logit / n;
    r->low = low / n;
    r->high = high / n;
    r->verdict = n == 0              ? FAL_VERDICT_CANNOT_JUDGE
                 : r->p_fake < r->low  ? FAL_VERDICT_REAL
                 : r->p_fake > r->high ? FAL_VERDICT_FAKE
                                       : FAL_VERDICT_SUSPICIOUS;
}

static fal_judge_context context_of(const work *w)
{
    fal_judge_context c = {.result = w->result};
    for (size_t i = 0; i < w->judge->member_count; i++) {
        const member *m = &w->judge->members[i];
        const fal_head_description *head = fal_head_describe(m->head);
        const fal_encoder_description *enc = fal_encoder_describe(w->judge->encoders[m->encoder]);
        c.needs_audio |= (m->stream & FAL_STREAM_AUDIO) != 0;
        c.needs_video |= (m->stream & FAL_STREAM_VIDEO) != 0;
        c.demonstration |= head->demonstration;
        c.random_encoder |= enc->random_weights;
        c.uncalibrated |= !head->calibration.fitted;
        if (head->encoder && !strstr(fal_path_base(enc->origin), head->encoder) &&
            !fal_str_eq(head->encoder, enc->family)) {
            c.mismatch_head = head->origin;
            c.mismatch_wanted = head->encoder;
            c.mismatch_given = enc->origin;
        }
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
    r->media = w->in.media;
    r->report = w->in.report;
    r->face = w->in.face;
    r->sound = w->in.sound;
    r->duration_s = fmax(r->report.video_s, r->sound.duration_s);
}

static fal_status judge_clip(work *w, const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_judgement *r = w->result;
    double start = fal_now_s();
    FAL_ALLOC(r->path, fal_arena_strdup(w->arena, path));
    FAL_TRY(ready_session(w, err));
    FAL_TRY(read_inputs(w, path, err));
    copy_facts(w);
    double before_encoding = fal_now_s();
    FAL_TRY(form_opinions(w, err));
    fuse(w);
    FAL_TRY(explain(w, err));
    double end = fal_now_s();
    r->timing = (fal_timing){w->in.decode_s, w->in.face_s, end - before_encoding, end - start};
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
    fal_clip_inputs_free(&w.in);
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
