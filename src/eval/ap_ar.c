/* AP@IoU and AR@N as the package avdeepfake1m computes them (ap_ar_1d in its loc_1d.rs): float32
 * throughout, proposals of a file in the order of the file. */
#include "core/alloc.h"
#include "core/sort.h"
#include "core/status.h"
#include "eval/path_index.h"

#include <falsetto/localise.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RECALL_IOUS = 10 };

static const double ap_ious[FAL_AP_IOUS] = {0.5, 0.75, 0.9, 0.95};
static const size_t ar_counts[FAL_AR_COUNTS] = {50, 30, 20, 10, 5};
static const double recall_ious[RECALL_IOUS] = {0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95};

typedef struct span {
    float begin, end;
} span;

/* A clip's segments and proposals, all float32. */
typedef struct clip {
    const span *segments, *proposals;
    size_t segment_count, proposal_count;
} clip;

typedef struct matter {
    clip *clips;
    size_t count, segment_count, proposal_count;
    span *segments, *proposals; /* of all clips, one after the other */
    float *confidences;         /* [proposal_count], in the same order */
    size_t *order;              /* proposals by falling confidence, ties in order */
    uint8_t *claimed;           /* [proposal_count]: true positives at the threshold at hand */
} matter;

/* NaN for two points at the same place, which is no match. */
static float overlap(span a, span b)
{
    float shared = fmaxf(0, fminf(a.end, b.end) - fmaxf(a.begin, b.begin));
    return shared / (fmaxf(a.end, b.end) - fminf(a.begin, b.begin));
}

/* ---- input ---- */

static fal_status find_sets(const fal_truth *truth, const fal_proposals *proposals, const fal_proposal_set **sets,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_path_index index = {0};
    const char **files = NULL;
    FAL_ALLOC(files, fal_malloc_array(proposals->count, sizeof *files));
    for (size_t i = 0; i < proposals->count; i++)
        files[i] = proposals->clips[i].file;
    FAL_TRY(fal_path_index_make(files, proposals->count, &index, err));
    for (size_t i = 0; i < proposals->count; i++)
        if (fal_path_index_put(&index, i) != FAL_PATH_NONE)
            FAL_FAIL(FAL_ERR_FORMAT, "the proposals hold %s twice", files[i]);
    for (size_t i = 0; i < truth->count; i++) {
        size_t found = fal_path_index_find(&index, truth->clips[i].file);
        if (found == FAL_PATH_NONE)
            FAL_FAIL(FAL_ERR_NOT_FOUND, "there are no proposals for %s (an empty list would do)", truth->clips[i].file);
        sets[i] = &proposals->clips[found];
    }
done:
    fal_path_index_free(&index);
    fal_free(files);
    return st;
}

static void count_all(matter *m, const fal_truth *truth, fal_segment_field field, const fal_proposal_set *const *sets)
{
    for (size_t i = 0; i < truth->count; i++) {
        m->segment_count += truth->clips[i].segments[field].count;
        m->proposal_count += sets[i]->count;
    }
}

static void fill(matter *m, const fal_truth *truth, fal_segment_field field, const fal_proposal_set *const *sets,
                 float per_second)
{
    span *segment = m->segments, *proposal = m->proposals;
    for (size_t i = 0; i < m->count; i++) {
        const fal_segment_set *true_ones = &truth->clips[i].segments[field];
        m->clips[i] = (clip){segment, proposal, true_ones->count, sets[i]->count};
        for (size_t k = 0; k < true_ones->count; k++)
            *segment++ = (span){(float)true_ones->items[k].begin_s, (float)true_ones->items[k].end_s};
        for (size_t k = 0; k < sets[i]->count; k++) {
            const fal_proposal *p = &sets[i]->items[k];
            m->confidences[proposal - m->proposals] = (float)p->confidence;
            *proposal++ = (span){(float)p->begin / per_second, (float)p->end / per_second};
        }
    }
}

/* Stable and falling: rising by the negative. */
static fal_status order_proposals(matter *m, fal_error *err)
{
    fal_status st = FAL_OK;
    double *keys = NULL;
    FAL_ALLOC(keys, fal_malloc_array(m->proposal_count, sizeof *keys));
    for (size_t i = 0; i < m->proposal_count; i++) {
        keys[i] = -(double)m->confidences[i];
        if (isnan(keys[i]))
            FAL_FAIL(FAL_ERR_ARGUMENT, "the confidence of proposal %zu is not a number", i + 1);
    }
    FAL_TRY(fal_order_f64(keys, m->proposal_count, m->order, err));
done:
    fal_free(keys);
    return st;
}

static fal_status make_matter(const fal_truth *truth, fal_segment_field field, const fal_proposals *proposals,
                              double per_second, matter *m, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_proposal_set **sets = NULL;
    FAL_ALLOC(sets, fal_malloc_array(truth->count, sizeof(*sets)));
    FAL_TRY(find_sets(truth, proposals, sets, err));
    m->count = truth->count;
    count_all(m, truth, field, sets);
    FAL_ALLOC(m->clips, fal_malloc_array(m->count, sizeof *m->clips));
    FAL_ALLOC(m->segments, fal_malloc_array(m->segment_count, sizeof *m->segments));
    FAL_ALLOC(m->proposals, fal_malloc_array(m->proposal_count, sizeof *m->proposals));
    FAL_ALLOC(m->confidences, fal_malloc_array(m->proposal_count, sizeof *m->confidences));
    FAL_ALLOC(m->order, fal_malloc_array(m->proposal_count, sizeof *m->order));
    FAL_ALLOC(m->claimed, fal_malloc(m->proposal_count));
    fill(m, truth, field, sets, (float)per_second);
    FAL_TRY(order_proposals(m, err));
done:
    fal_free(sets);
    return st;
}

static void free_matter(matter *m)
{
    fal_free(m->clips);
    fal_free(m->segments);
    fal_free(m->proposals);
    fal_free(m->confidences);
    fal_free(m->order);
    fal_free(m->claimed);
}

/* ---- average precision ---- */

/* Each segment in turn claims the first free proposal that overlaps more than `iou`, not the best one. */
static void claim(matter *m, float iou)
{
    memset(m->claimed, 0, m->proposal_count);
    for (size_t i = 0; i < m->count; i++) {
        const clip *c = &m->clips[i];
        uint8_t *claimed = m->claimed + (c->proposals - m->proposals);
        for (size_t s = 0; s < c->segment_count; s++)
            for (size_t p = 0; p < c->proposal_count; p++)
                if (!claimed[p] && overlap(c->segments[s], c->proposals[p]) > iou) {
                    claimed[p] = 1;
                    break;
                }
    }
}

static float average_precision(matter *m, float iou)
{
    size_t found = 0;
    float after_recall = 1, best = 0, sum = 0; /* of the point after this one */
    claim(m, iou);
    for (size_t k = 0; k < m->proposal_count; k++)
        found += m->claimed[k];
    for (size_t k = m->proposal_count; k-- > 0;) {
        float recall = (float)found / (float)m->segment_count, precision = (float)found / (float)(k + 1);
        sum += fabsf(after_recall - recall) * best;
        best = fmaxf(best, precision);
        after_recall = recall;
        found -= m->claimed[m->order[k]];
    }
    return m->segment_count ? sum : NAN;
}

/* ---- average recall ---- */

/* Largest overlap of the segment with one of the first ar_counts[n] proposals, for every n; 0: none. */
static void best_overlaps(const clip *c, span segment, float best[FAL_AR_COUNTS])
{
    memset(best, 0, FAL_AR_COUNTS * sizeof *best);
    for (size_t p = 0; p < c->proposal_count && p < ar_counts[0]; p++) {
        float iou = overlap(segment, c->proposals[p]);
        for (size_t n = 0; n < FAL_AR_COUNTS; n++)
            if (p < ar_counts[n] && iou > best[n])
                best[n] = iou;
    }
}

static void average_recall(const matter *m, double *out)
{
    size_t found[FAL_AR_COUNTS][RECALL_IOUS] = {{0}}, looked_for = 0;
    for (size_t i = 0; i < m->count; i++)
        for (size_t s = 0; m->clips[i].proposal_count && s < m->clips[i].segment_count; s++) {
            float best[FAL_AR_COUNTS];
            best_overlaps(&m->clips[i], m->clips[i].segments[s], best);
            looked_for++;
            for (size_t n = 0; n < FAL_AR_COUNTS; n++)
                for (size_t t = 0; t < RECALL_IOUS; t++)
                    found[n][t] += best[n] > (float)recall_ious[t];
        }
    for (size_t n = 0; n < FAL_AR_COUNTS; n++) {
        float sum = 0;
        for (size_t t = 0; t < RECALL_IOUS; t++)
            sum += looked_for ? (float)found[n][t] / (float)looked_for : 0;
        out[n] = sum / RECALL_IOUS;
    }
}

fal_status fal_ap_ar_measure(const fal_truth *truth, fal_segment_field field, const fal_proposals *proposals,
                             double per_second, fal_ap_ar *out, fal_error *err)
{
    fal_status st = FAL_OK;
    matter m = {0};
    fal_ap_ar r = {0};
    double ap = 0, ar = 0;
    if (!(per_second > 0))
        FAL_FAIL(FAL_ERR_ARGUMENT, "proposals count %g units per second, wanted a positive number", per_second);
    FAL_TRY(make_matter(truth, field, proposals, per_second, &m, err));
    for (size_t t = 0; t < FAL_AP_IOUS; t++) {
        r.ap[t] = average_precision(&m, (float)ap_ious[t]);
        r.iou[t] = ap_ious[t];
        ap += r.ap[t] / FAL_AP_IOUS;
    }
    average_recall(&m, r.ar);
    for (size_t n = 0; n < FAL_AR_COUNTS; n++)
        ar += r.ar[n] / FAL_AR_COUNTS;
    memcpy(r.first, ar_counts, sizeof ar_counts);
    r.score = ap / 2 + ar / 2;
    r.segments = m.segment_count;
    r.proposals = m.proposal_count;
    *out = r;
done:
    free_matter(&m);
    return st;
}
