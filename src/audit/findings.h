/* What was found, as sentences. */
#ifndef FAL_AUDIT_FINDINGS_H
#define FAL_AUDIT_FINDINGS_H

#include "audit/matches.h"

/* From audit's facts, overlaps and pairs, the worst first. *out is the caller's to fal_free. */
fal_status fal_findings_write(const fal_audit *audit, const fal_matches *matches, size_t conflicting_labels,
                              fal_audit_finding **out, size_t *count, fal_error *err);

#endif
