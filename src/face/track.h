/* Following faces through a clip: frames go in one by one, landmarks come out at the end. No frame is kept, memory
 * grows by about 1.1 KiB per face and frame.
 *
 *     fal_tracker *tracker = NULL;
 *     FAL_TRY(fal_tracker_create(&(fal_tracker_options){0}, &tracker, err));
 *     while (...next frame...)
 *         FAL_TRY(fal_tracker_feed(tracker, &picture, time_s, err));
 *     FAL_TRY(fal_tracker_finish(tracker, &tracks, err));
 *     FAL_TRY(fal_timeline_create(tracks, FAL_FACE_AUTO, &timeline, err));   -> face/timeline.h, then face/mouth.h
 */
#ifndef FAL_FACE_TRACK_H
#define FAL_FACE_TRACK_H

#include "core/log.h"
#include "core/status.h"
#include "face/detector.h"
#include "face/landmarks.h"
#include "face/picture.h"

typedef enum fal_face_mode {
    FAL_FACE_FAST = 0, /* the whole frame is searched now and then; in every frame each known face is looked for near
                          its last place. Several faces, scene cuts */
    FAL_FACE_EXACT     /* the official procedure to the letter: the whole frame is searched every time, enlarged twice,
                          the last detection of the list is the face; no association, no cuts */
} fal_face_mode;

typedef struct fal_tracker_options {
    fal_face_mode mode;
    const char *model_path;  /* landmark model; NULL: as fal_detector_open. Not read when `detector` is given */
    fal_detector *detector;  /* borrowed for the tracker's life, one tracker at a time; NULL: opened from model_path */
    int64_t detect_interval; /* fast mode: frames between two searches of the whole frame while all is well; 0: 25 */
    const fal_log *log;      /* component "face"; NULL: silent */
} fal_tracker_options;

/* One face over the frames first .. first+count-1; the arrays have `count` rows. */
typedef struct fal_face_track {
    int64_t first, count;
    fal_landmarks *landmarks;
    fal_rect *boxes;   /* as the detector would draw them; {0,0,0,0} where state is FAL_FACE_MISSING */
    uint8_t *states;   /* fal_face_state: DETECTED, TRACKED or MISSING */
    int64_t seen;      /* frames with measured landmarks */
    double mean_width; /* of the boxes in those frames, pixels */
} fal_face_track;

typedef struct fal_face_tracks {
    fal_face_mode mode;
    int64_t frame_count;
    int64_t width, height; /* of the frames */
    double *time_s;        /* [frame_count] as fed */
    uint8_t *starts_shot;  /* [frame_count] 1 where a scene cut precedes the frame; frame 0 is always 1 */
    uint16_t *faces;       /* [frame_count] faces seen in each frame (exact mode: detections) */
    int64_t frames_with_face;
    int64_t detector_runs;  /* searches of a whole frame */
    int64_t track_count;    /* 0: no face in the whole clip */
    fal_face_track *tracks; /* most frames first, ties: the larger face first */
} fal_face_tracks;

typedef struct fal_tracker fal_tracker;

fal_status fal_tracker_create(const fal_tracker_options *options, fal_tracker **out, fal_error *err);
void fal_tracker_free(fal_tracker **tracker);

/* The next frame, RGB or gray, all of one size. Pixels are only read during the call. */
fal_status fal_tracker_feed(fal_tracker *tracker, const fal_picture *frame, double time_s, fal_error *err);

/* Ends the clip and hands over what was found, to be freed with fal_face_tracks_free. The tracker is then empty and
 * ready for another clip. FAL_ERR_TOO_SHORT when no frame was fed; a clip without a face is a success. */
fal_status fal_tracker_finish(fal_tracker *tracker, fal_face_tracks **out, fal_error *err);
void fal_face_tracks_free(fal_face_tracks **tracks);

#endif
