/* A few scaled pictures on their way from the decoder to encoders that read the same kind by the same rule. */
#ifndef FAL_FEATURE_PICTURE_CHUNK_H
#define FAL_FEATURE_PICTURE_CHUNK_H

#include "face/picture.h"
#include "media/picture_scale.h"

#include <falsetto/encoder.h>

typedef struct fal_picture_chunk {
    fal_input_kind kind;
    fal_picture_rule rule;
    int64_t capacity, count; /* pictures */
    uint8_t *pixels;         /* [capacity, side, side, 3] */
    fal_picture_scaler *scaler;
} fal_picture_chunk;

/* How frames become this encoder's pictures; `exact`: as the model's own scripts do it. */
fal_picture_rule fal_picture_rule_of(const fal_encoder_description *encoder, bool exact);

/* Room for about a second of pictures, a multiple of `multiple`. */
fal_status fal_picture_chunk_create(fal_input_kind kind, const fal_picture_rule *rule, int64_t multiple,
                                    fal_picture_chunk *out, fal_error *err);
void fal_picture_chunk_free(fal_picture_chunk *chunk);

/* True when the chunk has pictures of this kind and rule, and is filled in whole pieces of `multiple`. */
bool fal_picture_chunk_suits(const fal_picture_chunk *chunk, fal_input_kind kind, const fal_picture_rule *rule,
                             int64_t multiple);

/* Scales one more picture into the chunk, which must not be full. */
fal_status fal_picture_chunk_add(fal_picture_chunk *chunk, const fal_picture *picture, fal_error *err);

/* What is in the chunk, as encoders take it; the pixels stay the chunk's. */
fal_array fal_picture_chunk_array(const fal_picture_chunk *chunk);

#endif
