/* What killed extractions left behind. */
#ifndef FAL_FEATURE_LEFTOVERS_H
#define FAL_FEATURE_LEFTOVERS_H

#include "core/csv.h"

/* Removes temporary files that no living process writes, from `root` and the folders below it that the list's paths are
 * mirrored to, and from no others. Running out of memory leaves some of them. */
void fal_leftovers_remove(const char *root, const fal_csv *list, int path_column);

#endif
