/* Waveforms as the audio encoders want them. */
#ifndef FAL_ENCODER_WAVE_H
#define FAL_ENCODER_WAVE_H

#include <stdint.h>

/* y = (x - mean) / sqrt(var + eps) over the whole clip, population variance; sums in double. y may be x. */
void fal_wave_normalise(const float *x, int64_t samples, double eps, float *y);

#endif
