/* What a training run must remember to go on after being stopped, and its file (safetensors, rewritten after each
 * epoch). */
#ifndef FAL_HEAD_FIT_STATE_H
#define FAL_HEAD_FIT_STATE_H

#include "head/adam.h"
#include "head/fit.h"

typedef struct fal_fit_state {
    fal_adam adam;
    float *best;          /* numbers of the best epoch */
    double best_loss;     /* infinite until there is one */
    int best_epoch, wait; /* wait: epochs since */
    double plateau_best;
    int plateau_wait;
    double train_loss;    /* of the last epoch */
    int epochs;           /* done */
    fal_fit_epoch *curve; /* [epochs] */
    int curve_capacity;
    bool stopped;         /* early stopping has decided */
    uint64_t fingerprint; /* of what the run was started with; another one is another run */
} fal_fit_state;

/* What makes a run another one: kind, configuration, initial values, rate, batch and seed; and which clips, their
 * labels, lengths and the beginning of their first rows. How long to train is no part of it. */
uint64_t fal_fit_fingerprint(const fal_trainable *kind, const void *config, const fal_feature_set *train,
                             const fal_feature_set *validation, const fal_params *params,
                             const fal_fit_options *options);

fal_status fal_fit_state_init(fal_fit_state *state, const fal_params *params, double learning_rate, fal_error *err);
void fal_fit_state_free(fal_fit_state *state);

/* Appends an epoch to the curve and counts it. */
fal_status fal_fit_state_add(fal_fit_state *state, const fal_fit_epoch *epoch, fal_error *err);

fal_status fal_fit_state_write(const char *path, const fal_fit_state *state, const fal_params *params, fal_error *err);
/* Continues `state` and params->values from the file; leaves both alone when there is none. A file of another run is an
 * error that says so. */
fal_status fal_fit_state_read(const char *path, fal_fit_state *state, fal_params *params, fal_error *err);

#endif
