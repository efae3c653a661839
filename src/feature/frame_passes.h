/* The picture side of a clip's inputs: one pass over the frames that follows faces and feeds the sinks for whole
 * frames, and, where something is cut out around a face, a second one. Inside src/feature only. */
#ifndef FAL_FEATURE_FRAME_PASSES_H
#define FAL_FEATURE_FRAME_PASSES_H

#include "feature/inputs.h"
#include "media/clip.h"

/* Fills crops, frames, face facts, the media report and face_s; the first `skip` frames are followed but not handed on.
 * A video track without one decodable frame counts as none. */
fal_status fal_frame_passes(fal_clip *clip, const fal_input_request *request, int64_t skip, fal_clip_inputs *in,
                            fal_error *err);

#endif
