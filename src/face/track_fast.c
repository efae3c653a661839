/* Detector boxes in every frame at a small part of the price: the whole frame is searched when a shot begins and now
 * and then, and in between each face is looked for only where and as large as it was one frame before (face/level.h).
 * The boxes, and with them the landmarks, are nearly always those of the official procedure. */
#include "face/tracker.h"

#include "face/search.h"

#include <string.h>

enum {
    REACH = 24,          /* level pixels a face may move from frame to frame: 30 % of its width */
    REACH_UNSEEN = 40,   /* when it was not found in the frame before */
    MOST_UNSEEN = 12,    /* frames a face may be hidden before it is given up */
    MOST_UNSURE = 50,    /* frames a face may stay below the detector's acceptance level */
    EMPTY_INTERVAL = 5,  /* frames between two searches while there is no face */
    LEAST_DETECTIONS = 2 /* that make a track; a single one is taken for a mistake of the detector */
};

/* A known face is accepted a little below the detector's own level. So is a candidate of the coarse search, which then
 * must reach that level in the pyramid of the official procedure. */
static const double follow_threshold = -0.3, candidate_threshold = -0.2;
/* Across a cut a face in the same place may be another person: nothing here knows people. */
static const double same_face_overlap = 0.3, after_cut_overlap = 0.5;
static const double duplicate_overlap = 0.5;

void fal_fast_state_free(fal_fast_state *state)
{
    fal_arena_free(&state->arena);
    *state = (fal_fast_state){0};
}

static void drop_face(fal_fast_state *fast, size_t index)
{
    fast->active_count--;
    memmove(&fast->active[index], &fast->active[index + 1], (fast->active_count - index) * sizeof fast->active[0]);
}

static void begin_shot(fal_fast_state *fast)
{
    for (size_t i = 0; i < fast->active_count; i++)
        fast->active[i].before_cut = true;
    fast->searches = 0;
    fast->next_search = 0;
}

/* Looks for each known face near its last place. */
static fal_status follow_faces(fal_tracker *tracker, const fal_picture *gray, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_fast_state *fast = &tracker->fast;
    for (size_t i = 0; i < fast->active_count; i++) {
        fal_active_face *face = &fast->active[i];
        fal_face_box best;
        face->seen = false;
        if (face->before_cut)
            continue;
        FAL_TRY(fal_search_near(tracker->detector, gray, face->box, face->unseen ? REACH_UNSEEN : REACH,
                                follow_threshold, fast->arena, &best, &face->seen, err));
        if (face->seen) {
            face->box = best.rect;
            face->score = best.score;
        } else if (face->unseen == 0) {
            fast->next_search = 0; /* it may have jumped */
        }
    }
done:
    return st;
}

/* The known face a box belongs to, or a new one; NULL when there are too many. */
static fal_active_face *face_for_box(fal_fast_state *fast, fal_rect box)
{
    fal_active_face *best = NULL;
    double most = 0;
    for (size_t i = 0; i < fast->active_count; i++) {
        fal_active_face *face = &fast->active[i];
        const double overlap = fal_rect_iou(face->box, box);
        if (overlap < (face->before_cut ? after_cut_overlap : same_face_overlap) || overlap <= most)
            continue;
        most = overlap;
        best = face;
    }
    if (!best && fast->active_count < FAL_FAST_MAX_FACES) {
        best = &fast->active[fast->active_count++];
        *best = (fal_active_face){0};
    }
    return best;
}

/* A box from a search of the whole frame. It counts if it is found again in the grid that following works with; the
 * deep search has looked at that very grid, and what it is sure of counts as it is. */
static fal_status welcome_box(fal_tracker *tracker, const fal_picture *gray, fal_face_box found, fal_search_depth depth,
                              bool *welcome, fal_error *err)
{
    fal_status st = FAL_OK;
    *welcome = depth == FAL_SEARCH_DEEP && found.score >= 0;
    if (!*welcome)
        FAL_TRY(
            fal_search_near(tracker->detector, gray, found.rect, REACH, 0, tracker->fast.arena, &found, welcome, err));
    if (!*welcome)
        goto done;
    fal_active_face *face = face_for_box(&tracker->fast, found.rect);
    if (!face || face->seen)
        goto done;
    face->box = found.rect;
    face->score = found.score;
    face->seen = true;
    face->before_cut = false;
done:
    return st;
}

/* How deep to look: a new shot and a lost face until something is found; otherwise quickly, and every fourth time
 * closer. */
static void choose_depths(const fal_fast_state *fast, fal_search_depth *first, fal_search_depth *last)
{
    static const fal_search_depth turns[4] = {FAL_SEARCH_QUICK, FAL_SEARCH_NORMAL, FAL_SEARCH_QUICK, FAL_SEARCH_DEEP};
    if (fast->searches == 0) {
        *first = FAL_SEARCH_QUICK;
        *last = FAL_SEARCH_DEEP;
    } else if (fast->active_count == 0) {
        *first = *last = turns[fast->searches % 4];
    } else {
        *first = *last = fast->searches % 4 ? FAL_SEARCH_QUICK : FAL_SEARCH_NORMAL;
    }
}

static fal_status search_frame(fal_tracker *tracker, const fal_picture *gray, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_fast_state *fast = &tracker->fast;
    fal_face_box boxes[FAL_FAST_MAX_FACES];
    fal_search_depth depth, last;
    size_t count, welcomed = 0;
    choose_depths(fast, &depth, &last);
    for (; depth <= last && welcomed == 0; depth++) {
        FAL_TRY(fal_search_faces(tracker->detector, gray, depth, candidate_threshold, fast->arena, boxes,
                                 FAL_FAST_MAX_FACES, &count, err));
        tracker->store.detector_runs++;
        for (size_t i = 0; i < count && i < FAL_FAST_MAX_FACES; i++) {
            bool welcome;
            FAL_TRY(welcome_box(tracker, gray, boxes[i], depth, &welcome, err));
            welcomed += welcome;
        }
    }
    fast->searches++;
    fast->next_search = fast->active_count ? tracker->detect_interval : EMPTY_INTERVAL;
done:
    return st;
}

/* Gives up faces that have been away too long, that a cut took away, and the newer of two that have become one. */
static void drop_faces(fal_fast_state *fast)
{
    for (size_t i = fast->active_count; i-- > 0;) {
        fal_active_face *face = &fast->active[i];
        face->unseen = face->seen ? 0 : face->unseen + 1;
        face->unsure = face->seen && face->score < 0 ? face->unsure + 1 : 0;
        bool drop = face->before_cut || face->unseen > MOST_UNSEEN || face->unsure > MOST_UNSURE;
        for (size_t j = 0; j < i; j++)
            drop = drop || fal_rect_iou(fast->active[j].box, face->box) > duplicate_overlap;
        if (drop)
            drop_face(fast, i);
    }
}

/* Landmarks of the faces in this frame. */
static fal_status measure_faces(fal_tracker *tracker, const fal_picture *gray, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_landmarks landmarks;
    for (size_t i = 0; i < tracker->fast.active_count; i++) {
        fal_active_face *face = &tracker->fast.active[i];
        if (!face->seen)
            continue;
        if (!face->has_track)
            FAL_TRY(fal_track_store_add_track(&tracker->store, &face->track, err));
        face->has_track = true;
        FAL_TRY(fal_detector_landmarks(tracker->detector, gray, face->box, &landmarks, err));
        FAL_TRY(fal_track_store_add_row(&tracker->store, face->track, &landmarks, face->box,
                                        face->score < 0 ? FAL_FACE_TRACKED : FAL_FACE_DETECTED, err));
    }
done:
    return st;
}

fal_status fal_track_fast(fal_tracker *tracker, const fal_picture *gray, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_fast_state *fast = &tracker->fast;
    if (!fast->arena)
        FAL_ALLOC(fast->arena, fal_arena_create());
    fal_arena_reset(fast->arena);
    if (fal_shot_begins(&fast->shot, gray)) {
        tracker->store.starts_shot[tracker->store.frame_count - 1] = 1;
        begin_shot(fast);
    }
    FAL_TRY(follow_faces(tracker, gray, err));
    if (fast->next_search <= 0)
        FAL_TRY(search_frame(tracker, gray, err));
    fast->next_search--;
    drop_faces(fast);
    FAL_TRY(measure_faces(tracker, gray, err));
done:
    return st;
}

void fal_track_fast_finish(fal_tracker *tracker)
{
    const int64_t frames = (int64_t)tracker->store.frame_count;
    fal_track_store_prune(&tracker->store, frames < 5 * LEAST_DETECTIONS ? 1 : LEAST_DETECTIONS);
}
