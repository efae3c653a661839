/* What the plans for cutting (mouth.h, mouth_avsr.h, face_crop.h) have in common. Inside src/face only. */
#ifndef FAL_FACE_PLAN_H
#define FAL_FACE_PLAN_H

#include "core/status.h"
#include "face/picture.h"

#include <stdbool.h>
#include <stdint.h>

/* The frames a plan was made for. */
typedef struct fal_tracked {
    int64_t frame_count, width, height;
} fal_tracked;

/* FAL_ERR_ARGUMENT for an index that the plan does not have and a frame of another size. `what` begins the error text:
 * "mouth crop". */
fal_status fal_plan_check(const char *what, const fal_tracked *tracked, int64_t index, const fal_picture *frame,
                          fal_error *err);

/* For frames that must borrow: from[t] = the good frame nearest to t, t itself when good[t], the earlier of two equally
 * near. False, and `from` meaningless, when none is good. */
bool fal_plan_nearest(const uint8_t *good, int64_t count, int64_t *from);

#endif
