/* Fitting a linear probe: the official training loop (bit-ml/ssr-dfd, linear_probing/train_test.py under Lightning).
 *
 * Loss of a clip: cross-entropy over the logits (-s, s); a batch's loss is the mean over its clips. Adam. val_loss
 * after every epoch; the best epoch (strictly lower val_loss, NaN counts as infinite) is what is returned; training
 * stops after `patience` epochs without a strictly lower val_loss, and at once when val_loss is not finite. */
#ifndef FAL_HEAD_PROBE_FIT_H
#define FAL_HEAD_PROBE_FIT_H

#include "core/feature_set.h"
#include "core/log.h"
#include "head/probe.h"

#include <falsetto/head.h>

/* Seen after the gradient of a step is known and before the update: for the trajectory tests. */
typedef void fal_fit_step_fn(void *user, double loss, const float *gradient, const float *weights_before);

/* Seen after every epoch, with the val_loss that decides. */
typedef void fal_fit_epoch_fn(void *user, double validation_loss, const float *weights);

typedef struct fal_probe_fit_options {
    int batch_size, max_epochs, patience; /* 0: 1, 100, 10 */
    double learning_rate;                 /* 0: 1e-3 */
    uint64_t seed;                        /* 0: 43 */
    const float *initial;                 /* [dim + 1] weight then bias; NULL: uniform +-1/sqrt(dim) from the seed */
    const int64_t *orders;                /* [epochs, count] sample order per epoch; NULL: shuffled from the seed */
    fal_fit_step_fn *step;
    fal_fit_epoch_fn *epoch;
    void *hook_user;                      /* handed to both */
    const fal_progress *progress;
    const fal_log *log;
} fal_probe_fit_options;

/* Rows of both sets must already be normalised if the probe wants that. Clips without frames are skipped: they make no
 * update and do not count in val_loss. probe->weight is allocated here. */
fal_status fal_probe_fit(const fal_feature_set *train, const fal_feature_set *validation,
                         const fal_probe_fit_options *options, fal_probe *probe, fal_probe_report *report,
                         fal_error *err);

/* Loss of one clip and, when `gradient` [dim + 1] is not NULL, weight * dLoss/d(w, b) added to it. f: scratch
 * [frames]. */
double fal_probe_loss(const fal_probe *probe, const fal_clip_features *clip, float weight, float *f, float *gradient);

/* Logistic regression of the labels on (s - log T, log T) with Platt's smoothed targets: what P(fake) rests on. Leaves
 * `fitted` false when a class is missing. */
fal_status fal_probe_calibrate(const fal_probe *probe, const fal_feature_set *set, fal_calibration *out,
                               fal_error *err);

/* Writes the probe as safetensors with its metadata. */
fal_status fal_probe_save(const char *path, const fal_probe *probe, const fal_probe_training *training,
                          const fal_probe_report *report, fal_error *err);

#endif
