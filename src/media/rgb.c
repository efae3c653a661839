#include "media/rgb.h"

#include "core/alloc.h"
#include "media/container.h"

#include <stdio.h>
#include <string.h>

#include <libavfilter/avfilter.h>
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>

enum { CHAIN_TEXT = 160 };

struct fal_rgb {
    char turn[CHAIN_TEXT]; /* filters that make the picture upright, each with a comma after it */
    int threads;
    AVFilterGraph *graph; /* for pictures of in_width x in_height in in_format */
    AVFilterContext *source, *sink;
    int in_width, in_height, in_format;
    int out_width, out_height; /* of the first picture; 0 before it */
    AVFrame *fresh, *frame;    /* the picture being made, and the last one that was */
};

static bool near_angle(int degrees, int wanted)
{
    return degrees >= wanted - 1 && degrees <= wanted + 1;
}

/* The choice of the ffmpeg program's autorotation: quarter turns with or without a mirror image. Other angles, which no
 * camera writes, are left alone. */
const char *fal_turn_filters(const int32_t *matrix)
{
    if (!matrix)
        return "";
    int degrees = fal_display_rotation_deg(matrix);
    if (near_angle(degrees, 90))
        return matrix[3] > 0 ? "transpose=cclock_flip," : "transpose=clock,";
    if (near_angle(degrees, 270))
        return matrix[3] < 0 ? "transpose=clock_flip," : "transpose=cclock,";
    if (near_angle(degrees, 180)) {
        if (matrix[0] < 0)
            return matrix[4] < 0 ? "hflip,vflip," : "hflip,";
        return matrix[4] < 0 ? "vflip," : "";
    }
    return near_angle(degrees, 0) && matrix[4] < 0 ? "vflip," : "";
}

fal_status fal_rgb_create(const int32_t *matrix, int threads, fal_rgb **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_rgb *rgb = NULL;
    FAL_ALLOC(rgb, fal_calloc(1, sizeof *rgb));
    snprintf(rgb->turn, sizeof rgb->turn, "%s", fal_turn_filters(matrix));
    rgb->threads = threads;
    FAL_ALLOC(rgb->fresh, av_frame_alloc());
    FAL_ALLOC(rgb->frame, av_frame_alloc());
    *out = rgb;
    rgb = NULL;
done:
    fal_rgb_free(&rgb);
    return st;
}

void fal_rgb_free(fal_rgb **pointer)
{
    if (!pointer || !*pointer)
        return;
    fal_rgb *rgb = *pointer;
    av_frame_free(&rgb->fresh);
    av_frame_free(&rgb->frame);
    avfilter_graph_free(&rgb->graph);
    fal_release(pointer);
}

/* Parses "turn, scale to the first size if there is one, convert" between the two ends. */
static int parse_chain(fal_rgb *rgb)
{
    char chain[2 * CHAIN_TEXT], scale[CHAIN_TEXT] = "";
    if (rgb->out_width)
        snprintf(scale, sizeof scale, "scale=%d:%d:flags=bicubic,", rgb->out_width, rgb->out_height);
    snprintf(chain, sizeof chain, "%s%sformat=rgb24", rgb->turn, scale);
    AVFilterInOut *from = avfilter_inout_alloc(), *to = avfilter_inout_alloc();
    int code = AVERROR(ENOMEM);
    if (from && to) {
        *from = (AVFilterInOut){.name = av_strdup("in"), .filter_ctx = rgb->source};
        *to = (AVFilterInOut){.name = av_strdup("out"), .filter_ctx = rgb->sink};
        if (from->name && to->name)
            code = avfilter_graph_parse_ptr(rgb->graph, chain, &to, &from, NULL);
    }
    avfilter_inout_free(&from);
    avfilter_inout_free(&to);
    return code;
}

static int build_graph(fal_rgb *rgb, const AVFrame *in)
{
    char args[CHAIN_TEXT];
    avfilter_graph_free(&rgb->graph);
    rgb->graph = avfilter_graph_alloc();
    if (!rgb->graph)
        return AVERROR(ENOMEM);
    rgb->graph->nb_threads = rgb->threads;
    /* What the ffmpeg program gives the converters it inserts by itself. */
    rgb->graph->scale_sws_opts = av_strdup("flags=bicubic");
    snprintf(args, sizeof args, "video_size=%dx%d:pix_fmt=%d:time_base=1/1", in->width, in->height, in->format);
    int code = avfilter_graph_create_filter(&rgb->source, avfilter_get_by_name("buffer"), "in", args, NULL, rgb->graph);
    if (code >= 0)
        code =
            avfilter_graph_create_filter(&rgb->sink, avfilter_get_by_name("buffersink"), "out", NULL, NULL, rgb->graph);
    if (code >= 0)
        code = parse_chain(rgb);
    if (code >= 0)
        code = avfilter_graph_config(rgb->graph, NULL);
    if (code < 0)
        avfilter_graph_free(&rgb->graph);
    return code;
}

static bool graph_fits(const fal_rgb *rgb, const AVFrame *in)
{
    return rgb->graph && rgb->in_width == in->width && rgb->in_height == in->height && rgb->in_format == in->format;
}

static int run_graph(fal_rgb *rgb, const AVFrame *in)
{
    AVFrame *copy = av_frame_clone(in);
    if (!copy)
        return AVERROR(ENOMEM);
    int code = av_buffersrc_add_frame(rgb->source, copy);
    av_frame_free(&copy);
    if (code >= 0)
        code = av_buffersink_get_frame(rgb->sink, rgb->fresh);
    if (code < 0)
        return code;
    av_frame_unref(rgb->frame);
    av_frame_move_ref(rgb->frame, rgb->fresh);
    return 0;
}

fal_status fal_rgb_convert(fal_rgb *rgb, const AVFrame *in, const AVFrame **out, bool *resized, fal_error *err)
{
    int code = 0;
    *resized = rgb->out_width && (rgb->in_width != in->width || rgb->in_height != in->height);
    if (!graph_fits(rgb, in)) {
        code = build_graph(rgb, in);
        rgb->in_width = in->width;
        rgb->in_height = in->height;
        rgb->in_format = in->format;
    }
    if (code >= 0)
        code = run_graph(rgb, in);
    if (code < 0)
        return fal_fail_av(err, code, "picture", "cannot convert to RGB");
    rgb->out_width = rgb->frame->width;
    rgb->out_height = rgb->frame->height;
    *out = rgb->frame;
    return FAL_OK;
}
