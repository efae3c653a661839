/* Work on a mono track at PUP_RATE. */
#ifndef PUP_SOUND_H
#define PUP_SOUND_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

/* Replaces track[from, to) by the piece, with short fades at its ends; a shorter piece is followed by silence, a longer
 * one is cut. */
void pup_splice(float *track, size_t from, size_t to, const float *piece, size_t piece_count);

/* Moves the sound of track[from, to) by `shift` samples (positive: later). What comes in over the border is what is on
 * the other side of it, so the track must reach that far. Short fades at the borders. */
fal_status pup_shift_sound(float *track, size_t from, size_t to, int64_t shift, fal_error *err);

/* Leaves the marks of a neural vocoder on track[from, to): above 4 kHz the spectrum is smoothed over frequency and
 * given a fixed phase (a metallic colour), below it is smoothed over time. strength 0 to 1. */
fal_status pup_vocode(float *track, size_t from, size_t to, double strength, uint64_t seed, fal_error *err);

/* Early reflections of a room, a microphone's noise (times noise_gain[i]), and a level of the recording. */
fal_status pup_room(float *track, const float *noise_gain, size_t count, uint64_t seed, fal_error *err);

#endif
