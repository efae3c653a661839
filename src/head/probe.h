/* The linear probe's arithmetic, shared by inference and training. */
#ifndef FAL_HEAD_PROBE_H
#define FAL_HEAD_PROBE_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct fal_probe {
    int64_t dim;
    float *weight; /* [dim] */
    float bias;
    bool l2_normalise;
} fal_probe;

/* f[t] = w . x_t + b, x [frames, dim] already normalised if it should be. */
void fal_probe_logits(const fal_probe *probe, const float *x, int64_t frames, float *f);
/* log sum exp(f_t), shifted by the maximum; frames >= 1. */
double fal_log_sum_exp(const float *f, int64_t frames);

#endif
