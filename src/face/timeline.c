#include "face/timeline.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

/* Frames of the track inside [start, end) in which the face was measured. */
static int64_t seen_between(const fal_face_track *track, int64_t start, int64_t end)
{
    int64_t seen = 0;
    for (int64_t t = start > track->first ? start : track->first; t < end && t < track->first + track->count; t++)
        seen += fal_face_seen(track->states[t - track->first]);
    return seen;
}

/* The track that is followed in the shot [start, end), or -1. Tracks are in order of persistence: the first of those
 * with the most frames wins. */
static int32_t choose_track(const fal_face_tracks *tracks, int face, int64_t start, int64_t end)
{
    int32_t best = -1;
    int64_t most = 0;
    if (face != FAL_FACE_AUTO)
        return seen_between(&tracks->tracks[face], start, end) > 0 ? face : -1;
    for (int64_t i = 0; i < tracks->track_count; i++) {
        const int64_t seen = seen_between(&tracks->tracks[i], start, end);
        if (i == 0 && seen > 0)
            return 0;
        if (seen > most) {
            most = seen;
            best = (int32_t)i;
        }
    }
    return best;
}

static void copy_track(fal_face_timeline *line, const fal_face_tracks *tracks, int32_t index, int64_t start,
                       int64_t end)
{
    const fal_face_track *track = &tracks->tracks[index];
    for (int64_t t = start; t < end; t++) {
        const int64_t row = t - track->first;
        line->track[t] = index;
        if (row < 0 || row >= track->count || !fal_face_seen(track->states[row]))
            continue;
        line->landmarks[t] = track->landmarks[row];
        line->boxes[t] = track->boxes[row];
        line->states[t] = track->states[row];
    }
}

static int64_t between(int64_t a, int64_t b, double part)
{
    return a + (int64_t)floor(part * (double)(b - a) + 0.5);
}

static fal_rect box_between(fal_rect a, fal_rect b, double part)
{
    return (fal_rect){between(a.left, b.left, part), between(a.top, b.top, part), between(a.right, b.right, part),
                      between(a.bottom, b.bottom, part)};
}

/* Boxes of unmeasured frames as their landmarks, in whole pixels. Some frame of the stretch is measured. */
static void fill_boxes(fal_face_timeline *line, int64_t start, int64_t end)
{
    int64_t last = -1;
    for (int64_t t = start; t < end; t++) {
        if (!fal_face_seen(line->states[t]))
            continue;
        for (int64_t gap = last < 0 ? start : last + 1; gap < t; gap++)
            line->boxes[gap] =
                last < 0 ? line->boxes[t]
                         : box_between(line->boxes[last], line->boxes[t], (double)(gap - last) / (double)(t - last));
        last = t;
    }
    for (int64_t t = last + 1; t < end; t++)
        line->boxes[t] = line->boxes[last];
}

/* A shot without the face copies the nearest frame outside it, the one before on a tie of both neighbours. */
static void fill_empty_shot(fal_face_timeline *line, int64_t start, int64_t end, const uint8_t *filled)
{
    int64_t before = start - 1, after = end;
    while (before >= 0 && !filled[before])
        before--;
    while (after < line->frame_count && !filled[after])
        after++;
    for (int64_t t = start; t < end; t++) {
        const bool take_before = before >= 0 && (after >= line->frame_count || t - before <= after - t);
        const int64_t from = take_before ? before : after;
        line->landmarks[t] = line->landmarks[from];
        line->boxes[t] = line->boxes[from];
    }
}

/* First frame of the next shot. */
static int64_t shot_end(const fal_face_timeline *line, int64_t start)
{
    int64_t end = start + 1;
    while (end < line->frame_count && !line->starts_shot[end])
        end++;
    return end;
}

static void build(fal_face_timeline *line, const fal_face_tracks *tracks, int face, uint8_t *filled)
{
    for (int64_t start = 0, end; start < line->frame_count; start = end) {
        end = shot_end(line, start);
        const int32_t chosen = choose_track(tracks, face, start, end);
        if (chosen < 0)
            continue;
        copy_track(line, tracks, chosen, start, end);
        fal_landmarks_interpolate(line->landmarks, line->states, start, end - start);
        fill_boxes(line, start, end);
        memset(filled + start, 1, (size_t)(end - start));
        line->has_face = true;
    }
    for (int64_t start = 0, end; line->has_face && start < line->frame_count; start = end) {
        end = shot_end(line, start);
        if (!filled[start])
            fill_empty_shot(line, start, end, filled);
    }
    for (int64_t t = 0; t < line->frame_count; t++) {
        line->seen += fal_face_seen(line->states[t]);
        line->interpolated += line->states[t] == FAL_FACE_INTERPOLATED;
        line->missing += line->states[t] == FAL_FACE_MISSING;
    }
}

fal_status fal_timeline_create(const fal_face_tracks *tracks, int face, fal_face_timeline **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const size_t n = (size_t)tracks->frame_count;
    fal_face_timeline *line = NULL;
    uint8_t *filled = NULL;
    if (face != FAL_FACE_AUTO && (face < 0 || face >= tracks->track_count))
        FAL_FAIL(FAL_ERR_ARGUMENT, "face %d asked for, the clip has %lld (counted from 0)", face,
                 (long long)tracks->track_count);
    FAL_ALLOC(line, fal_calloc(1, sizeof *line));
    line->mode = tracks->mode;
    line->frame_count = tracks->frame_count;
    line->width = tracks->width;
    line->height = tracks->height;
    FAL_ALLOC(line->landmarks, fal_calloc(n, sizeof *line->landmarks));
    FAL_ALLOC(line->boxes, fal_calloc(n, sizeof *line->boxes));
    FAL_ALLOC(line->states, fal_calloc(n, sizeof *line->states));
    FAL_ALLOC(line->track, fal_malloc_array(n, sizeof *line->track));
    FAL_ALLOC(line->starts_shot, fal_malloc_array(n, sizeof *line->starts_shot));
    FAL_ALLOC(filled, fal_calloc(n, sizeof *filled));
    memset(line->track, -1, n * sizeof *line->track);
    memcpy(line->starts_shot, tracks->starts_shot, n);
    build(line, tracks, face, filled);
    *out = line;
    line = NULL;
done:
    fal_free(filled);
    fal_timeline_free(&line);
    return st;
}

void fal_timeline_free(fal_face_timeline **timeline)
{
    if (!timeline || !*timeline)
        return;
    fal_free((*timeline)->landmarks);
    fal_free((*timeline)->boxes);
    fal_free((*timeline)->states);
    fal_free((*timeline)->track);
    fal_free((*timeline)->starts_shot);
    fal_release(timeline);
}
