/* Clips that are there more than once, in one list or in two. */
#ifndef FAL_AUDIT_MATCHES_H
#define FAL_AUDIT_MATCHES_H

#include "audit/collection.h"

/* Where two matching rows stand to each other. */
typedef enum fal_match_place {
    FAL_MATCH_BETWEEN_LISTS,
    FAL_MATCH_OTHER_LABEL, /* in one list, one of them real, the other fake */
    FAL_MATCH_SAME_LABEL,  /* in one list */
    FAL_MATCH_PLACES
} fal_match_place;

typedef struct fal_matches {
    fal_audit_pair *pairs; /* [count], at most FAL_AUDIT_MAX_PAIRS */
    size_t count, capacity, total;
    size_t counts[FAL_AUDIT_MATCHES][FAL_MATCH_PLACES];
    fal_audit_pair examples[FAL_AUDIT_MATCHES]
                           [FAL_MATCH_PLACES]; /* the first of each, where counts says there is one */
} fal_matches;

/* Of clips that are there k times as the same file or content, k - 1 pairs are told; of near ones every pair. */
fal_status fal_matches_find(const fal_collection *collection, const volatile sig_atomic_t *cancel, fal_matches *out,
                            fal_error *err);
void fal_matches_free(fal_matches *matches);

/* Identities and sources that lists share: one row per pair of lists. *out is the caller's to fal_free; its texts
 * belong to the collection. */
fal_status fal_overlaps_find(const fal_collection *collection, fal_audit_overlap **out, size_t *count, fal_error *err);

#endif
