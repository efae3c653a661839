#include "media/video.h"

#include "core/alloc.h"
#include "media/decoder.h"
#include "media/rgb.h"
#include "media/time_axis.h"

/* Longer than any frame of a clip that plays smoothly; what a viewer notices as late. */
static const double gap_s = 0.5, late_s = 0.1;

/* A decoded picture and the time it is shown at, in ticks from the clip's zero. */
typedef struct shot {
    AVFrame *frame; /* NULL: none */
    int64_t ticks;
    int64_t slot; /* the output frame nearest to it */
} shot;

struct fal_video_reader {
    const char *path; /* borrowed */
    fal_clip_options options;
    fal_reading *reading;
    fal_decoder *decoder;
    fal_rgb *rgb;
    fal_time_axis axis;
    shot now, next; /* two neighbours in time; the output frames between them show `now` */
    bool at_end;    /* nothing follows `next` */
    bool now_used;  /* `now` was shown at least once */
    int64_t end_slot;
    int64_t index;        /* of the next output frame */
    const AVFrame *ready; /* what to show for `now`: RGB, when it has been converted */
    const AVFrame *shown; /* the last picture that could be converted */
};

fal_status fal_video_reader_open(const char *path, const fal_clip_options *options, fal_reading *reading,
                                 fal_video_reader **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_video_reader *r = NULL;
    FAL_ALLOC(r, fal_calloc(1, sizeof *r));
    r->path = path;
    r->options = *options;
    r->reading = reading;
    FAL_TRY(fal_decoder_open(path, AVMEDIA_TYPE_VIDEO, options->threads, &r->decoder, err));
    const fal_container *container = &r->decoder->container;
    FAL_TRY(fal_rgb_create(fal_container_display_matrix(container), options->threads, &r->rgb, err));
    r->axis = fal_time_axis_start(r->decoder->stream->time_base, r->decoder->stream->avg_frame_rate);
    *out = r;
    r = NULL;
done:
    fal_video_reader_free(&r);
    return st;
}

void fal_video_reader_free(fal_video_reader **reader)
{
    if (!reader || !*reader)
        return;
    fal_video_reader *r = *reader;
    av_frame_free(&r->now.frame);
    av_frame_free(&r->next.frame);
    fal_rgb_free(&r->rgb);
    fal_decoder_free(&r->decoder);
    fal_release(reader);
}

static int64_t nearest_slot(const fal_video_reader *r, int64_t ticks)
{
    return av_rescale_q_rnd(ticks, r->axis.base, (AVRational){1, r->options.fps}, AV_ROUND_NEAR_INF);
}

static void count_frame(fal_video_reader *r, const AVFrame *frame)
{
    fal_media_report *report = &r->reading->report;
    report->frames_decoded++;
    report->frames_damaged += frame->decode_error_flags || frame->flags & AV_FRAME_FLAG_CORRUPT;
    report->video_errors = r->decoder->errors;
    double pixels = (double)report->frames_decoded * frame->width * frame->height;
    report->bits_per_pixel = 8.0 * (double)r->decoder->bytes / pixels;
}

static void conclude(fal_video_reader *r)
{
    const fal_time_axis *t = &r->axis;
    fal_stream_end *end = &r->reading->video;
    end->done = true;
    end->length_s = fal_time_axis_seconds(t, t->end - t->first);
    end->end_s = fal_time_axis_seconds(t, t->end);
    end->claim = fal_container_claim(&r->decoder->container, r->decoder->stream);
    r->reading->report.video_errors = r->decoder->errors;
    fal_reading_conclude(r->reading);
}

/* Puts a frame on the axis and notes what is odd about its time. */
static int64_t place(fal_video_reader *r, const AVFrame *frame)
{
    fal_time_axis *t = &r->axis;
    uint32_t *warnings = &r->reading->report.warnings;
    bool repaired = false, first = !t->started;
    int64_t before = t->last;
    int64_t at = fal_time_axis_place(t, fal_decoder_frame_time(r->decoder, frame), fal_time_axis_frame_ticks(t, frame),
                                     &repaired);
    if (repaired)
        *warnings |= FAL_MEDIA_WARN_BAD_TIMESTAMPS;
    if (fal_time_axis_seconds(t, at - before) > (first ? late_s : gap_s))
        *warnings |= first ? FAL_MEDIA_WARN_LATE_VIDEO : FAL_MEDIA_WARN_VIDEO_GAP;
    return at;
}

/* Decodes one more picture into *out; out->frame is NULL at the end of the stream. */
static fal_status decode(fal_video_reader *r, shot *out, fal_error *err)
{
    AVFrame *frame;
    fal_status st = fal_decoder_next(r->decoder, &frame, err);
    if (st != FAL_OK)
        return st;
    *out = (shot){.frame = frame};
    if (!frame) {
        r->at_end = true;
        r->end_slot = nearest_slot(r, r->axis.end);
        conclude(r);
        return FAL_OK;
    }
    count_frame(r, frame);
    out->ticks = place(r, frame);
    if (fal_time_axis_seconds(&r->axis, out->ticks) >= FAL_MAX_STREAM_S)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: more than %d hours of video", r->path, FAL_MAX_STREAM_S / 3600);
    out->slot = nearest_slot(r, out->ticks);
    return FAL_OK;
}

/* Makes `next` the current picture. */
static void advance(fal_video_reader *r)
{
    r->reading->report.frames_dropped += r->now.frame && !r->now_used;
    av_frame_free(&r->now.frame);
    r->now = r->next;
    r->next = (shot){0};
    r->now_used = false;
    r->ready = NULL;
}

static fal_status look_ahead(fal_video_reader *r, fal_error *err)
{
    return r->next.frame || r->at_end ? FAL_OK : decode(r, &r->next, err);
}

/* Moves on until `now` is the picture of output frame `index`; `now` is empty after the last. The last picture stays
 * for its own duration, rounded to slots; a clip too short for one slot still shows one frame. */
static fal_status seek_slot(fal_video_reader *r, fal_error *err)
{
    for (;;) {
        fal_status st = look_ahead(r, err);
        if (st != FAL_OK)
            return st;
        bool next_is_due = r->next.frame && (!r->now.frame || r->next.slot <= r->index);
        bool over = !r->next.frame && r->now.frame && r->index >= r->end_slot && r->index > 0;
        if (!next_is_due && !over)
            return FAL_OK;
        advance(r);
    }
}

/* Every decoded picture once, in order. */
static fal_status step_native(fal_video_reader *r, fal_error *err)
{
    advance(r);
    return r->at_end ? FAL_OK : decode(r, &r->now, err);
}

static double time_of_output(const fal_video_reader *r)
{
    return r->options.exact ? (double)r->now.ticks * av_q2d(r->axis.base) : (double)r->index / r->options.fps;
}

/* Makes `ready`. A picture that cannot be converted, as when the size changes in the middle of a clip to one that
 * FFmpeg does not scale, is damage: the one before stands in, if there is one. */
static fal_status convert(fal_video_reader *r, fal_error *err)
{
    bool resized;
    fal_status st = fal_rgb_convert(r->rgb, r->now.frame, &r->ready, &resized, err);
    if (resized)
        r->reading->report.warnings |= FAL_MEDIA_WARN_SIZE_CHANGE;
    if (st == FAL_OK) {
        r->shown = r->ready;
        return FAL_OK;
    }
    fal_error_prefix(err, "%s", r->path);
    if (st == FAL_ERR_MEMORY || !r->shown)
        return st;
    r->ready = r->shown;
    r->reading->report.frames_damaged++;
    fal_reading_conclude(r->reading);
    return FAL_OK;
}

static fal_status show(fal_video_reader *r, fal_frame *frame, fal_error *err)
{
    fal_status st = r->ready ? FAL_OK : convert(r, err);
    if (st != FAL_OK)
        return st;
    *frame = (fal_frame){.data = r->ready->data[0],
                         .width = r->ready->width,
                         .height = r->ready->height,
                         .stride = r->ready->linesize[0],
                         .index = r->index,
                         .time_s = time_of_output(r)};
    r->reading->report.frames_duplicated += r->now_used;
    r->reading->report.frames_out++;
    r->now_used = true;
    r->index++;
    return FAL_OK;
}

fal_status fal_video_reader_next(fal_video_reader *r, fal_frame *frame, bool *end, fal_error *err)
{
    fal_status st = r->options.exact ? step_native(r, err) : seek_slot(r, err);
    if (st != FAL_OK)
        return st;
    if (!r->now.frame) {
        *end = true;
        return FAL_OK;
    }
    st = show(r, frame, err);
    if (st == FAL_OK)
        *end = false;
    return st;
}
