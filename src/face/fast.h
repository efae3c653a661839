/* What the fast mode remembers from frame to frame. */
#ifndef FAL_FACE_FAST_H
#define FAL_FACE_FAST_H

#include "core/arena.h"
#include "face/landmarks.h"
#include "face/shot.h"

#include <stddef.h>

enum { FAL_FAST_MAX_FACES = 16 };

/* A face that is being followed. */
typedef struct fal_active_face {
    size_t track; /* in the store; only valid when has_track */
    bool has_track;
    bool seen;       /* found in the frame in hand */
    bool before_cut; /* known from the shot before; kept if the new shot shows a face in the same place */
    fal_rect box;    /* where it was last found */
    double score;    /* the detector's, of that box */
    int64_t unseen;  /* frames since then */
    int64_t unsure;  /* frames in a row below the detector's own acceptance level */
} fal_active_face;

typedef struct fal_fast_state {
    fal_active_face active[FAL_FAST_MAX_FACES];
    size_t active_count;
    int64_t searches;    /* of the whole frame since the shot began */
    int64_t next_search; /* frames until the next one, 0: now */
    fal_shot_detector shot;
    fal_arena *arena; /* scratch of one frame */
} fal_fast_state;

void fal_fast_state_free(fal_fast_state *state); /* leaves it empty */

#endif
