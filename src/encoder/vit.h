/* A vision transformer over pictures, or over windows of consecutive pictures (Dosovitskiy et al. 2021; tubelets: Tong
 * et al. 2022):
 *
 *   patches ─ Linear ─ [class token before them] ─ + positions ─ [LN] ─ L pre-norm layers ─► tokens
 *
 * Pictures are independent of each other, windows too, so a clip goes through in batches of bounded size. What happens
 * to the tokens of the last layer is the family's:
 *
 *   fal_vit_batch batch;
 *   FAL_TRY(fal_vit_start(vit, pass, &batch, err));
 *   FAL_FLOATS(out, pass->run, batch.windows * dim);        // lives as long as the pass
 *   while (batch.first + batch.count < batch.windows) {
 *       FAL_TRY(fal_vit_next(vit, pass, &batch, err));
 *       ... batch.x [batch.count * batch.tokens, D] -> rows of out from batch.first on; scratch lives until the next
 *   } */
#ifndef FAL_ENCODER_VIT_H
#define FAL_ENCODER_VIT_H

#include "encoder/pictures.h"
#include "encoder/transformer.h"
#include "encoder/vit_config.h"

/* What a file holds; tensors without data are not there. */
typedef struct fal_vit_weights {
    fal_tensor patch_w, patch_b; /* [D,3,P,P] or [D,3,depth,P,P], [D] or absent */
    fal_tensor class_token;      /* D values in any shape, or absent */
    fal_tensor positions;        /* a row per token, class token first; absent: the table of fal_vit_clip_table */
    fal_norm_weights pre_norm;   /* [D] or absent */
} fal_vit_weights;

typedef struct fal_vit fal_vit;

/* blocks: [layers]. */
fal_status fal_vit_create(const fal_vit_config *config, const fal_vit_weights *weights, const fal_block_weights *blocks,
                          const fal_build *build, fal_vit **out, fal_error *err);
void fal_vit_free(fal_vit **vit);

typedef struct fal_vit_batch {
    fal_pictures pictures;
    int64_t steps;        /* layers of patches in the clip: its frames, or its tubelets */
    int64_t window_steps; /* of a window */
    int64_t step_rows;    /* tokens of a step, the class token among them */
    int64_t tokens;       /* of a window */
    int64_t windows;      /* of the clip; the last one is completed by repeating the last picture */
    int64_t first, count; /* windows before this batch, and in it */
    float *x;             /* [count * tokens, D], what the last layer wrote; may be overwritten */
    fal_arena_mark mark;
} fal_vit_batch;

/* Looks at pass->video, makes room for the hidden states: a row per token of the clip's steps, or of its windows when
 * hidden states are pooled over whole windows. `order` is for float input. */
fal_status fal_vit_start(const fal_vit *vit, fal_forward *pass, fal_picture_order order, fal_vit_batch *batch,
                         fal_error *err);
/* The next batch through all layers wanted; hidden states are kept. Stages: "patch_embed", "embed" and, with a norm,
 * "after_ln_pre"; with a stage hook all pictures are one batch. */
fal_status fal_vit_next(const fal_vit *vit, fal_forward *pass, fal_vit_batch *batch, fal_error *err);

/* Of a batch of pictures with a class token, to rows of `out`: the class tokens, [count, D], or all others,
 * [count * (tokens - 1), D]. */
void fal_vit_class_rows(const fal_vit *vit, const fal_vit_batch *batch, float *out);
void fal_vit_patch_rows(const fal_vit *vit, const fal_vit_batch *batch, float *out);

/* The fixed table of VideoMAE, over the flattened index of a token in its window:
 * table[p][2m] = sin(p w_m), table[p][2m+1] = cos(p w_m), w_m = 10000^(-2m/width), in double. */
void fal_vit_clip_table(int64_t tokens, int64_t width, float *table);

#endif
