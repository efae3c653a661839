/* failed.csv of an output folder (path,encoder,reason): what could not be made, as far as anybody has tried. Runs with
 * other shards, lists or encoders add to one file; a clip that was tried again counts as the last run found it. */
#ifndef FAL_FEATURE_FAILURE_LIST_H
#define FAL_FEATURE_FAILURE_LIST_H

#include "core/buf.h"
#include "core/csv.h"
#include "core/log.h"

/* Whether the run at hand has tried this clip with this encoder: rows of the file about it are the run's to replace. */
typedef bool fal_tried_fn(const void *user, const char *path, const char *encoder);

/* `rows`: lines of the file, without its header. Written sorted. A file that is no such list is replaced, with a
 * warning. The caller keeps other processes off. */
fal_status fal_failure_list_update(const char *path, const fal_buf *rows, fal_tried_fn *tried, const void *user,
                                   const fal_log *log, fal_error *err);

#endif
