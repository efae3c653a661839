/* A LayerNorm with its weights: y = (x - mean) / sqrt(var + eps) * gamma + beta over each row, biased variance. */
#ifndef FAL_ENCODER_NORM_H
#define FAL_ENCODER_NORM_H

#include "tensor/ops.h"

/* What a file holds of one. */
typedef struct fal_norm_weights {
    fal_tensor gamma, beta;
} fal_norm_weights;

typedef struct fal_norm {
    int64_t dim;
    double eps;
    float *gamma, *beta; /* [dim], one allocation that starts at gamma */
} fal_norm;

fal_status fal_norm_create(const fal_norm_weights *weights, double eps, fal_norm *out, fal_error *err);
void fal_norm_free(fal_norm *norm);
void fal_norm_run(const fal_norm *norm, fal_run *run, const float *x, int64_t rows, float *y); /* y may be x */

#endif
