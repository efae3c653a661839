/* Adam (Kingma and Ba 2015) as PyTorch computes it: float32 state, bias corrections in double, no weight decay. */
#ifndef FAL_HEAD_ADAM_H
#define FAL_HEAD_ADAM_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct fal_adam {
    double learning_rate; /* betas 0.9 and 0.999, eps 1e-8 */
    int64_t step;         /* updates made */
    int threads;          /* of an update, which is the same for any number; 0: one */
    size_t count;
    float *m, *v;         /* [count] first and second moments */
} fal_adam;

fal_status fal_adam_init(fal_adam *adam, size_t count, double learning_rate, fal_error *err);
void fal_adam_update(fal_adam *adam, const float *gradient, float *weights);
void fal_adam_free(fal_adam *adam);

#endif
