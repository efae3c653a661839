/* Antialiased scaling of one part of a picture, as Pillow's resize computes it. Inside src/media only. */
#ifndef FAL_MEDIA_SCALE_PILLOW_H
#define FAL_MEDIA_SCALE_PILLOW_H

#include "media/scale_taps.h"

typedef struct fal_pillow_scaler fal_pillow_scaler;

fal_status fal_pillow_scaler_create(fal_scaling scaling, const fal_scale_axis *x, const fal_scale_axis *y,
                                    fal_pillow_scaler **out, fal_error *err);
void fal_pillow_scaler_free(fal_pillow_scaler **scaler);

/* out: [y->count, x->count, 3]. One thread at a time. */
void fal_pillow_scaler_run(fal_pillow_scaler *scaler, const uint8_t *rgb, int64_t stride, uint8_t *out);

#endif
