#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Log-loss and expected calibration error of a calibration on scored clips. */
typedef struct quality {
    double log_loss, error;
} quality;

enum { BINS = 15 };

static fal_status measure(const fal_scored_list *clips, const fal_calibration *c, quality *out, fal_error *err)
{
    fal_metrics metrics;
    double *scores = calloc(clips->count + 1, sizeof *scores), largest;
    uint8_t *labels = calloc(clips->count + 1, sizeof *labels);
    fal_status st = scores && labels ? FAL_OK : FAL_ERR_MEMORY;
    if (st != FAL_OK)
        snprintf(err->text, sizeof err->text, "out of memory");
    for (size_t i = 0; st == FAL_OK && i < clips->count; i++) {
        const fal_scored_clip *clip = &clips->clips[i];
        double p = fal_head_probability(c, clip->logit, clip->frames);
        p = fmin(fmax(p, 1e-15), 1 - 1e-15); /* a certain mistake costs 35, not everything */
        scores[i] = log(p / (1 - p)) / 2;    /* metrics are those of P = sigmoid(2 s) */
        labels[i] = (uint8_t)clip->label;
    }
    if (st == FAL_OK)
        st = fal_evaluate(scores, labels, clips->count, &metrics, err);
    if (st == FAL_OK)
        st = fal_calibration_error(scores, labels, clips->count, BINS, &out->error, &largest, err);
    if (st == FAL_OK)
        out->log_loss = metrics.log_loss;
    free(scores);
    free(labels);
    return st;
}

typedef struct calibrate_job {
    const char *head, *out;
    fal_feature_list list, test;
    fal_stream stream;
    fal_calibration_method method;
    const fal_log *log;
} calibrate_job;

static fal_status say_quality(const char *what, const fal_scored_list *clips, const fal_calibration *before,
                              const fal_calibration *after, fal_error *err)
{
    quality was, is;
    fal_status st = measure(clips, before, &was, err);
    if (st == FAL_OK)
        st = measure(clips, after, &is, err);
    if (st == FAL_OK)
        printf("%s, %zu clips: log-loss %.4f -> %.4f, calibration error %.4f -> %.4f\n", what, clips->count,
               was.log_loss, is.log_loss, was.error, is.error);
    return st;
}

static void say_left_out(const char *csv, const fal_scored_list *clips)
{
    if (clips->missing || clips->empty)
        cli_warn("%s: %zu clips without features and %zu without enough frames were left out", csv, clips->missing,
                 clips->empty);
}

static fal_status test_calibration(const calibrate_job *job, const fal_head *head, const fal_calibration *made,
                                   fal_error *err)
{
    fal_scored_list clips = {0};
    fal_status st = fal_head_score_list(head, &job->test, job->stream, job->log, &clips, err);
    if (st == FAL_OK)
        st = say_quality("test", &clips, &fal_head_describe(head)->calibration, made, err);
    if (st == FAL_OK)
        say_left_out(job->test.csv, &clips);
    fal_scored_list_free(&clips);
    return st;
}

static fal_status calibrate(const calibrate_job *job, fal_error *err)
{
    fal_head *head = NULL;
    fal_scored_list clips = {0};
    fal_calibration made;
    fal_status st = fal_head_open(job->head, job->log, &head, err);
    if (st == FAL_OK)
        st = fal_head_score_list(head, &job->list, job->stream, job->log, &clips, err);
    if (st == FAL_OK)
        st = fal_calibration_fit(&clips, job->method, &made, err);
    if (st == FAL_OK) {
        const fal_calibration *before = &fal_head_describe(head)->calibration;
        made.low = before->low;
        made.high = before->high;
        st = say_quality("fitted to", &clips, before, &made, err);
    }
    if (st == FAL_OK && job->test.csv)
        st = test_calibration(job, head, &made, err);
    if (st == FAL_OK)
        st = fal_head_save(head, &made, job->out, err);
    if (st == FAL_OK) {
        say_left_out(job->list.csv, &clips);
        printf("%s\n", job->out);
    }
    fal_scored_list_free(&clips);
    fal_head_free(&head);
    return st;
}

static int run(int argc, char **argv)
{
    fal_error err;
    cli_common common = {0};
    calibrate_job job = {0};
    const char *stream = NULL;
    int method = 0, positional;
    const cli_option options[] = {
        {"val", 0, CLI_TEXT, &job.list.csv, "CSV", "clips to fit to: columns path,label"},
        {"features", 0, CLI_TEXT, &job.list.root, "DIR", "folder that extract wrote"},
        {"test", 0, CLI_TEXT, &job.test.csv, "CSV", "other clips, to see what the fit is worth"},
        {"test-features", 0, CLI_TEXT, &job.test.root, "DIR", "another folder for them"},
        {"method", 0, CLI_CHOICE, &method, "platt|isotonic", "how (default platt; docs/calibration.md)"},
        {"stream", 0, CLI_TEXT, &stream, "audio|video|av", "which features (default: what the head says)"},
        {"output", 'o', CLI_TEXT, &job.out, "FILE", "the head with its calibration, safetensors"},
        CLI_COMMON_OPTIONS(common),
    };
    const cli_usage usage = {
        "calibrate",
        "HEAD",
        "Makes a head's scores mean something: fits P(fake) to labelled clips. Any head, official ones too.",
        "  falsetto calibrate model-epoch=18.ckpt --val val.csv --features feats -o calibrated.safetensors",
        options,
        sizeof options / sizeof *options};
    int code = cli_parse(&usage, argc, argv, &positional);
    if (code >= 0)
        return code;
    if (positional != 1 || !job.list.csv || !job.list.root || !job.out)
        return cli_misuse(&usage, "one head, --val, --features and -o are needed");
    if (stream && !(job.stream = cli_stream(stream)))
        return cli_misuse(&usage, "--stream '%s' is none of audio, video, av", stream);
    cli_begin(&common);
    job.head = argv[0];
    job.method = method ? FAL_CALIBRATE_ISOTONIC : FAL_CALIBRATE_PLATT;
    job.test.root = job.test.root ? job.test.root : job.list.root;
    job.log = &common.log;
    return calibrate(&job, &err) == FAL_OK ? EXIT_DONE : cli_fail(&err);
}

const cli_command cmd_calibrate = {"calibrate", "fit a head's P(fake) to labelled clips", run};
