/* Frame logits to a clip logit. */
#ifndef FAL_HEAD_POOLING_H
#define FAL_HEAD_POOLING_H

#include <stdbool.h>
#include <stdint.h>

/* log sum exp(f_t), shifted by the maximum; frames >= 1. */
double fal_log_sum_exp(const float *f, int64_t frames);

/* Cross-entropy of a label over the logit pair (-s, s): softplus(-2 s) for a fake, softplus(2 s) for a real clip. */
double fal_pair_loss(double s, int label);
/* Its derivative by s: 2 (sigmoid(2 s) - label). */
double fal_pair_loss_slope(double s, int label);

#endif
