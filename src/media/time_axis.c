#include "media/time_axis.h"

#include <libavutil/mathematics.h>

/* A still picture may stay for a minute (a slide, a frozen call); a longer hole is taken for a broken time stamp. The
 * first frame may come later than that: recorders do start the camera late. */
enum { MAX_JUMP_S = 60, MAX_LATE_START_S = 600, MAX_BACK_S = 1 };

fal_time_axis fal_time_axis_start(AVRational base, AVRational rate)
{
    fal_time_axis axis = {.base = base, .default_ticks = 1};
    if (rate.num > 0 && rate.den > 0)
        axis.default_ticks = av_rescale_q(1, av_inv_q(rate), base);
    return axis;
}

int64_t fal_time_axis_frame_ticks(const fal_time_axis *axis, const AVFrame *frame)
{
#if LIBAVUTIL_VERSION_INT >= AV_VERSION_INT(57, 30, 100)
    int64_t ticks = frame->duration;
#else
    int64_t ticks = frame->pkt_duration;
#endif
    double seconds = (double)ticks * av_q2d(axis->base);
    return ticks > 0 && seconds <= MAX_JUMP_S ? ticks : axis->default_ticks;
}

double fal_time_axis_seconds(const fal_time_axis *axis, int64_t ticks)
{
    return (double)ticks * av_q2d(axis->base);
}

int64_t fal_time_axis_place(fal_time_axis *t, int64_t ticks, int64_t duration, bool *repaired)
{
    int64_t expected = t->end;
    int64_t at = ticks == AV_NOPTS_VALUE ? expected : ticks + t->shift;
    double ahead_s = fal_time_axis_seconds(t, at - expected);
    if (ahead_s > (t->started ? MAX_JUMP_S : MAX_LATE_START_S) || ahead_s < -MAX_BACK_S) {
        *repaired = true;
        t->shift += expected - at;
        at = expected;
    }
    if (!t->started)
        t->first = at;
    t->started = true;
    t->last = at;
    t->end = at + duration;
    return at;
}
