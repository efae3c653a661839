/* Front-end output into an encoder: what a request needs, and running it on inputs that are held for the whole clip. */
#ifndef FAL_FEATURE_ENCODE_INPUTS_H
#define FAL_FEATURE_ENCODE_INPUTS_H

#include "feature/inputs.h"

#include <falsetto/encoder.h>

/* What is wanted of one encoder. */
typedef struct fal_clip_request {
    const fal_encoder *encoder;
    fal_stream stream; /* one that the encoder has */
    /* Where the clip has sound and picture, rows of AV-HuBERT's audio or video stream alone are cut to the shorter one
     * too, as upstream does, so that the audio, visual and multimodal rows of a clip match. */
    bool pair;
    /* Hidden states wanted beside the features, at the features' rate (fal_encode_request.pool_hidden). */
    const int *layers;
    size_t layer_count;
    bool all_layers;
} fal_clip_request;

/* The form of sound or picture a request reads from a clip; FAL_INPUT_NONE for the stream it does not look at. */
fal_input_kind fal_request_audio(const fal_clip_request *request);
fal_input_kind fal_request_video(const fal_clip_request *request, fal_mouth_alignment alignment);

/* Marks in `out` the arrays that this request needs. */
void fal_request_inputs(const fal_clip_request *request, fal_input_request *out);

/* For requests without pictures (FACE, FRAME: clip_encode.h). FAL_ERR_NOT_FOUND when the clip lacks a stream this one
 * needs, FAL_ERR_TOO_SHORT when it gives no row. */
fal_status fal_encode_inputs(const fal_clip_request *request, fal_mouth_alignment alignment, fal_session *session,
                             const fal_clip_inputs *inputs, fal_encoding *out, fal_error *err);

/* The request on these arrays (NULL: not needed). */
fal_status fal_encode_arrays(const fal_clip_request *request, fal_session *session, const fal_array *audio,
                             const fal_array *video, fal_encoding *out, fal_error *err);

#endif
