/* The network of AVH-Align (bit-ml/AVH-Align, model.py: FusionModel) and of AVH-Align/sup, forward and backward:
 *
 *   x [rows, sum of dims]                 one part of a row (proj), or two (visual_proj, audio_proj)
 *     -> Linear per part, side by side    joined    [rows, sum of projected]
 *     -> Linear                           before[0] [rows, width[0]]
 *        LayerNorm, ReLU                  after[0]
 *     -> twice Linear, LayerNorm, ReLU    before[1], after[1], before[2], after[2]
 *     -> Linear                           out       [rows]
 *
 * Names in files: visual_proj, audio_proj or proj, and mlp.0 to mlp.9, where 0, 3, 6 and 9 are the Linear layers and 1,
 * 4, 7 the norms. Every width is read from the shapes. */
#ifndef FAL_HEAD_MLP_H
#define FAL_HEAD_MLP_H

#include "head/params.h"
#include "tensor/backward.h"

enum { FAL_MLP_PARTS = 2, FAL_MLP_LAYERS = 4, FAL_MLP_NORMS = 3 };

typedef struct fal_mlp_shape {
    size_t parts;
    int64_t dims[FAL_MLP_PARTS], projected[FAL_MLP_PARTS];
    int64_t width[FAL_MLP_NORMS];
} fal_mlp_shape;

/* One or two parts, by the names in the file. */
fal_status fal_mlp_read_shape(const fal_checkpoint *ckpt, fal_mlp_shape *out, fal_error *err);
/* Initial values as PyTorch draws them: Linear uniform in +-1/sqrt(in), norms 1 and 0. */
fal_status fal_mlp_declare(const fal_mlp_shape *shape, fal_params *params, fal_error *err);

typedef struct fal_mlp_linear {
    int64_t in, out;
    size_t weight, bias; /* places in the parameters */
} fal_mlp_linear;

/* The network in use: where its parameters are, their values, and the run for threads and scratch. */
typedef struct fal_mlp {
    size_t parts;
    fal_mlp_linear projection[FAL_MLP_PARTS], layer[FAL_MLP_LAYERS];
    size_t gamma[FAL_MLP_NORMS], beta[FAL_MLP_NORMS];
    const float *values;
    fal_run *run;
} fal_mlp;

fal_mlp fal_mlp_use(const fal_mlp_shape *shape, const float *values, fal_run *run);
/* Columns [first, first + count) of a layer's input; its bias only when first is 0. */
fal_dense fal_mlp_dense(const fal_mlp *mlp, const fal_mlp_linear *linear, int64_t first, int64_t count);

/* What a pass over some rows leaves, all in the run's arena. */
typedef struct fal_mlp_trace {
    int64_t rows;
    float *joined;
    float *before[FAL_MLP_NORMS], *after[FAL_MLP_NORMS];
    float *out;
} fal_mlp_trace;

/* Room for `rows` rows; `joined` stays NULL when only the trunk is used. */
fal_status fal_mlp_make_trace(const fal_mlp *mlp, int64_t rows, bool whole, fal_mlp_trace *out, fal_error *err);

/* x: rows of all parts side by side. */
fal_status fal_mlp_forward(const fal_mlp *mlp, const float *x, const fal_mlp_trace *trace, fal_error *err);
/* Only the outputs, out [rows], of any number of rows in little memory. */
fal_status fal_mlp_frames(const fal_mlp *mlp, const float *x, int64_t rows, float *out, fal_error *err);
/* dout [rows], may be trace->out. Adds to `gradient`, which is laid out as the parameters. */
fal_status fal_mlp_backward(const fal_mlp *mlp, const float *x, const fal_mlp_trace *trace, const float *dout,
                            float *gradient, fal_error *err);

/* The part from before[0] on, and back to it: dbefore [rows, width[0]]. */
fal_status fal_mlp_trunk_forward(const fal_mlp *mlp, const fal_mlp_trace *trace, fal_error *err);
fal_status fal_mlp_trunk_backward(const fal_mlp *mlp, const fal_mlp_trace *trace, const float *dout, float *gradient,
                                  float *dbefore, fal_error *err);

#endif
