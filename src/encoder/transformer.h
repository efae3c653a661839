/* A stack of transformer layers: self-attention and feed-forward, each with a residual and a LayerNorm.
 *
 *   pre-norm:   x = x + attn(LN_a(x));   x = x + fc2(act(fc1(LN_f(x))))
 *   post-norm:  x = LN_a(x + attn(x));   x = LN_f(x + fc2(act(fc1(x))))
 *
 * attn: q, k, v = Linear(x), heads are consecutive slices of D/heads channels, softmax over all rows, out projection.
 * Vaswani et al. 2017 (post-norm), Xiong et al. 2020 (pre-norm). */
#ifndef FAL_ENCODER_TRANSFORMER_H
#define FAL_ENCODER_TRANSFORMER_H

#include "encoder/build.h"
#include "encoder/forward.h"
#include "encoder/norm.h"

/* What a file holds of one layer; families bind it with their own tensor names. Members are fal_tensor only. */
typedef struct fal_block_weights {
    fal_tensor q_w, q_b, k_w, k_b, v_w, v_b; /* [D,D], [D] */
    fal_tensor out_w, out_b;                 /* [D,D], [D] */
    fal_norm_weights attn_norm;              /* [D] */
    fal_tensor fc1_w, fc1_b;                 /* [F,D], [F] */
    fal_tensor fc2_w, fc2_b;                 /* [D,F], [D] */
    fal_norm_weights ffn_norm;               /* [D] */
} fal_block_weights;

typedef struct fal_transformer_params {
    int64_t width, ffn, heads, layers;
    bool pre_norm;
    double norm_eps;
    fal_act act;
} fal_transformer_params;

typedef struct fal_transformer fal_transformer;

/* weights: [layers]. */
fal_status fal_transformer_create(const fal_transformer_params *params, const fal_block_weights *weights,
                                  const fal_build *build, fal_transformer **out, fal_error *err);
void fal_transformer_free(fal_transformer **transformer);

/* Runs layers 1..pass->last_layer over x [rows, width] in place. Keeps the wanted hidden states that layers read; what
 * the last one writes is the caller's to keep, because families differ in the norm that comes after it.
 * Stage: "layer0_attn", the first layer's attention before its residual. */
fal_status fal_transformer_run(const fal_transformer *transformer, fal_forward *pass, float *x, int64_t rows,
                               fal_error *err);

#endif
