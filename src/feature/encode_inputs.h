/* Front-end output into an encoder: picks the arrays a stream needs and cuts paired streams to equal length. */
#ifndef FAL_FEATURE_ENCODE_INPUTS_H
#define FAL_FEATURE_ENCODE_INPUTS_H

#include "feature/inputs.h"

#include <falsetto/encoder.h>

/* FAL_ERR_NOT_FOUND when the clip lacks a stream this one needs, FAL_ERR_TOO_SHORT when it gives no row. When the clip
 * has sound and picture for an encoder that reads both, every stream of it is cut to the shorter one, as upstream does
 * (so that the audio, visual and multimodal rows of a clip match). */
fal_status fal_encode_inputs(const fal_encoder *encoder, fal_session *session, fal_stream stream,
                             const fal_clip_inputs *inputs, fal_encoding *out, fal_error *err);

#endif
