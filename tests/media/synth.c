#include "media/synth.h"

#include "core/rng.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/channel_layout.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>

enum { AUDIO_BLOCK = 1024 };

typedef struct track {
    AVCodecContext *codec;
    AVStream *stream;
    AVFrame *frame;
    int64_t packet_ticks; /* length of a packet whose encoder does not say */
} track;

static void must(int code, const char *what)
{
    if (code < 0)
        fail_msg("%s: %s", what, av_err2str(code));
}

static void drain(AVFormatContext *format, track *t)
{
    AVPacket *packet = av_packet_alloc();
    while (avcodec_receive_packet(t->codec, packet) >= 0) {
        packet->stream_index = t->stream->index;
        packet->duration = packet->duration ? packet->duration : t->packet_ticks;
        av_packet_rescale_ts(packet, t->codec->time_base, t->stream->time_base);
        must(av_interleaved_write_frame(format, packet), "av_interleaved_write_frame");
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
}

static void send(AVFormatContext *format, track *t, const AVFrame *frame)
{
    must(avcodec_send_frame(t->codec, frame), "avcodec_send_frame");
    drain(format, t);
}

static void open_track(AVFormatContext *format, track *t)
{
    if (format->oformat->flags & AVFMT_GLOBALHEADER)
        t->codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    t->codec->strict_std_compliance = FF_COMPLIANCE_EXPERIMENTAL;
    must(avcodec_open2(t->codec, t->codec->codec, NULL), "avcodec_open2");
    t->stream = avformat_new_stream(format, NULL);
    must(avcodec_parameters_from_context(t->stream->codecpar, t->codec), "avcodec_parameters_from_context");
    t->stream->time_base = t->codec->time_base;
    t->frame = av_frame_alloc();
}

static void open_video(AVFormatContext *format, const synth_video *v, track *t)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(v->encoder);
    assert_non_null(codec);
    t->codec = avcodec_alloc_context3(codec);
    t->codec->width = v->width;
    t->codec->height = v->height;
    t->codec->pix_fmt = av_get_pix_fmt(v->pixel_format);
    t->codec->framerate = (AVRational){v->fps ? v->fps : 25, 1};
    t->codec->time_base = v->times_ms || v->start_ms ? (AVRational){1, 1000} : av_inv_q(t->codec->framerate);
    t->codec->gop_size = 5;
    t->codec->flags |= AV_CODEC_FLAG_QSCALE;
    t->codec->global_quality = FF_QP2LAMBDA * (v->coarseness ? v->coarseness : 1);
    t->packet_ticks = av_rescale_q(1, av_inv_q(t->codec->framerate), t->codec->time_base);
    open_track(format, t);
    if (v->rotation_deg || v->mirrored) {
        int32_t *matrix = (int32_t *)av_stream_new_side_data(t->stream, AV_PKT_DATA_DISPLAYMATRIX, 9 * sizeof *matrix);
        av_display_rotation_set(matrix, v->rotation_deg);
        av_display_matrix_flip(matrix, v->mirrored, 0);
    }
    t->frame->format = t->codec->pix_fmt;
    t->frame->width = v->width;
    t->frame->height = v->height;
    must(av_frame_get_buffer(t->frame, 0), "av_frame_get_buffer");
}

static void open_audio(AVFormatContext *format, const synth_audio *a, track *t)
{
    const AVCodec *codec = avcodec_find_encoder_by_name(a->encoder);
    assert_non_null(codec);
    t->codec = avcodec_alloc_context3(codec);
    t->codec->sample_rate = a->rate;
    t->codec->sample_fmt = codec->sample_fmts[0];
    t->codec->time_base = (AVRational){1, a->rate};
    av_channel_layout_default(&t->codec->ch_layout, a->channels);
    open_track(format, t);
    t->frame->format = t->codec->sample_fmt;
    t->frame->sample_rate = a->rate;
    must(av_channel_layout_copy(&t->frame->ch_layout, &t->codec->ch_layout), "av_channel_layout_copy");
    t->frame->nb_samples = t->codec->frame_size ? t->codec->frame_size : AUDIO_BLOCK;
    must(av_frame_get_buffer(t->frame, 0), "av_frame_get_buffer");
}

static void paint(uint8_t *rgb, int width, int height, int n)
{
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            uint8_t *pixel = rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
            pixel[0] = x < width / 2 && y < height / 2 ? 255 : (uint8_t)synth_red(n);
            pixel[1] = (uint8_t)(255 * x / width);
            pixel[2] = (uint8_t)(255 * y / height);
        }
    }
}

static void write_picture(AVFormatContext *format, const synth_video *v, track *t, int n)
{
    int width = v->width, height = v->height;
    uint8_t *rgb = malloc((size_t)width * (size_t)height * 3);
    assert_non_null(rgb);
    paint(rgb, width, height, n);
    must(av_frame_make_writable(t->frame), "av_frame_make_writable");
    struct SwsContext *sws = sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, t->codec->pix_fmt,
                                            SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    sws_scale(sws, (const uint8_t *[]){rgb}, (int[]){3 * width}, 0, height, t->frame->data, t->frame->linesize);
    sws_freeContext(sws);
    free(rgb);
    int64_t ms = v->times_ms ? v->times_ms[n] : (int64_t)n * 1000 / (v->fps ? v->fps : 25);
    t->frame->pts = t->codec->time_base.den == 1000 ? ms + v->start_ms : n;
    t->frame->quality = t->codec->global_quality;
    send(format, t, t->frame);
}

static void fill_block(const synth_audio *a, int64_t first, float *interleaved, int count)
{
    const double pi = 3.14159265358979323846;
    memset(interleaved, 0, sizeof *interleaved * (size_t)count * (size_t)a->channels);
    for (int i = 0; i < count; i++)
        interleaved[i * a->channels] = (float)(0.5 * sin(2 * pi * 440 * (double)(first + i) / a->rate));
}

static void write_block(AVFormatContext *format, const synth_audio *a, track *t, int64_t first, int count)
{
    float *samples = calloc((size_t)count * (size_t)a->channels, sizeof *samples);
    assert_non_null(samples);
    fill_block(a, first, samples, count);
    must(av_frame_make_writable(t->frame), "av_frame_make_writable");
    t->frame->nb_samples = count;
    SwrContext *swr = NULL;
    must(swr_alloc_set_opts2(&swr, &t->codec->ch_layout, t->codec->sample_fmt, a->rate, &t->codec->ch_layout,
                             AV_SAMPLE_FMT_FLT, a->rate, 0, NULL),
         "swr_alloc_set_opts2");
    must(swr_init(swr), "swr_init");
    must(swr_convert(swr, t->frame->extended_data, count, (const uint8_t *[]){(const uint8_t *)samples}, count),
         "swr_convert");
    swr_free(&swr);
    free(samples);
    t->frame->pts = first + (int64_t)a->start_ms * a->rate / 1000;
    send(format, t, t->frame);
}

static void write_sound(AVFormatContext *format, const synth_audio *a, track *t)
{
    int64_t total = (int64_t)a->length_ms * a->rate / 1000;
    int block = t->frame->nb_samples;
    for (int64_t first = 0; first < total; first += block) {
        int64_t ms = first * 1000 / a->rate;
        if (ms >= a->hole_from_ms && ms < a->hole_to_ms)
            continue;
        write_block(format, a, t, first, total - first < block ? (int)(total - first) : block);
    }
}

static void close_track(AVFormatContext *format, track *t)
{
    if (!t->codec)
        return;
    send(format, t, NULL);
    av_frame_free(&t->frame);
    avcodec_free_context(&t->codec);
}

void synth_clip(const char *path, const char *muxer, const synth_video *v, const synth_audio *a)
{
    AVFormatContext *format = NULL;
    track video = {0}, audio = {0};
    av_log_set_level(AV_LOG_QUIET);
    must(avformat_alloc_output_context2(&format, NULL, muxer, path), "avformat_alloc_output_context2");
    if (v && v->encoder)
        open_video(format, v, &video);
    if (a && a->encoder)
        open_audio(format, a, &audio);
    must(avio_open(&format->pb, path, AVIO_FLAG_WRITE), path);
    must(avformat_write_header(format, NULL), "avformat_write_header");
    for (int n = 0; video.codec && n < v->frames; n++)
        write_picture(format, v, &video, n);
    if (audio.codec)
        write_sound(format, a, &audio);
    close_track(format, &video);
    close_track(format, &audio);
    must(av_write_trailer(format), "av_write_trailer");
    avio_closep(&format->pb);
    avformat_free_context(format);
}

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

void synth_damage(const char *from_path, const char *to_path, double keep, double from, double to)
{
    size_t size;
    uint8_t *bytes = read_file(from_path, &size);
    fal_rng rng = fal_rng_make(1, 2);
    for (size_t i = (size_t)(from * (double)size); i < (size_t)(to * (double)size); i++)
        bytes[i] = (uint8_t)fal_rng_u32(&rng);
    write_file(to_path, bytes, (size_t)(keep * (double)size));
    free(bytes);
}

void synth_text_file(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}
