/* Which models to fuse. */
#ifndef FAL_EVAL_SUBSET_H
#define FAL_EVAL_SUBSET_H

#include "core/status.h"

#include <falsetto/compare.h>

enum { FAL_SUBSET_MOST_EXHAUSTIVE = 20 };

/* The subset of join's models with the largest fused AUC, the fewest members among equals, then the first ones: all
 * subsets are tried (at most FAL_SUBSET_MOST_EXHAUSTIVE models), or one is grown by the model that helps most until
 * none does. members [models]. */
fal_status fal_subset_choose(const fal_score_join *join, fal_fusion fusion, bool exhaustive, bool *members, double *auc,
                             fal_error *err);
/* AUC of the fused members; at least one. */
fal_status fal_subset_auc(const fal_score_join *join, fal_fusion fusion, const bool *members, double *auc,
                          fal_error *err);

#endif
