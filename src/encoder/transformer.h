/* A stack of transformer or conformer layers. What families vary is data:
 *
 *   pre-norm:   x += attn(LN_a(x)),  x += ffn(N_f(x))
 *   post-norm:  x = LN_a(x + attn(x)),  x = LN_f(x + ffn(x))
 *   conformer:  x += ffn'(LN_m(x)) / 2,  x += attn(LN_a(x)),  x += conv(LN_c(x)),  x += ffn(LN_f(x)) / 2,
 *               x = LN_o(x)
 *
 * self_attention.h, feed_forward.h and conv_module.h have the parts. Vaswani et al. 2017 (post-norm), Xiong et al. 2020
 * (pre-norm), Gulati et al. 2020 (conformer). */
#ifndef FAL_ENCODER_TRANSFORMER_H
#define FAL_ENCODER_TRANSFORMER_H

#include "encoder/conv_module.h"
#include "encoder/feed_forward.h"
#include "encoder/self_attention.h"

/* What a file holds of one layer; families bind it with their own tensor names. Members are fal_tensor only. */
typedef struct fal_block_weights {
    fal_norm_weights attn_norm; /* [D] */
    fal_attention_weights attn;
    fal_feed_forward_weights ffn;
    fal_feed_forward_weights macaron; /* the rest: conformer layers */
    fal_conv_module_weights conv;
    fal_norm_weights out_norm; /* [D] */
} fal_block_weights;

typedef struct fal_transformer_params {
    int64_t width, ffn, heads, layers;
    bool pre_norm;
    bool conformer;  /* needs pre_norm */
    double norm_eps; /* of every LayerNorm */
    fal_act act;
    fal_positions positions;
    /* FAL_POSITIONS_BUCKETED: the table all layers share, [buckets, heads]. */
    const fal_tensor *bucket_table;
    int64_t max_distance;
} fal_transformer_params;

typedef struct fal_transformer fal_transformer;

/* weights: [layers]. */
fal_status fal_transformer_create(const fal_transformer_params *params, const fal_block_weights *weights,
                                  const fal_build *build, fal_transformer **out, fal_error *err);
void fal_transformer_free(fal_transformer **transformer);

/* Runs layers 1..pass->last_layer over x [rows, width] in place; rows of `sequence` consecutive tokens see each other
 * (a clip: sequence = rows; a batch of pictures: tokens of one). Positions need sequence == rows. Keeps the wanted
 * hidden states that layers read; what the last one writes is the caller's to keep, because families differ in the norm
 * that comes after it.
 *
 * Stages: "positions" (the table or the bias), and of the first layer
 *   "layer0_attn_norm"       what attention reads, pre-norm only
 *   "layer0_gate"            [heads, rows], bucketed positions only
 *   "layer0_attn"            what attention adds
 *   "layer0_ffn_act"         inside the feed-forward
 *   "layer0_conv_norm", "layer0_conv_depthwise"  conformer layers only */
fal_status fal_transformer_run(const fal_transformer *transformer, fal_forward *pass, float *x, int64_t rows,
                               int64_t sequence, fal_error *err);

#endif
