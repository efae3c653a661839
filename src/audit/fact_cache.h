/* What was measured, on disk: a CSV that grows by a line per clip, so that a run stopped in any way goes on where it
 * was. A line counts while the file still has the size and time of change it had. */
#ifndef FAL_AUDIT_FACT_CACHE_H
#define FAL_AUDIT_FACT_CACHE_H

#include "audit/collection.h"

#include <stdio.h>

typedef struct fal_fact_cache {
    const char *path;
    FILE *stream; /* open for appending */
} fal_fact_cache;

/* Takes what the file knows into the collection and opens it for appending; a missing file is begun. A line cut short
 * by an interruption is dropped. FAL_ERR_FORMAT for a file that is no such cache. */
fal_status fal_fact_cache_open(const char *path, fal_collection *collection, fal_fact_cache *out, fal_error *err);
/* Appends one measured file; the line is with the system when this returns. One thread at a time. */
fal_status fal_fact_cache_add(const fal_fact_cache *cache, const fal_audit_file *file, fal_error *err);
void fal_fact_cache_close(fal_fact_cache *cache);

#endif
