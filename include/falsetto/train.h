/* Training heads on extracted features (docs/heads.md). */
#ifndef FALSETTO_TRAIN_H
#define FALSETTO_TRAIN_H

#include <falsetto/head.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How scores become probabilities (docs/calibration.md). */
typedef enum fal_calibration_method {
    FAL_CALIBRATE_PLATT,   /* logistic regression on score and clip length */
    FAL_CALIBRATE_ISOTONIC /* the best rising function of Platt's argument: needs some hundred clips to be better */
} fal_calibration_method;

/* Zero means the kind's default, which is the official training setup. */
typedef struct fal_head_training {
    const char *kind; /* NULL: "probe" */
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
    int tau;                       /* sync: frames to each side that a frame is told from */
    const char *variant;           /* sup: "mlp" (default) or "linear" */
    bool fast;                     /* pack the features into memory-mapped files and train in larger batches */
    const char *cache;             /* folder of the packed files; NULL: "packed" below the features */
    fal_calibration_method calibration;
    int threads;       /* 0: all available; the result does not depend on it */
    const char *state; /* file that keeps the state of an unfinished run: with it the same call goes on where the
                          last one was stopped. Removed at the end. NULL: none */
    bool keep_state;   /* leave the file: the same call ends at once with the same result */
    /* Recorded in the file, as fal_head_description tells them; NULL: from the features' own record if there is one. */
    const char *encoder, *family, *feature;
    bool demonstration; /* recorded in the file: see fal_head_description */
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
    double train_loss; /* mean of the last epoch */
    size_t train_clips, validation_clips, skipped_clips;
    size_t zero_rows;
    fal_calibration calibration; /* fitted on the validation clips when they hold both classes */
    fal_training_epoch *curve;   /* [curve_count] all epochs, those before a stop included */
    size_t curve_count;
    int resumed_from; /* epochs that were in the state file; 0: none */
    char *summary;    /* what the trained numbers say, e.g. which layers carry the weight; NULL: nothing */
} fal_training_report;

/* Trains a head and writes its best epoch to `path` (safetensors, atomic). Deterministic for a given seed. */
FAL_API fal_status fal_head_train(const fal_head_training *training, const char *path, fal_training_report *report,
                                  fal_error *err);
FAL_API void fal_training_report_free(fal_training_report *report);

/* ---- several runs on the same features ----------------------------------------------------------------------------
 */

/* The two lists of a training with their rows, read once. */
typedef struct fal_training_data fal_training_data;
/* Looks at the lists, stream, arrays, no_l2, fast, cache and kind of `training`, which the runs must share. */
FAL_API fal_status fal_training_data_open(const fal_head_training *training, fal_training_data **out, fal_error *err);
FAL_API void fal_training_data_free(fal_training_data **data);
/* As fal_head_train. */
FAL_API fal_status fal_head_train_on(const fal_training_data *data, const fal_head_training *training, const char *path,
                                     fal_training_report *report, fal_error *err);

/* ---- kinds ----------------------------------------------------------------------------------------------------------
 */

/* What a kind of head is trained with unless told otherwise. */
typedef struct fal_head_defaults {
    const char *kind;
    const char *what;   /* one line for people */
    const char *arrays; /* NULL: one array, by the stream */
    int64_t batch, fast_batch;
    double learning_rate, fast_learning_rate;
    int max_epochs, patience;
    bool real_only; /* learns what real clips are like and refuses fakes */
} fal_head_defaults;
FAL_API bool fal_head_defaults_at(size_t index, fal_head_defaults *out); /* false: there are no more kinds */

/* ---- calibration of a head that is there --------------------------------------------------------------------------
 */

/* Fits a calibration to scored clips. An error when only one class is there, or fakes score below reals. */
FAL_API fal_status fal_calibration_fit(const fal_scored_list *clips, fal_calibration_method method,
                                       fal_calibration *out, fal_error *err);
/* Writes a head, whatever file it came from, with another calibration (NULL: its own) as safetensors. Atomic. */
FAL_API fal_status fal_head_save(const fal_head *head, const fal_calibration *calibration, const char *path,
                                 fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
