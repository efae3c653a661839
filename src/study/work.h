/* One study at work. Each call below makes what it is asked for if it is not there yet, and what that needs before.
 * FAL_ERR_NOT_FOUND: a dataset or a model is not here. Inside src/study only. */
#ifndef FAL_STUDY_WORK_H
#define FAL_STUDY_WORK_H

#include "study/plan.h"
#include "study/steps.h"

/* Features of a dataset by a subject. */
typedef struct fal_study_features {
    bool looked_for;
    char *root;       /* folder; NULL when there are none: `why` tells */
    fal_step_key key; /* of the step that made them */
    fal_error why;
} fal_study_features;

typedef struct fal_study_work {
    const fal_study_options *options;
    const char *data; /* folder of relative paths */
    fal_study_plan plan;
    fal_steps *steps;
    fal_study_features *features; /* [datasets, encoders + pairs] */
    bool *extracted;              /* [datasets] */
    bool *needed;                 /* [datasets, encoders]: some table asks for these features */
} fal_study_work;

fal_status fal_study_work_open(const fal_study_options *options, fal_study_work *out, fal_error *err);
void fal_study_work_close(fal_study_work *work);

/* <out>/<fmt...>; the caller's to fal_free, NULL when out of memory. */
char *fal_study_path(const fal_study_work *work, const char *fmt, ...) FAL_PRINTF(2, 3);

/* ---- sources ---- */

fal_status fal_study_dataset_ready(fal_study_work *work, size_t dataset, fal_error *err);
/* *source: what the encoder is opened by, the caller's to fal_free. fingerprint: of its file, or "drawn". */
fal_status fal_study_model_ready(fal_study_work *work, size_t encoder, char **source, char fingerprint[64],
                                 fal_error *err);

/* ---- features ---- */

/* *out is the work's and lasts as long. */
fal_status fal_study_features_of(fal_study_work *work, size_t dataset, fal_study_subject subject,
                                 const fal_study_features **out, fal_error *err);
/* The place for them. */
fal_study_features *fal_study_features_at(const fal_study_work *work, size_t dataset, fal_study_subject subject);
/* Fills `needed`. */
void fal_study_mark_needs(fal_study_work *work);
/* All encoders that the tables ask for of one dataset, so that every clip is decoded once. Only fatal errors are its
 * own; the places tell the rest. */
fal_status fal_study_extract(fal_study_work *work, size_t dataset, fal_error *err);
/* Rows of two encoders in one file each, arrays "visual" and "audio". */
fal_status fal_study_join(fal_study_work *work, size_t dataset, size_t pair, fal_study_features *out, fal_error *err);

/* Paths of all clips of a dataset, each once, sorted. */
typedef struct fal_study_clips {
    char **paths;
    size_t count;
    fal_arena *arena;
} fal_study_clips;
fal_status fal_study_clips_read(const fal_study_dataset *dataset, fal_study_clips *out, fal_error *err);
void fal_study_clips_free(fal_study_clips *clips);

/* ---- heads and scores ---- */

typedef struct fal_study_trial {
    size_t head; /* FAL_STUDY_PROBE, ... */
    fal_study_subject subject;
    size_t train, test;
    int64_t seed;
} fal_study_trial;

/* The trained head's file; the caller's to fal_free. */
fal_status fal_study_train(fal_study_work *work, const fal_study_trial *trial, char **path, fal_step_key key,
                           fal_error *err);
/* The test set's scores, a CSV; the caller's to fal_free. */
fal_status fal_study_scores(fal_study_work *work, const fal_study_trial *trial, char **path, fal_error *err);

#endif
