/* What a tracker collects while frames go by: one growing row per frame and one growing track per face. */
#ifndef FAL_FACE_TRACK_STORE_H
#define FAL_FACE_TRACK_STORE_H

#include "face/track.h"

#include <stddef.h>

typedef struct fal_growing_track {
    fal_face_track rows;
    size_t capacity; /* rows there is memory for */
} fal_growing_track;

typedef struct fal_track_store {
    double *time_s;
    uint8_t *starts_shot;
    uint16_t *faces;
    size_t frame_count, frame_capacity;
    fal_growing_track *tracks;
    size_t track_count, track_capacity;
    int64_t detector_runs;
} fal_track_store;

void fal_track_store_free(fal_track_store *store); /* leaves it empty */

/* A new frame without faces, whose number is frame_count - 1 afterwards. */
fal_status fal_track_store_add_frame(fal_track_store *store, double time_s, bool starts_shot, fal_error *err);

/* A new, empty track; *index is its place in `tracks`. */
fal_status fal_track_store_add_track(fal_track_store *store, size_t *index, fal_error *err);

/* The track's face in the latest frame. Frames since its previous row become FAL_FACE_MISSING rows. */
fal_status fal_track_store_add_row(fal_track_store *store, size_t track, const fal_landmarks *landmarks, fal_rect box,
                                   fal_face_state state, fal_error *err);

/* Removes tracks with fewer than `least` rows in state FAL_FACE_DETECTED and counts the faces of each frame anew. */
void fal_track_store_prune(fal_track_store *store, int64_t least);

/* Hands everything over, tracks in their final order. The store is then empty. */
fal_status fal_track_store_finish(fal_track_store *store, fal_face_tracks **out, fal_error *err);

#endif
