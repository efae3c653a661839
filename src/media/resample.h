/* Down-mixing and resampling to 16 kHz, in the two ways the official feature extractors do it.
 *
 * FAL_RESAMPLE_SOXR_HQ  librosa.load(sr=16000): libsoxr at quality HQ (here through libswresample, precision 20)
 * FAL_RESAMPLE_SINC     torchaudio.transforms.Resample(rate, 16000) with its defaults: windowed sinc
 *
 * Both return ceil(n * 16000 / rate) samples and copy when the rate already is 16000. They differ audibly near 8 kHz
 * and numerically everywhere: features made with one are not those made with the other. */
#ifndef FAL_MEDIA_RESAMPLE_H
#define FAL_MEDIA_RESAMPLE_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

enum { FAL_AUDIO_RATE = 16000 };

typedef enum fal_resample_mode { FAL_RESAMPLE_SOXR_HQ, FAL_RESAMPLE_SINC } fal_resample_mode;

/* Arithmetic mean of the channels, float32 sums in channel order. in: [frames][channels], out: [frames]. */
void fal_to_mono(const float *in, size_t frames, size_t channels, float *out);

/* A growing array of samples; zero-initialise, free `data` with fal_free. */
typedef struct fal_samples {
    float *data;
    size_t count, capacity;
} fal_samples;
fal_status fal_samples_append(fal_samples *samples, const float *data, size_t count, fal_error *err);
fal_status fal_samples_append_zeros(fal_samples *samples, size_t count, fal_error *err);

/* Streaming: the result does not depend on how the input is cut into pushes. rate: 1 .. 768000 Hz.
 * FAL_ERR_UNSUPPORTED when libswresample was built without libsoxr and that mode is asked for. */
typedef struct fal_resampler fal_resampler;
fal_status fal_resampler_create(fal_resample_mode mode, int64_t rate, fal_resampler **out, fal_error *err);
fal_status fal_resampler_push(fal_resampler *resampler, const float *in, size_t count, fal_samples *out,
                              fal_error *err);
fal_status fal_resampler_finish(fal_resampler *resampler, fal_samples *out, fal_error *err); /* once, at the end */
void fal_resampler_free(fal_resampler **resampler);

/* A whole waveform at once. *out is the caller's to fal_free. */
fal_status fal_resample_soxr_hq(const float *in, size_t count, int64_t rate, float **out, size_t *out_count,
                                fal_error *err);
fal_status fal_resample_sinc(const float *in, size_t count, int64_t rate, float **out, size_t *out_count,
                             fal_error *err);

#endif
