/* Opening a track: decoder, filters and encoder, each told by the one before what comes. */
#include "media/out_track.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "media/rgb.h"

#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

bool fal_has_encoder(const char *name)
{
    return avcodec_find_encoder_by_name(name) != NULL;
}

static bool is_video(const fal_out_track *t)
{
    return t->decoder->stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO;
}

/* ---- the ends of the filter graph ---- */

static void describe_source(const fal_out_track *t, fal_buf *out)
{
    AVRational tick = t->decoder->stream->time_base, rate = t->decoder->stream->avg_frame_rate;
    const AVFrame *f = t->waiting;
    fal_buf_printf(out, "time_base=%d/%d:", tick.num, tick.den);
    if (is_video(t)) {
        fal_buf_printf(out, "video_size=%dx%d:pix_fmt=%d", f->width, f->height, f->format);
        if (rate.num > 0 && rate.den > 0)
            fal_buf_printf(out, ":frame_rate=%d/%d", rate.num, rate.den);
        return;
    }
    char layout[64] = "mono";
    av_channel_layout_describe(&f->ch_layout, layout, sizeof layout);
    fal_buf_printf(out, "sample_rate=%d:sample_fmt=%s:channel_layout=%s", f->sample_rate,
                   av_get_sample_fmt_name((enum AVSampleFormat)f->format), layout);
}

static void allow_pictures(const AVCodec *encoder, fal_buf *chain)
{
    for (const enum AVPixelFormat *p = encoder->pix_fmts; p && *p != AV_PIX_FMT_NONE; p++)
        fal_buf_printf(chain, "%s%s", p == encoder->pix_fmts ? "format=pix_fmts=" : "|", av_get_pix_fmt_name(*p));
    if (!encoder->pix_fmts)
        fal_buf_puts(chain, "null");
}

static void allow_sounds(const AVCodec *encoder, fal_buf *chain)
{
    fal_buf_puts(chain, "aformat=channel_layouts=mono|stereo");
    for (const enum AVSampleFormat *s = encoder->sample_fmts; s && *s != AV_SAMPLE_FMT_NONE; s++)
        fal_buf_printf(chain, "%s%s", s == encoder->sample_fmts ? ":sample_fmts=" : "|", av_get_sample_fmt_name(*s));
    /* libopus tells its padding in samples of what it is fed, MP4 takes them for samples at 48 kHz. */
    if (encoder->id == AV_CODEC_ID_OPUS)
        fal_buf_puts(chain, ":sample_rates=48000");
    for (const int *r = encoder->supported_samplerates; r && *r && encoder->id != AV_CODEC_ID_OPUS; r++)
        fal_buf_printf(chain, "%s%d", r == encoder->supported_samplerates ? ":sample_rates=" : "|", *r);
}

/* "turn upright, filter, back to the size, what the encoder takes" */
static void describe_chain(const fal_out_track *t, const fal_stream_recipe *recipe, const AVCodec *encoder,
                           fal_buf *chain)
{
    const fal_container *c = &t->decoder->container;
    const int32_t *matrix = is_video(t) ? fal_container_display_matrix(c) : NULL;
    if (is_video(t))
        fal_buf_puts(chain, fal_turn_filters(matrix));
    if (recipe->filter)
        fal_buf_printf(chain, "%s,", recipe->filter);
    if (is_video(t) && recipe->keep_size) {
        bool sideways = (fal_display_rotation_deg(matrix) + 45) / 90 % 2 == 1;
        int width = sideways ? t->waiting->height : t->waiting->width;
        int height = sideways ? t->waiting->width : t->waiting->height;
        fal_buf_printf(chain, "scale=%d:%d,", width, height);
    }
    if (is_video(t))
        allow_pictures(encoder, chain);
    else
        allow_sounds(encoder, chain);
}

static fal_status link_graph(fal_out_track *t, const char *chain, fal_error *err)
{
    fal_status st = FAL_OK;
    AVFilterInOut *from = avfilter_inout_alloc(), *to = avfilter_inout_alloc();
    if (!from || !to)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", t->path);
    *from = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = t->source};
    *to = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = t->sink};
    if (!from->name || !to->name)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", t->path);
    FAL_AV_TRY(avfilter_graph_parse_ptr(t->graph, chain, &to, &from, NULL), chain);
    FAL_AV_TRY(avfilter_graph_config(t->graph, NULL), chain);
done:
    avfilter_inout_free(&from);
    avfilter_inout_free(&to);
    return st;
}

static fal_status open_graph(fal_out_track *t, const fal_stream_recipe *recipe, const AVCodec *encoder, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf source = {0}, chain = {0};
    describe_source(t, &source);
    describe_chain(t, recipe, encoder, &chain);
    if (source.failed || chain.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", t->path);
    FAL_ALLOC(t->graph, avfilter_graph_alloc());
    t->graph->nb_threads = 1;
    FAL_ALLOC(t->graph->scale_sws_opts, av_strdup("flags=bicubic+accurate_rnd+bitexact"));
    FAL_AV_TRY(avfilter_graph_create_filter(&t->source, avfilter_get_by_name(is_video(t) ? "buffer" : "abuffer"), "in",
                                            source.data, NULL, t->graph),
               "cannot filter");
    FAL_AV_TRY(avfilter_graph_create_filter(&t->sink, avfilter_get_by_name(is_video(t) ? "buffersink" : "abuffersink"),
                                            "out", NULL, NULL, t->graph),
               "cannot filter");
    FAL_TRY(link_graph(t, chain.data, err));
done:
    fal_buf_free(&source);
    fal_buf_free(&chain);
    return st;
}

/* ---- the encoder ---- */

static fal_status describe_output(fal_out_track *t, fal_error *err)
{
    fal_status st = FAL_OK;
    AVCodecContext *e = t->encoder;
    e->thread_count = 1;
    e->flags |= AV_CODEC_FLAG_BITEXACT | AV_CODEC_FLAG_GLOBAL_HEADER;
    if (is_video(t)) {
        e->width = av_buffersink_get_w(t->sink);
        e->height = av_buffersink_get_h(t->sink);
        e->pix_fmt = (enum AVPixelFormat)av_buffersink_get_format(t->sink);
        e->time_base = av_buffersink_get_time_base(t->sink);
        e->framerate = t->decoder->stream->avg_frame_rate;
        e->color_range = t->waiting->color_range;
        e->colorspace = t->waiting->colorspace;
        e->color_primaries = t->waiting->color_primaries;
        e->color_trc = t->waiting->color_trc;
    } else {
        e->sample_rate = av_buffersink_get_sample_rate(t->sink);
        e->sample_fmt = (enum AVSampleFormat)av_buffersink_get_format(t->sink);
        e->time_base = (AVRational){1, e->sample_rate};
        FAL_AV_TRY(av_buffersink_get_ch_layout(t->sink, &e->ch_layout), "cannot encode");
    }
done:
    return st;
}

static fal_status start_encoder(fal_out_track *t, const char *options, fal_error *err)
{
    fal_status st = FAL_OK;
    AVDictionary *wanted = NULL;
    if (options)
        FAL_AV_TRY(av_dict_parse_string(&wanted, options, "=", ":", 0), options);
    FAL_AV_TRY(avcodec_open2(t->encoder, t->encoder->codec, &wanted), t->encoder->codec->name);
    const AVDictionaryEntry *unknown = av_dict_get(wanted, "", NULL, AV_DICT_IGNORE_SUFFIX);
    if (unknown)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: this encoder %s has no option '%s'", t->path, t->encoder->codec->name,
                 unknown->key);
done:
    av_dict_free(&wanted);
    return st;
}

static fal_status open_encoder(fal_out_track *t, const AVCodec *codec, const char *options, AVFormatContext *mux,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(t->encoder, avcodec_alloc_context3(codec));
    FAL_TRY(describe_output(t, err));
    FAL_TRY(start_encoder(t, options, err));
    if (t->encoder->frame_size && !(codec->capabilities & AV_CODEC_CAP_VARIABLE_FRAME_SIZE))
        av_buffersink_set_frame_size(t->sink, (unsigned)t->encoder->frame_size);
    FAL_ALLOC(t->out, avformat_new_stream(mux, NULL));
    FAL_AV_TRY(avcodec_parameters_from_context(t->out->codecpar, t->encoder), codec->name);
    t->out->time_base = t->encoder->time_base;
    t->out->avg_frame_rate = t->encoder->framerate;
done:
    return st;
}

/* MP4 does not hold ffv1. */
static void choose_lossless(const fal_out_track *t, const AVFormatContext *mux, fal_stream_recipe *how)
{
    bool holds_ffv1 = avformat_query_codec(mux->oformat, AV_CODEC_ID_FFV1, FF_COMPLIANCE_NORMAL) == 1;
    how->encoder = !is_video(t) ? "pcm_s16le" : holds_ffv1 ? "ffv1" : "libx264";
    how->options = is_video(t) && !holds_ffv1 ? "qp=0:preset=ultrafast" : NULL;
}

static fal_status open_converter(fal_out_track *t, const fal_stream_recipe *recipe, AVFormatContext *mux,
                                 fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stream_recipe how = *recipe;
    if (!how.encoder)
        choose_lossless(t, mux, &how);
    const char *name = how.encoder;
    const AVCodec *codec = avcodec_find_encoder_by_name(name);
    if (!codec)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "this FFmpeg was built without the encoder %s", name);
    FAL_TRY(fal_decoder_next(t->decoder, &t->waiting, err));
    if (!t->waiting)
        FAL_FAIL(FAL_ERR_TOO_SHORT, "%s: no %s could be decoded", t->path, is_video(t) ? "picture" : "sound");
    FAL_ALLOC(t->filtered, av_frame_alloc());
    FAL_TRY(open_graph(t, &how, codec, err));
    FAL_TRY(open_encoder(t, codec, how.options, mux, err));
done:
    return st;
}

/* ---- a copy ---- */

static fal_status open_copy(fal_out_track *t, AVFormatContext *mux, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(t->out, avformat_new_stream(mux, NULL));
    FAL_AV_TRY(avcodec_parameters_copy(t->out->codecpar, t->decoder->stream->codecpar), "cannot copy");
    t->out->codecpar->codec_tag = 0; /* the other container has its own */
    t->out->time_base = t->decoder->stream->time_base;
    t->out->avg_frame_rate = t->decoder->stream->avg_frame_rate;
    t->copies = true;
done:
    return st;
}

/* Matroska has no place for a rotation, so turned pictures are never copied; nor is sound, see transcode.h. */
static bool can_copy(const fal_out_track *t, const fal_stream_recipe *recipe, const AVFormatContext *mux)
{
    if (!is_video(t) || recipe->filter || recipe->encoder)
        return false;
    if (*fal_turn_filters(fal_container_display_matrix(&t->decoder->container)))
        return false;
    return avformat_query_codec(mux->oformat, t->decoder->stream->codecpar->codec_id, FF_COMPLIANCE_NORMAL) == 1;
}

fal_status fal_out_track_open(const char *path, enum AVMediaType kind, const fal_stream_recipe *recipe,
                              AVFormatContext *mux, fal_out_track **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_out_track *t = NULL;
    FAL_ALLOC(t, fal_calloc(1, sizeof *t));
    t->path = path;
    t->last_dts = t->last_in = t->last_out = INT64_MIN;
    FAL_TRY(fal_decoder_open(path, kind, 1, &t->decoder, err));
    FAL_ALLOC(t->packet, av_packet_alloc());
    FAL_TRY(can_copy(t, recipe, mux) ? open_copy(t, mux, err) : open_converter(t, recipe, mux, err));
    *out = t;
    t = NULL;
done:
    fal_out_track_free(&t);
    return st;
}

void fal_out_track_free(fal_out_track **pointer)
{
    if (!pointer || !*pointer)
        return;
    fal_out_track *t = *pointer;
    avfilter_graph_free(&t->graph);
    avcodec_free_context(&t->encoder);
    av_frame_free(&t->waiting);
    av_frame_free(&t->filtered);
    av_packet_free(&t->packet);
    fal_decoder_free(&t->decoder);
    fal_release(pointer);
}
