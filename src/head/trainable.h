/* What the trainer needs to know of a kind of head: how many samples a clip holds, and loss and gradient of some. */
#ifndef FAL_HEAD_TRAINABLE_H
#define FAL_HEAD_TRAINABLE_H

#include "core/feature_set.h"
#include "head/params.h"
#include "tensor/run.h"

/* Consecutive training samples of one clip. A sample is what the loss is a sum over: a clip (probe, transformer,
 * next-token prediction; then `first` is 0 and `count` 1) or a frame (sync). */
typedef struct fal_samples {
    const fal_clip_features *clip;
    int64_t first, count;
} fal_samples;

typedef struct fal_step {
    const float *values; /* of the parameters */
    fal_run *run;        /* threads and scratch; reset before every step */
    const fal_samples *parts;
    size_t part_count;
    double scale;    /* the gradient is that of scale * (sum of the samples' losses) */
    float *gradient; /* added to, laid out as the parameters; NULL: only the loss is wanted */
} fal_step;

typedef struct fal_trainable {
    const char *kind;
    /* Training samples of a clip of so many frames; 0: too short, it is left out. */
    int64_t (*samples)(const void *config, int64_t frames);
    /* *sum: sum of the samples' losses. The same bytes for any number of threads. */
    fal_status (*loss)(const void *config, const fal_step *step, double *sum, fal_error *err);
} fal_trainable;

/* Loss of one clip, which has float32 rows; its gradient, times step->scale, is added to step->gradient unless that is
 * NULL. */
typedef fal_status fal_clip_loss(const void *config, const fal_step *step, const fal_clip_features *clip, double *loss,
                                 fal_error *err);
/* fal_trainable.loss of a head whose samples are clips with rows of `dim` channels: one after another, each on all
 * threads. */
fal_status fal_sum_clip_losses(fal_clip_loss *clip_loss, const void *config, int64_t dim, const fal_step *step,
                               double *sum, fal_error *err);

/* Rows [first, first + count) of a clip as float32; those of a float16 clip are widened into the run's scratch. */
fal_status fal_step_rows(fal_run *run, const fal_clip_features *clip, int64_t dim, int64_t first, int64_t count,
                         const float **rows, fal_error *err);

#endif
