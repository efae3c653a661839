#include "sweep.h"

#include <stdio.h>

static void report(const char *out, const fal_training_report *r)
{
    printf("%s: best epoch %d of %d, validation loss %.5f (%zu training and %zu validation clips%s)\n", out,
           r->best_epoch, r->epochs_run, r->best_validation_loss, r->train_clips, r->validation_clips,
           r->calibration.fitted ? ", calibrated" : "; not calibrated: validation clips of one class only");
    if (r->summary)
        printf("%s\n", r->summary);
    if (r->skipped_clips)
        cli_warn("%zu clips without usable features were left out", r->skipped_clips);
    if (r->zero_rows)
        cli_warn("%zu feature rows are all zero and were not normalised", r->zero_rows);
}

static fal_status write_curve(const char *path, const fal_training_report *r, fal_error *err)
{
    fal_table *table = NULL;
    fal_status st = fal_table_create(&table, err);
    if (st != FAL_OK)
        return st;
    fal_table_text(table, "epoch"), fal_table_text(table, "train_loss"), fal_table_text(table, "validation_loss");
    fal_table_text(table, "learning_rate"), fal_table_text(table, "seconds"), fal_table_end_row(table);
    for (size_t i = 0; i < r->curve_count; i++) {
        const fal_training_epoch *e = &r->curve[i];
        fal_table_float(table, (double)(r->epochs_run - (int)r->curve_count + (int)i));
        fal_table_float(table, e->train_loss), fal_table_float(table, e->validation_loss);
        fal_table_float(table, e->learning_rate), fal_table_float(table, e->seconds);
        fal_table_end_row(table);
    }
    st = fal_table_write(table, path, err);
    fal_table_free(&table);
    return st;
}

static int train(fal_head_training *t, const char *out, const char *curve)
{
    fal_error err;
    fal_training_report r = {0};
    fal_status st = fal_head_train(t, out, &r, &err);
    cli_progress_done();
    if (st == FAL_OK && curve)
        st = write_curve(curve, &r, &err);
    if (st == FAL_OK)
        report(out, &r);
    fal_training_report_free(&r);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

static int run(int argc, char **argv)
{
    cli_common common = {0};
    fal_head_training t = {0};
    const char *out = NULL, *stream = "av", *curve = NULL, *sweep = NULL;
    int seed = 0, batch = 0, positional;
    const cli_option options[] = {
        {"train", 0, CLI_TEXT, &t.train.csv, "CSV", "training list: columns path,label"},
        {"val", 0, CLI_TEXT, &t.validation.csv, "CSV", "validation list"},
        {"features", 0, CLI_TEXT, &t.train.root, "DIR", "folder that extract wrote"},
        {"val-features", 0, CLI_TEXT, &t.validation.root, "DIR", "another one for the validation list"},
        {"stream", 0, CLI_TEXT, &stream, "audio|video|av", "which features (default av)"},
        {"arrays", 0, CLI_TEXT, &t.arrays, "A+B", "feature arrays by name, joined per frame: visual+audio"},
        {"output", 'o', CLI_TEXT, &out, "FILE", "the head, safetensors"},
        {"pooling", 0, CLI_TEXT, &t.pooling, "NAME", "log-sum-exp (default), mean, max or attention"},
        {"sweep", 0, CLI_TEXT, &sweep, "PATTERN", "a probe on every array that fits, e.g. 'hidden_*'; -o: a folder, or none"},
        {"tau", 0, CLI_INT, &t.tau, "N", "sync: frames to each side (default 15)"},
        {"variant", 0, CLI_TEXT, &t.variant, "NAME", "sup: mlp (default) or linear"},
        {"allow-fakes", 0, CLI_FLAG, &t.allow_fakes, NULL, "sync: learn from fakes too"},
        {"batch", 0, CLI_INT, &batch, "N", "clips per step (default 1, as the official code)"},
        {"epochs", 0, CLI_INT, &t.max_epochs, "N", "at most (default 100)"},
        {"patience", 0, CLI_INT, &t.patience, "N", "epochs without a lower validation loss (default 10)"},
        {"lr", 0, CLI_REAL, &t.learning_rate, "X", "Adam's rate (default 1e-3)"},
        {"seed", 0, CLI_INT, &seed, "N", "initial weights and order (default 43)"},
        {"no-l2", 0, CLI_FLAG, &t.no_l2, NULL, "do not normalise feature rows"},
        {"curve", 0, CLI_TEXT, &curve, "CSV", "losses of every epoch"},
        {"state", 0, CLI_TEXT, &t.state, "FILE", "keep the run's state, so that it can be stopped and continued"},
        {"encoder", 0, CLI_TEXT, &t.encoder, "NAME", "recorded in the head (default: what extract recorded)"},
        {"demonstration", 0, CLI_FLAG, &t.demonstration, NULL, "mark the head as trained on drawn puppets"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {
        "train",
        "KIND",
        "Fits a head on extracted features: probe, layers, transformer, ntp, sync or sup (docs/heads.md).",
        "  falsetto train probe --train train.csv --val val.csv --features feats -o probe.safetensors",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1)
        return cli_misuse(&usage, "say what to train: probe, layers, transformer, ntp, sync or sup");
    t.kind = argv[0];
    if (!t.train.csv || !t.validation.csv || !t.train.root || (!out && !sweep))
        return cli_misuse(&usage, "--train, --val, --features and -o are needed");
    if (!(t.stream = cli_stream(stream)))
        return cli_misuse(&usage, "--stream '%s' is none of audio, video, av", stream);
    cli_begin(&common);
    t.validation.root = t.validation.root ? t.validation.root : t.train.root;
    t.seed = (uint64_t)seed;
    t.batch = batch;
    t.threads = common.threads;
    t.log = &common.log;
    t.progress = &common.progress;
    return sweep ? cli_sweep(&t, sweep, out) : train(&t, out, curve);
}

const cli_command cmd_train = {"train", "fit a head on extracted features", run};
