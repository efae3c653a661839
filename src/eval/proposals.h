/* What fal_proposals points into, for those who make one. */
#ifndef FAL_EVAL_PROPOSALS_H
#define FAL_EVAL_PROPOSALS_H

#include "core/alloc.h"
#include "core/arena.h"
#include "core/status.h"

#include <falsetto/localise.h>

typedef struct fal_proposal_store {
    fal_arena *arena; /* names and proposals */
    fal_proposal_set *clips;
    size_t count, capacity;
} fal_proposal_store;

fal_status fal_proposal_store_make(fal_proposal_store **out, fal_error *err);
/* Another file with room for `count` proposals, which the caller fills in. */
fal_status fal_proposal_store_add(fal_proposal_store *store, const char *file, size_t count, fal_proposal **items,
                                  fal_error *err);
fal_proposals fal_proposal_store_give(fal_proposal_store **store); /* leaves NULL */
void fal_proposal_store_free(fal_proposal_store *store);

#endif
