/* The members of a judge: encoders with heads, opened and checked against each other. Inside src/judge only. */
#ifndef FAL_JUDGE_MEMBERS_H
#define FAL_JUDGE_MEMBERS_H

#include "feature/clip_encode.h"
#include "feature/encoder_pool.h"

#include <falsetto/judge.h>

typedef struct fal_member {
    fal_head *head;
    size_t request; /* index in fal_members.requests: members of one encoder and stream share its pass */
    char *name;     /* of the encoder, as it was asked for */
} fal_member;

typedef struct fal_members {
    size_t count, request_count;
    fal_member *items;
    fal_clip_request *requests; /* [request_count] */
    fal_encoder_pool *pool;     /* owns the encoders */
} fal_members;

fal_status fal_members_open(const fal_judge_options *options, fal_members *out, fal_error *err);
void fal_members_free(fal_members *members);

/* Of member `index`. */
const fal_clip_request *fal_member_request(const fal_members *members, size_t index);
const fal_encoder_description *fal_member_encoder(const fal_members *members, size_t index);

#endif
