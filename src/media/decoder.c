#include "media/decoder.h"

#include "core/alloc.h"

/* Ticks beyond this are garbage; below it sums and differences of two cannot overflow. */
static const int64_t max_ticks = INT64_C(1) << 60;

static fal_status open_codec(fal_decoder *d, int threads, fal_error *err)
{
    const AVCodecParameters *parameters = d->stream->codecpar;
    const AVCodec *codec = avcodec_find_decoder(parameters->codec_id);
    if (!codec)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: no decoder for codec \"%s\"", d->path,
                        avcodec_get_name(parameters->codec_id));
    d->codec = avcodec_alloc_context3(codec);
    if (!d->codec)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", d->path);
    int code = avcodec_parameters_to_context(d->codec, parameters);
    if (code >= 0) {
        d->codec->pkt_timebase = d->stream->time_base;
        d->codec->thread_count = threads;
        d->codec->max_pixels = FAL_MAX_PICTURE_PIXELS;
        code = avcodec_open2(d->codec, codec, NULL);
    }
    return code < 0 ? fal_fail_av(err, code, d->path, "cannot start the decoder") : FAL_OK;
}

/* The demuxer then skips what nobody reads. */
static void discard_other_streams(fal_decoder *d)
{
    AVFormatContext *format = d->container.format;
    for (unsigned i = 0; i < format->nb_streams; i++)
        if (format->streams[i] != d->stream)
            format->streams[i]->discard = AVDISCARD_ALL;
}

fal_status fal_decoder_open(const char *path, enum AVMediaType kind, int threads, fal_decoder **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_decoder *d = NULL;
    FAL_ALLOC(d, fal_calloc(1, sizeof *d));
    d->path = path;
    FAL_TRY(fal_container_open(path, &d->container, err));
    d->stream = kind == AVMEDIA_TYPE_VIDEO ? d->container.video : d->container.audio;
    if (!d->stream)
        FAL_FAIL(FAL_ERR_NOT_FOUND, "%s: has no %s stream", path, av_get_media_type_string(kind));
    discard_other_streams(d);
    FAL_TRY(open_codec(d, threads, err));
    FAL_ALLOC(d->packet, av_packet_alloc());
    FAL_ALLOC(d->frame, av_frame_alloc());
    *out = d;
    d = NULL;
done:
    fal_decoder_free(&d);
    return st;
}

void fal_decoder_free(fal_decoder **decoder)
{
    if (!decoder || !*decoder)
        return;
    fal_decoder *d = *decoder;
    av_frame_free(&d->frame);
    av_packet_free(&d->packet);
    avcodec_free_context(&d->codec);
    fal_container_close(&d->container);
    fal_release(decoder);
}

/* Reads on to the next packet of our stream. A read error ends the stream like the end of the file does, as it does in
 * the ffmpeg program: what follows a hole in the container's structure cannot be trusted. */
static void read_packet(fal_decoder *d)
{
    for (;;) {
        int code = av_read_frame(d->container.format, d->packet);
        if (code == AVERROR(EAGAIN))
            continue;
        if (code < 0) {
            d->errors += code != AVERROR_EOF;
            d->draining = true;
            return;
        }
        if (d->packet->stream_index == d->stream->index) {
            d->bytes += d->packet->size;
            d->packet_waits = true;
            return;
        }
        av_packet_unref(d->packet);
    }
}

static fal_status feed(fal_decoder *d, fal_error *err)
{
    if (!d->packet_waits && !d->draining)
        read_packet(d);
    int code = avcodec_send_packet(d->codec, d->packet_waits ? d->packet : NULL);
    if (code == AVERROR(ENOMEM))
        return fal_fail_av(err, code, d->path, "cannot decode");
    if (code == AVERROR(EAGAIN))
        return FAL_OK;
    d->errors += code < 0 && code != AVERROR_EOF;
    av_packet_unref(d->packet);
    d->packet_waits = false;
    return FAL_OK;
}

fal_status fal_decoder_next(fal_decoder *d, AVFrame **frame, fal_error *err)
{
    for (;;) {
        int code = avcodec_receive_frame(d->codec, d->frame);
        if (code >= 0) {
            *frame = av_frame_clone(d->frame);
            av_frame_unref(d->frame);
            return *frame ? FAL_OK : fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", d->path);
        }
        if (code == AVERROR_EOF) {
            *frame = NULL;
            return FAL_OK;
        }
        if (code == AVERROR(ENOMEM))
            return fal_fail_av(err, code, d->path, "cannot decode");
        d->errors += code != AVERROR(EAGAIN);
        fal_status st = feed(d, err);
        if (st != FAL_OK)
            return st;
    }
}

int64_t fal_decoder_frame_time(const fal_decoder *d, const AVFrame *frame)
{
    int64_t ticks = frame->best_effort_timestamp;
    int64_t zero = av_rescale_q(d->container.zero_us, AV_TIME_BASE_Q, d->stream->time_base);
    if (ticks == AV_NOPTS_VALUE || ticks > max_ticks || ticks < -max_ticks || zero > max_ticks || zero < -max_ticks)
        return AV_NOPTS_VALUE;
    return ticks - zero;
}
