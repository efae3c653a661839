#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct audit_run {
    cli_common common;
    fal_audit_list lists[CLI_MAX_LIST];
    fal_audit_options options;
    cli_list train, validation, test;
    bool json;
} audit_run;

/* ---- the table ---- */

static void print_fact(const fal_audit_fact *f)
{
    char fake[32] = "-", real[32] = "-", p[16] = "-";
    if (f->unit && !isnan(f->fake_median))
        snprintf(fake, sizeof fake, "%.4g", f->fake_median);
    if (f->unit && !isnan(f->real_median))
        snprintf(real, sizeof real, "%.4g", f->real_median);
    if (!f->unit && f->fake_value && f->real_value)
        snprintf(fake, sizeof fake, "%s", f->fake_value), snprintf(real, sizeof real, "%s", f->real_value);
    if (!isnan(f->p_holm))
        snprintf(p, sizeof p, "%.2g", f->p_holm);
    printf("%-18s %-7s %7zu  %-14.14s %-14.14s ", f->name, f->unit ? f->unit : "", f->fakes + f->reals, fake, real);
    if (isnan(f->auc))
        puts("not tested");
    else
        printf("%.3f [%.3f, %.3f]  %-8s %s\n", f->auc, f->interval.low, f->interval.high, p,
               f->severity == FAL_AUDIT_CLEAR ? "" : fal_audit_severity_name(f->severity));
}

static void print_audit(const fal_audit *a)
{
    printf("%zu clips in %zu list%s: %zu files, %zu fake, %zu real", a->clips, a->list_count,
           a->list_count == 1 ? "" : "s", a->files, a->fakes, a->reals);
    if (a->unlabelled)
        printf(", %zu without label", a->unlabelled);
    if (a->failure_count)
        printf(", %zu failed", a->failure_count);
    printf("\n\n%-18s %-7s %7s  %-14s %-14s %-22s %-8s\n", "fact", "", "clips", "fake", "real", "AUC [95 %]",
           "p (Holm)");
    for (size_t i = 0; i < a->fact_count; i++)
        print_fact(&a->facts[i]);
    puts(a->finding_count ? "\nFindings" : "\nNothing found.");
    for (size_t i = 0; i < a->finding_count; i++)
        printf("  %-8s %s\n", fal_audit_severity_name(a->findings[i].severity), a->findings[i].text);
}

static int report(const audit_run *r, const fal_audit *a)
{
    fal_error err;
    char *json = NULL;
    cli_progress_done();
    if (r->json && fal_audit_json(a, &json, &err) != FAL_OK)
        return cli_fail(&err);
    if (json)
        puts(json);
    else
        print_audit(a);
    fal_text_free(&json);
    for (size_t i = 0; i < a->failure_count; i++)
        cli_warn("%s", a->failures[i].reason);
    if (a->failure_count)
        cli_warn("%zu of %zu clips could not be measured", a->failure_count, a->files);
    return a->failure_count ? EXIT_INPUT : EXIT_DONE;
}

/* ---- the command line ---- */

static bool add_list(audit_run *r, const char *csv, const char *name)
{
    if (r->options.list_count == CLI_MAX_LIST)
        return false;
    r->lists[r->options.list_count++] = (fal_audit_list){csv, name};
    return true;
}

/* -1, or an exit code. */
static int gather_lists(audit_run *r, const cli_usage *usage, char **argv, int positional)
{
    const struct {
        const cli_list *list;
        const char *name;
    } roles[] = {{&r->train, "train"}, {&r->validation, "validation"}, {&r->test, "test"}};
    bool room = true;
    for (int i = 0; i < positional; i++)
        room = add_list(r, argv[i], NULL) && room;
    for (size_t k = 0; k < sizeof roles / sizeof *roles; k++)
        for (size_t i = 0; i < roles[k].list->count; i++)
            room = add_list(r, roles[k].list->items[i], roles[k].list->count == 1 ? roles[k].name : NULL) && room;
    if (!room)
        return cli_misuse(usage, "%d lists at most", (int)CLI_MAX_LIST);
    return r->options.list_count ? -1 : cli_misuse(usage, "no list given");
}

static int audit_lists(audit_run *r)
{
    fal_error err;
    fal_audit *audit = NULL;
    r->options.lists = r->lists;
    r->options.log = &r->common.log;
    r->options.progress = &r->common.progress;
    if (r->options.jobs == 0)
        r->options.jobs = r->common.threads;
    if (fal_audit_run(&r->options, &audit, &err) != FAL_OK)
        return cli_fail(&err);
    int code = report(r, audit);
    fal_audit_free(&audit);
    return code;
}

static int run(int argc, char **argv)
{
    audit_run r = {0};
    fal_audit_options *o = &r.options;
    int positional;
    const cli_option options[] = {
        {"root", 0, CLI_TEXT, &o->root, "DIR", "folder the paths are relative to (default: each list's folder)"},
        {"train", 0, CLI_LIST, &r.train, "CSV", "lists by their role: clips and people that two of"},
        {"val", 0, CLI_LIST, &r.validation, "CSV", "them share are found as well"},
        {"test", 0, CLI_LIST, &r.test, "CSV", ""},
        {"cache", 0, CLI_TEXT, &o->cache, "CSV", "keep what is measured there, and go on from it"},
        {"identity-column", 0, CLI_TEXT, &o->identity_column, "NAME", "who is seen (default: identity, speaker, ...)"},
        {"source-column", 0, CLI_TEXT, &o->source_column, "NAME",
         "what it was made from (default: source, original, ...)"},
        {"identity-pattern", 0, CLI_TEXT, &o->identity_pattern, "GLOB", "part of the path that names a person (id*)"},
        {"json", 0, CLI_FLAG, &r.json, NULL, "facts, findings, pairs of equal clips, failures"},
        {"jobs", 0, CLI_INT, &o->jobs, "N", "clips at the same time (default: one per core)"},
        CLI_COMMON_OPTIONS(r.common),
    };
    const cli_usage usage = {
        "audit",
        "[LIST.csv...]",
        "Looks for shortcuts that inflate results: leading silence, loudness, codecs, sizes and the like as detectors\n"
        "of their own, people or sources that lists share, clips that are there twice. Findings are results: exit code "
        "0.",
        "  falsetto audit labels.csv --root clips --cache facts.csv\n"
        "  falsetto audit --train train.csv --test test.csv --root clips --json",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code < 0)
        code = gather_lists(&r, &usage, argv, positional);
    if (code >= 0)
        return code;
    cli_begin(&r.common);
    return audit_lists(&r);
}

const cli_command cmd_audit = {"audit", "shortcuts in a dataset", run};
