/* Frames and face crops scaled to the square that an encoder reads, bit for bit as Pillow or OpenCV does it on 8-bit
 * pixels.
 *
 * A scaler is made for one picture size and one rule: it holds the filter weights and its scratch memory, and a run
 * allocates nothing. Only the part that the crop keeps is computed. One thread at a time; make one per thread. */
#ifndef FAL_MEDIA_PICTURE_SCALE_H
#define FAL_MEDIA_PICTURE_SCALE_H

#include "core/status.h"

#include <falsetto/media.h>

enum { FAL_PICTURE_SIDE_MAX = 1024 }; /* largest `side` and `shorter` of a rule */

/* Whether two rules make the same square of every picture. */
bool fal_picture_rule_same(const fal_picture_rule *a, const fal_picture_rule *b);

typedef struct fal_picture_scaler fal_picture_scaler;

/* For pictures of width x height. FAL_ERR_ARGUMENT for a picture without pixels or above 16384 a side, for a rule whose
 * `side` or `shorter` is out of range, and for one that crops more than it scales to (0 < shorter < side). */
fal_status fal_picture_scaler_create(int64_t width, int64_t height, const fal_picture_rule *rule,
                                     fal_picture_scaler **out, fal_error *err);
void fal_picture_scaler_free(fal_picture_scaler **scaler);

/* Leaves in *scaler one for this size and rule: the one that is there when it fits, else a new one in its place. For
 * face crops, whose size changes from frame to frame. On failure *scaler is what it was. */
fal_status fal_picture_scaler_fit(fal_picture_scaler **scaler, int64_t width, int64_t height,
                                  const fal_picture_rule *rule, fal_error *err);

/* `rgb`: the picture's first pixel, R G B; `stride`: bytes from one row to the next. `out`: [side, side, 3]. */
void fal_picture_scaler_run(fal_picture_scaler *scaler, const uint8_t *rgb, int64_t stride, uint8_t *out);

#endif
