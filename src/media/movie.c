#include "media/movie.h"

#include "core/alloc.h"
#include "core/file.h"
#include "media/container.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

enum { PICTURES_PER_SECOND = 25 };

static const char encoder_name[] = "libx264", quality[] = "20";

struct fal_movie {
    char *path;
    fal_atomic *file;
    AVFormatContext *mux;
    AVStream *stream;
    AVCodecContext *encoder;
    struct SwsContext *convert;
    AVFrame *picture;
    AVPacket *packet;
    int64_t count; /* pictures */
};

/* Evaluates an FFmpeg call inside a function with a movie `m`, `st`, `err` and `done:`. */
#define AV_TRY(expr, what)                                   \
    do {                                                     \
        int code_ = (expr);                                  \
        if (code_ < 0)                                       \
            FAL_TRY(fal_fail_av(err, code_, m->path, what)); \
    } while (0)

static fal_status open_encoder(fal_movie *m, int width, int height, fal_error *err)
{
    fal_status st = FAL_OK;
    AVDictionary *options = NULL;
    const AVCodec *codec = avcodec_find_encoder_by_name(encoder_name);
    if (!codec)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: this FFmpeg was built without the encoder %s", m->path, encoder_name);
    FAL_ALLOC(m->encoder, avcodec_alloc_context3(codec));
    m->encoder->width = width;
    m->encoder->height = height;
    m->encoder->pix_fmt = AV_PIX_FMT_YUV444P;
    m->encoder->time_base = (AVRational){1, PICTURES_PER_SECOND};
    m->encoder->framerate = (AVRational){PICTURES_PER_SECOND, 1};
    m->encoder->thread_count = 1;
    m->encoder->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    AV_TRY(av_dict_set(&options, "crf", quality, 0), encoder_name);
    AV_TRY(avcodec_open2(m->encoder, codec, &options), encoder_name);
done:
    av_dict_free(&options);
    return st;
}

static fal_status open_file(fal_movie *m, fal_error *err)
{
    fal_status st = FAL_OK;
    char *url = NULL;
    FAL_TRY(fal_atomic_open(m->path, &m->file, err));
    FAL_ALLOC(url, fal_asprintf("file:%s", fal_atomic_temp_path(m->file)));
    AV_TRY(avformat_alloc_output_context2(&m->mux, NULL, "mp4", NULL), "cannot write");
    m->mux->flags |= AVFMT_FLAG_BITEXACT;
    FAL_ALLOC(m->stream, avformat_new_stream(m->mux, NULL));
    AV_TRY(avcodec_parameters_from_context(m->stream->codecpar, m->encoder), "cannot write");
    m->stream->time_base = m->encoder->time_base;
    m->stream->avg_frame_rate = m->encoder->framerate;
    AV_TRY(avio_open(&m->mux->pb, url, AVIO_FLAG_WRITE), "cannot write");
    AV_TRY(avformat_write_header(m->mux, NULL), "cannot write");
done:
    fal_free(url);
    return st;
}

/* Colours as the ffmpeg program converts them for this encoder, with sums that are the same on every machine. */
static fal_status open_conversion(fal_movie *m, fal_error *err)
{
    fal_status st = FAL_OK;
    const int width = m->encoder->width, height = m->encoder->height;
    FAL_ALLOC(m->packet, av_packet_alloc());
    FAL_ALLOC(m->picture, av_frame_alloc());
    m->picture->format = m->encoder->pix_fmt;
    m->picture->width = width;
    m->picture->height = height;
    AV_TRY(av_frame_get_buffer(m->picture, 0), "cannot convert pictures");
    FAL_ALLOC(m->convert, sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, m->encoder->pix_fmt,
                                         SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT, NULL, NULL, NULL));
done:
    return st;
}

fal_status fal_movie_create(const char *path, int64_t width, int64_t height, fal_movie **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_movie *m = NULL;
    fal_quiet_ffmpeg();
    FAL_ALLOC(m, fal_calloc(1, sizeof *m));
    FAL_ALLOC(m->path, fal_strdup(path));
    FAL_TRY(open_encoder(m, (int)width, (int)height, err));
    FAL_TRY(open_conversion(m, err));
    FAL_TRY(open_file(m, err));
    *out = m;
    m = NULL;
done:
    fal_movie_abort(&m);
    return st;
}

/* picture NULL: the end. */
static fal_status encode(fal_movie *m, const AVFrame *picture, fal_error *err)
{
    fal_status st = FAL_OK;
    AV_TRY(avcodec_send_frame(m->encoder, picture), "cannot encode");
    for (;;) {
        int code = avcodec_receive_packet(m->encoder, m->packet);
        if (code == AVERROR(EAGAIN) || code == AVERROR_EOF)
            break;
        AV_TRY(code, "cannot encode");
        m->packet->duration = 1;
        av_packet_rescale_ts(m->packet, m->encoder->time_base, m->stream->time_base);
        m->packet->stream_index = m->stream->index;
        AV_TRY(av_interleaved_write_frame(m->mux, m->packet), "cannot write a packet");
    }
done:
    return st;
}

fal_status fal_movie_add(fal_movie *m, const uint8_t *rgb, int64_t stride, fal_error *err)
{
    fal_status st = FAL_OK;
    AV_TRY(av_frame_make_writable(m->picture), "cannot convert pictures");
    AV_TRY(sws_scale(m->convert, (const uint8_t *const[]){rgb}, (const int[]){(int)stride}, 0, m->encoder->height,
                     m->picture->data, m->picture->linesize),
           "cannot convert pictures");
    m->picture->pts = m->count++;
    FAL_TRY(encode(m, m->picture, err));
done:
    return st;
}

fal_status fal_movie_commit(fal_movie **movie, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_movie *m = *movie;
    FAL_TRY(encode(m, NULL, err));
    AV_TRY(av_write_trailer(m->mux), "cannot finish");
    AV_TRY(avio_closep(&m->mux->pb), "cannot finish"); /* a full disk shows here at the latest */
    FAL_TRY(fal_atomic_commit(&m->file, err));
done:
    fal_movie_abort(movie);
    return st;
}

void fal_movie_abort(fal_movie **movie)
{
    if (!movie || !*movie)
        return;
    fal_movie *m = *movie;
    if (m->mux)
        avio_closep(&m->mux->pb);
    fal_atomic_abort(&m->file);
    avformat_free_context(m->mux);
    avcodec_free_context(&m->encoder);
    sws_freeContext(m->convert);
    av_frame_free(&m->picture);
    av_packet_free(&m->packet);
    fal_free(m->path);
    fal_release(movie);
}
