/* Measuring every file of a collection that the cache does not know, several at a time. */
#ifndef FAL_AUDIT_MEASURE_H
#define FAL_AUDIT_MEASURE_H

#include "audit/fact_cache.h"

/* cache: NULL for none. A file that cannot be read gets its `failure` and stops nothing. */
fal_status fal_collection_measure(const fal_audit_options *options, const fal_csv_log *cache, fal_collection *c,
                                  fal_error *err);

#endif
