#include "eval.h"
#include "perturb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNSET = -1 }; /* --bootstrap was not given */

static fal_status out_of_memory(fal_error *err)
{
    err->code = FAL_ERR_MEMORY;
    snprintf(err->text, sizeof err->text, "out of memory");
    return FAL_ERR_MEMORY;
}

/* ---- scores ---- */

static fal_status table_of(const fal_scored_list *list, const char *origin, fal_score_table *out, fal_error *err)
{
    const char **paths = calloc(list->count + 1, sizeof *paths);
    double *scores = calloc(list->count + 1, sizeof *scores);
    int *labels = calloc(list->count + 1, sizeof *labels);
    fal_status st = paths && scores && labels ? FAL_OK : out_of_memory(err);
    for (size_t i = 0; st == FAL_OK && i < list->count; i++) {
        paths[i] = list->clips[i].path;
        scores[i] = list->clips[i].logit;
        labels[i] = list->clips[i].label;
    }
    if (st == FAL_OK)
        st = fal_scores_make(origin, paths, scores, labels, list->count, out, err);
    free(paths);
    free(scores);
    free(labels);
    return st;
}

static fal_status score_list(const fal_head *head, const char *csv, const char *features, const eval_settings *s,
                             fal_scored_list *scored, fal_score_table *table, fal_error *err)
{
    const fal_feature_list list = {.csv = csv, .root = features};
    fal_stream stream = s->stream ? cli_stream(s->stream) : (fal_stream)0;
    fal_status st = fal_head_score_list(head, &list, stream, &s->common.log, scored, err);
    return st == FAL_OK ? table_of(scored, csv, table, err) : st;
}

static fal_status load(eval_subject *subject, const fal_head *head, const eval_settings *s, fal_error *err)
{
    fal_status st = subject->is_list
                        ? score_list(head, subject->input, s->features, s, &subject->scored, &subject->table, err)
                        : fal_scores_read(subject->input, &subject->table, err);
    subject->row = (fal_evaluation_row){.name = subject->input,
                                        .missing = subject->scored.missing,
                                        .empty = subject->scored.empty,
                                        .unlabelled = subject->table.unlabelled};
    if (st == FAL_OK && (subject->scored.missing || subject->scored.empty))
        cli_warn("%zu clips without features and %zu without frames were left out", subject->scored.missing,
                 subject->scored.empty);
    if (st == FAL_OK && subject->table.unlabelled)
        cli_warn("%s: %zu clips without a label were left out (the first: %s)", subject->input,
                 subject->table.unlabelled, subject->table.first_unlabelled);
    return st;
}

static void free_subject(eval_subject *subject)
{
    fal_breakdown_free(&subject->breakdown);
    fal_scores_free(&subject->table);
    fal_scored_list_free(&subject->scored);
}

static fal_status choose_threshold(const fal_head *head, const eval_settings *s, double *threshold, fal_error *err)
{
    fal_scored_list scored = {0};
    fal_score_table table = {0};
    const char *features = s->validation_features ? s->validation_features : s->features;
    fal_status st = head ? score_list(head, s->validation, features, s, &scored, &table, err)
                         : fal_scores_read(s->validation, &table, err);
    if (st == FAL_OK)
        st = fal_choose_threshold(table.scores, table.labels, table.count, (fal_threshold_rule)s->threshold_rule,
                                  threshold, err);
    fal_scores_free(&table);
    fal_scored_list_free(&scored);
    return st;
}

/* ---- evaluation ---- */

static void warn_of_gaps(const eval_subject *subject, int resamples)
{
    const fal_metrics *m = &subject->row.evaluation.metrics;
    if (!m->fakes || !m->reals)
        cli_warn("%s: all %zu clips are %s; what needs both kinds has no value", subject->input, m->count,
                 m->fakes ? "fake" : "real");
    else if (m->count > FAL_BOOTSTRAP_CLIPS && resamples == UNSET && !subject->row.evaluation.resamples)
        cli_warn("%s: %zu clips, so no bootstrap interval (--bootstrap N draws N times); DeLong's is as good",
                 subject->input, m->count);
    if (subject->breakdown.unlisted)
        cli_warn("%s: %zu clips are in no group, as the list does not hold them (the first: %s)", subject->input,
                 subject->breakdown.unlisted, subject->breakdown.first_unlisted);
}

static fal_status evaluate(eval_subject *subject, const eval_settings *s, const fal_evaluation_options *how,
                           const fal_truth *truth, fal_error *err)
{
    const fal_score_table *t = &subject->table;
    fal_status st = fal_evaluate_fully(t->scores, t->labels, t->count, how, &subject->row.evaluation, err);
    if (st == FAL_OK && s->by) {
        st = fal_breakdown_make(t, s->by_list ? s->by_list : subject->input, s->by, how, &subject->breakdown, err);
        subject->row.column = s->by;
        subject->row.breakdown = &subject->breakdown;
    }
    if (st == FAL_OK && truth)
        st = eval_localise(subject, truth, s, err);
    if (st == FAL_OK)
        warn_of_gaps(subject, s->resamples);
    return st;
}

static fal_status evaluate_all(eval_subject *subjects, size_t count, const fal_head *head, const eval_settings *s,
                               fal_error *err)
{
    fal_truth truth = {0};
    fal_evaluation_options how = {.bins = s->bins,
                                  .resamples = s->resamples == UNSET ? 0
                                               : s->resamples        ? s->resamples
                                                                     : -1,
                                  .has_threshold = s->validation != NULL};
    fal_status st = s->validation ? choose_threshold(head, s, &how.threshold, err) : FAL_OK;
    if (st == FAL_OK && s->metadata)
        st = fal_truth_read(s->metadata, &truth, err);
    for (size_t i = 0; st == FAL_OK && i < count; i++) {
        st = load(&subjects[i], head, s, err);
        if (st == FAL_OK)
            st = evaluate(&subjects[i], s, &how, s->metadata ? &truth : NULL, err);
    }
    fal_truth_free(&truth);
    return st;
}

/* ---- results ---- */

static fal_status write_scores(const char *path, const eval_subject *subject, fal_error *err)
{
    const fal_score_table *t = &subject->table;
    return subject->is_list ? fal_scored_list_write(&subject->scored, path, err)
                            : fal_scores_write(path, t->paths, t->scores, t->labels, t->count, err);
}

static fal_status print_json(const eval_subject *subjects, size_t count, fal_error *err)
{
    char *text = NULL;
    fal_evaluation_row *rows = calloc(count, sizeof *rows);
    if (!rows)
        return out_of_memory(err);
    for (size_t i = 0; i < count; i++)
        rows[i] = subjects[i].row;
    fal_status st = fal_evaluation_json(rows, count, &text, err);
    if (st == FAL_OK)
        puts(text);
    fal_text_free(&text);
    free(rows);
    return st;
}

static fal_status show(const eval_subject *subjects, size_t count, const eval_settings *s, fal_error *err)
{
    fal_status st = s->scores ? write_scores(s->scores, &subjects[0], err) : FAL_OK;
    if (st == FAL_OK)
        st = eval_plot(subjects, count, s, err);
    if (st == FAL_OK && s->json)
        st = print_json(subjects, count, err);
    else if (st == FAL_OK)
        eval_print(subjects, count, s);
    return st;
}

static int evaluate_inputs(const eval_settings *s, char **lists, size_t list_count)
{
    fal_error err;
    fal_head *head = NULL;
    size_t count = list_count + s->score_files.count;
    eval_subject *subjects = calloc(count, sizeof *subjects);
    fal_status st = subjects ? FAL_OK : out_of_memory(&err);
    for (size_t i = 0; st == FAL_OK && i < count; i++)
        subjects[i] = (eval_subject){.input = i < list_count ? lists[i] : s->score_files.items[i - list_count],
                                     .is_list = i < list_count};
    if (st == FAL_OK && s->head)
        st = fal_head_open(s->head, &s->common.log, &head, &err);
    if (st == FAL_OK)
        st = evaluate_all(subjects, count, head, s, &err);
    if (st == FAL_OK)
        st = show(subjects, count, s, &err);
    for (size_t i = 0; subjects && i < count; i++)
        free_subject(&subjects[i]);
    free(subjects);
    fal_head_free(&head);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

/* ---- what is wanted ---- */

/* -1, or an exit code after saying what is wrong. */
static int check(const cli_usage *u, const eval_settings *s, size_t lists)
{
    if (s->stream && !cli_stream(s->stream))
        return cli_misuse(u, "--stream '%s' is none of audio, video, av", s->stream);
    if (s->proposals)
        return lists || s->score_files.count || !s->metadata
                   ? cli_misuse(u, "--proposals is measured with --localise alone: neither lists nor --scores")
                   : -1;
    if (!lists && !s->score_files.count)
        return cli_misuse(u, "a list with --head and --features is needed, or --scores");
    if (lists && (!s->head || !s->features))
        return cli_misuse(u, "a list needs --head and --features");
    if (lists && s->score_files.count)
        return cli_misuse(u, "either lists or --scores");
    if (!lists && s->head)
        return cli_misuse(u, "--scores are scores already: --head goes with a list");
    if (s->metadata && !lists)
        return cli_misuse(u, "--localise needs frame scores: a list with --head and --features, or --proposals");
    if ((s->scores || s->write_proposals) && lists + s->score_files.count != 1)
        return cli_misuse(u, "-o and --write-proposals take one list");
    return -1;
}

enum { MAX_OPTIONS = 40 };

static size_t make_options(eval_settings *s, cli_option out[MAX_OPTIONS])
{
    const cli_option options[] = {
        {"head", 0, CLI_TEXT, &s->head, "FILE", "head to score lists with (ours, or an official one)"},
        {"features", 0, CLI_TEXT, &s->features, "DIR", "folder that extract wrote"},
        {"stream", 0, CLI_TEXT, &s->stream, "audio|video|av", "which features (default: what the head says)"},
        {"scores", 0, CLI_LIST, &s->score_files, "CSV", "a file with path,score,label instead; may be repeated"},
        {"output", 'o', CLI_TEXT, &s->scores, "CSV", "write path,score,label and, of a list, p_fake,frames"},
        {"val", 0, CLI_TEXT, &s->validation, "CSV", "choose a threshold on this list (or score file)"},
        {"val-features", 0, CLI_TEXT, &s->validation_features, "DIR", "another folder for it"},
        {"threshold-rule", 0, CLI_CHOICE, &s->threshold_rule, EVAL_RULES, "how (default youden)"},
        {"by", 0, CLI_TEXT, &s->by, "COLUMN", "break down by a column of the list"},
        {"list", 0, CLI_TEXT, &s->by_list, "CSV", "the list that has it, with --scores"},
        {"bootstrap", 0, CLI_INT, &s->resamples, "N", "resamples (default 2000, none above 200000 clips; 0: none)"},
        {"bins", 0, CLI_INT, &s->bins, "N", NULL},
        {"json", 0, CLI_FLAG, &s->json, NULL, "results as JSON"},
        {"plot", 0, CLI_TEXT, &s->roc, "FILE", "ROC curve: .svg, .pdf, .png"},
        {"det", 0, CLI_TEXT, &s->det, "FILE", "detection error trade-off"},
        {"reliability", 0, CLI_TEXT, &s->reliability, "FILE", "reliability diagram"},
        {"localise", 0, CLI_TEXT, &s->metadata, "JSON", "AV-Deepfake1M metadata (file or folder): judge frames, segments"},
        {"segments", 0, CLI_CHOICE, &s->field, "fake|audio|visual", "which segments are true (default fake: both)"},
        {"frame-rule", 0, CLI_CHOICE, &s->rule, "loader|overlap|center", "which frames they cover (default loader)"},
        {"all-clips", 0, CLI_FLAG, &s->all_clips, NULL, "pool frames of clips without segments too"},
        {"segment-threshold", 0, CLI_LIST, &s->thresholds, "X", "frame score of a segment (default 0); repeatable"},
        {"merge", 0, CLI_REAL, &s->merge_s, "S", "gaps to close (default 0.12 s, below 0: none)"},
        {"shortest", 0, CLI_REAL, &s->shortest_s, "S", "segments to keep (default 0.08 s, below 0: all)"},
        {"rate", 0, CLI_REAL, &s->rate_hz, "HZ", "frame scores per second (default 25), or units of --proposals (1)"},
        {"write-proposals", 0, CLI_TEXT, &s->write_proposals, "JSON", "the segments, in the official form"},
        {"proposals", 0, CLI_TEXT, &s->proposals, "JSON", "judge these segments instead (with --localise)"},
        CLI_COMMON_OPTIONS(s->common),
    };
    memcpy(out, options, sizeof options);
    return sizeof options / sizeof *options;
}

static int run(int argc, char **argv)
{
    fal_error err;
    eval_settings s = {.resamples = UNSET};
    cli_option options[MAX_OPTIONS];
    int positional;
    const cli_usage usage = {
        "eval",
        "LIST.csv...",
        "How well scores tell fakes from reals: AUC, AP, EER, calibration, intervals, by group, within clips.",
        "  falsetto eval test.csv --head probe.safetensors --features feats -o scores.csv --plot roc.svg\n"
        "  falsetto eval --scores a.csv --scores b.csv --val val.csv --by method --list test.csv\n"
        "  falsetto eval --perturb --help   (robustness: clips re-encoded and disturbed)",
        options,
        make_options(&s, options)};
    if (cli_wants_perturb(argc, argv))
        return cli_eval_perturb(argc, argv);
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code < 0)
        code = check(&usage, &s, (size_t)positional);
    if (code >= 0)
        return code;
    cli_begin(&s.common);
    if (s.proposals)
        return eval_proposals(&s, &err) == FAL_OK ? EXIT_DONE : cli_fail(&err);
    return evaluate_inputs(&s, argv, (size_t)positional);
}

const cli_command cmd_eval = {"eval", "score lists or read scores, print metrics", run};
