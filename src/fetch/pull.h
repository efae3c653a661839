/* Bringing the files of one model, or of one probe, into its folder. */
#ifndef FAL_FETCH_PULL_H
#define FAL_FETCH_PULL_H

#include "core/status.h"

#include <falsetto/fetch.h>

typedef struct fal_pull_job {
    const char *kind; /* "model", "probe" */
    const char *name, *licence, *source;
    const char *page; /* for files without address; NULL: the source is named instead */
    bool non_commercial;
    const fal_model_file *files; /* the weights first */
    size_t file_count;
    char *folder;        /* of this one; freed by fal_pull_run */
    const char *command; /* what pulls it, for messages: "falsetto models pull" */
    /* Does it open? `path` as in fal_pull_report. */
    fal_status (*check)(const struct fal_pull_job *job, const char *path, const fal_pull_options *options,
                        fal_error *err);
    const void *user; /* for check */
} fal_pull_job;

/* Ends the job: takes job->folder in any case. */
fal_status fal_pull_run(fal_pull_job *job, const fal_pull_options *options, fal_pull_report *report, fal_error *err);

/* "PARENT/NAME", with `part` of the home folder where options name no parent. */
fal_status fal_pull_folder(const fal_pull_options *options, const char *part, const char *name, char **folder,
                           fal_error *err);

/* Numbered lines that say how to get the files that are marked FAL_PULL_BY_HAND. */
fal_status fal_pull_steps(const fal_pull_job *job, const fal_pull_report *report, char **steps, fal_error *err);

#endif
