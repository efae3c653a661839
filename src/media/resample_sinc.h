/* The polyphase filter of FAL_RESAMPLE_SINC, open for tests. Inside src/media only. */
#ifndef FAL_MEDIA_RESAMPLE_SINC_H
#define FAL_MEDIA_RESAMPLE_SINC_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* Output q * phases + j is the sum over i = 0 .. taps-1 of in[q * step + start[j] + i] * kernel[j * stride + i], where
 * samples outside the input are 0. Only taps that are not zero are kept. */
typedef struct fal_sinc_filter {
    int64_t step, phases; /* rate / gcd and 16000 / gcd */
    int64_t taps;         /* per phase, a multiple of 8 (filled up with zeros) */
    int64_t width;        /* taps start no earlier than -width (torchaudio's name) */
    int64_t *start;       /* [phases] */
    float *kernel;        /* [phases][taps] */
} fal_sinc_filter;

fal_status fal_sinc_filter_make(int64_t rate, fal_sinc_filter *out, fal_error *err);
void fal_sinc_filter_clear(fal_sinc_filter *filter);

#endif
