/* Inside of a convolution layer, shared by its algorithms. Geometry always has three axes [depth, height, width]; a
 * layer of fewer axes has extent 1 in the first ones. */
#ifndef FAL_TENSOR_CONV_LAYER_H
#define FAL_TENSOR_CONV_LAYER_H

#include "tensor/gemm.h"

struct fal_conv {
    int dims;
    int64_t in, out, groups;
    int64_t kernel[3], stride[3], pad[3];
    fal_act act;
    bool act_after_residual;
    float *bias;       /* [out] or NULL; BatchNorm folded in */
    float *slope;      /* [out] for PReLU, or NULL */
    fal_packed *group; /* [groups] of [taps * in/groups, out/groups], taps outermost; NULL for depthwise */
    float *depthwise;  /* [taps, channels] when every channel is its own group; else NULL */
    int tile;          /* Winograd: outputs per tile side (then `point` is set), else 0 */
    fal_packed *point; /* [fal_conv_points] of [in, out] */
};

/* One call: extents of the three axes. */
typedef struct fal_conv_shape {
    int64_t batch, in[3], out[3];
} fal_conv_shape;

/* Bias, activation and residual of this call, for fal_finish. */
fal_finish fal_conv_finish(const fal_conv *conv, const fal_conv_args *args);

fal_status fal_conv_run_depthwise(const fal_conv *conv, fal_run *run, const fal_conv_shape *shape,
                                  const fal_conv_args *args, fal_error *err);
/* Rows of taps * in/groups values gathered block by block, then a matrix product per group. */
fal_status fal_conv_run_gathered(const fal_conv *conv, fal_run *run, const fal_conv_shape *shape,
                                 const fal_conv_args *args, fal_error *err);

/* Winograd's minimal filtering for kernels of 3 or 3x3 and stride 1: 2 to 4 times fewer multiplications. */
bool fal_conv_suits_winograd(const fal_conv *conv);
/* Points of a transformed tile. */
static inline int64_t fal_conv_points(const fal_conv *conv)
{
    const int64_t side = conv->tile + 2;
    return conv->dims == 1 ? side : side * side;
}
/* weight: [out, taps, in]. */
fal_status fal_conv_set_winograd(fal_conv *conv, const float *weight, fal_error *err);
fal_status fal_conv_run_winograd(const fal_conv *conv, fal_run *run, const fal_conv_shape *shape,
                                 const fal_conv_args *args, fal_error *err);

#endif
