/* Shortcuts in a dataset: what tells fake from real without looking at a face or listening to a voice, and what lets a
 * test list be known from training. docs/audit.md has every fact, threshold and rule.
 *
 *     fal_audit_list lists[] = {{.csv = "train.csv"}, {.csv = "test.csv"}};
 *     fal_audit_options options = {.lists = lists, .list_count = 2, .root = "clips", .cache = "facts.csv"};
 *     fal_audit *audit = NULL;
 *     if (fal_audit_run(&options, &audit, &err)) fail(err.text);
 *     for (size_t i = 0; i < audit->finding_count; i++)
 *         puts(audit->findings[i].text);
 *     fal_audit_free(&audit);
 */
#ifndef FALSETTO_AUDIT_H
#define FALSETTO_AUDIT_H

#include <falsetto/eval.h>
#include <falsetto/log.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fal_audit_list {
    const char *csv;  /* columns path and label (0 real, 1 fake); identity and source columns are looked for */
    const char *name; /* what the report calls it; NULL: the file's name */
} fal_audit_list;

typedef struct fal_audit_options {
    const fal_audit_list *lists;
    size_t list_count;
    const char *root;             /* folder of the paths; NULL: each list's own folder */
    const char *cache;            /* CSV of what was measured, written clip by clip and reused; NULL: none */
    const char *identity_column;  /* NULL: the first of identity, speaker, person, subject */
    const char *source_column;    /* NULL: the first of source, original, video_id, recording */
    const char *identity_pattern; /* without such a column: the part of the path that matches (* any run, ? any one);
                                     NULL: "id" followed by digits */
    int jobs;                     /* clips at the same time; 0: one per core */
    const fal_progress *progress;
    const fal_log *log;
} fal_audit_options;

typedef enum fal_audit_severity {
    FAL_AUDIT_CLEAR,   /* nothing found, or it could not be tested */
    FAL_AUDIT_NOTE,    /* there, but weak */
    FAL_AUDIT_WARNING, /* results will be inflated */
    FAL_AUDIT_SEVERE   /* results mean little until it is cured */
} fal_audit_severity;
FAL_API const char *fal_audit_severity_name(fal_audit_severity severity); /* "clear", "note", "warning", "severe" */

/* One fact of the clips as a detector of its own. Every file counts once, however many lists name it. */
typedef struct fal_audit_fact {
    const char *name;    /* "leading-silence" */
    const char *unit;    /* "s"; "" for a number without one; NULL for a fact whose values are names */
    size_t fakes, reals; /* clips with a known value */
    double auc;          /* the better direction, so 0.5 or more in the long run; NaN when not testable */
    fal_interval interval;       /* 95 % */
    bool higher_is_fake;         /* of a number */
    double real_median, fake_median;
    size_t values;               /* distinct ones, of a name */
    double cramers_v;            /* association with the label, of a name; else NaN */
    const char *real_value, *fake_value; /* the most frequent names */
    double p, p_holm;            /* two-sided, and after Holm's correction over all facts tested */
    fal_audit_severity severity;
} fal_audit_fact;

typedef enum fal_audit_match {
    FAL_AUDIT_SAME_FILE,     /* byte for byte */
    FAL_AUDIT_SAME_CONTENT,  /* the same pictures and sound once decoded: another container or other tags */
    FAL_AUDIT_NEAR,          /* pictures and sound nearly the same: encoded anew, scaled */
    FAL_AUDIT_SAME_PICTURES, /* nearly the same pictures, another sound */
    FAL_AUDIT_SAME_SOUND,    /* nearly the same sound, other pictures */
    FAL_AUDIT_MATCHES
} fal_audit_match;
FAL_API const char *fal_audit_match_name(fal_audit_match match); /* "same-file", ... */

typedef struct fal_audit_pair {
    fal_audit_match match;
    size_t first_list, second_list;
    const char *first, *second; /* paths as listed */
    bool labels_differ;
} fal_audit_pair;

/* Identities or sources that two lists share. */
typedef struct fal_audit_overlap {
    const char *what; /* "identity" or "source" */
    size_t first_list, second_list, count;
    const char *example;
} fal_audit_overlap;

typedef struct fal_audit_finding {
    const char *code; /* "leading-silence", "identity-shared", "same-file", ... */
    fal_audit_severity severity;
    char text[512];
} fal_audit_finding;

typedef struct fal_audit_failure { const char *path, *reason; } fal_audit_failure;

enum { FAL_AUDIT_MAX_PAIRS = 10000 };

typedef struct fal_audit {
    const char *const *list_names;
    size_t list_count;
    size_t clips, files;       /* rows of the lists, distinct files they name */
    size_t fakes, reals, unlabelled; /* files */
    size_t reused;             /* files whose facts came from the cache */
    const fal_audit_fact *facts;
    size_t fact_count;
    const fal_audit_overlap *overlaps;
    size_t overlap_count;
    const fal_audit_pair *pairs; /* at most FAL_AUDIT_MAX_PAIRS; pair_total counts all */
    size_t pair_count, pair_total;
    const fal_audit_finding *findings; /* the worst first */
    size_t finding_count;
    const fal_audit_failure *failures; /* files that could not be measured */
    size_t failure_count;
} fal_audit;

/* Measures every clip once and judges the lists. Clips that cannot be read are in `failures` and stop nothing;
 * FAL_ERR_CANCELLED when told to stop (what was measured is in the cache). */
FAL_API fal_status fal_audit_run(const fal_audit_options *options, fal_audit **out, fal_error *err);
FAL_API void fal_audit_free(fal_audit **audit);

/* Everything as JSON; freed with fal_text_free. */
FAL_API fal_status fal_audit_json(const fal_audit *audit, char **json, fal_error *err);

#ifdef __cplusplus
}
#endif
#endif
