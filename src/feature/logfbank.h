/* The sound AV-HuBERT reads: log mel filterbank of a 16 kHz waveform, four rows stacked to 25 Hz.
 *
 * Original: python_speech_features 0.6 (logfbank with its defaults) as called by AVH-Align's load_audio, checked
 * against it; docs/models/avhubert.md has the steps. Samples are in [-1, 1]. */
#ifndef FAL_FEATURE_LOGFBANK_H
#define FAL_FEATURE_LOGFBANK_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FAL_LOGFBANK_BANDS = 26,
    FAL_LOGFBANK_STACK = 4,                                    /* rows per 25 Hz frame */
    FAL_LOGFBANK_DIM = FAL_LOGFBANK_BANDS * FAL_LOGFBANK_STACK /* 104 */
};

/* 100 Hz rows that `samples` samples (at least 1) make: 1 up to 400 samples, then one more per begun 160. */
int64_t fal_logfbank_rows(int64_t samples);

/* rows [fal_logfbank_rows(samples), 26]: natural logarithm of the band energies. */
fal_status fal_logfbank(const float *wave, int64_t samples, float *rows, fal_error *err);

/* The network's input: rows padded with zeros to a multiple of four, joined by four, each 104-vector normalised to mean
 * 0 and variance 1 (eps 1e-5). *out [frames, 104] is the caller's to fal_free. FAL_ERR_TOO_SHORT without samples. */
fal_status fal_logfbank_stacked(const float *wave, int64_t samples, float **out, int64_t *frames, fal_error *err);

/* Silence before the first sample louder than 0.0005, in whole video frames: what `trimmed` extraction leaves out. */
typedef struct fal_silence_trim {
    double seconds;  /* 0 when the clip starts loud; its whole length when it is all silent */
    int64_t samples; /* to skip at 16 kHz; may exceed the clip's length, and then nothing is left */
    int64_t frames;  /* to skip at 25 Hz */
} fal_silence_trim;
fal_silence_trim fal_silence_trim_find(const float *wave, int64_t samples);
/* What counts as silent there. */
bool fal_sample_is_silent(float sample);

#endif
