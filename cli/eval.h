/* What the parts of `falsetto eval` share. */
#ifndef FALSETTO_CLI_EVAL_H
#define FALSETTO_CLI_EVAL_H

#include "cli.h"

typedef struct eval_settings {
    cli_common common;
    const char *head, *features, *stream; /* what lists are scored with */
    cli_list score_files;
    const char *validation, *validation_features;
    int threshold_rule;       /* fal_threshold_rule, index in EVAL_RULES */
    const char *by, *by_list;
    int resamples, bins;
    bool json;
    const char *roc, *det, *reliability, *scores; /* files to write; NULL: none */
    /* localisation */
    const char *metadata, *proposals, *write_proposals;
    int field, rule;          /* fal_segment_field, fal_frame_rule */
    bool all_clips;
    cli_list thresholds;
    double merge_s, shortest_s, rate_hz;
} eval_settings;

#define EVAL_RULES "youden|eer"

/* One list or score file, scored, and what came out. */
typedef struct eval_subject {
    const char *input;
    bool is_list;              /* scored with the head; else read from a score file */
    fal_scored_list scored;    /* of a list: with its frame scores */
    fal_score_table table;
    fal_evaluation_row row;
    fal_breakdown breakdown;
    fal_localisation localisation;
    fal_ap_ar ap_ar;
} eval_subject;

/* eval_print.c: results for people. */
void eval_print(const eval_subject *subjects, size_t count, const eval_settings *settings);
void eval_print_segments(const fal_ap_ar *measured);

/* eval_plots.c: the pictures that were asked for. */
fal_status eval_plot(const eval_subject *subjects, size_t count, const eval_settings *settings, fal_error *err);

/* eval_localise.c: frames and segments of one subject against the metadata, into the subject and its row. */
fal_status eval_localise(eval_subject *subject, const fal_truth *truth, const eval_settings *settings, fal_error *err);
/* Proposals from a file against the metadata: measures and prints. */
fal_status eval_proposals(const eval_settings *settings, fal_error *err);

#endif
