/* The one face that is looked at: landmarks, box and state for every frame of the clip, chosen from its tracks. */
#ifndef FAL_FACE_TIMELINE_H
#define FAL_FACE_TIMELINE_H

#include "core/status.h"
#include "face/landmarks.h"
#include "face/track.h"

enum { FAL_FACE_AUTO = -1 };

typedef struct fal_face_timeline {
    fal_face_mode mode;
    int64_t frame_count, width, height;
    fal_landmarks *landmarks; /* [frame_count] gaps filled, see below */
    fal_rect *boxes;          /* [frame_count] gaps filled alike, rounded to whole pixels */
    uint8_t *states;          /* [frame_count] fal_face_state */
    int32_t *track;           /* [frame_count] index in fal_face_tracks.tracks the frame's face is from, -1: none */
    uint8_t *starts_shot;     /* [frame_count] as in fal_face_tracks; in exact mode only frame 0 */
    bool has_face;            /* false: no face in any frame; landmarks are all zero */
    int64_t seen, interpolated, missing; /* frames by state; their sum is frame_count */
} fal_face_timeline;

/* `face` FAL_FACE_AUTO: the most persistent track of the clip, and in shots where it does not appear, the most
 * persistent track of that shot. `face` 0, 1, ...: that track of fal_face_tracks.tracks and no other; FAL_ERR_ARGUMENT
 * (naming how many there are) when it does not exist. Gaps are filled as fal_landmarks_interpolate does, in fast mode
 * within a shot; a shot in which the face was never seen takes the landmarks of the nearest frame of another shot. */
fal_status fal_timeline_create(const fal_face_tracks *tracks, int face, fal_face_timeline **out, fal_error *err);
void fal_timeline_free(fal_face_timeline **timeline);

#endif
