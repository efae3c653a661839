#include "media/container.h"

#include "core/alloc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <libavutil/display.h>
#include <libavutil/parseutils.h>
#include <libavutil/pixdesc.h>

enum { MAX_SIDE = 16384, MAX_PIXELS = FAL_MAX_PICTURE_PIXELS };

/* Containers that clips come in. Everything else FFmpeg can open stays shut: playlists and image sequences (they read
 * other files), text shown as video, capture devices, script formats. */
static const char formats[] =
    "aac,ac3,aiff,amr,amrnb,amrwb,asf,au,avi,caf,eac3,flac,flv,h263,h264,hevc,ivf,m4v,matroska,webm,mov,mp4,m4a,3gp,"
    "3g2,mj2,mp3,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,w64,wav,wtv,wv,yuv4mpegpipe";

fal_status fal_fail_av(fal_error *err, int code, const char *path, const char *what)
{
    char text[AV_ERROR_MAX_STRING_SIZE];
    av_strerror(code, text, sizeof text);
    if (code == AVERROR(ENOENT))
        return fal_fail(err, FAL_ERR_NOT_FOUND, "%s: no such file", path);
    fal_status status = FAL_ERR_FORMAT;
    if (code == AVERROR(ENOMEM))
        status = FAL_ERR_MEMORY;
    else if (code == AVERROR(EIO) || code == AVERROR(ENOSPC) || code == AVERROR(EACCES) || code == AVERROR(EPERM))
        status = FAL_ERR_IO;
    else if (code == AVERROR_DECODER_NOT_FOUND || code == AVERROR_PATCHWELCOME)
        status = FAL_ERR_UNSUPPORTED;
    return fal_fail(err, status, "%s: %s: %s", path, what, text);
}

void fal_quiet_ffmpeg(void)
{
    if (av_log_get_level() == AV_LOG_INFO)
        av_log_set_level(AV_LOG_QUIET);
}

static fal_status check_regular_file(const char *path, fal_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR ? fal_fail(err, FAL_ERR_NOT_FOUND, "%s: no such file", path)
                                                   : fal_fail_errno(err, "%s: cannot open", path);
    if (!S_ISREG(info.st_mode))
        return fal_fail(err, FAL_ERR_IO, "%s: not a regular file, expected a media file", path);
    if (info.st_size == 0)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: empty file, expected a media file", path);
    return FAL_OK;
}

static fal_status check_size(const char *path, const AVStream *video, fal_error *err)
{
    int64_t width = video->codecpar->width, height = video->codecpar->height;
    if (width <= MAX_SIDE && height <= MAX_SIDE && width * height <= MAX_PIXELS)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_UNSUPPORTED,
                    "%s: picture of %lldx%lld pixels, at most %d a side and %d in all are read", path, (long long)width,
                    (long long)height, (int)MAX_SIDE, (int)MAX_PIXELS);
}

/* What the header says, before anything is decoded. Cover pictures are never read. */
static fal_status check_sizes(const char *path, const AVFormatContext *format, fal_error *err)
{
    fal_status st = FAL_OK;
    for (unsigned i = 0; i < format->nb_streams && st == FAL_OK; i++) {
        const AVStream *stream = format->streams[i];
        if (stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC))
            st = check_size(path, stream, err);
    }
    return st;
}

/* FFmpeg decodes a picture where the header does not tell all, and the header may lie about its size. Streams that only
 * turn up in the packets (MPEG program streams) are bounded by their codecs. */
static int find_stream_info(AVFormatContext *format)
{
    unsigned count = format->nb_streams;
    AVDictionary **options = fal_calloc(count, sizeof *options);
    int code = options ? 0 : AVERROR(ENOMEM);
    for (unsigned i = 0; i < count && code >= 0; i++)
        code = av_dict_set_int(&options[i], "max_pixels", MAX_PIXELS, 0);
    if (code >= 0)
        code = avformat_find_stream_info(format, options);
    for (unsigned i = 0; options && i < count; i++)
        av_dict_free(&options[i]);
    fal_free(options);
    return code;
}

/* Opens with the file protocol only, whatever the path looks like and whatever the file asks for. */
static fal_status open_format(const char *path, AVFormatContext **out, fal_error *err)
{
    fal_status st = FAL_OK;
    AVDictionary *options = NULL;
    AVFormatContext *format = NULL;
    char *url = NULL;
    FAL_ALLOC(url, fal_asprintf("file:%s", path));
    if (av_dict_set(&options, "protocol_whitelist", "file", 0) < 0 ||
        av_dict_set(&options, "format_whitelist", formats, 0) < 0)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory while opening", path);
    int code = avformat_open_input(&format, url, NULL, &options);
    if (code == AVERROR_INVALIDDATA || code == AVERROR(EINVAL))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: not a media file, or its start or index is missing or damaged", path);
    if (code < 0) {
        st = fal_fail_av(err, code, path, "cannot open");
        goto done;
    }
    FAL_TRY(check_sizes(path, format, err));
    code = find_stream_info(format);
    if (code < 0) {
        st = fal_fail_av(err, code, path, "cannot read the stream headers");
        goto done;
    }
    *out = format;
    format = NULL;
done:
    avformat_close_input(&format);
    av_dict_free(&options);
    fal_free(url);
    return st;
}

static AVStream *best_stream(AVFormatContext *format, enum AVMediaType kind)
{
    int index = av_find_best_stream(format, kind, -1, -1, NULL, 0);
    if (index < 0 || format->streams[index]->disposition & AV_DISPOSITION_ATTACHED_PIC)
        return NULL;
    return format->streams[index];
}

/* The earlier of the two starts, so that neither stream has negative times. */
static int64_t earliest_start_us(const AVStream *const streams[2])
{
    int64_t earliest = AV_NOPTS_VALUE;
    for (int i = 0; i < 2; i++) {
        if (!streams[i] || streams[i]->start_time == AV_NOPTS_VALUE)
            continue;
        int64_t start = av_rescale_q(streams[i]->start_time, streams[i]->time_base, AV_TIME_BASE_Q);
        if (earliest == AV_NOPTS_VALUE || start < earliest)
            earliest = start;
    }
    return earliest == AV_NOPTS_VALUE ? 0 : earliest;
}

static fal_status check_streams(const char *path, const AVStream *video, const AVStream *audio, fal_error *err)
{
    if (!video && !audio)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: has neither a video nor an audio stream", path);
    return video ? check_size(path, video, err) : FAL_OK;
}

fal_status fal_container_open(const char *path, fal_container *out, fal_error *err)
{
    fal_status st = FAL_OK;
    AVFormatContext *format = NULL;
    fal_quiet_ffmpeg();
    FAL_TRY(check_regular_file(path, err));
    FAL_TRY(open_format(path, &format, err));
    AVStream *video = best_stream(format, AVMEDIA_TYPE_VIDEO);
    AVStream *audio = best_stream(format, AVMEDIA_TYPE_AUDIO);
    FAL_TRY(check_streams(path, video, audio, err));
    *out = (fal_container){format, video, audio, earliest_start_us((const AVStream *[]){video, audio})};
    format = NULL;
done:
    avformat_close_input(&format);
    return st;
}

void fal_container_close(fal_container *container)
{
    avformat_close_input(&container->format);
    *container = (fal_container){0};
}

const int32_t *fal_container_display_matrix(const fal_container *container)
{
    size_t size = 0;
    const uint8_t *data = av_stream_get_side_data(container->video, AV_PKT_DATA_DISPLAYMATRIX, &size);
    return data && size >= 9 * sizeof(int32_t) ? (const int32_t *)data : NULL;
}

int fal_display_rotation_deg(const int32_t *matrix)
{
    double counter_clockwise = matrix ? av_display_rotation_get(matrix) : 0;
    if (!isfinite(counter_clockwise))
        return 0;
    return ((int)-round(counter_clockwise) % 360 + 360) % 360;
}

/* "HH:MM:SS.fff" as Matroska writers note it per stream, whose headers otherwise hold no such thing: where it ends. */
static double tagged_end_s(const AVStream *stream)
{
    const AVDictionaryEntry *tag = av_dict_get(stream->metadata, "DURATION", NULL, 0);
    int64_t us = 0;
    return tag && av_parse_time(&us, tag->value, 1) >= 0 && us > 0 ? (double)us / AV_TIME_BASE : 0;
}

static double rate_or_zero(AVRational rate)
{
    return rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
}

/* FFmpeg cuts the durations of an AVI file down to what its size can hold; the frame count in its header stays. */
static double avi_video_length_s(const fal_container *container, const AVStream *stream)
{
    bool counts = stream == container->video && strcmp(container->format->iformat->name, "avi") == 0;
    double rate = rate_or_zero(stream->avg_frame_rate);
    return counts && rate > 0 && stream->nb_frames > 0 ? (double)stream->nb_frames / rate : 0;
}

fal_claim fal_container_claim(const fal_container *container, const AVStream *stream)
{
    double avi_length = avi_video_length_s(container, stream);
    if (avi_length > 0)
        return (fal_claim){FAL_CLAIM_LENGTH, avi_length};
    if (stream->duration != AV_NOPTS_VALUE && stream->duration > 0)
        return (fal_claim){FAL_CLAIM_LENGTH, (double)stream->duration * av_q2d(stream->time_base)};
    double tagged = tagged_end_s(stream);
    if (tagged > 0)
        return (fal_claim){FAL_CLAIM_END, tagged};
    int64_t us = container->format->duration;
    if (us != AV_NOPTS_VALUE && us > 0)
        return (fal_claim){FAL_CLAIM_FILE_END, (double)us / AV_TIME_BASE};
    return (fal_claim){0};
}

static double relative_start_s(const fal_container *container, const AVStream *stream)
{
    if (stream->start_time == AV_NOPTS_VALUE)
        return 0;
    return (double)stream->start_time * av_q2d(stream->time_base) - (double)container->zero_us / AV_TIME_BASE;
}

static double claimed_duration_s(const fal_container *container, const AVStream *stream)
{
    fal_claim claim = fal_container_claim(container, stream);
    double start = claim.kind == FAL_CLAIM_LENGTH ? 0 : relative_start_s(container, stream);
    return claim.seconds > start ? claim.seconds - start : 0;
}

static void copy_name(char out[FAL_MEDIA_NAME], const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (length >= FAL_MEDIA_NAME)
        length = FAL_MEDIA_NAME - 1;
    if (length)
        memcpy(out, name, length);
    out[length] = '\0';
}

/* MPEG-1 headers say "variable" by this rate, 0x3ffff * 400 bits per second. */
static const int64_t mpeg1_variable_rate = 104857200;

static fal_video_info describe_video(const fal_container *container)
{
    const AVStream *stream = container->video;
    const AVCodecParameters *codec = stream->codecpar;
    fal_video_info info = {.present = true};
    int turn = fal_display_rotation_deg(fal_container_display_matrix(container));
    int quarter = (turn + 45) / 90 * 90;
    info.rotation_deg = abs(turn - quarter) <= 1 ? quarter % 360 : 0; /* other angles are not followed */
    bool sideways = info.rotation_deg % 180 != 0;
    info.width = sideways ? codec->height : codec->width;
    info.height = sideways ? codec->width : codec->height;
    info.nominal_fps = rate_or_zero(stream->r_frame_rate);
    info.average_fps = rate_or_zero(stream->avg_frame_rate);
    info.variable_rate =
        info.nominal_fps > 0 && info.average_fps > 0 && fabs(info.nominal_fps / info.average_fps - 1) > 0.01;
    info.start_s = relative_start_s(container, stream);
    info.duration_s = claimed_duration_s(container, stream);
    info.bit_rate = codec->bit_rate == mpeg1_variable_rate ? 0 : codec->bit_rate;
    copy_name(info.codec, avcodec_get_name(codec->codec_id));
    copy_name(info.pixel_format, av_get_pix_fmt_name((enum AVPixelFormat)codec->format));
    return info;
}

static fal_audio_info describe_audio(const fal_container *container)
{
    const AVStream *stream = container->audio;
    const AVCodecParameters *codec = stream->codecpar;
    fal_audio_info info = {.present = true};
    info.sample_rate = codec->sample_rate;
    info.channels = codec->ch_layout.nb_channels;
    info.start_s = relative_start_s(container, stream);
    info.duration_s = claimed_duration_s(container, stream);
    info.bit_rate = codec->bit_rate;
    copy_name(info.codec, avcodec_get_name(codec->codec_id));
    copy_name(info.sample_format, av_get_sample_fmt_name((enum AVSampleFormat)codec->format));
    return info;
}

void fal_container_describe(const fal_container *container, fal_media_info *info)
{
    const AVFormatContext *format = container->format;
    *info = (fal_media_info){0};
    copy_name(info->container, format->iformat->name);
    info->duration_s = format->duration > 0 ? (double)format->duration / AV_TIME_BASE : 0;
    info->bit_rate = format->bit_rate;
    if (container->video)
        info->video = describe_video(container);
    if (container->audio)
        info->audio = describe_audio(container);
}

fal_status fal_media_probe(const char *path, fal_media_info *info, fal_error *err)
{
    fal_container container;
    fal_status st = fal_container_open(path, &container, err);
    if (st != FAL_OK)
        return st;
    fal_container_describe(&container, info);
    fal_container_close(&container);
    return FAL_OK;
}
