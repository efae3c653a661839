#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fal_status out_of_memory(fal_error *err)
{
    err->code = FAL_ERR_MEMORY;
    snprintf(err->text, sizeof err->text, "out of memory");
    return FAL_ERR_MEMORY;
}

/* ---- names ---- */

/* "runs/clip-probe.csv" -> "clip-probe". */
static void name_of_file(const char *path, char out[COMPARE_NAME])
{
    const char *slash = strrchr(path, '/');
    snprintf(out, COMPARE_NAME, "%s", slash ? slash + 1 : path);
    char *dot = strrchr(out, '.');
    if (dot && dot > out && !strcmp(dot, ".csv"))
        *dot = '\0';
}

/* From --names "A,B,C", or else from the files; -1, or an exit code after saying what is wrong. */
static int name_detectors(const cli_usage *usage, const char *given, char **files, size_t count,
                          char (*names)[COMPARE_NAME])
{
    const char *at = given;
    for (size_t i = 0; i < count; i++) {
        if (!given) {
            name_of_file(files[i], names[i]);
            continue;
        }
        size_t length = at ? strcspn(at, ",") : 0;
        if (!length)
            return cli_misuse(usage, "--names '%s' does not name %zu detectors", given, count);
        snprintf(names[i], COMPARE_NAME, "%.*s", (int)length, at);
        at = at[length] ? at + length + 1 : NULL;
    }
    if (at)
        return cli_misuse(usage, "--names '%s' names more than %zu detectors", given, count);
    return -1;
}

/* ---- reading ---- */

static void warn_of_gaps(const char *const *files, const fal_score_table *tables, const fal_score_join *join)
{
    for (size_t k = 0; k < join->models; k++) {
        if (tables[k].unlabelled)
            cli_warn("%s: %zu clips without a label were left out (the first: %s)", files[k], tables[k].unlabelled,
                     tables[k].first_unlabelled);
        if (join->left_out[k])
            cli_warn("%s: %zu of %zu clips are not in all files and were left out", files[k], join->left_out[k],
                     tables[k].count);
    }
}

static fal_status join_files(const char *const *files, size_t count, fal_score_join *out, fal_error *err)
{
    fal_score_table *tables = calloc(count, sizeof *tables);
    fal_status st = tables ? FAL_OK : out_of_memory(err);
    for (size_t k = 0; st == FAL_OK && k < count; k++)
        st = fal_scores_read(files[k], &tables[k], err);
    if (st == FAL_OK)
        st = fal_scores_join(tables, count, out, err);
    if (st == FAL_OK)
        warn_of_gaps(files, tables, out);
    for (size_t k = 0; tables && k < count; k++)
        fal_scores_free(&tables[k]);
    free(tables);
    return st;
}

/* ---- results ---- */

/* What is fused is a score again: of a mean of probabilities, half its logit. */
static fal_status write_fused(const char *path, const fal_score_join *join, fal_fusion fusion, fal_error *err)
{
    double *fused = calloc(join->count, sizeof *fused);
    if (!fused)
        return out_of_memory(err);
    fal_fuse_to_scores(join->scores, join->models, join->count, fusion, fused);
    fal_status st = fal_scores_write(path, join->paths, fused, join->labels, join->count, err);
    free(fused);
    return st;
}

static fal_status plot(const char *path, const fal_comparison *c, const char *const *names, fal_error *err)
{
    const fal_heat_map maps[] = {{.title = "Correlation of scores (Pearson)",
                                  .row_names = names,
                                  .column_names = names,
                                  .rows = c->count,
                                  .columns = c->count,
                                  .values = c->pearson,
                                  .decimals = 2},
                                 {.title = "Fused with: relative improvement of the AUC, %",
                                  .row_names = names,
                                  .column_names = names,
                                  .rows = c->count,
                                  .columns = c->count,
                                  .values = c->improvement,
                                  .decimals = 1,
                                  .diverging = true}};
    return fal_plot_heat_maps(maps, sizeof maps / sizeof *maps, path, err);
}

static fal_status show(const fal_comparison *c, const compare_settings *s, fal_error *err)
{
    char *text = NULL;
    fal_status st = s->plot ? plot(s->plot, c, s->names, err) : FAL_OK;
    if (st == FAL_OK && s->json)
        st = fal_comparison_json(c, s->names, (fal_fusion)s->fusion, &text, err);
    if (st == FAL_OK && s->json)
        puts(text);
    else if (st == FAL_OK)
        compare_print(c, s);
    fal_text_free(&text);
    return st;
}

static int compare(const compare_settings *s, const char *const *files, size_t count)
{
    fal_error err;
    fal_score_join test = {0}, validation = {0};
    fal_comparison c = {0};
    const fal_comparison_options how = {.fusion = (fal_fusion)s->fusion};
    fal_status st = join_files(files, count, &test, &err);
    if (st == FAL_OK && s->validation.count)
        st = join_files(s->validation.items, s->validation.count, &validation, &err);
    if (st == FAL_OK)
        st = fal_compare(&test, s->validation.count ? &validation : NULL, &how, &c, &err);
    if (st == FAL_OK && s->fused)
        st = write_fused(s->fused, &test, (fal_fusion)s->fusion, &err);
    if (st == FAL_OK)
        st = show(&c, s, &err);
    fal_comparison_free(&c);
    fal_scores_join_free(&validation);
    fal_scores_join_free(&test);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

/* ---- what is wanted ---- */

static int compare_named(const cli_usage *usage, compare_settings *s, const char *given, char **files, size_t count)
{
    char(*texts)[COMPARE_NAME] = calloc(count, sizeof *texts);
    const char **names = calloc(count, sizeof *names);
    int code = EXIT_INPUT;
    if (texts && names)
        code = name_detectors(usage, given, files, count, texts);
    for (size_t i = 0; texts && names && i < count; i++)
        names[i] = texts[i];
    s->names = names;
    if (code < 0)
        code = compare(s, (const char *const *)files, count);
    free(texts);
    free(names);
    return code;
}

static int run(int argc, char **argv)
{
    compare_settings s = {0};
    const char *names = NULL;
    int positional;
    const cli_option options[] = {
        {"names", 0, CLI_TEXT, &names, "A,B,...", "what to call them (default: the files' names)"},
        {"fusion", 0, CLI_CHOICE, &s.fusion, COMPARE_FUSIONS, "mean of P(fake) (default) or of scores"},
        {"val", 0, CLI_LIST, &s.validation, "CSV",
         "scores on validation clips, to choose the best subset; one --val per file"},
        {"output", 'o', CLI_TEXT, &s.fused, "CSV", "write the fusion of all as path,score,label"},
        {"plot", 0, CLI_TEXT, &s.plot, "FILE", "heat maps as .svg, .pdf or .png"},
        {"json", 0, CLI_FLAG, &s.json, NULL, "results as JSON"},
        CLI_COMMON_OPTIONS(s.common),
    };
    const cli_usage usage = {
        "compare",
        "SCORES.csv SCORES.csv...",
        "Detectors on the same clips: AUC with intervals, correlations, paired tests, what fusing them gains.",
        "  falsetto compare avhubert.csv clip.csv xlsr.csv --names AV-HuBERT,CLIP,XLS-R --plot figure5.svg",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional < 2)
        return cli_misuse(&usage, "two score files or more are needed");
    if (s.validation.count && s.validation.count != (size_t)positional)
        return cli_misuse(&usage, "%zu --val for %d score files: give one each, in the same order", s.validation.count,
                          positional);
    cli_begin(&s.common);
    return compare_named(&usage, &s, names, argv, (size_t)positional);
}

const cli_command cmd_compare = {"compare", "detectors on the same clips", run};
