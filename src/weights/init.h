/* Private to this folder: drawing initial values. */
#ifndef FAL_WEIGHTS_INIT_H
#define FAL_WEIGHTS_INIT_H

#include "weights/bind.h"

typedef struct fal_draw {
    const char *name; /* its random stream */
    fal_tensor shape;
    fal_init init;    /* any kind but FAMILY */
    double fan_in;    /* for FAN_IN; 0: of the shape */
    float *out;       /* [count], contiguous */
} fal_draw;

/* Fills all tensors on `threads` threads. Same seed, names and shapes: same values, whatever the thread count. */
fal_status fal_draw_all(const fal_draw *draws, size_t count, uint64_t seed, int threads, fal_error *err);

#endif
