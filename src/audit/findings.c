#include "audit/findings.h"

#include "audit/shortcuts.h"
#include "core/alloc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct writing {
    const fal_audit *audit;
    fal_audit_finding *items;
    size_t count;
} writing;

static char *begin(writing *w, const char *code, fal_audit_severity severity)
{
    fal_audit_finding *f = &w->items[w->count++];
    f->code = code;
    f->severity = severity;
    return f->text;
}
enum { TEXT = sizeof((fal_audit_finding *)0)->text };

/* ---- shortcuts ---- */

static const char *cure_of(const fal_audit *audit, const fal_audit_fact *f)
{
    size_t i = (size_t)(f - audit->facts);
    return i < FAL_NUMBER_FACTS ? fal_number_fact_names[i].cure : fal_text_fact_names[i - FAL_NUMBER_FACTS].cure;
}

static void write_fact(writing *w, const fal_audit_fact *f)
{
    char *text = begin(w, f->name, f->severity), about[160];
    if (f->unit)
        snprintf(about, sizeof about, "median %.4g %s in fake clips, %.4g %s in real ones", f->fake_median, f->unit,
                 f->real_median, f->unit);
    else
        snprintf(about, sizeof about, "mostly %s in fake clips, %s in real ones; Cramer's V %.2f", f->fake_value,
                 f->real_value, f->cramers_v);
    snprintf(text, TEXT, "%s alone tells fake from real with AUC %.2f [%.2f, %.2f] (%s): %s.", f->name, f->auc,
             f->interval.low, f->interval.high, about, cure_of(w->audit, f));
}

/* ---- lists that know each other ---- */

static void write_overlap(writing *w, const fal_audit_overlap *o)
{
    const char *const *names = w->audit->list_names;
    bool identity = o->what[0] == 'i';
    char *text =
        begin(w, identity ? "identity-shared" : "source-shared", identity ? FAL_AUDIT_WARNING : FAL_AUDIT_SEVERE);
    snprintf(text, TEXT, "%s and %s share %zu %s (%s%s): a detector can know them from training; split by %s instead.",
             names[o->first_list], names[o->second_list], o->count,
             identity ? (o->count == 1 ? "identity" : "identities") : (o->count == 1 ? "source" : "sources"),
             o->example, o->count > 1 ? " and others" : "", o->what);
}

/* ---- clips that are there twice ---- */

typedef struct match_words {
    const char *are;
    fal_audit_severity severity[FAL_MATCH_PLACES];
} match_words;

static const match_words words[FAL_AUDIT_MATCHES] = {
    [FAL_AUDIT_SAME_FILE] = {"are the same file", {FAL_AUDIT_SEVERE, FAL_AUDIT_SEVERE, FAL_AUDIT_WARNING}},
    [FAL_AUDIT_SAME_CONTENT] = {"show and sound the same to the last bit",
                                {FAL_AUDIT_SEVERE, FAL_AUDIT_SEVERE, FAL_AUDIT_WARNING}},
    [FAL_AUDIT_NEAR] = {"are nearly the same", {FAL_AUDIT_SEVERE, FAL_AUDIT_NOTE, FAL_AUDIT_WARNING}},
    [FAL_AUDIT_SAME_PICTURES] = {"have nearly the same pictures", {FAL_AUDIT_WARNING, FAL_AUDIT_NOTE, FAL_AUDIT_NOTE}},
    [FAL_AUDIT_SAME_SOUND] = {"have nearly the same sound", {FAL_AUDIT_WARNING, FAL_AUDIT_NOTE, FAL_AUDIT_NOTE}},
};

static const char *advice(fal_audit_match match, fal_match_place place)
{
    bool whole = match <= FAL_AUDIT_SAME_CONTENT;
    if (place == FAL_MATCH_BETWEEN_LISTS)
        return "testing on what was trained on; keep them in one list";
    if (place == FAL_MATCH_OTHER_LABEL)
        return whole ? "one of the labels is wrong" : "usual for forgeries and their originals";
    return match <= FAL_AUDIT_NEAR ? "they count more than once" : "usual for forgeries of one recording";
}

static void write_match(writing *w, const fal_matches *m, fal_audit_match match, fal_match_place place)
{
    const fal_audit_pair *p = &m->examples[match][place];
    const char *const *names = w->audit->list_names;
    size_t count = m->counts[match][place];
    char where[160] = "of one list";
    if (place == FAL_MATCH_BETWEEN_LISTS)
        snprintf(where, sizeof where, "between lists (%.60s and %.60s)", names[p->first_list], names[p->second_list]);
    else if (place == FAL_MATCH_OTHER_LABEL)
        snprintf(where, sizeof where, "of one list, one labelled real and one fake,");
    char *text = begin(w, fal_audit_match_name(match), words[match].severity[place]);
    snprintf(text, TEXT, "%zu pair%s of clips %s %s, e.g. %.120s and %.120s: %s.", count, count == 1 ? "" : "s", where,
             words[match].are, p->first, p->second, advice(match, place));
}

/* ---- the lists themselves ---- */

static void write_labels(writing *w, size_t conflicting)
{
    const fal_audit *a = w->audit;
    if (conflicting)
        snprintf(begin(w, "labels-conflict", FAL_AUDIT_SEVERE), TEXT,
                 "%zu clips are labelled real in one row and fake in another: their facts were not tested.",
                 conflicting);
    if (a->unlabelled)
        snprintf(begin(w, "unlabelled", FAL_AUDIT_NOTE), TEXT,
                 "%zu clips have no label 0 or 1: they were compared with the others, their facts were not tested.",
                 a->unlabelled);
    if (!a->fakes || !a->reals)
        snprintf(begin(w, "one-class", FAL_AUDIT_NOTE), TEXT,
                 "The lists hold %zu fake and %zu real clips: shortcuts show only where there are both.", a->fakes,
                 a->reals);
}

static int worst_first(const void *a, const void *b)
{
    const fal_audit_finding *x = *(const fal_audit_finding *const *)a, *y = *(const fal_audit_finding *const *)b;
    if (x->severity != y->severity)
        return x->severity < y->severity ? 1 : -1;
    return (x > y) - (x < y);
}

static fal_status sort_findings(writing *w, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_audit_finding **order = NULL;
    fal_audit_finding *sorted = NULL;
    FAL_ALLOC(order, fal_calloc(w->count, sizeof *order));
    FAL_ALLOC(sorted, fal_calloc(w->count, sizeof *sorted));
    for (size_t i = 0; i < w->count; i++)
        order[i] = &w->items[i];
    qsort((void *)order, w->count, sizeof *order, worst_first);
    for (size_t i = 0; i < w->count; i++)
        sorted[i] = *order[i];
    fal_free(w->items);
    w->items = sorted;
    sorted = NULL;
done:
    fal_free((void *)order);
    fal_free(sorted);
    return st;
}

fal_status fal_findings_write(const fal_audit *audit, const fal_matches *matches, size_t conflicting_labels,
                              fal_audit_finding **out, size_t *count, fal_error *err)
{
    fal_status st = FAL_OK;
    writing w = {.audit = audit};
    size_t most = audit->fact_count + audit->overlap_count + FAL_AUDIT_MATCHES * FAL_MATCH_PLACES + 3;
    FAL_ALLOC(w.items, fal_calloc(most, sizeof *w.items));
    for (size_t i = 0; i < audit->fact_count; i++)
        if (audit->facts[i].severity != FAL_AUDIT_CLEAR)
            write_fact(&w, &audit->facts[i]);
    for (size_t i = 0; i < audit->overlap_count; i++)
        write_overlap(&w, &audit->overlaps[i]);
    for (int match = 0; match < FAL_AUDIT_MATCHES; match++)
        for (int place = 0; place < FAL_MATCH_PLACES; place++)
            if (matches->counts[match][place])
                write_match(&w, matches, (fal_audit_match)match, (fal_match_place)place);
    write_labels(&w, conflicting_labels);
    FAL_TRY(sort_findings(&w, err));
    *out = w.items;
    *count = w.count;
    w.items = NULL;
done:
    fal_free(w.items);
    return st;
}
