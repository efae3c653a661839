#include "perturb.h"

#include "cli.h"
#include "members.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAMES = 64 };

typedef struct perturb_run {
    cli_common common;
    cli_members members;
    char *wanted; /* --perturb, cut into names */
    const char *names[MAX_NAMES];
    const char *perturb, *table;
    bool json;
    fal_robustness_options options;
} perturb_run;

bool cli_wants_perturb(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strncmp(argv[i], "--perturb", 9) && (!argv[i][9] || argv[i][9] == '='))
            return true;
    return false;
}

/* ---- output ---- */

static int print_perturbations(void)
{
    printf("%-16s %-15s %-9s %-26s %s\n", "name", "changes", "unit", "severities", "what");
    for (size_t i = 0; i < fal_perturbation_count(); i++) {
        fal_perturbation p = fal_perturbation_at(i);
        char severities[64] = "";
        for (size_t k = 0; k < p.severity_count; k++)
            snprintf(severities + strlen(severities), sizeof severities - strlen(severities), "%s%g", k ? " " : "",
                     p.severities[k]);
        printf("%-16s %-15s %-9s %-26s %s", p.name,
               p.picture && p.sound ? "picture, sound"
               : p.picture          ? "picture"
                                    : "sound",
               p.unit, severities, p.what);
        printf(p.missing ? " (this FFmpeg lacks %s)\n" : "\n", p.missing);
    }
    return EXIT_DONE;
}

/* A number with its sign, "-" where there is none. */
static const char *signed_text(char out[16], double value)
{
    snprintf(out, 16, isnan(value) ? "-" : "%+.3f", value);
    return out;
}

static void print_cell(const fal_robustness_cell *c)
{
    char severity[48] = "", auc[64] = "-", shift[16], fake[16], real[16];
    if (*c->unit)
        snprintf(severity, sizeof severity, "%g %s", c->severity, c->unit);
    if (!isnan(c->auc) && !isnan(c->interval.low))
        snprintf(auc, sizeof auc, "%.3f [%.3f, %.3f]", c->auc, c->interval.low, c->interval.high);
    else if (!isnan(c->auc))
        snprintf(auc, sizeof auc, "%.3f", c->auc);
    printf("%-16s %-13s %6zu %8zu  %-22s %9s %9s %9s\n", c->name, severity, c->clips, c->left_out, auc,
           signed_text(shift, c->shift), signed_text(fake, c->fake_shift), signed_text(real, c->real_shift));
}

static void print_table(const fal_robustness *r)
{
    printf("%zu clips (%zu fake, %zu real), %zu judgements made, %zu known before\n\n", r->clips, r->fakes, r->reals,
           r->judged, r->reused);
    printf("%-16s %-13s %6s %8s  %-22s %9s %9s %9s\n", "perturbation", "severity", "clips", "left out", "AUC [95 %]",
           "shift", "of fakes", "of reals");
    for (size_t i = 0; i < r->cell_count; i++)
        print_cell(&r->cells[i]);
}

static fal_status write_table(const fal_robustness *r, const char *path, fal_error *err)
{
    static const char *const columns[] = {"perturbation", "severity", "unit",      "clips", "left_out",   "auc",
                                          "auc_low",      "auc_high", "clean_auc", "shift", "fake_shift", "real_shift"};
    fal_table *table = NULL;
    fal_status st = fal_table_create(&table, err);
    if (st != FAL_OK)
        return st;
    fal_table_header(table, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < r->cell_count; i++) {
        const fal_robustness_cell *c = &r->cells[i];
        const double numbers[] = {(double)c->clips, (double)c->left_out, c->auc,
                                  c->interval.low,  c->interval.high,    c->clean_auc,
                                  c->shift,         c->fake_shift,       c->real_shift};
        fal_table_text(table, c->name);
        fal_table_float(table, c->severity);
        fal_table_text(table, c->unit);
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            fal_table_float(table, numbers[k]);
        fal_table_end_row(table);
    }
    st = fal_table_write(table, path, err);
    fal_table_free(&table);
    return st;
}

static void warn_failures(const fal_robustness *r)
{
    enum { SHOWN = 10 };
    for (size_t i = 0; i < r->failure_count && i < SHOWN; i++) {
        const fal_robustness_failure *f = &r->failures[i];
        cli_warn("%s, %s %g: %s", f->path, f->name, f->severity, f->reason);
    }
    if (r->failure_count > SHOWN)
        cli_warn("... and %zu more (--json has all)", r->failure_count - SHOWN);
}

static fal_status report(const perturb_run *p, const fal_robustness *r, fal_error *err)
{
    char *json = NULL;
    fal_status st = p->json ? fal_robustness_json(r, &json, err) : FAL_OK;
    cli_progress_done();
    if (st == FAL_OK && json)
        puts(json);
    else if (st == FAL_OK)
        print_table(r);
    fal_text_free(&json);
    warn_failures(r);
    return st == FAL_OK && p->table ? write_table(r, p->table, err) : st;
}

/* ---- the command line ---- */

static int name_perturbations(perturb_run *p, const cli_usage *usage)
{
    char *rest = NULL;
    if (!strcmp(p->perturb, "all"))
        return -1;
    p->wanted = strdup(p->perturb);
    for (char *name = p->wanted ? strtok_r(p->wanted, ",", &rest) : NULL; name; name = strtok_r(NULL, ",", &rest)) {
        if (p->options.name_count == MAX_NAMES)
            return cli_misuse(usage, "--perturb takes %d names at most", (int)MAX_NAMES);
        p->names[p->options.name_count++] = name;
    }
    p->options.names = p->names;
    return p->options.name_count ? -1 : cli_misuse(usage, "--perturb: no name given");
}

static int judge_list(perturb_run *p)
{
    fal_error err;
    fal_robustness *r = NULL;
    fal_robustness_options *o = &p->options;
    o->members = p->members.items;
    o->member_count = p->members.count;
    o->choices.mouth_alignment = (fal_mouth_alignment)p->common.mouth_alignment;
    o->numbers = cli_numbers(&p->common);
    o->threads = p->common.threads;
    o->log = &p->common.log;
    o->progress = &p->common.progress;
    fal_status st = fal_robustness_run(o, &r, &err);
    if (st == FAL_OK)
        st = report(p, r, &err);
    int code = st != FAL_OK ? cli_fail(&err) : r->failure_count ? EXIT_INPUT : EXIT_DONE;
    fal_robustness_free(&r);
    return code;
}

static int prepare(perturb_run *p, const cli_usage *usage, char **argv, int positional)
{
    if (!p->perturb || positional != 1)
        return cli_misuse(usage, "one list and --perturb are needed");
    p->options.csv = argv[0];
    int code = cli_pair_members(&p->members, usage);
    return code < 0 ? name_perturbations(p, usage) : code;
}

static int parse_and_run(perturb_run *p, int argc, char **argv)
{
    int positional;
    fal_robustness_options *o = &p->options;
    const cli_option options[] = {
        {"perturb", 0, CLI_TEXT, &p->perturb, "all|list|NAMES", "names with commas between; list: tell what there is"},
        {"root", 0, CLI_TEXT, &o->root, "DIR", "folder the paths are relative to (default: the list's folder)"},
        CLI_MEMBER_OPTIONS(p->members),
        {"results", 0, CLI_TEXT, &o->results, "CSV", "keep every score there, and go on from it"},
        {"output", 'o', CLI_TEXT, &p->table, "CSV", "write the table"},
        {"json", 0, CLI_FLAG, &p->json, NULL, "the table and every failure"},
        {"temporary", 0, CLI_TEXT, &o->temporary, "DIR", "where perturbed clips lie while they are judged"},
        {"trim-silence", 0, CLI_FLAG, &o->choices.trim_silence, NULL, "drop leading silence as AVH-Align does"},
        {"exact-preprocessing", 0, CLI_FLAG, &o->choices.exact_preprocessing, NULL, "as the official scripts (slow)"},
        {"jobs", 0, CLI_INT, &o->jobs, "N", "clips at the same time (default: 1)"},
        CLI_ALIGNMENT_OPTION(p->common),
        CLI_PRECISION_OPTION(p->common),
        CLI_COMMON_OPTIONS(p->common),
    };
    const cli_usage usage = {
        "eval",
        "LIST.csv --perturb NAMES",
        "Judges the clips of a labelled list as they are and made worse in every way asked for: AUC and mean shift of\n"
        "the clip logit per perturbation and severity.",
        "  falsetto eval test.csv --root clips --perturb h264,aac,noise -e clip -p clip.safetensors --results r.csv\n"
        "  falsetto eval --perturb list",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code < 0 && p->perturb && !strcmp(p->perturb, "list"))
        return print_perturbations();
    if (code < 0)
        code = prepare(p, &usage, argv, positional);
    if (code >= 0)
        return code;
    cli_begin(&p->common);
    return judge_list(p);
}

static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return true;
    return false;
}

int cli_eval_perturb(int argc, char **argv)
{
    char help[] = "--help", *only_help[] = {argv[0], help};
    perturb_run *p = calloc(1, sizeof *p);
    if (!p)
        return EXIT_INPUT;
    /* "--perturb --help" asks for help, not for a perturbation of that name. */
    int code = asks_for_help(argc, argv) ? parse_and_run(p, 2, only_help) : parse_and_run(p, argc, argv);
    cli_members_free(&p->members);
    free(p->wanted);
    free(p);
    return code;
}
