/* What becomes of the clips of an extraction, told to everybody who wants to know: progress, log, counts, failed.csv,
 * and run.jsonl, whose records docs/pipeline.md describes. Shared by the workers of a run. Inside src/feature only. */
#ifndef FAL_FEATURE_RUN_REPORT_H
#define FAL_FEATURE_RUN_REPORT_H

#include "core/csv.h"
#include "feature/extract_target.h"

typedef struct fal_run_plan {
    const fal_extract_options *options;
    const fal_extract_target *targets; /* [options->encoder_count] */
    const fal_csv *list;
    int path_column;
    size_t clips; /* this run's share of the list */
    const char *root;
    int jobs, threads;
} fal_run_plan;

typedef enum fal_clip_fate { FAL_CLIP_FAILED, FAL_CLIP_KEPT, FAL_CLIP_WRITTEN } fal_clip_fate;

/* Of one encoder. */
typedef struct fal_clip_outcome {
    fal_clip_fate fate;
    fal_error why; /* failed */
    int64_t rows;  /* written */
} fal_clip_outcome;

typedef struct fal_clip_result {
    size_t row;                       /* of the list */
    const fal_clip_outcome *outcomes; /* [encoder_count], then that of the crops where crops are saved */
    double seconds;                   /* in all */
    bool read;                        /* the following is known: */
    int64_t frames;
    double decode_s, face_s, encode_s;
    uint32_t warnings; /* bits of fal_media_warning */
} fal_clip_result;

typedef struct fal_run_report fal_run_report;

/* Writes the record of the run's start. What the plan points to must live as long as the report. */
fal_status fal_run_report_open(const fal_run_plan *plan, fal_run_report **out, fal_error *err);
/* Any worker's thread. False when run.jsonl cannot be written, nor probably anything else: the end says why. */
bool fal_run_report_clip(fal_run_report *report, const fal_clip_result *result);
/* Brings failed.csv up to date and writes the record of the run's end. FAL_ERR_CANCELLED when there are clips that were
 * not tried. */
fal_status fal_run_report_end(fal_run_report *report, fal_extract_report *out, fal_error *err);
void fal_run_report_free(fal_run_report **report);

#endif
