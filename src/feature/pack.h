/* Packed features: all rows of a label list in one file that is mapped into memory instead of read. Little-endian:
 *
 *   0     header (pack.c), 4096 bytes
 *   4096  rows, clip after clip, each from a multiple of 64 bytes: float16 when they are normalised, else float32
 *   ...   index: one record per clip, then their paths, NUL-terminated
 *
 * A file says what it was made of (fal_set_reader_fingerprint). When a source has changed since, it is made anew. */
#ifndef FAL_FEATURE_PACK_H
#define FAL_FEATURE_PACK_H

#include "feature/feature_set.h"

#include <falsetto/progress.h>

/* Where the packed form of a query lies: <folder>/<list's name>-<digits of the query>.pack; folder NULL: "packed" below
 * the features. The caller's to fal_free; NULL when out of memory. */
char *fal_pack_path(const fal_feature_query *query, const char *folder);

/* As fal_feature_set_read, from the packed file at `path`, which is made first if there is none of these sources.
 * progress may be NULL. */
fal_status fal_pack_read(const fal_feature_query *query, const char *path, const fal_progress *progress,
                         fal_feature_set *out, fal_feature_parts *parts, fal_error *err);

/* The two halves of it: making a file, and opening one. `sources`: sixteen digits that the file must have, NULL: any;
 * FAL_ERR_NOT_FOUND when it has others. */
fal_status fal_pack_write(const fal_feature_query *query, const char *path, const fal_progress *progress,
                          fal_error *err);
fal_status fal_pack_open(const char *path, const char *sources, fal_feature_set *out, fal_feature_parts *parts,
                         fal_error *err);

#endif
