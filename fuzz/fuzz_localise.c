/* Metadata, a zero byte, and proposals. */
#include "invariant.h"

#include <falsetto/localise.h>

#include <math.h>
#include <string.h>

enum { FRAMES = 64 };

static void label(const fal_truth *truth)
{
    uint8_t labels[FRAMES];
    for (size_t i = 0; i < truth->count; i++)
        for (int rule = 0; rule < 3; rule++) {
            const fal_true_clip *c = &truth->clips[i];
            fal_frame_labels(&c->segments[FAL_SEGMENTS_ANY], (fal_frame_rule)rule, 25, 0, FRAMES, labels);
            for (int t = 0; t < FRAMES; t++)
                FAL_INVARIANT(labels[t] <= 1);
            FAL_INVARIANT(fal_truth_find(truth, c->file) == c);
        }
}

static void measure(const fal_truth *truth, const char *text, size_t length)
{
    fal_proposals p = {0};
    fal_ap_ar r;
    fal_error err = {0};
    if (fal_proposals_parse(text, length, "proposals", &p, &err) != FAL_OK) {
        FAL_INVARIANT(p.storage == NULL && err.text[0]);
        return;
    }
    if (fal_ap_ar_measure(truth, FAL_SEGMENTS_ANY, &p, 1, &r, &err) == FAL_OK)
        for (size_t i = 0; i < FAL_AR_COUNTS; i++)
            FAL_INVARIANT(r.ar[i] >= 0 && r.ar[i] <= 1);
    fal_proposals_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_truth truth = {0};
    fal_error err = {0};
    const char *text = (const char *)data, *cut = size ? memchr(data, 0, size) : NULL;
    size_t length = cut ? (size_t)(cut - text) : size;
    if (fal_truth_parse(text, length, "metadata", &truth, &err) != FAL_OK) {
        FAL_INVARIANT(truth.storage == NULL && err.text[0]);
        return 0;
    }
    label(&truth);
    if (cut)
        measure(&truth, cut + 1, size - length - 1);
    fal_truth_free(&truth);
    return 0;
}
