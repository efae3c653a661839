/* A normalisation with its weights, over the last axis:
 *
 *   LayerNorm                 y = (x - mean) / sqrt(var + eps) * gamma + beta, mean and biased variance of each row
 *   BatchNorm (evaluation)    the same formula with mean and variance per channel from the file and eps 1e-5;
 *                             it is one when the file has running statistics */
#ifndef FAL_ENCODER_NORM_H
#define FAL_ENCODER_NORM_H

#include "tensor/ops.h"

/* What a file holds of one. */
typedef struct fal_norm_weights {
    fal_tensor gamma, beta;
    fal_tensor mean, var; /* without data: a LayerNorm */
} fal_norm_weights;

typedef struct fal_norm {
    int64_t dim;
    double eps;
    bool batch;
    float *gamma, *beta; /* [dim], one allocation that starts at gamma; of a BatchNorm scale and shift */
} fal_norm;

/* eps: of a LayerNorm. */
fal_status fal_norm_create(const fal_norm_weights *weights, double eps, fal_norm *out, fal_error *err);
void fal_norm_free(fal_norm *norm);
void fal_norm_run(const fal_norm *norm, fal_run *run, const float *x, int64_t rows, float *y); /* y may be x */

#endif
