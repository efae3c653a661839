/* Frame scores into time segments. */
#include "core/arena.h"
#include "eval/proposals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FRAMES_PER_SECOND = 25 };
#define MERGE_S 0.12 /* three frames: shorter than a syllable */
#define SHORTEST_S 0.08

/* Frames [first, end) of one clip at one threshold. */
typedef struct frame_run {
    int64_t first, end;
} frame_run;

typedef struct segmenter {
    double rate;
    int64_t merge, shortest; /* frames */
    const double *thresholds;
    size_t threshold_count;
    frame_run *runs; /* of one clip, all thresholds */
    size_t count, capacity;
} segmenter;

static double or_default(double value, double fallback)
{
    return value > 0 ? value : value < 0 ? 0 : fallback;
}

static int64_t frames_of(double seconds, double rate)
{
    return (int64_t)fmin(floor(seconds * rate + 1e-9), 1e15);
}

static segmenter make_segmenter(const fal_segmentation *how)
{
    static const double boundary = 0;
    double rate = how->rate_hz > 0 ? how->rate_hz : FRAMES_PER_SECOND;
    return (segmenter){.rate = rate,
                       .merge = frames_of(or_default(how->merge_s, MERGE_S), rate),
                       .shortest = (int64_t)fmin(ceil(or_default(how->shortest_s, SHORTEST_S) * rate - 1e-9), 1e15),
                       .thresholds = how->threshold_count ? how->thresholds : &boundary,
                       .threshold_count = how->threshold_count ? how->threshold_count : 1};
}

static fal_status keep_run(segmenter *s, frame_run run, fal_error *err)
{
    fal_status st = FAL_OK;
    frame_run *grown;
    if (run.end - run.first < s->shortest)
        return FAL_OK;
    for (size_t i = 0; i < s->count; i++)
        if (s->runs[i].first == run.first && s->runs[i].end == run.end)
            return FAL_OK;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 64;
        FAL_ALLOC(grown, fal_realloc(s->runs, s->capacity * sizeof run, capacity * sizeof run));
        s->runs = grown;
        s->capacity = capacity;
    }
    s->runs[s->count++] = run;
done:
    return st;
}

static fal_status find_runs(segmenter *s, const fal_frame_scores *clip, double threshold, fal_error *err)
{
    fal_status st = FAL_OK;
    frame_run run = {-1, -1};
    for (int64_t t = 0; t < clip->frames; t++) {
        if (!(clip->scores[t] >= threshold))
            continue;
        if (run.first >= 0 && t - run.end > s->merge) {
            FAL_TRY(keep_run(s, run, err));
            run.first = -1;
        }
        run = (frame_run){run.first < 0 ? t : run.first, t + 1};
    }
    if (run.first >= 0)
        FAL_TRY(keep_run(s, run, err));
done:
    return st;
}

static double mean_score(const fal_frame_scores *clip, frame_run run)
{
    double sum = 0;
    for (int64_t t = run.first; t < run.end; t++)
        sum += clip->scores[t];
    return sum / (double)(run.end - run.first);
}

/* Highest confidence first, then the earlier one, then the longer one. */
static int by_confidence(const void *a, const void *b)
{
    const fal_proposal *x = a, *y = b;
    if (x->confidence != y->confidence)
        return x->confidence < y->confidence ? 1 : -1;
    if (x->begin != y->begin)
        return x->begin > y->begin ? 1 : -1;
    return (x->end < y->end) - (x->end > y->end);
}

static fal_status propose_clip(segmenter *s, const fal_frame_scores *clip, const char *file, fal_proposal_store *store,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    fal_proposal *items = NULL;
    s->count = 0;
    for (int64_t t = 0; t < clip->frames; t++)
        if (!isfinite(clip->scores[t]))
            FAL_FAIL(FAL_ERR_ARGUMENT, "%s: the score of frame %lld is not finite", clip->path, (long long)t);
    for (size_t k = 0; k < s->threshold_count; k++)
        FAL_TRY(find_runs(s, clip, s->thresholds[k], err));
    FAL_TRY(fal_proposal_store_add(store, file, s->count, &items, err));
    for (size_t i = 0; i < s->count; i++)
        items[i] = (fal_proposal){mean_score(clip, s->runs[i]), (double)(clip->offset + s->runs[i].first) / s->rate,
                                  (double)(clip->offset + s->runs[i].end) / s->rate};
    qsort(items, s->count, sizeof *items, by_confidence);
done:
    return st;
}

fal_status fal_propose(const fal_truth *truth, const fal_frame_scores *clips, size_t count, const fal_segmentation *how,
                       fal_proposals *out, fal_error *err)
{
    static const fal_segmentation defaults = {0};
    fal_status st = FAL_OK;
    fal_proposal_store *store = NULL;
    segmenter s = make_segmenter(how ? how : &defaults);
    FAL_TRY(fal_proposal_store_make(&store, err));
    for (size_t i = 0; i < count; i++) {
        const fal_true_clip *about = truth ? fal_truth_find(truth, clips[i].path) : NULL;
        FAL_TRY(propose_clip(&s, &clips[i], about ? about->file : clips[i].path, store, err));
    }
    *out = fal_proposal_store_give(&store);
done:
    fal_free(s.runs);
    fal_proposal_store_free(store);
    return st;
}
