/* Scene cuts, from a coarse look at each frame. */
#ifndef FAL_FACE_SHOT_H
#define FAL_FACE_SHOT_H

#include "face/picture.h"

#include <stdbool.h>

enum { FAL_SHOT_COLUMNS = 32, FAL_SHOT_ROWS = 18, FAL_SHOT_BINS = 32 };

/* Zero-initialise; nothing to free. */
typedef struct fal_shot_detector {
    bool started;
    double usual_change;                           /* running mean of `change` within the shot, grey levels */
    float cells[FAL_SHOT_ROWS * FAL_SHOT_COLUMNS]; /* mean grey level of each part of the last frame */
    float histogram[FAL_SHOT_BINS];                /* of the same samples, sums to 1 */
} fal_shot_detector;

/* True for the first frame and when this frame looks unlike the one before: another layout (mean difference of the
 * cells far above what the shot has shown so far) and other grey levels. Fades and dissolves are not cuts. */
bool fal_shot_begins(fal_shot_detector *shot, const fal_picture *gray);

#endif
