/* The two modes of face tracking on real clips: how far fast mode is from the official procedure, and how much faster.
 *
 *   bench_face [--exact-frames N] [CLIP...]     (3; all clips of the reference media without names)
 *
 * The first 60 frames of each clip at their native rate. Official boxes and landmarks are read from the reference
 * folder (media/landmarks). Exact mode is slow: it runs on N frames spread over those 60, which must equal the official
 * ones. Times are CPU time of one thread, decoding not counted. Prints a Markdown table with these columns:
 *
 *   official, fast, both   frames in which the face was found
 *   identical              of both: all 68 points equal
 *   median, p95            mean distance of the 68 points, in pixels of a face 256 pixels wide
 *   crop                   mean absolute difference of the mouth crops, grey levels, over all frames
 *   exact                  frames of exact mode that equal the official boxes and landmarks, of those run */
#include "support.h"

#include "core/alloc.h"
#include "core/csv.h"
#include "core/npy.h"
#include "core/str.h"
#include "face/mouth.h"
#include "face/timeline.h"
#include "face/track.h"
#include "media/clip.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FRAMES = 60, CROP = FAL_MOUTH_SIZE * FAL_MOUTH_SIZE };

typedef struct official {
    int64_t frames;
    fal_npy boxes, landmarks;
} official;

typedef struct result {
    int64_t width, height, frames;
    int64_t official_found, fast_found, both, identical, exact_run, exact_equal;
    double distances[MOST_FRAMES]; /* [both] */
    double crop_difference, fast_s, exact_s;
} result;

typedef void frame_fn(void *user, const fal_frame *frame);

static char *reference_path(const char *folder, const char *name, const char *ending)
{
    return need_memory(fal_asprintf("%s/%s/%s%s", FAL_REFERENCE_DIR, folder, name, ending));
}

static official read_official(const char *name)
{
    fal_error err = {0};
    official o = {0};
    char *boxes = reference_path("media/landmarks", name, ".boxes.npy");
    char *landmarks = reference_path("media/landmarks", name, ".landmarks.npy");
    need_ok(fal_npy_read(boxes, &o.boxes, &err), &err);
    need_ok(fal_npy_read(landmarks, &o.landmarks, &err), &err);
    o.frames = (int64_t)o.boxes.shape[0];
    fal_free(boxes);
    fal_free(landmarks);
    return o;
}

/* number of detections, left, top, right, bottom */
static const int32_t *official_box(const official *o, int64_t t)
{
    return (const int32_t *)o->boxes.data + 5 * t;
}

static fal_landmarks official_points(const official *o, int64_t t)
{
    fal_landmarks points;
    for (int i = 0; i < 2 * FAL_LANDMARK_COUNT; i++)
        points.xy[i / 2][i % 2] = ((const int32_t *)o->landmarks.data)[2 * FAL_LANDMARK_COUNT * t + i];
    return points;
}

/* Calls fn with the first `frames` frames. */
static void each_frame(const char *name, int64_t frames, frame_fn *fn, void *user)
{
    fal_error err = {0};
    fal_clip *clip = NULL;
    char *path = reference_path("media", name, "");
    need_ok(fal_clip_open(path, &(fal_clip_options){.exact = true}, &clip, &err), &err);
    for (int64_t t = 0; t < frames; t++) {
        fal_frame frame;
        bool end;
        need_ok(fal_clip_next_frame(clip, &frame, &end, &err), &err);
        if (end)
            break;
        fn(user, &frame);
    }
    fal_clip_free(&clip);
    fal_free(path);
}

static fal_picture as_picture(const fal_frame *frame)
{
    return (fal_picture){frame->data, frame->width, frame->height, frame->stride, 3};
}

/* --- fast mode --- */

typedef struct fast_run {
    fal_tracker *tracker;
    result *result;
} fast_run;

static void feed_fast(void *user, const fal_frame *frame)
{
    fast_run *run = user;
    fal_error err = {0};
    const fal_picture picture = as_picture(frame);
    const double start = cpu_s();
    need_ok(fal_tracker_feed(run->tracker, &picture, frame->time_s, &err), &err);
    run->result->fast_s += cpu_s() - start;
    run->result->width = frame->width;
    run->result->height = frame->height;
    run->result->frames++;
}

static fal_face_tracks *track_fast(fal_detector *detector, const char *name, int64_t frames, result *r)
{
    fal_error err = {0};
    fal_face_tracks *tracks = NULL;
    fast_run run = {.result = r};
    need_ok(fal_tracker_create(&(fal_tracker_options){.detector = detector}, &run.tracker, &err), &err);
    each_frame(name, frames, feed_fast, &run);
    need_ok(fal_tracker_finish(run.tracker, &tracks, &err), &err);
    fal_tracker_free(&run.tracker);
    return tracks;
}

/* Pixels of a face 256 pixels wide. */
static double mean_distance(const fal_landmarks *a, const fal_landmarks *b, double face_width)
{
    double sum = 0;
    for (int p = 0; p < FAL_LANDMARK_COUNT; p++)
        sum += hypot(a->xy[p][0] - b->xy[p][0], a->xy[p][1] - b->xy[p][1]);
    return sum / FAL_LANDMARK_COUNT * 256 / face_width;
}

/* Compares one track with the official landmarks; fills counts and distances. */
static void compare_track(const fal_face_track *track, const official *o, result *r)
{
    r->fast_found = track->seen;
    r->both = r->identical = 0;
    for (int64_t row = 0; row < track->count; row++) {
        const int64_t t = track->first + row;
        const int32_t *box = official_box(o, t);
        if (!fal_face_seen(track->states[row]) || box[0] < 1)
            continue;
        const fal_landmarks want = official_points(o, t);
        const double distance = mean_distance(&track->landmarks[row], &want, box[3] - box[1] + 1);
        r->distances[r->both++] = distance;
        r->identical += distance == 0;
    }
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(const result *r, double part)
{
    return r->both ? r->distances[(int64_t)(part * (double)(r->both - 1) + 0.5)] : NAN;
}

/* The official procedure takes the last face of the list: of several tracks the one that is that face. */
static int choose_face(const fal_face_tracks *tracks, const official *o, result *r)
{
    int best = FAL_FACE_AUTO;
    double least = INFINITY;
    for (int64_t i = 0; i < tracks->track_count; i++) {
        compare_track(&tracks->tracks[i], o, r);
        qsort(r->distances, (size_t)r->both, sizeof r->distances[0], compare_doubles);
        if (r->both && quantile(r, 0.5) < least) {
            least = quantile(r, 0.5);
            best = (int)i;
        }
    }
    r->fast_found = r->both = r->identical = 0;
    if (best != FAL_FACE_AUTO)
        compare_track(&tracks->tracks[best], o, r);
    qsort(r->distances, (size_t)r->both, sizeof r->distances[0], compare_doubles);
    return best;
}

/* --- mouth crops --- */

typedef struct crop_run {
    fal_mouth_plan *fast, *official;
    int64_t next;
    double difference;
} crop_run;

static void compare_crops(void *user, const fal_frame *frame)
{
    crop_run *run = user;
    fal_error err = {0};
    uint8_t a[CROP], b[CROP];
    const fal_picture picture = as_picture(frame);
    int64_t sum = 0;
    need_ok(fal_mouth_plan_crop(run->fast, run->next, &picture, a, NULL, &err), &err);
    need_ok(fal_mouth_plan_crop(run->official, run->next++, &picture, b, NULL, &err), &err);
    for (int i = 0; i < CROP; i++)
        sum += abs(a[i] - b[i]);
    run->difference += (double)sum / CROP;
}

/* A plan from the official landmarks, the way the official script goes on from them. */
static fal_mouth_plan *official_plan(const official *o, const result *r)
{
    fal_error err = {0};
    fal_mouth_plan *plan = NULL;
    const size_t n = (size_t)r->frames;
    fal_face_timeline line = {.mode = FAL_FACE_EXACT, .frame_count = r->frames, .width = r->width, .height = r->height};
    line.landmarks = need_memory(fal_calloc(n, sizeof *line.landmarks));
    line.states = need_memory(fal_calloc(n, 1));
    line.starts_shot = need_memory(fal_calloc(n, 1));
    for (int64_t t = 0; t < r->frames; t++) {
        line.landmarks[t] = official_points(o, t);
        line.states[t] = official_box(o, t)[0] > 0 ? FAL_FACE_DETECTED : FAL_FACE_MISSING;
    }
    line.has_face = fal_landmarks_interpolate(line.landmarks, line.states, 0, r->frames);
    need_ok(fal_mouth_plan_create(&line, &plan, &err), &err);
    fal_free(line.landmarks);
    fal_free(line.states);
    fal_free(line.starts_shot);
    return plan;
}

static void measure_crops(const char *name, const fal_face_tracks *tracks, int face, const official *o, result *r)
{
    fal_error err = {0};
    fal_face_timeline *line = NULL;
    crop_run run = {.official = official_plan(o, r)};
    need_ok(fal_timeline_create(tracks, face, &line, &err), &err);
    need_ok(fal_mouth_plan_create(line, &run.fast, &err), &err);
    each_frame(name, r->frames, compare_crops, &run);
    r->crop_difference = run.difference / (double)r->frames;
    fal_mouth_plan_free(&run.fast);
    fal_mouth_plan_free(&run.official);
    fal_timeline_free(&line);
}

/* --- exact mode --- */

typedef struct exact_run {
    fal_detector *detector;
    const official *official;
    int64_t next, step;
    result *result;
} exact_run;

static bool equals_official(const fal_face_tracks *tracks, const official *o, int64_t t)
{
    const int32_t *box = official_box(o, t);
    if (tracks->faces[0] != box[0])
        return false;
    if (box[0] == 0)
        return true;
    const fal_rect got = tracks->tracks[0].boxes[0];
    const fal_landmarks want = official_points(o, t);
    return got.left == box[1] && got.top == box[2] && got.right == box[3] && got.bottom == box[4] &&
           mean_distance(&tracks->tracks[0].landmarks[0], &want, 256) == 0;
}

static void feed_exact(void *user, const fal_frame *frame)
{
    exact_run *run = user;
    fal_error err = {0};
    fal_tracker *tracker = NULL;
    fal_face_tracks *tracks = NULL;
    const int64_t t = run->next++;
    const fal_picture picture = as_picture(frame);
    if (t % run->step != 0)
        return;
    const fal_tracker_options options = {.mode = FAL_FACE_EXACT, .detector = run->detector};
    need_ok(fal_tracker_create(&options, &tracker, &err), &err);
    const double start = cpu_s();
    need_ok(fal_tracker_feed(tracker, &picture, frame->time_s, &err), &err);
    run->result->exact_s += cpu_s() - start;
    need_ok(fal_tracker_finish(tracker, &tracks, &err), &err);
    run->result->exact_run++;
    run->result->exact_equal += equals_official(tracks, run->official, t);
    fal_face_tracks_free(&tracks);
    fal_tracker_free(&tracker);
}

/* --- table --- */

static void print_row(const char *name, const result *r)
{
    const double fast_ms = 1e3 * r->fast_s / (double)r->frames, exact_ms = 1e3 * r->exact_s / (double)r->exact_run;
    printf("| %s | %lldx%lld | %lld / %lld / %lld | ", name, (long long)r->width, (long long)r->height,
           (long long)r->official_found, (long long)r->fast_found, (long long)r->both);
    if (r->both)
        printf("%.0f %% | %.2f | %.2f | ", 100.0 * (double)r->identical / (double)r->both, quantile(r, 0.5),
               quantile(r, 0.95));
    else
        printf("- | - | - | ");
    printf("%.2f | %.1f | %.0f | %.0f | %lld of %lld |\n", r->crop_difference, fast_ms, exact_ms, exact_ms / fast_ms,
           (long long)r->exact_equal, (long long)r->exact_run);
    fflush(stdout);
}

static void bench_clip(fal_detector *detector, const char *name, int64_t exact_frames)
{
    result r = {0};
    official o = read_official(name);
    fal_face_tracks *tracks = track_fast(detector, name, o.frames < MOST_FRAMES ? o.frames : MOST_FRAMES, &r);
    for (int64_t t = 0; t < r.frames; t++)
        r.official_found += official_box(&o, t)[0] > 0;
    const int face = choose_face(tracks, &o, &r);
    measure_crops(name, tracks, face, &o, &r);
    exact_run run = {detector, &o, 0, (r.frames + exact_frames - 1) / exact_frames, &r};
    each_frame(name, r.frames, feed_exact, &run);
    print_row(name, &r);
    fal_face_tracks_free(&tracks);
    fal_npy_free(&o.boxes);
    fal_npy_free(&o.landmarks);
}

static void bench_all(fal_detector *detector, int64_t exact_frames)
{
    fal_error err = {0};
    fal_csv table = {0};
    char *path = reference_path("media/landmarks", "summary", ".csv");
    need_ok(fal_csv_read(path, &table, &err), &err);
    for (size_t row = 0; row < table.rows; row++)
        bench_clip(detector, fal_csv_cell(&table, row, fal_csv_column(&table, "file")), exact_frames);
    fal_csv_free(&table);
    fal_free(path);
}

int main(int argc, char **argv)
{
    fal_error err = {0};
    fal_detector *detector = NULL;
    int64_t exact_frames = 3;
    int first = 1;
    if (argc > 2 && fal_str_eq(argv[1], "--exact-frames")) {
        exact_frames = strtol(argv[2], NULL, 10);
        first = 3;
    }
    if (exact_frames < 1 || (argc > first && argv[first][0] == '-')) {
        fprintf(stderr, "usage: bench_face [--exact-frames N] [CLIP...]\n");
        return 2;
    }
    need_ok(fal_detector_open(NULL, &detector, &err), &err);
    printf("| clip | size | official / fast / both | identical | median | p95 | crop | fast ms | exact ms | ratio | "
           "exact |\n"
           "|---|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = first; i < argc; i++)
        bench_clip(detector, argv[i], exact_frames);
    if (argc == first)
        bench_all(detector, exact_frames);
    fal_detector_free(&detector);
    return 0;
}
