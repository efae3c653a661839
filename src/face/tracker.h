/* The inside of a tracker, shared by its public calls (track.c) and the two modes. */
#ifndef FAL_FACE_TRACKER_H
#define FAL_FACE_TRACKER_H

#include "face/fast.h"
#include "face/track.h"
#include "face/track_store.h"

#define FAL_LOG_COMPONENT "face"

struct fal_tracker {
    fal_face_mode mode;
    fal_detector *detector;
    bool owns_detector;
    int64_t detect_interval; /* frames */
    const fal_log *log;
    int64_t width, height; /* of the clip's frames; 0 before the first */
    uint8_t *gray;         /* [height][width] the frame in hand, FAL_GRAY_DETECTOR weights */
    fal_track_store store;
    fal_fast_state fast;
};

/* The frame in hand has been added to the store; these find its faces. */
fal_status fal_track_exact(fal_tracker *tracker, const fal_picture *gray, fal_error *err);
fal_status fal_track_fast(fal_tracker *tracker, const fal_picture *gray, fal_error *err);

/* Before the store is handed over: takes back what turned out to be no face. */
void fal_track_fast_finish(fal_tracker *tracker);

#endif
