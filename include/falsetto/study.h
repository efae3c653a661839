/* A whole study from one file: datasets, encoders and heads in, the paper's tables and figures out (docs/reproduce.md).
 *
 *     fal_study_options options = {.config = "configs/paper.json", .data = "datasets", .out = "study"};
 *     fal_study *study = NULL;
 *     if (fal_study_run(&options, &study, &err)) fail(err.text);
 *     char *text = NULL;
 *     if (fal_study_tables(study, FAL_TABLE_TEXT, &text, &err)) fail(err.text);
 */
#ifndef FALSETTO_STUDY_H
#define FALSETTO_STUDY_H

#include <falsetto/log.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fal_study_stage {
    FAL_STUDY_EVERYTHING,
    FAL_STUDY_GENERATE, /* puppet clips, models drawn from a seed */
    FAL_STUDY_EXTRACT,  /* features, and those of two encoders joined */
    FAL_STUDY_TRAIN,
    FAL_STUDY_EVALUATE, /* scores */
    FAL_STUDY_TABLES    /* nothing is made: the tables of what is there */
} fal_study_stage;

typedef struct fal_study_options {
    const char *config;   /* JSON, docs/reproduce.md */
    const char *data;     /* folder that relative paths of datasets and models start from; NULL: the configuration's */
    const char *out;      /* folder for features, heads, scores, tables and the notes about them; made if needed */
    fal_study_stage only; /* only this stage is run; what it needs must be there */
    const char *puppet;   /* the program that draws puppets; NULL: "puppet", looked for as a shell would */
    int jobs, threads;    /* clips at the same time, and cores; 0: all available */
    const fal_progress *progress;
    const fal_log *log;
} fal_study_options;

typedef struct fal_study_report {
    size_t made, kept; /* steps done now, and steps that were done already */
    size_t failed;     /* steps that ended in an error; the tables say which */
    size_t absent;     /* datasets and models that are not here, steps not asked for */
} fal_study_report;

typedef struct fal_study fal_study;

/* Runs what is missing or was made from other inputs than there are now, and writes the tables to <out>/tables in every
 * format. What cannot be had (a dataset or a model that is not here, a list that cannot be read) leaves cells without a
 * number, which say why, and stops nothing else. Errors are those of the configuration, of <out> itself, and
 * FAL_ERR_CANCELLED: the same call goes on where it was stopped. */
FAL_API fal_status fal_study_run(const fal_study_options *options, fal_study **out, fal_error *err);
FAL_API void fal_study_free(fal_study **study);
FAL_API const fal_study_report *fal_study_describe(const fal_study *study);

typedef enum fal_table_format {
    FAL_TABLE_TEXT,
    FAL_TABLE_CSV,
    FAL_TABLE_MARKDOWN,
    FAL_TABLE_LATEX,
    FAL_TABLE_HTML
} fal_table_format;
/* All tables one after the other; *text is freed with fal_text_free. */
FAL_API fal_status fal_study_tables(const fal_study *study, fal_table_format format, char **text, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
