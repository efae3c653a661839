/* One clip, many encoders: the file is decoded once, and once more when something is cut out around the face; faces are
 * followed once; each encoder gets its input from that. Waveforms, filterbanks and mouth crops are held for the clip,
 * pictures never: whole frames and faces are scaled as they are decoded and encoded a second at a time, so memory does
 * not grow with them. Encoders that read the same pictures share the scaled ones. An encoder's rows are the same bytes
 * alone and in company. */
#ifndef FAL_FEATURE_CLIP_ENCODE_H
#define FAL_FEATURE_CLIP_ENCODE_H

#include "feature/clip_rows.h"
#include "feature/encode_inputs.h"

typedef struct fal_clip_encoding {
    fal_clip_inputs inputs; /* facts, and the arrays that were held */
    fal_clip_rows *rows;    /* [row_count], one for each request */
    size_t row_count;
    double encode_s; /* wall time inside encoders; scaling counts as inputs.decode_s */
} fal_clip_encoding;

/* `how`: everything but the arrays and sinks, which follow from the requests; it needs a detector when
 * fal_requests_need_faces. A request that the clip gives nothing (no such stream: FAL_ERR_NOT_FOUND, too little of it:
 * FAL_ERR_TOO_SHORT) or whose encoder fails has that as its status and does not disturb the others. */
fal_status fal_clip_encode(const char *path, const fal_input_request *how, fal_session *session,
                           const fal_clip_request *requests, size_t count, fal_clip_encoding *out, fal_error *err);
void fal_clip_encoding_free(fal_clip_encoding *encoding);

/* Whether any of these follows a face through the clip. */
bool fal_requests_need_faces(const fal_clip_request *requests, size_t count);

#endif
