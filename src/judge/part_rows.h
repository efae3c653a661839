/* The rows a head reads, from what the encoders gave for a clip. Inside src/judge only. */
#ifndef FAL_JUDGE_PART_ROWS_H
#define FAL_JUDGE_PART_ROWS_H

#include "judge/members.h"

typedef struct fal_part_rows {
    fal_status missing; /* FAL_ERR_NOT_FOUND or FAL_ERR_TOO_SHORT: a stream that the head needs gave no rows */
    int64_t rows, dim;
    const float *data; /* [rows, dim]: the encoder's own where the head has one part, else `joined` */
    float *joined;
} fal_part_rows;

/* Parts side by side, cut to the shortest. A failure of an encoder is one here; a stream that is missing is not. */
fal_status fal_part_rows_gather(const fal_member *member, const fal_clip_encoding *clip, fal_part_rows *out,
                                fal_error *err);
void fal_part_rows_free(fal_part_rows *rows);

#endif
