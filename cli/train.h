/* What `falsetto train` does with one head or with one per seed. */
#ifndef FALSETTO_CLI_TRAIN_H
#define FALSETTO_CLI_TRAIN_H

#include "cli.h"

typedef struct train_job {
    fal_head_training training;
    const char *out;
    int seeds;             /* heads, with seeds one after the other; their files get -1, -2, ... before the ending */
    fal_feature_list test; /* csv NULL: none */
    const char *curve;     /* .csv, or a picture; NULL: none */
} train_job;

/* Returns the exit code. */
int train_heads(const train_job *job);

/* "head.safetensors", 2 -> "head-2.safetensors"; a copy for number 0. To be freed; NULL when out of memory. */
char *train_numbered(const char *path, int number);

/* Losses of every epoch of some runs. */
fal_status train_write_curve(const char *path, const fal_training_report *reports, const uint64_t *seeds, size_t count,
                             fal_error *err);

#endif
