/* The transformer under the heads `transformer` and `ntp`, forward and backward:
 *
 *   x [frames, in]
 *     -> input_proj, + P[t]                                     h [frames, width]
 *     -> `layers` times:  h += Attn(norm1(h))                   heads of width / heads channels, optionally causal
 *                         h += linear2(gelu(linear1(norm2(h))))
 *     -> encoder.norm                                           out [frames, width]
 *
 * Norms have eps 1e-5, GELU is exact, nothing is dropped out. Positions: P[t, 2i] = sin(t / 10000^(2i / width)),
 * P[t, 2i+1] = cos of the same. Names are those of torch.nn.TransformerEncoder(norm_first=True) in a member `encoder`. */
#ifndef FAL_HEAD_STACK_H
#define FAL_HEAD_STACK_H

#include "head/kind.h"

typedef struct fal_stack_shape {
    int64_t in, width, layers, heads, ffn;
    bool causal;
} fal_stack_shape;

/* ---- configuration ---- */

/* From the tensors of a file; the number of heads, which they do not show, from its configuration ("heads"), else 4. */
fal_status fal_stack_read_shape(const fal_checkpoint *ckpt, fal_stack_shape *shape, fal_error *err);
/* What the rows of a file's head are made of. */
fal_head_shape fal_stack_rows(const fal_checkpoint *ckpt, const fal_stack_shape *shape);
/* For training on rows of `in` channels: width 512, heads 4 and ffn 1024 unless `training` says otherwise. */
fal_status fal_stack_configure(const fal_head_training *training, int64_t in, int64_t layers, fal_stack_shape *shape,
                               fal_error *err);
/* Width, layers, heads and ffn as members of a JSON object. */
void fal_stack_note(const fal_stack_shape *shape, fal_jw *w);
/* Must come first; fal_stack_count numbers. Initial values: Linear uniform in +-1/sqrt(fan-in), in_proj_weight uniform
 * in +-sqrt(6 / (4 width)), biases of the attention 0, norms 1 and 0. */
fal_status fal_stack_declare(const fal_stack_shape *shape, fal_params *params, fal_error *err);
size_t fal_stack_count(const fal_stack_shape *shape);

/* ---- use ---- */

/* The stack with its parameters, [fal_stack_count] of them, and the run whose threads and scratch it uses. */
typedef struct fal_stack {
    fal_stack_shape shape;
    const float *values;
    fal_run *run;
} fal_stack;

/* What a layer read and made on the way; all [frames, ...]. */
typedef struct fal_stack_layer {
    float *in, *norm1, *qkv, *attended, *middle, *norm2, *up, *active;
} fal_stack_layer;

typedef struct fal_stack_trace {
    const float *x;
    int64_t frames;
    fal_stack_layer *layers;
    float *last; /* before the final norm */
    float *out;  /* [frames, width] */
} fal_stack_trace;

/* All of the trace is in the run's arena. With `keep` it holds what fal_stack_backward needs, else only `out`, in the
 * memory of one layer. frames >= 1. */
fal_status fal_stack_forward(const fal_stack *stack, const float *x, int64_t frames, bool keep, fal_stack_trace *out,
                             fal_error *err);
/* dout [frames, width]; adds to `gradient`, which is laid out as the values. */
fal_status fal_stack_backward(const fal_stack *stack, const fal_stack_trace *trace, const float *dout, float *gradient,
                              fal_error *err);

#endif
