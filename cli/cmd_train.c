#include "sweep.h"
#include "train.h"

#include <stdio.h>
#include <string.h>

enum { OFFICIAL_SEED = 43, MOST_SEEDS = 1000 };

typedef struct command {
    cli_common common;
    train_job job;
    const char *stream, *sweep;
    int seed, batch, calibration;
    char about[2048]; /* what the help page begins with */
} command;

/* ---- the help page: of all kinds, or of the one that is named ---- */

static bool find_kind(const char *name, fal_head_defaults *out)
{
    for (size_t i = 0; fal_head_defaults_at(i, out); i++)
        if (!strcmp(out->kind, name))
            return true;
    return false;
}

/* The first argument that is a kind's name; NULL: none is. */
static const char *named_kind(int argc, char **argv)
{
    fal_head_defaults d;
    for (int i = 1; i < argc; i++)
        if (find_kind(argv[i], &d))
            return argv[i];
    return NULL;
}

/* Help of what only some kinds have ("ntp sync"; "": all of them): told where one of these is named. */
static const char *told(const char *kind, const char *kinds, const char *help)
{
    return kind && (!*kinds || strstr(kinds, kind)) ? help : NULL;
}

/* "1 (64)": without and with --fast. */
static void write_pair(char *out, size_t size, double plain, double fast)
{
    int used = snprintf(out, size, "%g", plain);
    if (fast != plain)
        snprintf(out + used, size - (size_t)used, " (%g)", fast);
}

static void describe_kinds(char *out, size_t size)
{
    fal_head_defaults d;
    int used =
        snprintf(out, size, "Fits a head on extracted features (docs/heads.md).\n\n  %-12s %-50s %-10s %-14s %s\n",
                 "KIND", "", "batch", "rate", "epochs/patience");
    for (size_t i = 0; used > 0 && (size_t)used < size && fal_head_defaults_at(i, &d); i++) {
        char batch[32], rate[32];
        write_pair(batch, sizeof batch, (double)d.batch, (double)d.fast_batch);
        write_pair(rate, sizeof rate, d.learning_rate, d.fast_learning_rate);
        used += snprintf(out + used, size - (size_t)used, "  %-12s %-50s %-10s %-14s %d/%d\n", d.kind, d.what, batch,
                         rate, d.max_epochs, d.patience);
    }
    if (used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used,
                 "\n  In brackets: with --fast. Batches are clips, sync's are frames; sync and sup read visual+audio.\n"
                 "  falsetto train KIND --help tells every option of one of them.");
}

static void describe_kind(const fal_head_defaults *d, char *out, size_t size)
{
    char batch[32], rate[32];
    write_pair(batch, sizeof batch, (double)d->batch, (double)d->fast_batch);
    write_pair(rate, sizeof rate, d->learning_rate, d->fast_learning_rate);
    snprintf(out, size, "%s: %s (docs/heads.md).\nBatch %s, rate %s, at most %d epochs, patience %d%s.", d->kind,
             d->what, batch, rate, d->max_epochs, d->patience,
             strchr(batch, '(') || strchr(rate, '(') ? "; in brackets: with --fast" : "");
}

static void describe(const char *kind, char *out, size_t size)
{
    fal_head_defaults d;
    if (kind && find_kind(kind, &d))
        describe_kind(&d, out, size);
    else
        describe_kinds(out, size);
}

/* ---- the command line ---- */

static int misused(const cli_usage *usage, const command *c)
{
    fal_head_defaults d;
    const train_job *job = &c->job;
    const fal_head_training *t = &job->training;
    if (!find_kind(t->kind, &d))
        return cli_misuse(usage, "there is no kind '%s'", t->kind);
    if (!t->train.csv || !t->validation.csv || !t->train.root || (!job->out && !c->sweep))
        return cli_misuse(usage, "--train, --val, --features and -o are needed");
    if (!t->stream)
        return cli_misuse(usage, "--stream '%s' is none of audio, video, av", c->stream);
    if (job->seeds < 1 || job->seeds > MOST_SEEDS)
        return cli_misuse(usage, "--seeds %d is none of 1 to %d", job->seeds, MOST_SEEDS);
    if (t->cache && !t->fast)
        return cli_misuse(usage, "--cache is where --fast packs; without it nothing is packed");
    if (c->sweep && (job->seeds > 1 || t->fast || job->test.csv || job->curve || t->state))
        return cli_misuse(usage, "--sweep does not go with --seeds, --fast, --test, --curve or --state");
    return -1;
}

/* clang-format off */
/* What only some kinds have. */
#define KIND_OPTIONS(c, t, kind)                                                                           \
    {"allow-fakes", 0, CLI_FLAG, &(t)->allow_fakes, NULL, told(kind, "ntp sync", "learn from fakes too")}, \
    {"pooling", 0, CLI_TEXT, &(t)->pooling, "NAME",                                                        \
     told(kind, "probe", "log-sum-exp (default), mean, max or attention")},                                \
    {"sweep", 0, CLI_TEXT, &(c)->sweep, "PATTERN",                                                         \
     told(kind, "probe", "a probe on every array that fits, e.g. 'hidden_*'; -o: a folder, or none")},     \
    {"variant", 0, CLI_TEXT, &(t)->variant, "NAME", told(kind, "sup", "mlp (default) or linear")},         \
    {"tau", 0, CLI_INT, &(t)->tau, "N", told(kind, "sync", "frames to each side (default 15)")},           \
    {"width", 0, CLI_INT, &(t)->width, "N", told(kind, "transformer ntp", "channels (default 512)")},      \
    {"layers", 0, CLI_INT, &(t)->layers, "N", told(kind, "transformer ntp", "blocks (default 2, ntp 4)")}, \
    {"heads", 0, CLI_INT, &(t)->heads, "N", told(kind, "transformer ntp", "attention heads (default 4)")}, \
    {"ffn", 0, CLI_INT, &(t)->ffn, "N",                                                                    \
     told(kind, "transformer ntp", "channels of the feed-forward layers (default 1024)")}
/* clang-format on */

/* Fills the command; -1, or an exit code. */
static int parse(command *c, int argc, char **argv)
{
    int positional;
    train_job *job = &c->job;
    fal_head_training *t = &job->training;
    const char *kind = named_kind(argc, argv);
    const cli_option options[] = {
        {"train", 0, CLI_TEXT, &t->train.csv, "CSV", "training list: columns path,label"},
        {"val", 0, CLI_TEXT, &t->validation.csv, "CSV", "validation list"},
        {"test", 0, CLI_TEXT, &job->test.csv, "CSV", "test list: AUC and AP of the trained head"},
        {"features", 0, CLI_TEXT, &t->train.root, "DIR", "folder that extract wrote"},
        {"val-features", 0, CLI_TEXT, &t->validation.root, "DIR",
         told(kind, "", "another one for --val; --test-features: for --test")},
        {"test-features", 0, CLI_TEXT, &job->test.root, "DIR", NULL},
        {"stream", 0, CLI_TEXT, &c->stream, "audio|video|av", "which features (default av)"},
        {"arrays", 0, CLI_TEXT, &t->arrays, "A+B", "feature arrays by name, joined per frame: visual+audio"},
        {"output", 'o', CLI_TEXT, &job->out, "FILE", "the head, safetensors"},
        {"seeds", 0, CLI_INT, &job->seeds, "N", "N heads (FILE-1, ...) from seeds in a row; their mean and spread"},
        {"fast", 0, CLI_FLAG, &t->fast, NULL, "pack the features into a mapped file, larger batches, all cores"},
        {"cache", 0, CLI_TEXT, &t->cache, "DIR",
         told(kind, "", "where --fast packs (default: 'packed' below the features)")},
        {"curve", 0, CLI_TEXT, &job->curve, "FILE", "losses of every epoch: .csv, or drawn: .svg, .pdf, .png"},
        {"state", 0, CLI_TEXT, &t->state, "FILE", "keep the run's state: the same command goes on after a stop"},
        {"calibration", 0, CLI_CHOICE, &c->calibration, "platt|isotonic", "from scores to P(fake)"},
        {"batch", 0, CLI_INT, &c->batch, "N", told(kind, "", "samples per step")},
        {"lr", 0, CLI_REAL, &t->learning_rate, "X", told(kind, "", "Adam's rate")},
        {"epochs", 0, CLI_INT, &t->max_epochs, "N", told(kind, "", "at most")},
        {"patience", 0, CLI_INT, &t->patience, "N", told(kind, "", "epochs without a lower validation loss")},
        {"seed", 0, CLI_INT, &c->seed, "N", "initial weights and order (default 43)"},
        {"no-l2", 0, CLI_FLAG, &t->no_l2, NULL, told(kind, "", "do not normalise feature rows")},
        KIND_OPTIONS(c, t, kind),
        {"encoder", 0, CLI_TEXT, &t->encoder, "NAME",
         told(kind, "", "recorded in the head (default: what extract recorded)")},
        {"demonstration", 0, CLI_FLAG, &t->demonstration, NULL,
         told(kind, "probe", "mark the head as trained on drawn puppets")},
        CLI_COMMON_OPTIONS(c->common),
    };
    const cli_usage usage = {
        "train",  "KIND",
        c->about, "  falsetto train probe --train train.csv --val val.csv --features feats -o probe.safetensors",
        options,  sizeof options / sizeof *options};
    describe(kind, c->about, sizeof c->about);
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1)
        return cli_misuse(&usage, "say what kind of head to train, e.g. 'probe'");
    t->kind = argv[0];
    t->stream = cli_stream(c->stream);
    return misused(&usage, c);
}

static int run(int argc, char **argv)
{
    command c = {.job.seeds = 1, .stream = "av"};
    train_job *job = &c.job;
    fal_head_training *t = &job->training;
    int code = parse(&c, argc, argv);
    if (code >= 0)
        return code;
    cli_begin(&c.common);
    t->validation.root = t->validation.root ? t->validation.root : t->train.root;
    job->test.root = job->test.root ? job->test.root : t->train.root;
    t->seed = c.seed ? (uint64_t)c.seed : OFFICIAL_SEED;
    t->batch = c.batch;
    t->calibration = c.calibration ? FAL_CALIBRATE_ISOTONIC : FAL_CALIBRATE_PLATT;
    t->threads = c.common.threads;
    t->log = &c.common.log;
    t->progress = &c.common.progress;
    return c.sweep ? cli_sweep(t, c.sweep, job->out) : train_heads(job);
}

const cli_command cmd_train = {"train", "fit a head on extracted features", run};
