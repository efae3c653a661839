#include "eval.h"

#include <stdio.h>
#include <stdlib.h>

enum { NAME = 256, BINS = 10 };

typedef struct drawing {
    char (*names)[NAME];
    fal_named_roc *rocs;
    fal_named_reliability *reliability;
    fal_reliability_bin *bins; /* [count, BINS] */
} drawing;

static void free_drawing(drawing *d, size_t count)
{
    for (size_t i = 0; d->rocs && i < count; i++)
        fal_roc_free((fal_roc_point **)&d->rocs[i].points);
    free(d->names);
    free(d->rocs);
    free(d->reliability);
    free(d->bins);
}

static fal_status out_of_memory(fal_error *err)
{
    err->code = FAL_ERR_MEMORY;
    snprintf(err->text, sizeof err->text, "out of memory while drawing");
    return FAL_ERR_MEMORY;
}

static fal_status gather(const eval_subject *subjects, size_t count, bool curves, drawing *d, fal_error *err)
{
    fal_status st = FAL_OK;
    d->names = calloc(count, sizeof *d->names);
    d->rocs = calloc(count, sizeof *d->rocs);
    d->reliability = calloc(count, sizeof *d->reliability);
    d->bins = calloc(count * BINS, sizeof *d->bins);
    if (!d->names || !d->rocs || !d->reliability || !d->bins)
        return out_of_memory(err);
    for (size_t i = 0; st == FAL_OK && i < count; i++) {
        const fal_score_table *t = &subjects[i].table;
        snprintf(d->names[i], NAME, "%s (AUC %.3f)", subjects[i].row.name, subjects[i].row.evaluation.metrics.auc);
        d->rocs[i].name = d->names[i];
        d->reliability[i] = (fal_named_reliability){subjects[i].row.name, d->bins + i * BINS, BINS};
        st = fal_reliability(t->scores, t->labels, t->count, BINS, d->bins + i * BINS, err);
        if (st == FAL_OK && curves)
            st = fal_roc(t->scores, t->labels, t->count, (fal_roc_point **)&d->rocs[i].points, &d->rocs[i].count, err);
    }
    return st;
}

fal_status eval_plot(const eval_subject *subjects, size_t count, const eval_settings *s, fal_error *err)
{
    drawing d = {0};
    if (!s->roc && !s->det && !s->reliability)
        return FAL_OK;
    fal_status st = gather(subjects, count, s->roc || s->det, &d, err);
    if (st == FAL_OK && s->roc)
        st = fal_plot_roc("ROC", d.rocs, count, s->roc, err);
    if (st == FAL_OK && s->det)
        st = fal_plot_det("Detection error trade-off", d.rocs, count, s->det, err);
    if (st == FAL_OK && s->reliability)
        st = fal_plot_reliability("Reliability", d.reliability, count, s->reliability, err);
    free_drawing(&d, count);
    return st;
}
