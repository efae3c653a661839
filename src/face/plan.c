#include "face/plan.h"

fal_status fal_plan_check(const char *what, const fal_tracked *tracked, int64_t index, const fal_picture *frame,
                          fal_error *err)
{
    if (index < 0 || index >= tracked->frame_count)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: frame %lld asked for, the track has %lld", what, (long long)index,
                        (long long)tracked->frame_count);
    if (frame->width != tracked->width || frame->height != tracked->height)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: frame %lld is %lld x %lld, the tracked ones are %lld x %lld", what,
                        (long long)index, (long long)frame->width, (long long)frame->height, (long long)tracked->width,
                        (long long)tracked->height);
    return FAL_OK;
}

bool fal_plan_nearest(const uint8_t *good, int64_t count, int64_t *from)
{
    int64_t last = -1;
    for (int64_t t = 0; t < count; t++) {
        last = good[t] ? t : last;
        from[t] = last;
    }
    if (last < 0)
        return false;
    int64_t next = -1;
    for (int64_t t = count - 1; t >= 0; t--) {
        next = good[t] ? t : next;
        if (next >= 0 && (from[t] < 0 || next - t < t - from[t]))
            from[t] = next;
    }
    return true;
}
