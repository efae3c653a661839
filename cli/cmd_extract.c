#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct extract {
    cli_common common;
    cli_list names, features;
    cli_encoders encoders;
    cli_layers layers;
    const char *layer_text, *shard_text;
    int half_precision;
    fal_extract_options options;
} extract;

static void print_report(const fal_extract_options *x, const fal_extract_report *r)
{
    const char *out = x->out ? x->out : x->save_crops, *crops = x->out && x->save_crops ? " and their crops" : "";
    const size_t outputs = r->encoders + (x->save_crops != NULL);
    char encoders[48] = "";
    if (r->encoders > 1)
        snprintf(encoders, sizeof encoders, " x %zu encoders", r->encoders);
    printf("%s: %zu clips%s%s, %zu written, %zu already there, %zu failed, %.1f s\n", out, r->clips, encoders, crops,
           r->written, r->kept, r->failed, r->seconds);
    if (r->failed)
        cli_warn("%zu %s: %s/failed.csv tells why", r->failed, outputs > 1 ? "files are missing" : "clips failed", out);
}

static int extract_list(extract *e)
{
    fal_error err;
    fal_extract_report report;
    fal_extract_options *x = &e->options;
    fal_extract_encoder *encoders = calloc(e->encoders.count + 1, sizeof *encoders);
    if (!encoders)
        return EXIT_INPUT;
    for (size_t i = 0; i < e->encoders.count; i++) {
        const cli_encoder *from = &e->encoders.items[i];
        encoders[i] = (fal_extract_encoder){.source = from->name, .stream = from->stream, .feature = from->feature};
    }
    x->encoders = encoders;
    x->encoder_count = e->encoders.count;
    x->layers = e->layers.items;
    x->layer_count = e->layers.count;
    x->all_layers = e->layers.all;
    x->half_precision = e->half_precision == 1;
    x->numbers = cli_numbers(&e->common);
    x->mouth_alignment = (fal_mouth_alignment)e->common.mouth_alignment;
    x->threads = e->common.threads;
    x->log = &e->common.log;
    x->progress = &e->common.progress;
    fal_status st = fal_extract(x, &report, &err);
    free(encoders);
    if (st != FAL_OK)
        return cli_fail(&err);
    cli_progress_done();
    print_report(x, &report);
    return report.failed ? EXIT_INPUT : EXIT_DONE;
}

/* "2/16"; nothing else is taken for one. */
static bool parse_shard(const char *text, fal_extract_options *x)
{
    char back[32];
    if (sscanf(text, "%9d/%9d", &x->shard, &x->shards) != 2 || x->shard < 1 || x->shard > x->shards)
        return false;
    snprintf(back, sizeof back, "%d/%d", x->shard, x->shards);
    return !strcmp(back, text);
}

static int check(extract *e, const cli_usage *usage, int positional)
{
    const fal_extract_options *x = &e->options;
    if (positional != 1 || (!x->out && (e->names.count || !x->save_crops)))
        return cli_misuse(usage, "one list and -o are needed, or --save-crops without an encoder");
    if (x->from_crops && x->save_crops)
        return cli_misuse(usage, "--save-crops cuts crops from clips, not --from-crops");
    if (x->from_crops && e->common.mouth_alignment)
        return cli_misuse(usage, "--mouth-alignment is chosen when crops are cut, not with --from-crops");
    if (!cli_parse_layers(e->layer_text, &e->layers))
        return cli_misuse(usage, "--layers '%s' is none of last, all, or a list such as 3,7", e->layer_text);
    if (e->shard_text && !parse_shard(e->shard_text, &e->options))
        return cli_misuse(usage, "--shard '%s' is no part such as 1/16, 2/16, ... or 16/16", e->shard_text);
    if (!e->names.count && x->out)
        e->names = (cli_list){{FAL_DEFAULT_ENCODER}, 1};
    return cli_name_encoders(usage, &e->names, &e->features, &e->encoders);
}

static int run(int argc, char **argv)
{
    extract e = {0};
    fal_extract_options *x = &e.options;
    int positional;
    const cli_option options[] = {
        {"root", 0, CLI_TEXT, &x->root, "DIR", "folder the paths are relative to (default: the list's folder)"},
        {"encoder", 'e', CLI_LIST, &e.names, "NAME[:STREAM]", "path or name; STREAM audio, video or av (default: all)"},
        {"output", 'o', CLI_TEXT, &x->out, "DIR", "where the .npz files go; with several encoders a folder each"},
        {"layers", 0, CLI_TEXT, &e.layer_text, "last|all|k,...", "hidden states to store beside the features"},
        {"feature", 0, CLI_LIST, &e.features, "NAME", "which of the family's features: one for all, or per --encoder"},
        {"dtype", 0, CLI_CHOICE, &e.half_precision, "f32|f16", "stored as (default f32)"},
        {"exact-preprocessing", 0, CLI_FLAG, &x->exact_preprocessing, NULL,
         "follow the official scripts to the letter (slow)"},
        {"trim-silence", 0, CLI_FLAG, &x->trim_silence, NULL, "drop leading silence as AVH-Align does"},
        {"save-crops", 0, CLI_TEXT, &x->save_crops, "DIR", "write mouth crops and sound too; without -o nothing else"},
        {"from-crops", 0, CLI_FLAG, &x->from_crops, NULL, "the root holds such crops: read them, not the clips"},
        CLI_ALIGNMENT_OPTION(e.common),
        {"shard", 0, CLI_TEXT, &e.shard_text, "I/N",
         "do the I-th of N parts of the list, from 1; parts may run at the same time"},
        {"jobs", 0, CLI_INT, &x->jobs, "N", "clips at the same time (default: one per core)"},
        CLI_PRECISION_OPTION(e.common),
        CLI_COMMON_OPTIONS(e.common),
    };
    const cli_usage usage = {
        "extract",
        "LIST.csv",
        "Writes features of every clip of a list (column path): one .npz per clip, mirroring the paths, in the\n"
        "official key names; a clip is decoded once for all encoders. Run the same command again to go on after\n"
        "an interruption; failures are listed in failed.csv, and run.jsonl tells what was done when.",
        "  falsetto extract labels.csv --root clips -e self_large_vox_433h.pt -o features\n"
        "  falsetto extract labels.csv -e clip -e videomae -e braven.pth:video --layers all -o features\n"
        "  falsetto extract labels.csv -e clip -o features --shard $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT\n"
        "  falsetto extract labels.csv --root clips --save-crops crops\n"
        "  falsetto extract labels.csv --root crops --from-crops -e braven.pth:video -o features",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code < 0)
        code = check(&e, &usage, positional);
    if (code < 0) {
        cli_begin(&e.common);
        x->csv = argv[0];
        code = extract_list(&e);
    }
    cli_encoders_free(&e.encoders);
    return code;
}

const cli_command cmd_extract = {"extract", "features of a dataset", run};
