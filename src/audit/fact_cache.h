/* What was measured, on disk, so that a run stopped in any way goes on where it was. A row counts while the file still
 * has the size and time of change it had. */
#ifndef FAL_AUDIT_FACT_CACHE_H
#define FAL_AUDIT_FACT_CACHE_H

#include "audit/collection.h"
#include "core/csv_log.h"

/* Takes what the file knows into the collection and opens it for appending (csv_log.h). */
fal_status fal_fact_cache_open(const char *path, fal_collection *collection, fal_csv_log **out, fal_error *err);
/* One thread at a time. */
fal_status fal_fact_cache_add(const fal_csv_log *cache, const fal_audit_file *file, fal_error *err);

#endif
