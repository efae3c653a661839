/* Similarity fit that leaves out points which moved: least median of squares (Rousseeuw 1984), as OpenCV's
 * estimateAffinePartial2D(method=LMEDS) computes it. */
#ifndef FAL_FACE_LMEDS_H
#define FAL_FACE_LMEDS_H

#include "face/warp.h"

enum { FAL_LMEDS_MAX = 8 }; /* points */

/* Maps the points `from` onto `to`; n is 4 or 8, for which the pairs that OpenCV would draw are known. inliers[i] tells
 * whether point i was used. False, and nothing set, when the points allow no fit. */
bool fal_similarity_lmeds(const double (*from)[2], const double (*to)[2], int n, fal_affine *out, uint8_t *inliers);

#endif
