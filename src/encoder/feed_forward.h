/* The feed-forward half of a layer:
 *
 *   pre-norm   x += factor * scale * fc2(act(fc1(norm(x))))
 *   post-norm  x = norm(x + factor * scale * fc2(act(fc1(x)))) */
#ifndef FAL_ENCODER_FEED_FORWARD_H
#define FAL_ENCODER_FEED_FORWARD_H

#include "encoder/build.h"
#include "encoder/forward.h"
#include "encoder/norm.h"

/* What a file holds. Members are fal_tensor only. */
typedef struct fal_feed_forward_weights {
    fal_norm_weights norm;   /* [D]; with running statistics a BatchNorm (BRAVEn) */
    fal_tensor fc1_w, fc1_b; /* [F,D], [F] */
    fal_tensor fc2_w, fc2_b; /* [D,F], [D] */
    fal_tensor scale;        /* [D] layer scale; absent: 1 */
} fal_feed_forward_weights;

typedef struct fal_feed_forward_params {
    int64_t width, ffn;
    bool pre_norm;
    double norm_eps;
    fal_act act;
    double factor; /* of what is added: 0.5 in a macaron half */
} fal_feed_forward_params;

typedef struct fal_feed_forward fal_feed_forward;
fal_status fal_feed_forward_create(const fal_feed_forward_params *params, const fal_feed_forward_weights *weights,
                                   fal_precision precision, fal_feed_forward **out, fal_error *err);
void fal_feed_forward_free(fal_feed_forward **ff);

/* x [rows, D] in place. `stage`: name for the inner activations act(fc1(..)) [rows, F]; NULL: not shown. */
fal_status fal_feed_forward_run(const fal_feed_forward *ff, fal_forward *pass, float *x, int64_t rows,
                                const char *stage, fal_error *err);

#endif
