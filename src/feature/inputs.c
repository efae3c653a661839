#include "feature/inputs.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/progress.h"
#include "face/mouth.h"
#include "face/timeline.h"
#include "face/track.h"
#include "feature/logfbank.h"
#include "feature/sound.h"
#include "media/clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define FAL_LOG_COMPONENT "inputs"

enum { FRAMES_PER_SECOND = 25, CROP = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE };

static fal_status check_cancel(const fal_progress *progress, const char *path, fal_error *err)
{
    if (progress && progress->cancel && *progress->cancel)
        return fal_fail(err, FAL_ERR_CANCELLED, "%s: stopped on request", path);
    return FAL_OK;
}

/* ---- sound ---- */

/* A clip whose audio track holds no decodable sample counts as one without audio; the report says what was lost. */
static fal_status read_wave(fal_clip *clip, fal_resample_mode mode, float **samples, size_t *count, fal_error *err)
{
    fal_status st = fal_clip_read_audio(clip, mode, samples, count, err);
    return st == FAL_ERR_TOO_SHORT || st == FAL_ERR_NOT_FOUND ? FAL_OK : st;
}

typedef struct waves {
    float *speech, *wave; /* resampled as AV-HuBERT's and as wav2vec's scripts do; NULL when not wanted */
    size_t speech_count, wave_count;
} waves;

static void drop_start(float *samples, size_t *count, size_t drop)
{
    if (!samples)
        return;
    drop = drop < *count ? drop : *count;
    *count -= drop;
    memmove(samples, samples + drop, *count * sizeof *samples);
}

/* Both waveforms lose the same time, and the picture as many frames. */
static fal_status trim_silence(waves *w, fal_clip_inputs *in, int64_t *skip_frames, fal_error *err)
{
    size_t count = w->speech ? w->speech_count : w->wave_count;
    fal_silence_trim trim = fal_silence_trim_find(w->speech ? w->speech : w->wave, (int64_t)count);
    if (trim.samples >= (int64_t)count)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "the audio is silent throughout; trimming would leave nothing");
    drop_start(w->speech, &w->speech_count, (size_t)trim.samples);
    drop_start(w->wave, &w->wave_count, (size_t)trim.samples);
    in->start_s = (double)trim.frames / FRAMES_PER_SECOND;
    *skip_frames = trim.frames;
    return FAL_OK;
}

static fal_status read_sound(fal_clip *clip, const fal_input_request *want, fal_clip_inputs *in, int64_t *skip_frames,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    waves w = {0};
    if (!in->media.audio.present || !(want->wave || want->logfbank || want->sound_facts))
        return FAL_OK;
    if (want->wave)
        FAL_TRY(read_wave(clip, FAL_RESAMPLE_SINC, &w.wave, &w.wave_count, err));
    if (want->logfbank || !want->wave)
        FAL_TRY(read_wave(clip, FAL_RESAMPLE_SOXR_HQ, &w.speech, &w.speech_count, err));
    in->has_audio = w.speech_count || w.wave_count;
    if (!in->has_audio)
        goto done;
    in->sound = w.speech ? fal_sound_measure(w.speech, (int64_t)w.speech_count)
                         : fal_sound_measure(w.wave, (int64_t)w.wave_count);
    if (want->trim_silence)
        FAL_TRY(trim_silence(&w, in, skip_frames, err));
    if (want->logfbank && w.speech_count)
        FAL_TRY(fal_logfbank_stacked(w.speech, (int64_t)w.speech_count, &in->logfbank, &in->audio_rows, err));
    in->wave = w.wave, w.wave = NULL;
    in->wave_count = (int64_t)w.wave_count;
done:
    fal_free(w.speech);
    fal_free(w.wave);
    return st;
}

/* ---- picture ---- */

static fal_picture as_picture(const fal_frame *frame)
{
    return (fal_picture){frame->data, frame->width, frame->height, frame->stride, 3};
}

static double expected_frames(const fal_clip_inputs *in)
{
    const fal_video_info *video = &in->media.video;
    return (video->duration_s > 0 ? video->duration_s : in->media.duration_s) * FRAMES_PER_SECOND;
}

static fal_status track_faces(fal_clip *clip, const fal_input_request *want, const fal_clip_inputs *in,
                              fal_face_tracks **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_tracker *tracker = NULL;
    fal_frame frame;
    bool end = false;
    FAL_TRY(fal_tracker_create(&(fal_tracker_options){.mode = want->exact ? FAL_FACE_EXACT : FAL_FACE_FAST,
                                                      .detector = want->detector,
                                                      .log = want->log},
                               &tracker, err));
    for (;;) {
        FAL_TRY(check_cancel(want->progress, fal_clip_path(clip), err));
        FAL_TRY(fal_clip_next_frame(clip, &frame, &end, err));
        if (end)
            break;
        fal_picture picture = as_picture(&frame);
        FAL_TRY(fal_tracker_feed(tracker, &picture, frame.time_s, err));
        fal_progress_report(want->progress, "face track", (double)frame.index + 1, expected_frames(in));
    }
    FAL_TRY(fal_tracker_finish(tracker, out, err));
done:
    fal_tracker_free(&tracker);
    return st;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_face_width(const fal_face_timeline *line)
{
    double *widths = fal_malloc_array((size_t)line->frame_count, sizeof *widths), median = 0;
    size_t n = 0;
    if (!widths)
        return 0;
    for (int64_t t = 0; t < line->frame_count; t++)
        if (fal_face_seen(line->states[t]))
            widths[n++] = (double)fal_rect_width(line->boxes[t]);
    qsort(widths, n, sizeof *widths, ascending);
    if (n)
        median = widths[n / 2];
    fal_free(widths);
    return median;
}

static fal_face_facts face_facts(const fal_face_tracks *tracks, const fal_face_timeline *line, int wanted)
{
    int64_t several = 0;
    for (int64_t t = 0; t < tracks->frame_count; t++)
        several += tracks->faces[t] > 1;
    return (fal_face_facts){
        .looked = true,
        .frames = line->frame_count,
        .seen = line->seen,
        .interpolated = line->interpolated,
        .missing = line->missing,
        .faces = tracks->track_count,
        .several_fraction = (double)several / (double)tracks->frame_count,
        .chosen = !line->has_face ? 0 : wanted > 0 ? wanted : 1,
        .median_width = median_face_width(line),
        .whole_frames = !line->has_face,
    };
}

/* The second pass: decodes again and cuts one crop per frame after the first `skip`. */
static fal_status cut_crops(fal_clip *clip, const fal_mouth_plan *plan, int64_t skip, const fal_input_request *want,
                            fal_clip_inputs *in, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_frame frame;
    bool end = false;
    int64_t keep = plan->frame_count > skip ? plan->frame_count - skip : 0;
    FAL_ALLOC(in->mouth, fal_calloc((size_t)keep + 1, CROP));
    FAL_TRY(fal_clip_rewind(clip, err));
    while (in->frames < keep) {
        FAL_TRY(check_cancel(want->progress, fal_clip_path(clip), err));
        FAL_TRY(fal_clip_next_frame(clip, &frame, &end, err));
        if (end)
            break;
        if (frame.index < skip)
            continue;
        fal_picture picture = as_picture(&frame);
        FAL_TRY(fal_mouth_plan_crop(plan, frame.index, &picture, in->mouth + in->frames * CROP, NULL, err));
        in->frames++;
        fal_progress_report(want->progress, "mouth crops", (double)in->frames, (double)keep);
    }
    in->has_video = in->frames > 0;
done:
    return st;
}

static fal_status read_picture(fal_clip *clip, const fal_input_request *want, int64_t skip_frames,
                               fal_clip_inputs *in, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_face_tracks *tracks = NULL;
    fal_face_timeline *line = NULL;
    fal_mouth_plan *plan = NULL;
    if (!want->mouth || !in->media.video.present)
        return FAL_OK;
    double start = fal_now_s();
    st = track_faces(clip, want, in, &tracks, err);
    if (st == FAL_ERR_TOO_SHORT) /* a video track without one decodable frame: as if there were none */
        return FAL_OK;
    FAL_TRY(st);
    in->report = *fal_clip_report(clip); /* now, at the end of the stream: the second pass may stop before it */
    if (tracks->track_count && want->face > tracks->track_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "face %d asked for, the clip shows %lld", want->face,
                 (long long)tracks->track_count);
    bool choose = tracks->track_count && want->face > 0;
    FAL_TRY(fal_timeline_create(tracks, choose ? want->face - 1 : FAL_FACE_AUTO, &line, err));
    in->face = face_facts(tracks, line, want->face);
    FAL_TRY(fal_mouth_plan_create(line, &plan, err));
    in->face_s = fal_now_s() - start;
    FAL_TRY(cut_crops(clip, plan, skip_frames, want, in, err));
done:
    fal_face_tracks_free(&tracks);
    fal_timeline_free(&line);
    fal_mouth_plan_free(&plan);
    return st;
}

fal_status fal_clip_inputs_read(const char *path, const fal_input_request *want, fal_clip_inputs *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_clip *clip = NULL;
    fal_clip_inputs in = {0};
    int64_t skip_frames = 0;
    double start = fal_now_s();
    FAL_TRY(fal_clip_open(path, &(fal_clip_options){.exact = want->exact, .threads = want->threads}, &clip, err));
    in.media = *fal_clip_info(clip);
    FAL_TRY(read_sound(clip, want, &in, &skip_frames, err));
    in.report = *fal_clip_report(clip);
    FAL_TRY(read_picture(clip, want, skip_frames, &in, err));
    in.decode_s = fal_now_s() - start - in.face_s;
    *out = in;
    in = (fal_clip_inputs){0};
done:
    if (st != FAL_OK && err && !strstr(err->text, path))
        fal_error_prefix(err, "%s", path);
    fal_clip_inputs_free(&in);
    fal_clip_free(&clip);
    return st;
}

void fal_clip_inputs_free(fal_clip_inputs *in)
{
    fal_free(in->wave);
    fal_free(in->logfbank);
    fal_free(in->mouth);
    *in = (fal_clip_inputs){0};
}

int64_t fal_paired_rows(const fal_clip_inputs *in)
{
    if (in->logfbank && in->mouth)
        return in->audio_rows < in->frames ? in->audio_rows : in->frames;
    return in->logfbank ? in->audio_rows : in->frames;
}
