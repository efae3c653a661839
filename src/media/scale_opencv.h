/* Bilinear scaling of one part of a picture without antialiasing, as OpenCV's resize (INTER_LINEAR) computes it. Inside
 * src/media only. */
#ifndef FAL_MEDIA_SCALE_OPENCV_H
#define FAL_MEDIA_SCALE_OPENCV_H

#include "media/scale_taps.h"

typedef struct fal_opencv_scaler fal_opencv_scaler;

fal_status fal_opencv_scaler_create(const fal_scale_axis *x, const fal_scale_axis *y, fal_opencv_scaler **out,
                                    fal_error *err);
void fal_opencv_scaler_free(fal_opencv_scaler **scaler);

/* out: [y->count, x->count, 3]. One thread at a time. */
void fal_opencv_scaler_run(fal_opencv_scaler *scaler, const uint8_t *rgb, int64_t stride, uint8_t *out);

#endif
