/* Rows an encoder gave for a clip: grown piece by piece, because a session's results last only until its next use. */
#ifndef FAL_FEATURE_CLIP_ROWS_H
#define FAL_FEATURE_CLIP_ROWS_H

#include "core/status.h"

#include <falsetto/encoder.h>

typedef struct fal_row_block {
    int64_t rows, dim, capacity; /* capacity: rows there is room for */
    float *data;                 /* [rows, dim] */
} fal_row_block;

/* Hidden states of one layer. */
typedef struct fal_layer_rows {
    int layer;
    fal_row_block block;
} fal_layer_rows;

typedef struct fal_clip_rows {
    fal_status status; /* of this encoder on this clip; not FAL_OK: no rows, and `why` says why */
    fal_error why;
    fal_row_block features;
    fal_layer_rows *hidden;
    size_t hidden_count;
} fal_clip_rows;

/* Adds the rows of the next piece; each piece has the same layers. FAL_ERR_INTERNAL for a value that is not finite. */
fal_status fal_clip_rows_append(fal_clip_rows *rows, const fal_encoding *piece, fal_error *err);
void fal_clip_rows_free(fal_clip_rows *rows);

#endif
