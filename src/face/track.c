#include "face/track.h"

#include "core/alloc.h"
#include "face/tracker.h"
#include "media/image.h"

enum { DEFAULT_DETECT_INTERVAL = 25, MAX_SIDE = 16384 };

fal_status fal_tracker_create(const fal_tracker_options *options, fal_tracker **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_tracker *tracker = NULL;
    if (options->detect_interval < 0)
        FAL_FAIL(FAL_ERR_ARGUMENT, "face track: detect_interval is %lld, expected 0 or more frames",
                 (long long)options->detect_interval);
    FAL_ALLOC(tracker, fal_calloc(1, sizeof *tracker));
    tracker->mode = options->mode;
    tracker->detect_interval = options->detect_interval ? options->detect_interval : DEFAULT_DETECT_INTERVAL;
    tracker->log = options->log;
    tracker->detector = options->detector;
    if (!options->detector) {
        FAL_TRY(fal_detector_open(options->model_path, &tracker->detector, err));
        tracker->owns_detector = true;
    }
    *out = tracker;
    tracker = NULL;
done:
    fal_tracker_free(&tracker);
    return st;
}

/* Back to the state before the first frame. */
static void forget_clip(fal_tracker *tracker)
{
    fal_track_store_free(&tracker->store);
    fal_fast_state_free(&tracker->fast);
    fal_release(&tracker->gray);
    tracker->width = tracker->height = 0;
}

void fal_tracker_free(fal_tracker **tracker)
{
    if (!tracker || !*tracker)
        return;
    forget_clip(*tracker);
    if ((*tracker)->owns_detector)
        fal_detector_free(&(*tracker)->detector);
    fal_release(tracker);
}

static fal_status check_frame(const fal_tracker *tracker, const fal_picture *frame, fal_error *err)
{
    if (frame->width < 1 || frame->height < 1 || frame->width > MAX_SIDE || frame->height > MAX_SIDE ||
        (frame->channels != 1 && frame->channels != 3) || frame->stride < frame->width * frame->channels)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "face track: frame is %lld x %lld with %d channels and a stride of %lld bytes, expected a gray "
                        "or RGB one of at most %d pixels a side",
                        (long long)frame->width, (long long)frame->height, frame->channels, (long long)frame->stride,
                        MAX_SIDE);
    if (tracker->width && (frame->width != tracker->width || frame->height != tracker->height))
        return fal_fail(err, FAL_ERR_ARGUMENT, "face track: frame %zu is %lld x %lld, the ones before are %lld x %lld",
                        tracker->store.frame_count, (long long)frame->width, (long long)frame->height,
                        (long long)tracker->width, (long long)tracker->height);
    return FAL_OK;
}

/* The frame as the detector wants it; a gray frame is used where it lies. */
static fal_status make_gray(fal_tracker *tracker, const fal_picture *frame, fal_picture *gray, fal_error *err)
{
    fal_status st = FAL_OK;
    *gray = *frame;
    if (frame->channels == 1)
        goto done;
    if (!tracker->gray)
        FAL_ALLOC(tracker->gray, fal_malloc_array((size_t)frame->width, (size_t)frame->height));
    const fal_plane plane = {tracker->gray, frame->width, frame->height, frame->width};
    fal_rgb_to_gray(FAL_GRAY_DETECTOR, frame->pixels, frame->stride, &plane);
    *gray = (fal_picture){tracker->gray, frame->width, frame->height, frame->width, 1};
done:
    return st;
}

fal_status fal_tracker_feed(fal_tracker *tracker, const fal_picture *frame, double time_s, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_picture gray;
    FAL_TRY(check_frame(tracker, frame, err));
    FAL_TRY(make_gray(tracker, frame, &gray, err));
    tracker->width = frame->width;
    tracker->height = frame->height;
    FAL_TRY(fal_track_store_add_frame(&tracker->store, time_s, false, err));
    FAL_TRY(tracker->mode == FAL_FACE_EXACT ? fal_track_exact(tracker, &gray, err)
                                            : fal_track_fast(tracker, &gray, err));
done:
    return st;
}

fal_status fal_tracker_finish(fal_tracker *tracker, fal_face_tracks **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_face_tracks *tracks = NULL;
    if (tracker->store.frame_count == 0)
        FAL_FAIL(FAL_ERR_TOO_SHORT, "face track: the clip has no frame");
    if (tracker->mode == FAL_FACE_FAST)
        fal_track_fast_finish(tracker);
    FAL_TRY(fal_track_store_finish(&tracker->store, &tracks, err));
    tracks->mode = tracker->mode;
    tracks->width = tracker->width;
    tracks->height = tracker->height;
    forget_clip(tracker);
    *out = tracks;
done:
    return st;
}
