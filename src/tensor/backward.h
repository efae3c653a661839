/* Training: layers whose weights change at every step, and the gradients of the operations they are made of. Plain
 * C twins in naive.h.
 *
 * A gradient is written d<name>: dy is that of the loss by y. Gradients of weights are added to what is there, so that
 * those of several clips add up; gradients of activations are written. Scratch comes from the run and is given back.
 * Every result is the same, byte for byte, for any number of threads. */
#ifndef FAL_TENSOR_BACKWARD_H
#define FAL_TENSOR_BACKWARD_H

#include "tensor/ops.h"

/* ---- y = x W^T + b with W as it lies in memory ------------------------------------------------------------------- */

typedef struct fal_dense {
    int64_t in, out;
    const float *weight;   /* [out, in], row stride weight_stride */
    int64_t weight_stride; /* 0: in. More when it is some columns of a wider matrix */
    const float *bias;     /* [out] or NULL */
} fal_dense;

typedef struct fal_dense_args {
    const float *x;   /* [rows, in], row stride x_stride */
    int64_t rows;
    int64_t x_stride; /* 0: in */
    float *y;         /* [rows, out], row stride y_stride; must not overlap x */
    int64_t y_stride; /* 0: out */
    bool accumulate;  /* y += instead of y = */
} fal_dense_args;
fal_status fal_dense_run(fal_run *run, const fal_dense *dense, const fal_dense_args *args, fal_error *err);

typedef struct fal_dense_gradient {
    const float *x;    /* [rows, in], row stride x_stride; what the layer was given */
    int64_t rows;
    int64_t x_stride;  /* 0: in */
    const float *dy;   /* [rows, out], row stride dy_stride */
    int64_t dy_stride; /* 0: out */
    float *dx;         /* [rows, in], row stride dx_stride: written, or added to with accumulate_dx. NULL: not wanted */
    int64_t dx_stride; /* 0: in */
    bool accumulate_dx;
    float *dweight;    /* [out, in], row stride as the weight's: added to. NULL: not wanted */
    float *dbias;      /* [out]: added to. NULL: not wanted */
} fal_dense_gradient;
fal_status fal_dense_backward(fal_run *run, const fal_dense *dense, const fal_dense_gradient *args, fal_error *err);

/* ---- layer norm -------------------------------------------------------------------------------------------------- */

typedef struct fal_layer_norm_gradient {
    const float *x;       /* [rows, dim], what fal_layer_norm was given */
    int64_t rows, dim;
    const float *gamma;   /* [dim] or NULL */
    double eps;
    const float *dy;      /* [rows, dim] */
    float *dx;            /* [rows, dim]: written, or added to with accumulate_dx; must not overlap dy. NULL: not wanted */
    bool accumulate_dx;
    float *dgamma, *dbeta; /* [dim]: added to. NULL: not wanted */
} fal_layer_norm_gradient;
fal_status fal_layer_norm_backward(fal_run *run, const fal_layer_norm_gradient *args, fal_error *err);

/* ---- activations: dx = dy * act'(x); x is what the activation was given, dx may be dy ----------------------------- */

void fal_relu_backward(fal_run *run, const float *x, const float *dy, int64_t count, float *dx); /* 0 at x = 0 */
void fal_gelu_backward(fal_run *run, const float *x, const float *dy, int64_t count, float *dx); /* exact GELU */

/* ---- attention without biases or positions -----------------------------------------------------------------------
 * The softmax is computed again, some query rows at a time: memory grows with rows, not with rows^2. */
typedef struct fal_attention_gradient {
    int64_t rows, dim, heads;
    const float *q, *k, *v; /* [rows, dim], row stride qkv_stride, as in fal_attention_args */
    int64_t qkv_stride;     /* 0: dim */
    float scale;            /* 0 means (dim/heads)^-0.5 */
    bool causal;
    const float *dout;      /* [rows, dim] contiguous */
    float *dq, *dk, *dv;    /* [rows, dim], row stride dqkv_stride */
    int64_t dqkv_stride;    /* 0: dim */
} fal_attention_gradient;
fal_status fal_attention_backward(fal_run *run, const fal_attention_gradient *args, fal_error *err);

#endif
