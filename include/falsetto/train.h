/* Training heads on extracted features (docs/heads.md). */
#ifndef FALSETTO_TRAIN_H
#define FALSETTO_TRAIN_H

#include <falsetto/head.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Zero means the kind's default, which is the official training setup. */
typedef struct fal_head_training {
    const char *kind;         /* NULL: "probe" */
    fal_feature_list train, validation;
    fal_stream stream;        /* which array of the files when `arrays` is NULL; 0: audio+video ("multimodal") */
    const char *arrays;       /* feature arrays joined in every row, '+' between: "visual+audio", "hidden_6+hidden_12".
                                 NULL: one array, by `stream`; sync and sup take visual+audio */
    const char *pooling;      /* probe: "log-sum-exp" (default), "mean", "max", "attention" */
    bool no_l2;               /* true: rows are used as they are */
    bool allow_fakes;         /* anomaly detectors (ntp, sync): train although the lists hold fakes */
    int64_t batch;            /* samples per step: clips, or frames for sync */
    int max_epochs, patience; /* patience: epochs without improvement of val_loss before stopping */
    double learning_rate;     /* Adam, beta 0.9 0.999, eps 1e-8 */
    uint64_t seed;            /* initial weights and sample order; 0: 43, as official */
    int width, layers, heads, ffn; /* transformer and ntp */
    int tau;                  /* sync: frames to each side that a frame is told from */
    const char *variant;      /* sup: "mlp" (default) or "linear" */
    int threads;              /* 0: all available; the result does not depend on it */
    const char *state;        /* file that keeps the state of an unfinished run: with it the same call goes on where the
                                 last one was stopped. Removed at the end. NULL: none */
    /* Recorded in the file, as fal_head_description tells them; NULL: from the features' own record if there is one. */
    const char *encoder, *family, *feature;
    bool demonstration;       /* recorded in the file: see fal_head_description */
    const fal_progress *progress;
    const fal_log *log;
} fal_head_training;

typedef struct fal_training_epoch {
    double train_loss, validation_loss, learning_rate, seconds;
    bool best; /* so far */
} fal_training_epoch;

typedef struct fal_training_report {
    int epochs_run, best_epoch; /* 0-based */
    double best_validation_loss;
    double train_loss;          /* mean of the last epoch */
    size_t train_clips, validation_clips, skipped_clips;
    size_t zero_rows;
    fal_calibration calibration; /* fitted on the validation clips when they hold both classes */
    fal_training_epoch *curve;   /* [curve_count] epochs of this call */
    size_t curve_count;
    char *summary;              /* what the trained numbers say, e.g. which layers carry the weight; NULL: nothing */
} fal_training_report;

/* Trains a head and writes its best epoch to `path` (safetensors, atomic). Deterministic for a given seed. */
FAL_API fal_status fal_head_train(const fal_head_training *training, const char *path, fal_training_report *report,
                                  fal_error *err);
FAL_API void fal_training_report_free(fal_training_report *report);

#ifdef __cplusplus
}
#endif
#endif
