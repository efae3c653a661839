/* The official procedure: the whole frame is searched at twice its size, and of several faces the last one counts,
 * which is the one the detector is least sure of. */
#include "face/tracker.h"

/* More faces than this in one frame are only counted; the last one that counts must be among them. */
enum { MAX_BOXES = 1024 };

fal_status fal_track_exact(fal_tracker *tracker, const fal_picture *gray, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_track_store *store = &tracker->store;
    fal_face_box boxes[MAX_BOXES];
    fal_landmarks landmarks;
    size_t count, track = 0;
    FAL_TRY(fal_detector_find(tracker->detector, gray, true, 0, boxes, MAX_BOXES, &count, err));
    store->detector_runs++;
    store->faces[store->frame_count - 1] = (uint16_t)(count < UINT16_MAX ? count : UINT16_MAX);
    if (count == 0)
        goto done;
    const fal_rect box = boxes[(count < MAX_BOXES ? count : MAX_BOXES) - 1].rect;
    FAL_TRY(fal_detector_landmarks(tracker->detector, gray, box, &landmarks, err));
    if (store->track_count == 0)
        FAL_TRY(fal_track_store_add_track(store, &track, err));
    FAL_TRY(fal_track_store_add_row(store, track, &landmarks, box, FAL_FACE_DETECTED, err));
done:
    return st;
}
