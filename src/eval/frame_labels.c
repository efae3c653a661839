/* Frame labels, and how well frame scores follow them. */
#include "core/alloc.h"
#include "core/status.h"

#include <falsetto/localise.h>

#include <math.h>
#include <string.h>

enum { FRAMES_PER_SECOND = 25 };

/* Frames [first, end) of one segment. Beyond 2^53 frames a double counts no longer: such times mean "everything". */
typedef struct frame_range {
    double first, end;
} frame_range;

static frame_range range_of(const fal_segment *s, fal_frame_rule rule, double rate)
{
    switch (rule) {
    /* The product as it is: 1.16 * 25 is 28.999999999999996, which is frame 28. */
    case FAL_FRAMES_LOADER: return (frame_range){trunc(s->begin_s * rate), trunc(s->end_s * rate)};
    case FAL_FRAMES_OVERLAP: return (frame_range){floor(s->begin_s * rate), ceil(s->end_s * rate)};
    default: return (frame_range){0, 0};
    }
}

static bool is_inside(const fal_segment *s, double middle_s)
{
    return s->begin_s <= middle_s && middle_s < s->end_s;
}

void fal_frame_labels(const fal_segment_set *segments, fal_frame_rule rule, double rate_hz, int64_t first,
                      int64_t frames, uint8_t *labels)
{
    memset(labels, 0, (size_t)frames);
    for (size_t i = 0; i < segments->count; i++) {
        const fal_segment *s = &segments->items[i];
        frame_range range = range_of(s, rule, rate_hz);
        for (int64_t t = 0; t < frames; t++) {
            double frame = (double)(first + t);
            if (rule == FAL_FRAMES_CENTER ? is_inside(s, (frame + 0.5) / rate_hz)
                                          : range.first <= frame && frame < range.end)
                labels[t] = 1;
        }
    }
}

/* ---- scores against labels ---- */

typedef struct pool {
    double *scores;
    uint8_t *labels;
    size_t count;
    double macro_sum;
} pool;

static fal_status make_pool(const fal_frame_scores *clips, size_t count, pool *p, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t frames = 0;
    for (size_t i = 0; i < count; i++)
        if (!fal_add_ok(frames, (size_t)clips[i].frames, &frames))
            FAL_FAIL(FAL_ERR_MEMORY, "%zu clips have too many frames", count);
    FAL_ALLOC(p->scores, fal_malloc_array(frames, sizeof *p->scores));
    FAL_ALLOC(p->labels, fal_malloc(frames));
done:
    return st;
}

static fal_status add_clip(pool *p, const fal_frame_scores *clip, const fal_segment_set *segments,
                           const fal_localisation_options *o, fal_localisation *found, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_metrics m;
    double *scores = p->scores + p->count;
    uint8_t *labels = p->labels + p->count;
    double rate = o->rate_hz > 0 ? o->rate_hz : FRAMES_PER_SECOND;
    found->clips++;
    if (clip->frames == 0)
        return FAL_OK;
    fal_frame_labels(segments, o->rule, rate, clip->offset, clip->frames, labels);
    for (int64_t t = 0; t < clip->frames; t++) {
        scores[t] = clip->scores[t];
        if (isnan(scores[t]))
            FAL_FAIL(FAL_ERR_ARGUMENT, "%s: the score of frame %lld is not a number", clip->path, (long long)t);
    }
    FAL_TRY(fal_evaluate(scores, labels, (size_t)clip->frames, &m, err));
    p->count += m.count;
    found->frames += m.count;
    found->fake_frames += m.fakes;
    if (m.fakes && m.reals) {
        found->clips_with_both++;
        p->macro_sum += m.auc;
    }
done:
    return st;
}

fal_status fal_localise(const fal_truth *truth, const fal_frame_scores *clips, size_t count,
                        const fal_localisation_options *options, fal_localisation *out, fal_error *err)
{
    static const fal_localisation_options defaults = {0};
    fal_status st = FAL_OK;
    const fal_localisation_options *o = options ? options : &defaults;
    fal_localisation found = {.auc = NAN, .ap = NAN, .macro_auc = NAN};
    fal_metrics m;
    pool p = {0};
    FAL_TRY(make_pool(clips, count, &p, err));
    for (size_t i = 0; i < count; i++) {
        const fal_true_clip *about = fal_truth_find(truth, clips[i].path);
        if (!about)
            found.first_unknown = found.unknown++ ? found.first_unknown : clips[i].path;
        else if (o->all_clips || about->segments[o->field].count)
            FAL_TRY(add_clip(&p, &clips[i], &about->segments[o->field], o, &found, err));
    }
    if (p.count) {
        FAL_TRY(fal_evaluate(p.scores, p.labels, p.count, &m, err));
        found.auc = m.auc;
        found.ap = m.ap;
    }
    if (found.clips_with_both)
        found.macro_auc = p.macro_sum / (double)found.clips_with_both;
    *out = found;
done:
    fal_free(p.scores);
    fal_free(p.labels);
    return st;
}
