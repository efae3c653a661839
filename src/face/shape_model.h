/* What a landmark model is made of, shared by its reader (shape_parse.c) and its use (shape.c). */
#ifndef FAL_FACE_SHAPE_MODEL_H
#define FAL_FACE_SHAPE_MODEL_H

#include "face/shape.h"

#include <stdint.h>

enum {
    FAL_SHAPE_FLOATS = 2 * FAL_LANDMARK_COUNT, /* x0 y0 x1 y1 ...: 0 is left or top of the box, 1 right or bottom */
    FAL_SHAPE_MOST_PIXELS = 4096               /* looked at in one cascade */
};

/* Goes to the left child when pixel a is brighter than pixel b by more than the threshold. */
typedef struct fal_shape_split {
    uint16_t a, b;
    float threshold;
} fal_shape_split;

/* A pixel to look at: a landmark of the current shape plus an offset that turns and scales with the shape. */
typedef struct fal_shape_pixel {
    uint8_t anchor;
    float dx, dy;
} fal_shape_pixel;

/* Every cascade has the same number of trees and pixels, every tree the same number of leaves (a power of two). */
struct fal_shape_model {
    size_t cascades, trees, leaves, pixels;
    float mean[FAL_SHAPE_FLOATS];
    fal_shape_split *splits; /* [cascades][trees][leaves - 1] */
    float *steps;            /* [cascades][trees][leaves][136] */
    fal_shape_pixel *pixel;  /* [cascades][pixels] */
};

#endif
