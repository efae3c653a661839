/* Clips of a list that would share one feature file: the layout drops the last four characters of a path, so "a.mp4"
 * and "a.wav" both become "a.npz". */
#ifndef FAL_FEATURE_RIVALS_H
#define FAL_FEATURE_RIVALS_H

#include "core/csv.h"
#include "core/status.h"

/* For each row another path of the list with the same feature file, or NULL; the same path listed twice is no rival.
 * *out [rows] is the caller's to fal_free, the texts belong to the list. */
fal_status fal_rivals_find(const fal_csv *list, int path_column, const char ***out, fal_error *err);

#endif
