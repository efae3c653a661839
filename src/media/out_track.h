/* One stream of a clip on its way into another file. Inside src/media only. */
#ifndef FAL_MEDIA_OUT_TRACK_H
#define FAL_MEDIA_OUT_TRACK_H

#include "media/decoder.h"
#include "media/transcode.h"

#include <libavfilter/avfilter.h>

/* Evaluates an FFmpeg call inside a function with a track `t`, `st`, `err` and `done:`. */
#define FAL_AV_TRY(expr, what)                               \
    do {                                                     \
        int code_ = (expr);                                  \
        if (code_ < 0)                                       \
            FAL_TRY(fal_fail_av(err, code_, t->path, what)); \
    } while (0)

typedef struct fal_out_track {
    const char *path;     /* read from, borrowed */
    fal_decoder *decoder; /* for a copy only its container is used */
    bool copies, done;
    AVStream *out;
    double time_s; /* how far it is */
    /* A copy: */
    int64_t last_dts;
    /* Else: */
    AVFilterGraph *graph;
    AVFilterContext *source, *sink;
    AVCodecContext *encoder;
    AVFrame *waiting; /* the first frame, decoded to know what comes */
    AVFrame *filtered;
    AVPacket *packet;
    int64_t last_in, last_out; /* ticks of the source and of the encoder */
} fal_out_track;

/* The clip must have such a stream. Adds a stream to `mux`, whose header has not been written. */
fal_status fal_out_track_open(const char *path, enum AVMediaType kind, const fal_stream_recipe *recipe,
                              AVFormatContext *mux, fal_out_track **out, fal_error *err);
/* Moves the next packet or frame; sets done after the last. */
fal_status fal_out_track_step(fal_out_track *track, AVFormatContext *mux, fal_error *err);
void fal_out_track_free(fal_out_track **track);

#endif
