/* Filter weights of a resampling along one axis, as Pillow's resize makes them. Inside src/media only. */
#ifndef FAL_MEDIA_SCALE_TAPS_H
#define FAL_MEDIA_SCALE_TAPS_H

#include "core/status.h"

#include <falsetto/media.h>

enum { FAL_TAPS_BITS = 22 }; /* of fraction in a weight: room for 8 bits of pixel and a sign */

/* One axis of a picture that is scaled from `in` to `out` pixels, of which [from, from + count) are wanted. */
typedef struct fal_scale_axis {
    int64_t in, out, from, count;
} fal_scale_axis;

/* Output pixel i, counted from the first one wanted, is the sum of weights[i * stride + k] times input pixel
 * first[i] + k, k = 0 .. length[i] - 1. No weight at either end is 0, so an axis that keeps its length has one tap. */
typedef struct fal_taps {
    int64_t count, stride;
    int64_t *first, *length; /* [count] */
    int32_t *weights;        /* [count, stride] */
} fal_taps;

/* Bicubic or bilinear. */
fal_status fal_taps_create(fal_scaling scaling, const fal_scale_axis *axis, fal_taps *taps, fal_error *err);
void fal_taps_free(fal_taps *taps); /* leaves it empty */

/* First input pixel that is read, and the one after the last. */
int64_t fal_taps_begin(const fal_taps *taps);
int64_t fal_taps_end(const fal_taps *taps);

#endif
