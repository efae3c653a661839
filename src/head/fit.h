/* The training loop of every head: mini-batches, Adam, validation after each epoch, the best epoch kept, early
 * stopping, resuming. It follows the official loops to the letter: the linear probe's (bit-ml/ssr-dfd, linear_probing/
 * train_test.py under Lightning) and AVH-Align's (bit-ml/AVH-Align, train.py).
 *
 * An epoch is better when its val_loss is strictly below the best so far, compared as float32; NaN counts as infinite,
 * the first epoch always counts. Training stops after `patience` epochs without a better one, and at once when val_loss
 * is not finite. A batch without samples makes no update at all. */
#ifndef FAL_HEAD_FIT_H
#define FAL_HEAD_FIT_H

#include "core/log.h"
#include "head/trainable.h"

#include <falsetto/progress.h>

/* ReduceLROnPlateau (mode min, relative threshold): after more than `patience` epochs without val_loss below best * (1
 * - threshold) the rate is multiplied by `factor`. */
typedef struct fal_plateau {
    double factor; /* 0: the rate stays */
    int patience;
    double threshold;    /* relative */
    double least_change; /* smaller steps of the rate are not made */
} fal_plateau;

/* Whose rules say which epoch is better and when to stop. */
typedef enum fal_fit_rules {
    FAL_FIT_LIGHTNING, /* as above */
    FAL_FIT_AVH_ALIGN  /* losses are compared as double; one that is not finite is only no improvement */
} fal_fit_rules;

typedef struct fal_fit_epoch {
    int epoch; /* from 0 */
    double train_loss, validation_loss, learning_rate, seconds;
    bool best; /* so far */
} fal_fit_epoch;

/* Seen after the gradient of a step is known and before the update. */
typedef void fal_fit_step_fn(void *user, double loss, const float *gradient, const float *values_before);
/* Seen after every epoch. */
typedef void fal_fit_epoch_fn(void *user, const fal_fit_epoch *epoch, const float *values);

typedef struct fal_fit_options {
    int64_t batch;   /* samples per step */
    bool sum_loss;   /* a step's loss is the sum over its samples, else their mean */
    bool keep_order; /* clips in list order, batches run on across clips; else shuffled every epoch */
    int max_epochs, patience;
    double learning_rate; /* Adam, beta 0.9 0.999, eps 1e-8 */
    fal_plateau plateau;
    fal_fit_rules rules;
    uint64_t seed;         /* of the order */
    int threads;           /* 0: all available */
    const int64_t *orders; /* [epochs, count] sample order per epoch instead of shuffling; NULL: none */
    size_t config_size;    /* bytes of `config` that make a run another one; 0: none */
    const char *state;     /* file that keeps the run's state after every epoch; when it is there and fits, the run goes
                              on from it, with the same result as if it had never stopped. NULL: none */
    fal_fit_step_fn *step;
    fal_fit_epoch_fn *epoch;
    void *hook_user;        /* handed to both */
    fal_fit_epoch **epochs; /* receives all epochs, [epochs_run], the caller's to fal_free; NULL: not wanted */
    const fal_progress *progress;
    const fal_log *log;
} fal_fit_options;

typedef struct fal_fit_report {
    int epochs_run, best_epoch;
    double best_validation_loss, train_loss; /* train_loss: mean per sample of the last epoch */
    size_t train_clips, validation_clips;    /* with at least one sample */
    int resumed_from;                        /* epochs that were in the state file; 0: none */
} fal_fit_report;

/* params->values: the initial numbers, replaced by those of the best epoch. Rows of both sets are already normalised if
 * the head wants that. A run whose val_loss was never finite is an error: there is nothing worth keeping. */
fal_status fal_fit(const fal_trainable *kind, const void *config, const fal_feature_set *train,
                   const fal_feature_set *validation, const fal_fit_options *options, fal_params *params,
                   fal_fit_report *report, fal_error *err);

#endif
