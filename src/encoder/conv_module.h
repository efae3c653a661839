/* The convolution module of a conformer layer (Gulati et al. 2020):
 *
 *   x += pw2(swish(BN(depthwise(glu(pw1(LN(x)))))))      kernel K over time, zeros outside the clip */
#ifndef FAL_ENCODER_CONV_MODULE_H
#define FAL_ENCODER_CONV_MODULE_H

#include "encoder/build.h"
#include "encoder/forward.h"
#include "encoder/norm.h"

/* What a file holds. Members are fal_tensor only. */
typedef struct fal_conv_module_weights {
    fal_norm_weights norm;               /* [D] */
    fal_tensor pw1_w, pw1_b;             /* [2D,D,1], [2D] */
    fal_tensor depthwise_w, depthwise_b; /* [D,1,K], [D]; K is odd */
    fal_norm_weights batch_norm;         /* [D], with running statistics */
    fal_tensor pw2_w, pw2_b;             /* [D,D,1], [D] */
} fal_conv_module_weights;

typedef struct fal_conv_module fal_conv_module;
fal_status fal_conv_module_create(const fal_conv_module_weights *weights, double norm_eps, fal_precision precision,
                                  fal_conv_module **out, fal_error *err);
void fal_conv_module_free(fal_conv_module **module);

/* x [rows, D] in place. With `stages` the stages "layer0_conv_norm" and "layer0_conv_depthwise" (after BN and swish)
 * are shown. */
fal_status fal_conv_module_run(const fal_conv_module *module, fal_forward *pass, float *x, int64_t rows, bool stages,
                               fal_error *err);

#endif
