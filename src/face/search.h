/* Looking for faces nobody knows of yet: the whole frame, at one of three prices. */
#ifndef FAL_FACE_SEARCH_H
#define FAL_FACE_SEARCH_H

#include "core/arena.h"
#include "face/detector.h"

typedef enum fal_search_depth {
    FAL_SEARCH_QUICK,  /* the frame shrunk to 640 pixels on its long side: faces of an eighth of that */
    FAL_SEARCH_NORMAL, /* the frame as it is: faces of 80 pixels */
    FAL_SEARCH_DEEP,   /* enlarged twice: faces of 40 pixels; what the official procedure does in every frame */
    FAL_SEARCH_DEPTHS
} fal_search_depth;

/* Boxes in frame coordinates, best first. `threshold`, `capacity` and `count` as in fal_detector_find. */
fal_status fal_search_faces(fal_detector *detector, const fal_picture *gray, fal_search_depth depth, double threshold,
                            fal_arena *arena, fal_face_box *boxes, size_t capacity, size_t *count, fal_error *err);

/* The best face near a known one: in the level that suits its size and the two next to it, its box within `reach` level
 * pixels (a face is 80) of `known` on each side and overlapping it. *found = false when there is none at
 * `threshold`. */
fal_status fal_search_near(fal_detector *detector, const fal_picture *gray, fal_rect known, int64_t reach,
                           double threshold, fal_arena *arena, fal_face_box *best, bool *found, fal_error *err);

#endif
