/* Scores in order: what ranking metrics walk over. Only exactly equal scores tie. */
#ifndef FAL_EVAL_RANKING_H
#define FAL_EVAL_RANKING_H

#include "core/status.h"

#include <falsetto/eval.h>

#include <stddef.h>
#include <stdint.h>

/* Totals after each group of equal scores, walking from the highest score down. */
typedef struct fal_score_group {
    double score;
    size_t true_positives, false_positives; /* with this score or higher */
} fal_score_group;

/* *groups holds *count entries and is the caller's to fal_free. A NaN score or a label other than 0 and 1 is an error
 * that names the item. n >= 1. */
fal_status fal_score_groups(const double *scores, const uint8_t *labels, size_t n, fal_score_group **groups,
                            size_t *count, fal_error *err);

/* metrics.c: what follows from the groups alone; the rest of *out is NaN or 0. */
void fal_ranking_metrics(const fal_score_group *groups, size_t count, fal_metrics *out);
/* DeLong's variance of their AUC; NaN with fewer than two clips of a class. */
double fal_group_auc_variance(const fal_score_group *groups, size_t count, double auc);
/* operating.c: largest true-positive rate at a false-positive rate of `fpr` or less; both classes are there. */
double fal_group_tpr_at_fpr(const fal_score_group *groups, size_t count, double fpr);
/* bootstrap.c: interval of the AUC from `resamples` draws; both classes are there. */
fal_status fal_group_bootstrap(const fal_score_group *groups, size_t count, const fal_bootstrap_options *options,
                               fal_interval *out, fal_error *err);
/* metrics.c: log-loss, Brier score and accuracy at 0 into *out. */
void fal_probability_metrics(const double *scores, const uint8_t *labels, size_t n, fal_metrics *out);

/* ranks[i]: place of values[i] from 1, equal values share the mean of theirs (midranks). */
fal_status fal_average_ranks(const double *values, size_t n, double *ranks, fal_error *err);

#endif
