/* The face stream: the square cut-out around a detector box that FSFM is fed with. */
#ifndef FAL_FACE_FACE_CROP_H
#define FAL_FACE_FACE_CROP_H

#include "face/landmarks.h"

/* left, top and side of a square inside the frame. */
typedef struct fal_square {
    int64_t left, top, size;
} fal_square;

/* 30 % larger than the longer side of the box, about its centre, shrunk (and then off centre) at the frame's border; a
 * box outside the frame gives a size of 0 or less. Integer arithmetic of FSFM's preprocessing, where a box's width is
 * right - left, without the usual + 1. */
fal_square fal_face_square(fal_rect box, int64_t frame_width, int64_t frame_height);

#endif
