#include "feature/frame_passes.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/progress.h"
#include "face/face_crop.h"
#include "face/mouth.h"
#include "face/mouth_avsr.h"
#include "face/track.h"
#include "feature/face_facts.h"
#include "media/image.h"

enum { PIXELS = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE, LEAST_CROP = 88 /* what encoders look at */ };

typedef struct passes {
    fal_clip *clip;
    const fal_input_request *want;
    int64_t skip, frames; /* frames: seen in the first pass */
    fal_clip_inputs *in;
    fal_tracker *tracker;  /* NULL: nobody looks at faces */
    fal_mouth_plan *mouth; /* plans of what is wanted, NULL for the rest */
    fal_avsr_plan *avsr;
    fal_face_plan *faces;
} passes;

static fal_picture as_picture(const fal_frame *frame)
{
    return (fal_picture){frame->data, frame->width, frame->height, frame->stride, 3};
}

static bool feeds(const fal_input_request *want, fal_input_kind kind)
{
    for (size_t i = 0; i < want->sink_count; i++)
        if (want->sinks[i].kind == kind)
            return true;
    return false;
}

static bool looks_at_mouths(const fal_input_request *want)
{
    return want->mouth || want->mouth_avsr || want->crop_sink;
}

static bool looks_at_faces(const fal_input_request *want)
{
    return !want->from_crops && (looks_at_mouths(want) || feeds(want, FAL_INPUT_FACE));
}

static bool aligns_as_avsr(const fal_input_request *want)
{
    return want->mouth_alignment == FAL_MOUTH_AUTO_AVSR;
}

static fal_status feed_sinks(passes *p, fal_input_kind kind, const fal_picture *picture, fal_error *err)
{
    fal_status st = FAL_OK;
    double start = fal_now_s();
    for (size_t i = 0; st == FAL_OK && i < p->want->sink_count; i++)
        if (p->want->sinks[i].kind == kind)
            st = p->want->sinks[i].take(p->want->sinks[i].user, picture, err);
    p->in->sink_s += fal_now_s() - start;
    return st;
}

typedef fal_status frame_fn(passes *p, int64_t index, double time_s, const fal_picture *picture, fal_error *err);

/* Calls `look` for at most `most` frames from where the clip stands. */
static fal_status each_frame(passes *p, const char *what, int64_t most, double expected, frame_fn *look, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_progress *progress = p->want->progress;
    fal_frame frame;
    bool end = false;
    for (int64_t n = 0; n < most; n++) {
        if (fal_progress_cancelled(progress))
            FAL_FAIL(FAL_ERR_CANCELLED, "%s: stopped on request", fal_clip_path(p->clip));
        FAL_TRY(fal_clip_next_frame(p->clip, &frame, &end, err));
        if (end)
            break;
        fal_picture picture = as_picture(&frame);
        FAL_TRY(look(p, frame.index, frame.time_s, &picture, err));
        fal_progress_report(progress, what, (double)frame.index + 1, expected);
    }
done:
    return st;
}

/* ---- first pass ---- */

static fal_status follow_frame(passes *p, int64_t index, double time_s, const fal_picture *picture, fal_error *err)
{
    fal_status st = FAL_OK;
    p->frames = index + 1;
    if (p->tracker)
        FAL_TRY(fal_tracker_feed(p->tracker, picture, time_s, err));
    if (index >= p->skip)
        FAL_TRY(feed_sinks(p, FAL_INPUT_FRAME, picture, err));
done:
    return st;
}

static fal_status first_pass(passes *p, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_video_info *video = &p->in->media.video;
    double length_s = video->duration_s > 0 ? video->duration_s : p->in->media.duration_s;
    if (looks_at_faces(p->want))
        FAL_TRY(fal_tracker_create(&(fal_tracker_options){.mode = p->want->exact ? FAL_FACE_EXACT : FAL_FACE_FAST,
                                                          .detector = p->want->detector,
                                                          .log = p->want->log},
                                   &p->tracker, err));
    FAL_TRY(each_frame(p, p->tracker ? "face track" : "frames", INT64_MAX, length_s * FAL_FRAMES_PER_SECOND,
                       follow_frame, err));
    p->in->report = *fal_clip_report(p->clip); /* now, at the end of the stream: a second pass may stop before it */
    p->in->frames = p->frames > p->skip ? p->frames - p->skip : 0;
done:
    return st;
}

/* ---- second pass ---- */

static bool grey_as_avsr(const fal_input_request *want)
{
    return want->mouth && aligns_as_avsr(want);
}

/* What Auto-AVSR's own script refuses concerns its encoders only. */
static fal_status plan_avsr(passes *p, const fal_face_timeline *line, fal_error *err)
{
    fal_error *why = &p->in->avsr_refusal;
    if (!p->want->mouth_avsr && !(aligns_as_avsr(p->want) && looks_at_mouths(p->want)))
        return FAL_OK;
    fal_status st = fal_avsr_plan_create(line, &p->avsr, why);
    if (st == FAL_OK || st == FAL_ERR_TOO_SHORT || st == FAL_ERR_UNSUPPORTED)
        return FAL_OK;
    return fal_fail(err, st, "%s", why->text);
}

static fal_status plan_cuts(passes *p, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_face_tracks *tracks = NULL;
    fal_face_timeline *line = NULL;
    int face = p->want->face;
    FAL_TRY(fal_tracker_finish(p->tracker, &tracks, err));
    if (tracks->track_count && face > tracks->track_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "face %d asked for, the clip shows %lld", face, (long long)tracks->track_count);
    FAL_TRY(fal_timeline_create(tracks, tracks->track_count && face > 0 ? face - 1 : FAL_FACE_AUTO, &line, err));
    p->in->face = fal_face_measure(tracks, line, face);
    if ((p->want->mouth || p->want->crop_sink) && !aligns_as_avsr(p->want))
        FAL_TRY(fal_mouth_plan_create(line, &p->mouth, err));
    FAL_TRY(plan_avsr(p, line, err));
    if (feeds(p->want, FAL_INPUT_FACE))
        FAL_TRY(fal_face_plan_create(line, &p->faces, err));
done:
    fal_face_tracks_free(&tracks);
    fal_timeline_free(&line);
    return st;
}

static fal_status cut_avsr(passes *p, int64_t index, const fal_picture *picture, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip_inputs *in = p->in;
    uint8_t colours[3 * PIXELS], *rgb = in->mouth_avsr ? in->mouth_avsr + in->frames * 3 * PIXELS : colours;
    FAL_TRY(fal_avsr_plan_crop(p->avsr, index, picture, rgb, err));
    if (grey_as_avsr(p->want))
        fal_rgb_to_gray(FAL_GRAY_ROI, rgb, 3 * FAL_MOUTH_SIZE,
                        &(fal_plane){in->mouth + in->frames * PIXELS, FAL_MOUTH_SIZE, FAL_MOUTH_SIZE, FAL_MOUTH_SIZE});
done:
    return st;
}

/* A clip that Auto-AVSR's script refuses has no crop to give. */
static fal_status give_crop(passes *p, int64_t index, const fal_picture *picture, fal_error *err)
{
    fal_status st = FAL_OK;
    uint8_t rgb[3 * PIXELS];
    const fal_picture crop = {rgb, FAL_MOUTH_SIZE, FAL_MOUTH_SIZE, 3 * FAL_MOUTH_SIZE, 3};
    double start = fal_now_s();
    if (p->mouth)
        FAL_TRY(fal_mouth_plan_crop(p->mouth, index, picture, NULL, rgb, err));
    else if (p->avsr)
        FAL_TRY(fal_avsr_plan_crop(p->avsr, index, picture, rgb, err));
    else
        return FAL_OK;
    FAL_TRY(p->want->crop_sink->take(p->want->crop_sink->user, &crop, err));
    p->in->sink_s += fal_now_s() - start;
done:
    return st;
}

static fal_status cut_frame(passes *p, int64_t index, double time_s, const fal_picture *picture, fal_error *err)
{
    (void)time_s;
    fal_status st = FAL_OK;
    fal_clip_inputs *in = p->in;
    fal_picture face;
    if (p->want->crop_sink)
        FAL_TRY(give_crop(p, index, picture, err));
    if (index < p->skip)
        return FAL_OK;
    if (p->mouth && in->mouth)
        FAL_TRY(fal_mouth_plan_crop(p->mouth, index, picture, in->mouth + in->frames * PIXELS, NULL, err));
    if (p->avsr && (in->mouth || in->mouth_avsr))
        FAL_TRY(cut_avsr(p, index, picture, err));
    if (p->faces) {
        FAL_TRY(fal_face_plan_square(p->faces, index, picture, &face, err));
        FAL_TRY(feed_sinks(p, FAL_INPUT_FACE, &face, err));
    }
    in->frames++;
done:
    return st;
}

/* A frame of a clip of crops. Encoders look at the middle of larger ones, such as the whole frames that official
 * scripts store where they found no face. */
static fal_status take_crop(passes *p, int64_t index, double time_s, const fal_picture *picture, fal_error *err)
{
    (void)time_s;
    fal_clip_inputs *in = p->in;
    if (picture->width < LEAST_CROP || picture->height < LEAST_CROP)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: crops of %lld x %lld pixels, want 96 x 96 (at least 88 x 88)",
                        fal_clip_path(p->clip), (long long)picture->width, (long long)picture->height);
    if (index < p->skip)
        return FAL_OK;
    fal_mouth_crop_middle(picture, in->mouth ? in->mouth + in->frames * PIXELS : NULL,
                          in->mouth_avsr ? in->mouth_avsr + in->frames * 3 * PIXELS : NULL);
    in->frames++;
    return FAL_OK;
}

static fal_status second_pass(passes *p, frame_fn *cut, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip_inputs *in = p->in;
    const fal_input_request *want = p->want;
    size_t most = (size_t)in->frames + 1;
    if (want->mouth && (p->mouth || p->avsr || want->from_crops))
        FAL_ALLOC(in->mouth, fal_calloc(most, PIXELS));
    if (want->mouth_avsr && (p->avsr || want->from_crops))
        FAL_ALLOC(in->mouth_avsr, fal_calloc(most, 3 * PIXELS));
    in->frames = 0; /* counted again */
    FAL_TRY(fal_clip_rewind(p->clip, err));
    FAL_TRY(each_frame(p, "crops", p->frames, (double)p->frames, cut, err));
done:
    return st;
}

fal_status fal_frame_passes(fal_clip *clip, const fal_input_request *want, int64_t skip, fal_clip_inputs *in,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    passes p = {.clip = clip, .want = want, .skip = skip, .in = in};
    double start = fal_now_s();
    if (!in->media.video.present || !(looks_at_mouths(want) || want->sink_count))
        return FAL_OK;
    FAL_TRY(first_pass(&p, err));
    if (p.tracker && p.frames) {
        FAL_TRY(plan_cuts(&p, err));
        in->face_s = fal_now_s() - start - in->sink_s;
        FAL_TRY(second_pass(&p, cut_frame, err));
    } else if (want->from_crops && p.frames) {
        FAL_TRY(second_pass(&p, take_crop, err));
    }
    in->has_video = in->frames > 0;
done:
    fal_tracker_free(&p.tracker);
    fal_mouth_plan_free(&p.mouth);
    fal_avsr_plan_free(&p.avsr);
    fal_face_plan_free(&p.faces);
    return st;
}
