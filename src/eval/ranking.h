/* Scores in order: what ranking metrics walk over. Only exactly equal scores tie. */
#ifndef FAL_EVAL_RANKING_H
#define FAL_EVAL_RANKING_H

#include "core/status.h"

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

/* ranks[i]: place of values[i] from 1, equal values share the mean of theirs (midranks). */
fal_status fal_average_ranks(const double *values, size_t n, double *ranks, fal_error *err);

#endif
