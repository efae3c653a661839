/* Boxes and the 68 facial landmarks (iBUG order, as dlib numbers them from 0: 0-16 jaw, 17-26 brows, 27-35 nose,
 * 36-47 eyes, 48-67 mouth) in frame pixels, x to the right, y downwards, pixel centres at integers. */
#ifndef FAL_FACE_LANDMARKS_H
#define FAL_FACE_LANDMARKS_H

#include <stdbool.h>
#include <stdint.h>

enum { FAL_LANDMARK_COUNT = 68 };

typedef struct fal_landmarks {
    double xy[FAL_LANDMARK_COUNT][2];
} fal_landmarks;

/* Right and bottom are inclusive, as in dlib: a box of one pixel has left == right. It may reach outside the frame. */
typedef struct fal_rect {
    int64_t left, top, right, bottom;
} fal_rect;

static inline int64_t fal_rect_width(fal_rect r)
{
    return r.right - r.left + 1;
}
static inline int64_t fal_rect_height(fal_rect r)
{
    return r.bottom - r.top + 1;
}

/* Intersection over union of the pixels, 0..1. */
double fal_rect_iou(fal_rect a, fal_rect b);

/* What is known about a face in one frame. */
typedef enum fal_face_state {
    FAL_FACE_MISSING = 0, /* nothing: landmarks are copied from the nearest frame that has some, or zero */
    FAL_FACE_DETECTED,    /* landmarks from a detector box in this very frame */
    FAL_FACE_TRACKED,     /* the same, but the detector is less sure than it would have to be of an unknown face */
    FAL_FACE_INTERPOLATED /* between two frames with measured landmarks: straight lines */
} fal_face_state;

/* Measured in this frame, not filled in. */
static inline bool fal_face_seen(uint8_t state)
{
    return state == FAL_FACE_DETECTED || state == FAL_FACE_TRACKED;
}

/* Fills frames [first, first+count) without measured landmarks, in place: between two measured frames a < b linearly
 * per coordinate, lm[a] + (t-a)/(b-a) * (lm[b]-lm[a]) in double; before the first and after the last as the nearest
 * one. The former become FAL_FACE_INTERPOLATED, the latter stay FAL_FACE_MISSING. Without any measured frame nothing
 * changes and false is returned. (landmarks_interpolate of AV-HuBERT's align_mouth.py.) */
bool fal_landmarks_interpolate(fal_landmarks *landmarks, uint8_t *states, int64_t first, int64_t count);

#endif
