#include "eval.h"

#include <stdio.h>
#include <stdlib.h>

static fal_status complain(fal_error *err, fal_status code, const char *text)
{
    err->code = code;
    snprintf(err->text, sizeof err->text, "%s", text);
    return code;
}

/* Frame scores of the subject's clips, [scored.count]; the caller's to free. */
static fal_status gather(const eval_subject *subject, const eval_settings *s, fal_frame_scores **out, fal_error *err)
{
    const fal_scored_list *list = &subject->scored;
    fal_frame_scores *frames = calloc(list->count + 1, sizeof *frames);
    fal_status st = frames ? FAL_OK : complain(err, FAL_ERR_MEMORY, "out of memory");
    for (size_t i = 0; st == FAL_OK && i < list->count; i++) {
        const fal_scored_clip *c = &list->clips[i];
        frames[i] = (fal_frame_scores){.path = c->path, .scores = c->frame_logits, .frames = c->frames};
        st = fal_feature_offset(s->features, c->path, &frames[i].offset, err);
    }
    if (st == FAL_OK)
        *out = frames;
    else
        free(frames);
    return st;
}

/* ---- segments ---- */

static fal_status parse_thresholds(const cli_list *list, double *out, fal_error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (!cli_real(list->items[i], &out[i]))
            return complain(err, FAL_ERR_ARGUMENT, "--segment-threshold wants a number");
    return FAL_OK;
}

static fal_status propose(const eval_settings *s, const fal_truth *truth, const fal_frame_scores *frames, size_t count,
                          fal_proposals *out, fal_error *err)
{
    double thresholds[CLI_MAX_LIST];
    const fal_segmentation how = {.thresholds = thresholds,
                                  .threshold_count = s->thresholds.count,
                                  .merge_s = s->merge_s,
                                  .shortest_s = s->shortest_s,
                                  .rate_hz = s->rate_hz};
    fal_status st = parse_thresholds(&s->thresholds, thresholds, err);
    if (st == FAL_OK)
        st = fal_propose(truth, frames, count, &how, out, err);
    if (st == FAL_OK && s->write_proposals)
        st = fal_proposals_write(out, s->write_proposals, err);
    return st;
}

/* ---- one subject ---- */

/* Clips of the metadata that were not scored have no proposals: the official measure wants an entry for each, so only
 * the scored ones are looked at, and the rest is counted. */
static fal_status measure(const eval_settings *s, const fal_truth *truth, const fal_frame_scores *frames, size_t count,
                          fal_ap_ar *out, fal_error *err)
{
    fal_truth scored = {0};
    fal_proposals proposals = {0};
    fal_status st = fal_truth_select(truth, frames, count, &scored, err);
    if (st == FAL_OK)
        st = propose(s, &scored, frames, count, &proposals, err);
    if (st == FAL_OK)
        st = fal_ap_ar_measure(&scored, (fal_segment_field)s->field, &proposals, 1, out, err);
    if (st == FAL_OK && scored.count < truth->count)
        cli_warn("%zu of %zu clips of %s have no scores and were left out", truth->count - scored.count, truth->count,
                 s->metadata);
    fal_proposals_free(&proposals);
    fal_truth_free(&scored);
    return st;
}

fal_status eval_localise(eval_subject *subject, const fal_truth *truth, const eval_settings *s, fal_error *err)
{
    fal_frame_scores *frames = NULL;
    size_t count = subject->scored.count;
    const fal_localisation_options how = {.field = (fal_segment_field)s->field,
                                          .rule = (fal_frame_rule)s->rule,
                                          .all_clips = s->all_clips,
                                          .rate_hz = s->rate_hz};
    fal_status st = gather(subject, s, &frames, err);
    if (st == FAL_OK)
        st = fal_localise(truth, frames, count, &how, &subject->localisation, err);
    if (st == FAL_OK)
        st = measure(s, truth, frames, count, &subject->ap_ar, err);
    if (st == FAL_OK) {
        subject->row.localisation = &subject->localisation;
        subject->row.ap_ar = &subject->ap_ar;
        if (subject->localisation.unknown)
            cli_warn("%s: %zu scored clips are not in %s (the first: %s)", subject->row.name,
                     subject->localisation.unknown, s->metadata, subject->localisation.first_unknown);
    }
    free(frames);
    return st;
}

/* ---- proposals from a file ---- */

fal_status eval_proposals(const eval_settings *s, fal_error *err)
{
    fal_truth truth = {0};
    fal_proposals proposals = {0};
    fal_ap_ar measured;
    char *text = NULL;
    double per_second = s->rate_hz > 0 ? s->rate_hz : 1;
    fal_status st = fal_truth_read(s->metadata, &truth, err);
    if (st == FAL_OK)
        st = fal_proposals_read(s->proposals, &proposals, err);
    if (st == FAL_OK)
        st = fal_ap_ar_measure(&truth, (fal_segment_field)s->field, &proposals, per_second, &measured, err);
    fal_proposals_free(&proposals);
    fal_truth_free(&truth);
    if (st == FAL_OK && s->json)
        st = fal_ap_ar_json(&measured, &text, err);
    if (st == FAL_OK && s->json)
        puts(text);
    else if (st == FAL_OK)
        eval_print_segments(&measured);
    fal_text_free(&text);
    return st;
}
