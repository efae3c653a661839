#include "puppet/encode.h"

#include "core/alloc.h"
#include "core/file.h"
#include "puppet/speech.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libavutil/parseutils.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
#include <stdio.h>
#include <string.h>

typedef struct video_row {
    const char *name, *encoder, *format, *extension, *audio;
    enum AVPixelFormat pixels;
    bool crf; /* takes "crf"; the others get a quantiser made from it */
} video_row;

static const video_row video_rows[] = {
    {"h264", "libx264", "mp4", "mp4", "aac", AV_PIX_FMT_YUV420P, true},
    {"hevc", "libx265", "mp4", "mp4", "aac", AV_PIX_FMT_YUV420P, true},
    {"mpeg4", "mpeg4", "mp4", "mp4", "aac", AV_PIX_FMT_YUV420P, false},
    {"vp9", "libvpx-vp9", "webm", "webm", "opus", AV_PIX_FMT_YUV420P, true},
    {"mjpeg", "mjpeg", "avi", "avi", "pcm", AV_PIX_FMT_YUVJ420P, false},
    {"ffv1", "ffv1", "matroska", "mkv", "flac", AV_PIX_FMT_YUV420P, false},
};

typedef struct audio_row {
    const char *name, *encoder;
    int rate; /* samples per second that the codec wants; 0: PUP_RATE */
} audio_row;

static const audio_row audio_rows[] = {
    {"aac", "aac", 0},   {"mp3", "libmp3lame", 0}, {"opus", "libopus", 48000},
    {"flac", "flac", 0}, {"pcm", "pcm_s16le", 0},
};

struct pup_writer {
    fal_atomic *file;
    AVFormatContext *format;
    AVCodecContext *video, *audio;
    AVStream *video_stream, *audio_stream;
    struct SwsContext *scale;
    AVFrame *picture, *sound;
    AVPacket *packet;
    uint8_t *pcm;      /* the whole track in the encoder's sample format, one plane */
    int64_t pcm_count; /* samples */
    int64_t pcm_next;  /* first sample not yet encoded */
    int64_t pictures;
};

static const video_row *find_video(const char *name)
{
    for (size_t i = 0; i < sizeof video_rows / sizeof *video_rows; i++)
        if (strcmp(video_rows[i].name, name) == 0)
            return &video_rows[i];
    return NULL;
}

static const audio_row *find_audio(const char *name)
{
    for (size_t i = 0; i < sizeof audio_rows / sizeof *audio_rows; i++)
        if (strcmp(audio_rows[i].name, name) == 0)
            return &audio_rows[i];
    return NULL;
}

static const audio_row *audio_of(const pup_options *options)
{
    return find_audio(options->audio_codec ? options->audio_codec : find_video(options->codec)->audio);
}

bool pup_parse_rate(const char *text, int *num, int *den)
{
    AVRational rate;
    if (av_parse_video_rate(&rate, text) < 0)
        return false;
    *num = rate.num;
    *den = rate.den;
    return true;
}

const char *pup_codec_extension(const char *codec)
{
    const video_row *row = find_video(codec);
    return row ? row->extension : "mp4";
}

fal_status pup_codec_check(const pup_options *options, fal_error *err)
{
    const video_row *video = find_video(options->codec);
    if (!video)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--codec: no codec \"%s\" (see --help)", options->codec);
    if (!avcodec_find_encoder_by_name(video->encoder))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "--codec %s: this FFmpeg has no encoder %s; mpeg4 is always there",
                        options->codec, video->encoder);
    const audio_row *audio = audio_of(options);
    if (!audio)
        return fal_fail(err, FAL_ERR_ARGUMENT, "--audio-codec: no codec \"%s\" (see --help)", options->audio_codec);
    if (!avcodec_find_encoder_by_name(audio->encoder))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "--audio-codec %s: this FFmpeg has no encoder %s", audio->name,
                        audio->encoder);
    return FAL_OK;
}

static fal_status av_fail(fal_error *err, int code, const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof text);
    return fal_fail(err, code == AVERROR(ENOMEM) ? FAL_ERR_MEMORY : FAL_ERR_IO, "%s: %s", what, text);
}

/* Evaluates an FFmpeg call inside a function with `st`, `err` and `done:`. */
#define AV_TRY(expr, what)                      \
    do {                                        \
        int code_ = (expr);                     \
        if (code_ < 0)                          \
            FAL_TRY(av_fail(err, code_, what)); \
    } while (0)

static fal_status add_stream(pup_writer *w, AVCodecContext *codec, AVStream **out, fal_error *err)
{
    fal_status st = FAL_OK;
    AVStream *stream;
    FAL_ALLOC(stream, avformat_new_stream(w->format, NULL));
    codec->thread_count = 1; /* clips are made side by side; and the bytes do not depend on the machine */
    codec->flags |= AV_CODEC_FLAG_BITEXACT;
    if (w->format->oformat->flags & AVFMT_GLOBALHEADER)
        codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    AV_TRY(avcodec_open2(codec, NULL, NULL), codec->codec->name);
    AV_TRY(avcodec_parameters_from_context(stream->codecpar, codec), codec->codec->name);
    stream->time_base = codec->time_base;
    *out = stream;
done:
    return st;
}

static void set_quality(AVCodecContext *codec, const video_row *row, int64_t crf)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)crf);
    if (row->crf) {
        av_opt_set(codec->priv_data, "crf", text, 0);
        av_opt_set(codec->priv_data, "preset", "superfast", 0);
        av_opt_set(codec->priv_data, "x265-params", "log-level=error", 0);
        av_opt_set(codec->priv_data, "cpu-used", "6", 0);
        av_opt_set(codec->priv_data, "deadline", "good", 0);
        codec->bit_rate = 0; /* libvpx: quality alone decides */
        return;
    }
    /* Quantisers of MPEG-4 and JPEG run from 1 to 31; 23 on the crf scale is about 3. */
    int quantiser = (int)(crf <= 17 ? 1 : crf - 20 < 2 ? 2 : crf - 20);
    codec->flags |= AV_CODEC_FLAG_QSCALE;
    codec->global_quality = FF_QP2LAMBDA * quantiser;
}

static fal_status open_video(pup_writer *w, const pup_options *options, fal_error *err)
{
    fal_status st = FAL_OK;
    const video_row *row = find_video(options->codec);
    FAL_ALLOC(w->video, avcodec_alloc_context3(avcodec_find_encoder_by_name(row->encoder)));
    w->video->width = (int)options->width;
    w->video->height = (int)options->height;
    w->video->pix_fmt = row->pixels;
    w->video->time_base = (AVRational){options->fps_den, options->fps_num};
    w->video->framerate = (AVRational){options->fps_num, options->fps_den};
    set_quality(w->video, row, options->crf);
    FAL_TRY(add_stream(w, w->video, &w->video_stream, err));
    FAL_ALLOC(w->picture, av_frame_alloc());
    w->picture->format = row->pixels;
    w->picture->width = w->video->width;
    w->picture->height = w->video->height;
    AV_TRY(av_frame_get_buffer(w->picture, 0), "picture buffer");
    FAL_ALLOC(w->scale, sws_getContext(w->video->width, w->video->height, AV_PIX_FMT_BGR0, w->video->width,
                                       w->video->height, row->pixels, SWS_BILINEAR | SWS_BITEXACT, NULL, NULL, NULL));
done:
    return st;
}

static fal_status open_audio(pup_writer *w, const pup_options *options, fal_error *err)
{
    fal_status st = FAL_OK;
    const audio_row *row = audio_of(options);
    const AVCodec *encoder = avcodec_find_encoder_by_name(row->encoder);
    FAL_ALLOC(w->audio, avcodec_alloc_context3(encoder));
    w->audio->sample_rate = row->rate ? row->rate : PUP_RATE;
    w->audio->sample_fmt = encoder->sample_fmts[0];
    w->audio->time_base = (AVRational){1, w->audio->sample_rate};
    w->audio->bit_rate = 96000;
    av_channel_layout_default(&w->audio->ch_layout, 1);
    FAL_TRY(add_stream(w, w->audio, &w->audio_stream, err));
    FAL_ALLOC(w->sound, av_frame_alloc());
done:
    return st;
}

/* Turns the whole track into the encoder's rate and format; mono, so packed and planar are the same. */
static fal_status convert_track(pup_writer *w, const float *samples, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    struct SwrContext *swr = NULL;
    AVChannelLayout mono = AV_CHANNEL_LAYOUT_MONO;
    int64_t room = av_rescale((int64_t)count, w->audio->sample_rate, PUP_RATE) + 64;
    FAL_ALLOC(w->pcm, fal_malloc_array((size_t)room, (size_t)av_get_bytes_per_sample(w->audio->sample_fmt)));
    AV_TRY(swr_alloc_set_opts2(&swr, &mono, w->audio->sample_fmt, w->audio->sample_rate, &mono, AV_SAMPLE_FMT_FLT,
                               PUP_RATE, 0, NULL),
           "sample converter");
    AV_TRY(swr_init(swr), "sample converter");
    uint8_t *to = w->pcm;
    const uint8_t *from = (const uint8_t *)samples;
    int got = swr_convert(swr, &to, (int)room, &from, (int)count);
    AV_TRY(got, "sample converter");
    to = w->pcm + (size_t)got * (size_t)av_get_bytes_per_sample(w->audio->sample_fmt);
    int rest = swr_convert(swr, &to, (int)room - got, NULL, 0);
    AV_TRY(rest, "sample converter");
    w->pcm_count = got + rest;
done:
    swr_free(&swr);
    return st;
}

/* Feeds one frame (NULL: the end) to an encoder and writes the packets that come out. */
static fal_status encode(pup_writer *w, AVCodecContext *codec, AVStream *stream, AVFrame *frame, fal_error *err)
{
    fal_status st = FAL_OK;
    AV_TRY(avcodec_send_frame(codec, frame), codec->codec->name);
    for (;;) {
        int code = avcodec_receive_packet(codec, w->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            break;
        AV_TRY(code, codec->codec->name);
        if (w->packet->duration == 0 && codec->codec_type == AVMEDIA_TYPE_VIDEO)
            w->packet->duration = 1;
        av_packet_rescale_ts(w->packet, codec->time_base, stream->time_base);
        w->packet->stream_index = stream->index;
        AV_TRY(av_interleaved_write_frame(w->format, w->packet), "writing a packet");
    }
done:
    return st;
}

/* Encodes the track up to sample `until`, in the encoder's frame size; the last frame may be short. */
static fal_status encode_audio_until(pup_writer *w, int64_t until, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t step = w->audio->frame_size > 0 ? w->audio->frame_size : 1024;
    size_t size = (size_t)av_get_bytes_per_sample(w->audio->sample_fmt);
    while (w->pcm_next < until && w->pcm_next < w->pcm_count) {
        int64_t left = w->pcm_count - w->pcm_next;
        av_frame_unref(w->sound);
        w->sound->format = w->audio->sample_fmt;
        w->sound->nb_samples = (int)(left < step ? left : step);
        w->sound->sample_rate = w->audio->sample_rate;
        AV_TRY(av_channel_layout_copy(&w->sound->ch_layout, &w->audio->ch_layout), "sound buffer");
        AV_TRY(av_frame_get_buffer(w->sound, 0), "sound buffer");
        memcpy(w->sound->data[0], w->pcm + (size_t)w->pcm_next * size, (size_t)w->sound->nb_samples * size);
        w->sound->pts = w->pcm_next;
        w->pcm_next += w->sound->nb_samples;
        FAL_TRY(encode(w, w->audio, w->audio_stream, w->sound, err));
    }
done:
    return st;
}

static fal_status open_file(pup_writer *w, const char *path, const pup_options *options, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_atomic_open(path, &w->file, err));
    const char *temporary = fal_atomic_temp_path(w->file);
    AV_TRY(avformat_alloc_output_context2(&w->format, NULL, find_video(options->codec)->format, temporary), path);
    w->format->flags |= AVFMT_FLAG_BITEXACT;
    FAL_ALLOC(w->packet, av_packet_alloc());
    AV_TRY(avio_open(&w->format->pb, temporary, AVIO_FLAG_WRITE), path);
done:
    return st;
}

fal_status pup_writer_open(const char *path, const pup_options *options, const float *samples, size_t count,
                           pup_writer **out, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_writer *w;
    FAL_ALLOC(w, fal_calloc(1, sizeof *w));
    FAL_TRY(open_file(w, path, options, err));
    FAL_TRY(open_video(w, options, err));
    FAL_TRY(open_audio(w, options, err));
    FAL_TRY(convert_track(w, samples, count, err));
    AV_TRY(avformat_write_header(w->format, NULL), path);
    *out = w;
    w = NULL;
done:
    pup_writer_abort(&w);
    return st;
}

fal_status pup_writer_picture(pup_writer *w, const uint8_t *pixels, size_t stride, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *planes[4] = {pixels};
    const int strides[4] = {(int)stride};
    AV_TRY(av_frame_make_writable(w->picture), "picture buffer");
    sws_scale(w->scale, planes, strides, 0, w->video->height, w->picture->data, w->picture->linesize);
    w->picture->pts = w->pictures++;
    w->picture->quality = w->video->global_quality;
    FAL_TRY(encode(w, w->video, w->video_stream, w->picture, err));
    int64_t until = av_rescale_q(w->pictures, w->video->time_base, w->audio->time_base);
    FAL_TRY(encode_audio_until(w, until, err));
done:
    return st;
}

fal_status pup_writer_close(pup_writer **writer, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_writer *w = *writer;
    FAL_TRY(encode_audio_until(w, w->pcm_count, err));
    FAL_TRY(encode(w, w->video, w->video_stream, NULL, err));
    FAL_TRY(encode(w, w->audio, w->audio_stream, NULL, err));
    AV_TRY(av_write_trailer(w->format), "finishing the file");
    AV_TRY(avio_closep(&w->format->pb), "finishing the file");
    FAL_TRY(fal_atomic_commit(&w->file, err));
done:
    pup_writer_abort(writer);
    return st;
}

void pup_writer_abort(pup_writer **writer)
{
    pup_writer *w = *writer;
    if (!w)
        return;
    if (w->format)
        avio_closep(&w->format->pb);
    fal_atomic_abort(&w->file);
    avcodec_free_context(&w->video);
    avcodec_free_context(&w->audio);
    sws_freeContext(w->scale);
    av_frame_free(&w->picture);
    av_frame_free(&w->sound);
    av_packet_free(&w->packet);
    avformat_free_context(w->format);
    fal_free(w->pcm);
    fal_free(w);
    *writer = NULL;
}
