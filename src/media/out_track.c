#include "media/out_track.h"

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

/* ---- a copy ---- */

static bool read_packet(fal_out_track *t)
{
    for (;;) {
        int code = av_read_frame(t->decoder->container.format, t->packet);
        if (code < 0 && code != AVERROR(EAGAIN))
            return false;
        if (code >= 0 && t->packet->stream_index == t->decoder->stream->index)
            return true;
        if (code >= 0)
            av_packet_unref(t->packet);
    }
}

/* On the clip's clock, never backwards; packets without a time follow the one before. */
static void time_packet(fal_out_track *t)
{
    AVPacket *p = t->packet;
    AVRational tick = t->decoder->stream->time_base;
    int64_t zero = av_rescale_q(t->decoder->container.zero_us, AV_TIME_BASE_Q, tick);
    AVRational rate = t->decoder->stream->avg_frame_rate;
    if (p->duration <= 0 && rate.num > 0 && rate.den > 0)
        p->duration = av_rescale_q(1, av_inv_q(rate), tick);
    int64_t next = t->last_dts == INT64_MIN ? 0 : t->last_dts + (p->duration > 0 ? p->duration : 1);
    p->dts = p->dts != AV_NOPTS_VALUE ? p->dts - zero : p->pts != AV_NOPTS_VALUE ? p->pts - zero : next;
    p->pts = p->pts != AV_NOPTS_VALUE ? p->pts - zero : p->dts;
    if (t->last_dts != INT64_MIN && p->dts <= t->last_dts)
        p->dts = t->last_dts + 1;
    if (p->pts < p->dts)
        p->pts = p->dts;
    t->last_dts = p->dts;
    t->time_s = (double)p->dts * av_q2d(tick);
    p->pos = -1;
}

static fal_status copy_packet(fal_out_track *t, AVFormatContext *mux, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!read_packet(t)) {
        t->done = true;
        return FAL_OK;
    }
    time_packet(t);
    av_packet_rescale_ts(t->packet, t->decoder->stream->time_base, t->out->time_base);
    t->packet->stream_index = t->out->index;
    FAL_AV_TRY(av_interleaved_write_frame(mux, t->packet), "cannot write a copied packet");
done:
    av_packet_unref(t->packet);
    return st;
}

/* ---- decode, filter, encode ---- */

static fal_status write_packets(fal_out_track *t, AVFormatContext *mux, fal_error *err)
{
    fal_status st = FAL_OK;
    for (;;) {
        int code = avcodec_receive_packet(t->encoder, t->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            break;
        FAL_AV_TRY(code, "cannot encode");
        av_packet_rescale_ts(t->packet, t->encoder->time_base, t->out->time_base);
        t->packet->stream_index = t->out->index;
        FAL_AV_TRY(av_interleaved_write_frame(mux, t->packet), "cannot write a packet");
    }
done:
    return st;
}

/* Frames that would not come after the last one are left out. NULL: the end. */
static fal_status encode(fal_out_track *t, AVFrame *frame, AVFormatContext *mux, fal_error *err)
{
    fal_status st = FAL_OK;
    if (frame) {
        frame->pts = av_rescale_q(frame->pts, av_buffersink_get_time_base(t->sink), t->encoder->time_base);
        frame->pict_type = AV_PICTURE_TYPE_NONE; /* the encoder's choice, not that of the file read */
        if (t->last_out != INT64_MIN && frame->pts <= t->last_out)
            return FAL_OK;
        t->last_out = frame->pts;
    }
    FAL_AV_TRY(avcodec_send_frame(t->encoder, frame), "cannot encode");
    FAL_TRY(write_packets(t, mux, err));
done:
    return st;
}

static fal_status drain_filters(fal_out_track *t, AVFormatContext *mux, fal_error *err)
{
    fal_status st = FAL_OK;
    for (;;) {
        int code = av_buffersink_get_frame(t->sink, t->filtered);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            break;
        FAL_AV_TRY(code, "cannot filter");
        st = encode(t, t->filtered, mux, err);
        av_frame_unref(t->filtered);
        if (st != FAL_OK)
            break;
    }
done:
    return st;
}

static void time_frame(fal_out_track *t, AVFrame *frame)
{
    AVRational tick = t->decoder->stream->time_base, rate = t->decoder->stream->avg_frame_rate;
    int64_t length = frame->nb_samples && frame->sample_rate
                         ? av_rescale_q(frame->nb_samples, (AVRational){1, frame->sample_rate}, tick)
                     : rate.num > 0 && rate.den > 0 ? av_rescale_q(1, av_inv_q(rate), tick)
                                                    : 1;
    int64_t time = fal_decoder_frame_time(t->decoder, frame);
    if (time == AV_NOPTS_VALUE)
        time = t->last_in == INT64_MIN ? 0 : t->last_in + length;
    frame->pts = t->last_in = time;
    t->time_s = (double)time * av_q2d(tick);
}

static fal_status next_frame(fal_out_track *t, AVFrame **frame, fal_error *err)
{
    *frame = t->waiting;
    t->waiting = NULL;
    return *frame ? FAL_OK : fal_decoder_next(t->decoder, frame, err);
}

static fal_status convert_frame(fal_out_track *t, AVFormatContext *mux, fal_error *err)
{
    fal_status st = FAL_OK;
    AVFrame *frame = NULL;
    FAL_TRY(next_frame(t, &frame, err));
    if (frame)
        time_frame(t, frame);
    t->done = !frame;
    FAL_AV_TRY(av_buffersrc_add_frame(t->source, frame), "cannot filter");
    FAL_TRY(drain_filters(t, mux, err));
    if (t->done)
        FAL_TRY(encode(t, NULL, mux, err));
done:
    av_frame_free(&frame);
    return st;
}

fal_status fal_out_track_step(fal_out_track *t, AVFormatContext *mux, fal_error *err)
{
    return t->copies ? copy_packet(t, mux, err) : convert_frame(t, mux, err);
}
