/* What a network needs while its bound weights are packed into layers. */
#ifndef FAL_ENCODER_BUILD_H
#define FAL_ENCODER_BUILD_H

#include "tensor/ops.h"
#include "weights/checkpoint.h"

typedef struct fal_build {
    fal_precision precision;
    int threads;                /* at least 1 */
    const fal_checkpoint *ckpt; /* where the tensors are mapped from; NULL when they were drawn from a seed */
} fal_build;

/* Gives back the file pages under tensors that have been packed, so that memory holds one copy of a large model, not
 * two. `tensors` is any struct made of fal_tensor members only; members without data are skipped. */
void fal_build_release(const fal_build *build, const void *tensors, size_t bytes);

/* Calls make(user, item, err) for item = 0..count-1 on the build's threads, or some of them; the first error wins. */
typedef fal_status fal_build_item(void *user, size_t item, fal_error *err);
fal_status fal_build_all(const fal_build *build, size_t count, fal_build_item *make, void *user, fal_error *err);

#endif
