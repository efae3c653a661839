/* The sound side of a clip's inputs: waveforms in both resamplings, the filterbank, facts, leading silence dropped.
 * Inside src/feature only. */
#ifndef FAL_FEATURE_SOUND_PASS_H
#define FAL_FEATURE_SOUND_PASS_H

#include "feature/inputs.h"
#include "media/clip.h"

/* Fills wave, logfbank, sound facts and start_s. *skip_frames: frames of the picture beside the silence that was
 * dropped. */
fal_status fal_sound_pass(fal_clip *clip, const fal_input_request *request, fal_clip_inputs *in, int64_t *skip_frames,
                          fal_error *err);

#endif
