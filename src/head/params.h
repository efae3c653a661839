/* The trained numbers of a head: one flat array, which the optimiser sees as it is and everyone else by name. */
#ifndef FAL_HEAD_PARAMS_H
#define FAL_HEAD_PARAMS_H

#include "weights/bind.h"

enum { FAL_PARAM_NAME = 96, FAL_PARAM_RANK = 3 };

typedef struct fal_param {
    char name[FAL_PARAM_NAME]; /* as the file has it: "encoder.layers.0.norm1.weight" */
    int rank;
    int64_t shape[FAL_PARAM_RANK];
    size_t offset, count;      /* in fal_params.values */
    bool optional;             /* a file may leave it out: zeros */
    fal_init init;             /* KIND_CONST, UNIFORM or NORMAL: `a` is final, no fan rules */
} fal_param;

typedef struct fal_params {
    size_t count;      /* numbers in all */
    float *values;     /* [count]; NULL until allocated */
    fal_param *list;
    size_t list_count, capacity;
} fal_params;

/* Declares one more array; *offset is where its numbers will be. Before fal_params_allocate. */
fal_status fal_params_add(fal_params *params, const char *name, int rank, const int64_t *shape, fal_init init,
                          size_t *offset, fal_error *err);
/* values, all zero. */
fal_status fal_params_allocate(fal_params *params, fal_error *err);
/* values by every array's init rule, each from its own random stream: independent of order and threads. */
void fal_params_draw(fal_params *params, uint64_t seed);
/* values from a file: every array under `prefix` + name, with its shape, all finite; names what is not so. */
fal_status fal_params_read(fal_params *params, const fal_checkpoint *ckpt, const char *prefix, fal_error *err);
void fal_params_free(fal_params *params);

/* The arrays as tensors for writing; out [list_count] points into values. */
void fal_params_tensors(const fal_params *params, fal_named_tensor *out);

#endif
