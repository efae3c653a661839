/* Similarity transforms and the exact image warp of the mouth alignment. */
#ifndef FAL_FACE_WARP_H
#define FAL_FACE_WARP_H

#include "face/picture.h"

#include <stdbool.h>

/* Maps (x, y) to (m[0]*x + m[1]*y + m[2], m[3]*x + m[4]*y + m[5]); row-major upper two rows of the 3x3 matrix. */
typedef struct fal_affine {
    double m[6];
} fal_affine;

/* False when the matrix is singular or not finite. */
bool fal_affine_invert(const fal_affine *forward, fal_affine *inverse);

/* Least-squares similarity (rotation, one scale, translation, no reflection) that maps the n points `from` onto `to`:
 * Umeyama 1991 in closed form for the plane. All points of `from` in one place give a singular matrix. */
fal_affine fal_similarity_fit(const double (*from)[2], const double (*to)[2], int n);

/* A rectangle of the warped canvas. */
typedef struct fal_warp_window {
    int64_t canvas_width, canvas_height; /* of the whole warped picture */
    int64_t left, top, width, height;    /* the part wanted, inside the canvas */
} fal_warp_window;

/* The part `window` of `frame` warped by `inverse` (canvas to frame), `channels` bytes per pixel as in the frame,
 * tightly packed. Identical to warping the whole canvas and cutting: bilinear in double on v/255 with corners at floor
 * and ceil, 0 outside the frame, clipped to the range of the whole frame over all channels (or from 0, when some canvas
 * pixel gets nothing from the frame), times 255, truncated: skimage.transform.warp followed by astype('uint8'), as
 * AV-HuBERT's align_mouth.py uses it. */
void fal_warp_affine(const fal_picture *frame, const fal_affine *inverse, const fal_warp_window *window, uint8_t *out);

#endif
