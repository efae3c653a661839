/* Facts about a waveform that a person judging a clip wants to know. */
#ifndef FAL_FEATURE_SOUND_H
#define FAL_FEATURE_SOUND_H

#include <falsetto/judge.h>

/* `wave`: 16 kHz mono in [-1, 1]. Fills every field; `present` is true. */
fal_sound_facts fal_sound_measure(const float *wave, int64_t samples);

/* No track, or one whose loudest sample is below -60 dBFS: nothing to listen to. */
bool fal_sound_is_silent(const fal_sound_facts *sound);

#endif
