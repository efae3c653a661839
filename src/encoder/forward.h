/* One forward pass as a family sees it, and the small chores all families share. */
#ifndef FAL_ENCODER_FORWARD_H
#define FAL_ENCODER_FORWARD_H

#include "tensor/ops.h"
#include <falsetto/encoder.h>

/* Rows of a layer to one row per feature row. */
typedef struct fal_pooling {
    enum { FAL_POOL_NONE, FAL_POOL_JOIN, FAL_POOL_FIRST, FAL_POOL_MEAN } kind;
    int64_t group; /* consecutive rows that make one: JOIN writes them side by side (the last row repeated when it does
                      not come out even), FIRST takes the first, MEAN averages those after `skip` */
    int64_t skip;
} fal_pooling;

typedef struct fal_forward {
    fal_run *run;
    fal_stream stream;
    const fal_tensor *audio, *video; /* checked for presence by the caller, for layout by the family */
    const bool *want;                /* [layers + 1]: hidden states to keep */
    int64_t last_layer;              /* highest layer to compute; all of them when features are wanted */
    bool features;
    fal_pooling pooling; /* of the hidden states kept; NONE: as they are */
    /* results, in the run's arena */
    fal_hidden *hidden;            /* [layers + 1], data NULL where not wanted */
    int64_t piece_row, piece_rows; /* fal_forward_pieces: rows before the piece being worked on, and of all */
    const float *out;              /* [rows, dim], NULL when features are not wanted */
    int64_t rows;
} fal_forward;

/* count floats of the pass's arena into `ptr`, or out through done. */
#define FAL_FLOATS(ptr, run, count) FAL_ALLOC(ptr, fal_run_floats((run), (count)))

/* Copies x [rows, dim], pooled if the caller wants that, as hidden state `layer` if that one is wanted. */
fal_status fal_forward_keep(fal_forward *pass, int64_t layer, const float *x, int64_t rows, int64_t dim,
                            fal_error *err);
/* For families that work off long clips in pieces: makes room for the hidden states of `rows` rows in all. From then on
 * fal_forward_keep writes a piece [rows, dim] at row pass->piece_row, which the family moves on after each, and drops
 * what goes beyond the end. Pieces begin at multiples of the pooling group; JOIN is not for them. */
fal_status fal_forward_pieces(fal_forward *pass, int64_t rows, int64_t dim, fal_error *err);
/* FAL_ERR_CANCELLED once the caller has asked to stop. */
fal_status fal_forward_check(const fal_forward *pass, fal_error *err);
/* A two-dimensional stage [rows, dim] whose rows lie `stride` floats apart (0: dim). Free without a hook. */
void fal_forward_stage(const fal_forward *pass, const char *name, const float *x, int64_t rows, int64_t dim,
                       int64_t stride);

/* y [rows, out] = act(x W^T + b) for contiguous x and y. */
fal_status fal_apply_linear(const fal_linear *linear, fal_run *run, const float *x, int64_t rows, fal_act act, float *y,
                            fal_error *err);

/* Size of the next block when `left` items are worked off at most `most` (a power of two) at a time: the largest power
 * of two that fits. Any length then needs only log2(most) + 1 kernel shapes, so a run's kernel cache stays small and
 * clips of different lengths share it. */
int64_t fal_block_size(int64_t left, int64_t most);

#endif
