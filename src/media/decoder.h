/* One stream of a file, decoded frame by frame; damage is counted, not fatal. Inside src/media only. */
#ifndef FAL_MEDIA_DECODER_H
#define FAL_MEDIA_DECODER_H

#include "media/container.h"

#include <libavcodec/avcodec.h>

typedef struct fal_decoder {
    const char *path; /* borrowed, for error text */
    fal_container container;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    bool packet_waits; /* `packet` was read but not yet taken by the decoder */
    bool draining;     /* no more packets */
    int64_t errors;    /* packets that could not be read or decoded */
    int64_t bytes;     /* compressed size of the packets so far */
} fal_decoder;

/* Opens `path` again and starts decoding its best stream of this kind. */
fal_status fal_decoder_open(const char *path, enum AVMediaType kind, int threads, fal_decoder **out, fal_error *err);
void fal_decoder_free(fal_decoder **decoder);

/* The next decoded frame, NULL after the last. The caller owns *frame (av_frame_free). */
fal_status fal_decoder_next(fal_decoder *decoder, AVFrame **frame, fal_error *err);

/* Best guess of a frame's time in ticks of the stream's time base counted from the clip's zero; AV_NOPTS_VALUE when
 * there is none or it is absurd. */
int64_t fal_decoder_frame_time(const fal_decoder *decoder, const AVFrame *frame);

#endif
