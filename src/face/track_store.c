#include "face/track_store.h"

#include "core/alloc.h"

#include <stdlib.h>
#include <string.h>

/* Gives *array room for `capacity` elements of `size` bytes instead of `old`. */
static bool grow(void **array, size_t old, size_t capacity, size_t size)
{
    size_t bytes;
    if (!fal_mul_ok(capacity, size, &bytes))
        return false;
    void *bigger = fal_realloc(*array, old * size, bytes);
    if (!bigger)
        return false;
    *array = bigger;
    return true;
}

static size_t next_capacity(size_t capacity)
{
    return capacity ? capacity * 2 : 64;
}

static fal_status out_of_memory(fal_error *err, size_t frames)
{
    return fal_fail(err, FAL_ERR_MEMORY, "face track: out of memory after %zu frames", frames);
}

static void track_free(fal_face_track *track)
{
    fal_release(&track->landmarks);
    fal_release(&track->boxes);
    fal_release(&track->states);
}

void fal_track_store_free(fal_track_store *store)
{
    for (size_t i = 0; i < store->track_count; i++)
        track_free(&store->tracks[i].rows);
    fal_free(store->tracks);
    fal_free(store->time_s);
    fal_free(store->starts_shot);
    fal_free(store->faces);
    *store = (fal_track_store){0};
}

fal_status fal_track_store_add_frame(fal_track_store *store, double time_s, bool starts_shot, fal_error *err)
{
    const size_t n = store->frame_count;
    if (n == store->frame_capacity) {
        const size_t capacity = next_capacity(n);
        if (!grow((void **)&store->time_s, n, capacity, sizeof *store->time_s) ||
            !grow((void **)&store->starts_shot, n, capacity, sizeof *store->starts_shot) ||
            !grow((void **)&store->faces, n, capacity, sizeof *store->faces))
            return out_of_memory(err, n);
        store->frame_capacity = capacity;
    }
    store->time_s[n] = time_s;
    store->starts_shot[n] = starts_shot || n == 0;
    store->faces[n] = 0;
    store->frame_count = n + 1;
    return FAL_OK;
}

fal_status fal_track_store_add_track(fal_track_store *store, size_t *index, fal_error *err)
{
    const size_t n = store->track_count;
    if (n == store->track_capacity) {
        const size_t capacity = next_capacity(n);
        if (!grow((void **)&store->tracks, n, capacity, sizeof *store->tracks))
            return out_of_memory(err, store->frame_count);
        store->track_capacity = capacity;
    }
    store->tracks[n] = (fal_growing_track){0};
    store->track_count = n + 1;
    *index = n;
    return FAL_OK;
}

/* Makes room for `rows` rows. */
static bool reserve_rows(fal_growing_track *track, size_t rows)
{
    fal_face_track *t = &track->rows;
    size_t capacity = track->capacity;
    const size_t used = (size_t)t->count;
    if (rows <= capacity)
        return true;
    while (capacity < rows)
        capacity = next_capacity(capacity);
    if (!grow((void **)&t->landmarks, used, capacity, sizeof *t->landmarks) ||
        !grow((void **)&t->boxes, used, capacity, sizeof *t->boxes) ||
        !grow((void **)&t->states, used, capacity, sizeof *t->states))
        return false;
    track->capacity = capacity;
    return true;
}

fal_status fal_track_store_add_row(fal_track_store *store, size_t track, const fal_landmarks *landmarks, fal_rect box,
                                   fal_face_state state, fal_error *err)
{
    fal_growing_track *growing = &store->tracks[track];
    fal_face_track *t = &growing->rows;
    const int64_t frame = (int64_t)store->frame_count - 1;
    if (t->count == 0)
        t->first = frame;
    const int64_t row = frame - t->first;
    if (!reserve_rows(growing, (size_t)row + 1))
        return out_of_memory(err, store->frame_count);
    const size_t gap = (size_t)(row - t->count);
    memset(t->landmarks + t->count, 0, gap * sizeof *t->landmarks);
    memset(t->boxes + t->count, 0, gap * sizeof *t->boxes);
    memset(t->states + t->count, FAL_FACE_MISSING, gap);
    t->landmarks[row] = *landmarks;
    t->boxes[row] = box;
    t->states[row] = (uint8_t)state;
    t->count = row + 1;
    t->mean_width += ((double)fal_rect_width(box) - t->mean_width) / (double)++t->seen;
    return FAL_OK;
}

static int64_t detected_rows(const fal_face_track *track)
{
    int64_t rows = 0;
    for (int64_t i = 0; i < track->count; i++)
        rows += track->states[i] == FAL_FACE_DETECTED;
    return rows;
}

void fal_track_store_prune(fal_track_store *store, int64_t least)
{
    size_t kept = 0;
    memset(store->faces, 0, store->frame_count * sizeof *store->faces);
    for (size_t i = 0; i < store->track_count; i++) {
        fal_face_track *track = &store->tracks[i].rows;
        if (detected_rows(track) < least) {
            track_free(track);
            continue;
        }
        for (int64_t row = 0; row < track->count; row++)
            store->faces[track->first + row] += fal_face_seen(track->states[row]);
        store->tracks[kept++] = store->tracks[i];
    }
    store->track_count = kept;
}

/* Most frames first, then the larger face, then the earlier one. */
static int compare_tracks(const void *a, const void *b)
{
    const fal_face_track *x = a, *y = b;
    if (x->seen != y->seen)
        return x->seen > y->seen ? -1 : 1;
    if (x->mean_width != y->mean_width)
        return x->mean_width > y->mean_width ? -1 : 1;
    return (x->first > y->first) - (x->first < y->first);
}

static int64_t count_frames_with_face(const fal_track_store *store)
{
    int64_t frames = 0;
    for (size_t t = 0; t < store->frame_count; t++)
        frames += store->faces[t] > 0;
    return frames;
}

fal_status fal_track_store_finish(fal_track_store *store, fal_face_tracks **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_face_tracks *tracks = NULL;
    FAL_ALLOC(tracks, fal_calloc(1, sizeof *tracks));
    FAL_ALLOC(tracks->tracks, fal_malloc_array(store->track_count, sizeof *tracks->tracks));
    for (size_t i = 0; i < store->track_count; i++) {
        tracks->tracks[i] = store->tracks[i].rows;
        store->tracks[i].rows = (fal_face_track){0};
    }
    qsort(tracks->tracks, store->track_count, sizeof *tracks->tracks, compare_tracks);
    tracks->track_count = (int64_t)store->track_count;
    tracks->frame_count = (int64_t)store->frame_count;
    tracks->frames_with_face = count_frames_with_face(store);
    tracks->detector_runs = store->detector_runs;
    tracks->time_s = store->time_s;
    tracks->starts_shot = store->starts_shot;
    tracks->faces = store->faces;
    store->time_s = NULL;
    store->starts_shot = NULL;
    store->faces = NULL;
    fal_track_store_free(store);
    *out = tracks;
    tracks = NULL;
done:
    fal_face_tracks_free(&tracks);
    return st;
}

void fal_face_tracks_free(fal_face_tracks **tracks)
{
    if (!tracks || !*tracks)
        return;
    for (int64_t i = 0; i < (*tracks)->track_count; i++)
        track_free(&(*tracks)->tracks[i]);
    fal_free((*tracks)->tracks);
    fal_free((*tracks)->time_s);
    fal_free((*tracks)->starts_shot);
    fal_free((*tracks)->faces);
    fal_release(tracks);
}
