/* The plain C twin of every operation in ops.h and backward.h: loops as the formula is written, sums in double, one
 * thread, no scratch. Tests compare the fast versions with these; nothing else calls them. Argument structs and their zero
 * defaults are those of the two headers; weights are contiguous float32 in PyTorch order. */
#ifndef FAL_TENSOR_NAIVE_H
#define FAL_TENSOR_NAIVE_H

#include "tensor/backward.h"

double fal_naive_act(fal_act act, double x, double prelu_slope);

void fal_naive_linear(const float *weight, const float *bias, int64_t in, int64_t out, const fal_linear_args *args);
void fal_naive_matmul(const fal_matmul_args *args);
/* params->weight and the other tensors must be contiguous float32. */
void fal_naive_conv(const fal_conv_params *params, const fal_conv_args *args);
void fal_naive_max_pool2d(const fal_pool_args *args);

void fal_naive_layer_norm(const float *x, int64_t rows, int64_t dim, const float *gamma, const float *beta, double eps,
                          float *y);
void fal_naive_channel_affine(const float *x, int64_t rows, int64_t dim, const float *scale, const float *shift,
                              float *y);
int64_t fal_naive_l2_normalise_rows(const float *x, int64_t rows, int64_t dim, float *y);

void fal_naive_act_apply(fal_act act, const float *x, int64_t count, float *y);
void fal_naive_add(const float *a, const float *b, int64_t count, float *y);
void fal_naive_glu(const float *x, int64_t rows, int64_t dim, float *y);
void fal_naive_mean_rows(const float *x, int64_t rows, int64_t dim, int64_t group, float *y);

/* `scores` is scratch for args->rows values. */
void fal_naive_attention(const fal_attention_args *args, double *scores);

void fal_naive_dense(const fal_dense *dense, const fal_dense_args *args);
void fal_naive_dense_backward(const fal_dense *dense, const fal_dense_gradient *args);
void fal_naive_layer_norm_backward(const fal_layer_norm_gradient *args);
double fal_naive_gelu_slope(double x);
/* `scratch`: 2 * args->rows values. dq, dk and dv must be zeros. */
void fal_naive_attention_backward(const fal_attention_gradient *args, double *scratch);

#endif
