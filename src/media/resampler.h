/* What the two resamplers have in common. Inside src/media only. */
#ifndef FAL_MEDIA_RESAMPLER_H
#define FAL_MEDIA_RESAMPLER_H

#include "media/resample.h"

/* One way to resample from a fixed rate to 16 kHz. `finish` gives out what is still inside, at least so much that
 * `wanted` samples have come out in all if the method can. */
typedef struct fal_resample_engine {
    fal_status (*create)(int64_t rate, void **state, fal_error *err);
    fal_status (*push)(void *state, const float *in, size_t count, fal_samples *out, fal_error *err);
    fal_status (*finish)(void *state, size_t wanted, fal_samples *out, fal_error *err);
    void (*free)(void *state);
} fal_resample_engine;

extern const fal_resample_engine fal_resample_engine_soxr, fal_resample_engine_sinc;

enum { FAL_MAX_SAMPLE_RATE = 768000 };

/* Makes room for `extra` more samples. */
fal_status fal_samples_reserve(fal_samples *samples, size_t extra, fal_error *err);

#endif
