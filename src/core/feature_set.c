#include "core/feature_set.h"

#include "core/half.h"

const float *fal_clip_rows(const fal_clip_features *clip, int64_t dim, int64_t first, int64_t count, float *scratch)
{
    if (clip->rows)
        return clip->rows + first * dim;
    fal_f16_to_f32_n(clip->half + first * dim, scratch, (size_t)(count * dim));
    return scratch;
}
