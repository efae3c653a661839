/* What killed extractions left behind. */
#ifndef FAL_FEATURE_LEFTOVERS_H
#define FAL_FEATURE_LEFTOVERS_H

#include "core/csv.h"
#include "feature/extract_target.h"

/* Removes temporary files that no living process writes, from the folders the list's feature files go to and no others.
 * Running out of memory leaves some of them. */
void fal_leftovers_remove(const fal_extract_target *targets, size_t count, const fal_csv *list, int path_column);

#endif
