/* The image warp of the Auto-AVSR alignment: OpenCV's warpAffine in fixed point. */
#ifndef FAL_FACE_WARP_FIXED_H
#define FAL_FACE_WARP_FIXED_H

#include "face/warp.h"

/* The part `window` of `frame` warped by `forward` (frame to canvas), `channels` bytes per pixel as in the frame,
 * tightly packed. Identical to warping the whole canvas and cutting: bilinear between places on a grid of 1/32 pixel, 0
 * outside the frame. `forward` can be inverted. */
void fal_warp_fixed(const fal_picture *frame, const fal_affine *forward, const fal_warp_window *window, uint8_t *out);

#endif
