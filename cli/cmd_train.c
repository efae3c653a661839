#include "cli.h"

#include <stdio.h>
#include <string.h>

static int report(const char *out, const fal_probe_report *r)
{
    printf("%s: best epoch %d of %d, validation loss %.5f (%zu training and %zu validation clips%s)\n", out,
           r->best_epoch, r->epochs_run, r->best_validation_loss, r->train_clips, r->validation_clips,
           r->calibration.fitted ? ", calibrated" : "; not calibrated: validation clips of one class only");
    if (r->skipped_clips)
        cli_warn("%zu clips without usable features were left out", r->skipped_clips);
    if (r->zero_rows)
        cli_warn("%zu feature rows are all zero and were not normalised", r->zero_rows);
    return EXIT_DONE;
}

static int run(int argc, char **argv)
{
    fal_error err;
    cli_common common = {0};
    fal_probe_training t = {0};
    fal_probe_report r;
    const char *out = NULL, *stream = "av";
    int seed = 0, positional;
    const cli_option options[] = {
        {"train", 0, CLI_TEXT, &t.train.csv, "CSV", "training list: columns path,label"},
        {"val", 0, CLI_TEXT, &t.validation.csv, "CSV", "validation list"},
        {"features", 0, CLI_TEXT, &t.train.root, "DIR", "folder that extract wrote"},
        {"val-features", 0, CLI_TEXT, &t.validation.root, "DIR", "another one for the validation list"},
        {"stream", 0, CLI_TEXT, &stream, "audio|video|av", "which features (default av)"},
        {"output", 'o', CLI_TEXT, &out, "FILE", "the head, safetensors"},
        {"batch", 0, CLI_INT, &t.batch_size, "N", "clips per step (default 1, as the official code)"},
        {"epochs", 0, CLI_INT, &t.max_epochs, "N", "at most (default 100)"},
        {"patience", 0, CLI_INT, &t.patience, "N", "epochs without a lower validation loss (default 10)"},
        {"lr", 0, CLI_REAL, &t.learning_rate, "X", "Adam's rate (default 1e-3)"},
        {"seed", 0, CLI_INT, &seed, "N", "initial weights and order (default 43)"},
        {"no-l2", 0, CLI_FLAG, &t.no_l2, NULL, "do not normalise feature rows"},
        {"encoder", 0, CLI_TEXT, &t.encoder, "NAME", "recorded in the head (default: what extract recorded)"},
        {"demonstration", 0, CLI_FLAG, &t.demonstration, NULL, "mark the head as trained on drawn puppets"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {
        "train",
        "probe",
        "Fits a linear probe on extracted features: log-sum-exp pooling, early stopping on the validation loss.",
        "  falsetto train probe --train train.csv --val val.csv --features feats -o probe.safetensors",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1 || strcmp(argv[0], "probe"))
        return cli_misuse(&usage, "what to train must be 'probe'");
    if (!t.train.csv || !t.validation.csv || !t.train.root || !out)
        return cli_misuse(&usage, "--train, --val, --features and -o are needed");
    if (!(t.stream = cli_stream(stream)))
        return cli_misuse(&usage, "--stream '%s' is none of audio, video, av", stream);
    cli_begin(&common);
    t.validation.root = t.validation.root ? t.validation.root : t.train.root;
    t.seed = (uint64_t)seed;
    t.log = &common.log;
    t.progress = &common.progress;
    if (fal_probe_train(&t, out, &r, &err) != FAL_OK)
        return cli_fail(&err);
    cli_progress_done();
    return report(out, &r);
}

const cli_command cmd_train = {"train", "fit a head on extracted features", run};
