/* A linear layer whose output is multiplied by something known at load time: y = (x W^T + b) * scale * factor. The
 * multiplication goes into the packed weights and costs nothing at run time. */
#ifndef FAL_ENCODER_SCALED_LINEAR_H
#define FAL_ENCODER_SCALED_LINEAR_H

#include "tensor/ops.h"

/* weight [out, in], or [out, in, 1] as a convolution of width 1 stores it; bias [out], or without data: 0; scale [out],
 * or without data or NULL: 1. */
fal_status fal_scaled_linear_create(const fal_tensor *weight, const fal_tensor *bias, const fal_tensor *scale,
                                    double factor, fal_precision precision, fal_linear **out, fal_error *err);

#endif
