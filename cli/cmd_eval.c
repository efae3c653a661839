#include "cli.h"

#include <stdio.h>
#include <stdlib.h>

static fal_status write_scores(const char *path, const fal_scored_list *list, fal_error *err)
{
    fal_table *table = NULL;
    fal_status st = fal_table_create(&table, err);
    if (st != FAL_OK)
        return st;
    fal_table_text(table, "path"), fal_table_text(table, "score"), fal_table_text(table, "label");
    fal_table_text(table, "p_fake"), fal_table_text(table, "frames"), fal_table_end_row(table);
    for (size_t i = 0; i < list->count; i++) {
        const fal_scored_clip *c = &list->clips[i];
        fal_table_text(table, c->path);
        fal_table_float(table, c->logit);
        fal_table_float(table, c->label);
        fal_table_float(table, c->p_fake);
        fal_table_float(table, (double)c->frames);
        fal_table_end_row(table);
    }
    st = fal_table_write(table, path, err);
    fal_table_free(&table);
    return st;
}

static fal_status evaluate(const fal_scored_list *list, fal_metrics *m, fal_error *err)
{
    double *scores = calloc(list->count + 1, sizeof *scores);
    uint8_t *labels = calloc(list->count + 1, sizeof *labels);
    fal_status st = FAL_ERR_MEMORY;
    for (size_t i = 0; scores && labels && i < list->count; i++) {
        scores[i] = list->clips[i].logit;
        labels[i] = (uint8_t)list->clips[i].label;
    }
    if (scores && labels)
        st = fal_evaluate(scores, labels, list->count, m, err);
    free(scores);
    free(labels);
    return st;
}

static void print_metrics(const fal_metrics *m)
{
    printf("clips     %zu (%zu fake, %zu real)\n", m->count, m->fakes, m->reals);
    printf("AUC       %.4f\nAP        %.4f\nEER       %.4f (threshold %.4f)\n", m->auc, m->ap, m->eer,
           m->eer_threshold);
    printf("accuracy  %.4f (at score 0)\nlog-loss  %.4f\nBrier     %.4f\n", m->accuracy, m->log_loss, m->brier);
}

static int run(int argc, char **argv)
{
    fal_error err;
    cli_common common = {0};
    fal_feature_list list = {0};
    fal_head *head = NULL;
    fal_scored_list scored = {0};
    fal_metrics metrics;
    const char *head_path = NULL, *scores = NULL, *stream = NULL;
    int positional;
    const cli_option options[] = {
        {"head", 0, CLI_TEXT, &head_path, "FILE", "probe to score with (ours or an official .ckpt)"},
        {"features", 0, CLI_TEXT, &list.root, "DIR", "folder that extract wrote"},
        {"stream", 0, CLI_TEXT, &stream, "audio|video|av", "which features (default: what the head says)"},
        {"output", 'o', CLI_TEXT, &scores, "CSV", "write path,score,label,p_fake,frames"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {
        "eval",
        "LIST.csv",
        "Scores the clips of a labelled list and prints AUC, AP, EER, accuracy, log-loss and Brier score.",
        "  falsetto eval test.csv --head probe.safetensors --features feats -o scores.csv",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1 || !head_path || !list.root)
        return cli_misuse(&usage, "one list, --head and --features are needed");
    if (stream && !cli_stream(stream))
        return cli_misuse(&usage, "--stream '%s' is none of audio, video, av", stream);
    cli_begin(&common);
    list.csv = argv[0];
    fal_status st = fal_head_open(head_path, &common.log, &head, &err);
    if (st == FAL_OK)
        st = fal_head_score_list(head, &list, stream ? cli_stream(stream) : (fal_stream)0, &common.log, &scored, &err);
    if (st == FAL_OK)
        st = evaluate(&scored, &metrics, &err);
    if (st == FAL_OK && scores)
        st = write_scores(scores, &scored, &err);
    if (st == FAL_OK) {
        print_metrics(&metrics);
        if (scored.missing || scored.empty)
            cli_warn("%zu clips without features and %zu without frames were left out", scored.missing, scored.empty);
    }
    code = st == FAL_OK ? EXIT_DONE : cli_fail(&err);
    fal_scored_list_free(&scored);
    fal_head_free(&head);
    return code;
}

const cli_command cmd_eval = {"eval", "score a labelled list, print metrics", run};
