#include "audit/findings.h"
#include "audit/measure.h"
#include "audit/shortcuts.h"
#include "core/alloc.h"
#include "core/str.h"

#include <stdlib.h>

static const char *const severity_names[] = {[FAL_AUDIT_CLEAR] = "clear",
                                             [FAL_AUDIT_NOTE] = "note",
                                             [FAL_AUDIT_WARNING] = "warning",
                                             [FAL_AUDIT_SEVERE] = "severe"};

static const char *const match_names[] = {[FAL_AUDIT_SAME_FILE] = "same-file",
                                          [FAL_AUDIT_SAME_CONTENT] = "same-content",
                                          [FAL_AUDIT_NEAR] = "near",
                                          [FAL_AUDIT_SAME_PICTURES] = "same-pictures",
                                          [FAL_AUDIT_SAME_SOUND] = "same-sound"};

const char *fal_audit_severity_name(fal_audit_severity severity)
{
    return severity <= FAL_AUDIT_SEVERE ? severity_names[severity] : "unknown";
}

const char *fal_audit_match_name(fal_audit_match match)
{
    return match < FAL_AUDIT_MATCHES ? match_names[match] : "unknown";
}

/* What the caller sees, and what it points into. */
typedef struct audit {
    fal_audit seen; /* first: the two addresses are one */
    fal_collection collection;
    fal_matches matches;
    fal_audit_fact facts[FAL_AUDIT_FACTS];
    char **names;
    fal_audit_overlap *overlaps;
    fal_audit_finding *findings;
    fal_audit_failure *failures;
    int *labels; /* [files]: 0, 1, -1 none */
    size_t conflicting;
} audit;

static fal_status name_lists(const fal_audit_options *options, audit *a, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(a->names, fal_calloc(options->list_count, sizeof *a->names));
    a->seen.list_count = options->list_count;
    for (size_t i = 0; i < options->list_count; i++)
        FAL_ALLOC(a->names[i],
                  fal_strdup(options->lists[i].name ? options->lists[i].name : fal_path_base(options->lists[i].csv)));
    a->seen.list_names = (const char *const *)a->names;
done:
    return st;
}

/* One label per file; rows that contradict each other leave it without. */
static fal_status label_files(audit *a, fal_error *err)
{
    enum { UNSEEN = -1, CONFLICT = -2 };
    fal_status st = FAL_OK;
    const fal_collection *c = &a->collection;
    FAL_ALLOC(a->labels, fal_calloc(c->file_count, sizeof *a->labels));
    for (size_t i = 0; i < c->file_count; i++)
        a->labels[i] = UNSEEN;
    for (size_t i = 0; i < c->entry_count; i++) {
        int *label = &a->labels[c->entries[i].file], said = c->entries[i].label;
        if (said >= 0)
            *label = *label == UNSEEN || *label == said ? said : CONFLICT;
    }
    for (size_t i = 0; i < c->file_count; i++) {
        a->conflicting += a->labels[i] == CONFLICT;
        a->seen.unlabelled += a->labels[i] == UNSEEN;
        a->seen.fakes += a->labels[i] == 1;
        a->seen.reals += a->labels[i] == 0;
    }
done:
    return st;
}

static fal_status measure(const fal_audit_options *options, audit *a, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv_log *cache = NULL;
    if (options->cache)
        FAL_TRY(fal_fact_cache_open(options->cache, &a->collection, &cache, err));
    FAL_TRY(fal_collection_measure(options, cache, &a->collection, err));
done:
    fal_csv_log_close(&cache);
    return st;
}

static fal_status list_failures(audit *a, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_collection *c = &a->collection;
    FAL_ALLOC(a->failures, fal_calloc(c->file_count, sizeof *a->failures));
    for (size_t i = 0; i < c->file_count; i++) {
        a->seen.reused += c->files[i].reused;
        if (c->files[i].failure)
            a->failures[a->seen.failure_count++] = (fal_audit_failure){c->files[i].path, c->files[i].failure};
    }
    a->seen.failures = a->failures;
done:
    return st;
}

static fal_status draw_conclusions(const fal_audit_options *options, audit *a, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_audit *seen = &a->seen;
    FAL_TRY(fal_shortcuts_find(&a->collection, a->labels, a->facts, err));
    FAL_TRY(fal_matches_find(&a->collection, options->progress ? options->progress->cancel : NULL, &a->matches, err));
    FAL_TRY(fal_overlaps_find(&a->collection, &a->overlaps, &seen->overlap_count, err));
    seen->facts = a->facts;
    seen->fact_count = FAL_AUDIT_FACTS;
    seen->pairs = a->matches.pairs;
    seen->pair_count = a->matches.count;
    seen->pair_total = a->matches.total;
    seen->overlaps = a->overlaps;
    FAL_TRY(fal_findings_write(seen, &a->matches, a->conflicting, &a->findings, &seen->finding_count, err));
    seen->findings = a->findings;
done:
    return st;
}

fal_status fal_audit_run(const fal_audit_options *options, fal_audit **out, fal_error *err)
{
    fal_status st = FAL_OK;
    audit *a = NULL;
    fal_audit *seen = NULL;
    if (!options->list_count)
        return fal_fail(err, FAL_ERR_ARGUMENT, "an audit needs a list of clips");
    FAL_ALLOC(a, fal_calloc(1, sizeof *a));
    seen = &a->seen;
    FAL_TRY(name_lists(options, a, err));
    FAL_TRY(fal_collection_read(options, &a->collection, err));
    seen->clips = a->collection.entry_count;
    seen->files = a->collection.file_count;
    FAL_TRY(label_files(a, err));
    FAL_TRY(measure(options, a, err));
    FAL_TRY(list_failures(a, err));
    FAL_TRY(draw_conclusions(options, a, err));
    *out = seen;
    seen = NULL;
done:
    fal_audit_free(&seen);
    return st;
}

void fal_audit_free(fal_audit **pointer)
{
    if (!pointer || !*pointer)
        return;
    audit *a = (audit *)*pointer;
    for (size_t i = 0; a->names && i < a->seen.list_count; i++)
        fal_free(a->names[i]);
    fal_free(a->names);
    fal_matches_free(&a->matches);
    fal_collection_free(&a->collection);
    fal_free(a->overlaps);
    fal_free(a->findings);
    fal_free(a->failures);
    fal_free(a->labels);
    fal_free(a);
    *pointer = NULL;
}
