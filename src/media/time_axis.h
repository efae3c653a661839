/* Times of one stream, made usable: missing, repeated-backwards and wildly jumping time stamps are replaced by "right
 * after the frame before". Pure arithmetic. Inside src/media only. */
#ifndef FAL_MEDIA_TIME_AXIS_H
#define FAL_MEDIA_TIME_AXIS_H

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>
#include <libavutil/rational.h>

/* Longer streams are refused: a small file can claim any time, and what is made of a clip grows with its length. */
enum { FAL_MAX_STREAM_S = 4 * 3600 };

typedef struct fal_time_axis {
    AVRational base;      /* seconds per tick */
    int64_t default_ticks; /* length of a frame that does not say */
    int64_t shift;        /* added to the file's times since the last jump */
    int64_t first, last, end; /* start of the first and of the last frame, end of the last */
    bool started;
} fal_time_axis;

/* `rate`: average frames per second, 0/x when unknown. */
fal_time_axis fal_time_axis_start(AVRational base, AVRational rate);

/* How long a frame stays, in ticks. */
int64_t fal_time_axis_frame_ticks(const fal_time_axis *axis, const AVFrame *frame);

/* Where a frame of `duration` ticks with the file's time `ticks` (AV_NOPTS_VALUE: none) goes. Sets *repaired when that
 * time makes no sense and was not used. */
int64_t fal_time_axis_place(fal_time_axis *axis, int64_t ticks, int64_t duration, bool *repaired);

double fal_time_axis_seconds(const fal_time_axis *axis, int64_t ticks);

#endif
