/* Forward operations. Activations are row-major float32: [rows, channels] (time or frames first, channels last).
 * Layers own packed weights, are immutable once made and may be shared by threads; everything else lives in the run.
 * Each op has a plain C twin in naive.h; tests compare the two on random shapes.
 *
 * Where the words below say "act", it is applied after bias and before a residual is added, unless said otherwise. */
#ifndef FAL_TENSOR_OPS_H
#define FAL_TENSOR_OPS_H

#include "tensor/run.h"

typedef enum fal_act {
    FAL_ACT_NONE,
    FAL_ACT_RELU,
    FAL_ACT_GELU,       /* exact, 0.5 x (1 + erf(x / sqrt 2)) */
    FAL_ACT_QUICK_GELU, /* x * sigmoid(1.702 x), CLIP */
    FAL_ACT_SWISH,      /* x * sigmoid(x) */
    FAL_ACT_PRELU,      /* x >= 0 ? x : slope[c] * x; convolutions only, slopes given at creation */
    FAL_ACT_TANH
} fal_act;

/* ---- linear: y = act(x W^T + b) (+ residual) --------------------------------------------------------------------- */

typedef struct fal_linear fal_linear;

/* weight [out, in] (any float dtype, any strides), bias [out] or NULL. Weights are packed here, once. */
fal_status fal_linear_create(const fal_tensor *weight, const fal_tensor *bias, fal_precision precision,
                             fal_linear **out, fal_error *err);
void fal_linear_free(fal_linear **linear);
int64_t fal_linear_in(const fal_linear *linear);
int64_t fal_linear_out(const fal_linear *linear);

typedef struct fal_linear_args {
    const float *x;      /* [rows, in], row stride x_stride */
    int64_t rows;
    int64_t x_stride;    /* 0: in */
    float *y;            /* [rows, out], row stride y_stride; must not overlap x */
    int64_t y_stride;    /* 0: out */
    fal_act act;
    const float *residual; /* added after act; may be y itself; [rows, out], row stride residual_stride; NULL: none */
    int64_t residual_stride; /* 0: out */
} fal_linear_args;
fal_status fal_linear_run(const fal_linear *linear, fal_run *run, const fal_linear_args *args, fal_error *err);

/* Plain product for attention-like uses: c[b] (+)= alpha * op(a[b]) * op(b[b]) + bias, op(a) [m,k], op(b) [k,n], c [m,n],
 * float32. Row strides and batch strides in elements. */
typedef struct fal_matmul_args {
    int64_t batch, m, n, k;
    const float *a; int64_t a_row, a_batch; bool a_transposed; /* a stored [k,m] */
    const float *b; int64_t b_row, b_batch; bool b_transposed; /* b stored [n,k] */
    float *c; int64_t c_row, c_batch;
    float alpha;        /* 0 means 1 */
    const float *bias;  /* [n], the same for every batch item; NULL: none */
    bool accumulate;    /* c += instead of c = */
} fal_matmul_args;
fal_status fal_matmul_run(fal_run *run, const fal_matmul_args *args, fal_error *err);

/* ---- convolution (1-D, 2-D, 3-D; groups; eval-mode BatchNorm folded in) ------------------------------------------ */

typedef struct fal_conv fal_conv;

typedef struct fal_conv_params {
    int dims;                 /* 1, 2 or 3: how many of [depth, height, width] are used, counted from the last */
    fal_tensor weight;        /* [out, in/groups, k...] with `dims` kernel axes, PyTorch order */
    const fal_tensor *bias;   /* [out] or NULL */
    int64_t stride[3], pad[3]; /* per used axis, in the order of the kernel axes; stride 0 means 1 */
    int64_t groups;           /* 0 means 1 */
    /* y = (conv - mean) / sqrt(var + eps) * gamma + beta, folded in at creation, in double; all or none */
    const fal_tensor *bn_gamma, *bn_beta, *bn_mean, *bn_var;
    double bn_eps;            /* 0 means 1e-5 */
    fal_act act;
    const fal_tensor *prelu;  /* [out], for FAL_ACT_PRELU */
    bool act_after_residual;  /* basic blocks: add the residual, then act */
    /* FAL_PRECISION_BF16: as for linear layers, but depthwise layers, and 3x3 layers computed by Winograd's filtering
     * on CPUs without bfloat16 units, keep float32 weights. */
    fal_precision precision;
} fal_conv_params;
fal_status fal_conv_create(const fal_conv_params *params, fal_conv **out, fal_error *err);
void fal_conv_free(fal_conv **conv);

typedef struct fal_conv_args {
    const float *x;        /* [batch, d.., in] channels last, e.g. 2-D: [batch, height, width, in] */
    int64_t batch;
    int64_t size[3];       /* input extent per used axis */
    float *y;              /* [batch, o.., out] channels last */
    const float *residual; /* same layout as y, may be y itself; NULL: none */
} fal_conv_args;
/* A call with many images reads the weights less often: give 100 frames and more to layers of 512 channels when there
 * are. Output extent per axis: floor((size + 2 pad - k) / stride) + 1. */
void fal_conv_out_size(const fal_conv *conv, const int64_t size[3], int64_t out[3]);
int64_t fal_conv_out_channels(const fal_conv *conv);
int64_t fal_conv_in_channels(const fal_conv *conv);
fal_status fal_conv_run(const fal_conv *conv, fal_run *run, const fal_conv_args *args, fal_error *err);

/* Max pooling over [height, width] of [batch, height, width, channels]; padded positions never win. */
typedef struct fal_pool_args {
    const float *x; int64_t batch, height, width, channels;
    int64_t kernel, stride, pad;
    float *y;
} fal_pool_args;
fal_status fal_max_pool2d(fal_run *run, const fal_pool_args *args, fal_error *err);

/* Fused AV-HuBERT/BRAVEn/Auto-AVSR video stem is a 3-D convolution followed by max pooling: see encoder/resnet.h. */

/* ---- norms ------------------------------------------------------------------------------------------------------- */

/* y = (x - mean) / sqrt(var + eps) * gamma + beta over each row of `dim` values, biased variance; gamma and beta may be
 * NULL (no affine). y may be x. Sums in float64-safe fashion (two passes). */
void fal_layer_norm(fal_run *run, const float *x, int64_t rows, int64_t dim, const float *gamma, const float *beta,
                    double eps, float *y);
/* Eval-mode BatchNorm as a per-channel affine: y = x * scale + shift over the last axis; y may be x. */
void fal_channel_affine(fal_run *run, const float *x, int64_t rows, int64_t dim, const float *scale, const float *shift,
                        float *y);
/* Row-wise L2 normalisation without epsilon; a zero row stays zero. Returns the number of zero rows. */
int64_t fal_l2_normalise_rows(const float *x, int64_t rows, int64_t dim, float *y);

/* ---- elementwise ------------------------------------------------------------------------------------------------- */

void fal_act_apply(fal_run *run, fal_act act, const float *x, int64_t count, float *y);
void fal_add(fal_run *run, const float *a, const float *b, int64_t count, float *y); /* y may be a or b */
/* Gated linear unit, y[r][c] = x[r][c] * sigmoid(x[r][dim + c]): x [rows, 2 dim], y [rows, dim]; y must not overlap x. */
void fal_glu(fal_run *run, const float *x, int64_t rows, int64_t dim, float *y);
/* Mean over `group` consecutive rows of [rows, dim]: y [rows / group, dim]. */
void fal_mean_rows(fal_run *run, const float *x, int64_t rows, int64_t dim, int64_t group, float *y);

/* ---- attention ------------------------------------------------------------------------------------------------------
 * out_i = sum_j softmax_j(scale * q_i.k_j + bias_ij) v_j per head, heads are consecutive slices of dim/heads channels.
 * Worked off in blocks of query rows: memory grows with rows * block, never with rows^2, so ten minutes of audio fit.
 */
typedef struct fal_attention_args {
    int64_t rows, dim, heads;
    const float *q, *k, *v;     /* [rows, dim], row stride qkv_stride (q, k, v may be slices of one [rows, 3 dim]) */
    int64_t qkv_stride;         /* 0: dim */
    float *out;                 /* [rows, dim] contiguous */
    float scale;                /* 0 means (dim/heads)^-0.5; applied to q.k */
    /* Relative bias that depends on j - i only, optionally gated per query (WavLM):
     * bias_ij = gate[head][i] * rel_bias[head][j - i + rows - 1]; gate NULL means 1. */
    const float *rel_bias;      /* [heads, 2 rows - 1] or NULL */
    const float *gate;          /* [heads, rows] or NULL */
    /* Transformer-XL style positions (BRAVEn, Auto-AVSR): score = scale * ((q_i + u).k_j + (q_i + w).pos[rows-1-i+j]).
     */
    const float *pos;           /* [2 rows - 1, dim] projected position table, or NULL */
    const float *pos_u, *pos_w; /* [dim] each (heads concatenated) */
    bool causal;                /* j <= i only */
} fal_attention_args;
/* Scores, softmax and the weighted sum are float32 in every precision; `precision` is taken for callers' symmetry. */
fal_status fal_attention_run(fal_run *run, const fal_attention_args *args, fal_precision precision, fal_error *err);

#endif
