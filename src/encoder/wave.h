/* Waveforms as the audio encoders want them. */
#ifndef FAL_ENCODER_WAVE_H
#define FAL_ENCODER_WAVE_H

#include "core/status.h"
#include "tensor/tensor.h"

/* y = (x - mean) / sqrt(var + eps) over the whole clip, population variance; sums in double. y may be x. */
void fal_wave_normalise(const float *x, int64_t samples, double eps, float *y);

/* Layout and length of an encoder's input: F32[samples], leading axes of length 1 are fine. FAL_ERR_TOO_SHORT below
 * `least`, which is what one feature row needs. */
fal_status fal_wave_check(const fal_tensor *audio, int64_t least, int64_t *samples, fal_error *err);

#endif
