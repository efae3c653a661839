/* The members of a judge: encoders with heads, opened and checked against each other. Inside src/judge only. */
#ifndef FAL_JUDGE_MEMBERS_H
#define FAL_JUDGE_MEMBERS_H

#include "feature/clip_encode.h"
#include "feature/encoder_pool.h"
#include "judge/part_name.h"

#include <falsetto/judge.h>

#include <stdatomic.h>

/* Where one part of a head's rows comes from. */
typedef struct fal_member_part {
    size_t request; /* index in fal_members.requests */
    int layer;      /* hidden state, or FAL_PART_FEATURES */
} fal_member_part;

typedef struct fal_member {
    fal_head *head;
    const fal_encoder *encoder; /* the pool's */
    char *name;                 /* of the encoder, as it was asked for */
    fal_stream stream;          /* all that its parts look at: audio and video parts make it FAL_STREAM_AV */
    fal_member_part *parts;     /* [part_count], as the head's */
    size_t part_count;
} fal_member;

typedef struct fal_members {
    size_t count, request_count;
    fal_member *items;
    fal_clip_request *requests; /* [request_count]: parts of one encoder and stream share its pass */
    fal_encoder_pool *pool;     /* owns the encoders */
    atomic_uint judges;         /* that share them; once open nothing else changes */
} fal_members;

fal_status fal_members_open(const fal_judge_options *options, fal_members **out, fal_error *err);
fal_members *fal_members_share(fal_members *members);
void fal_members_free(fal_members **members); /* with the last judge */

#endif
