#include "train.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What came of each seed. */
typedef struct runs {
    size_t count;
    fal_training_report *reports;
    uint64_t *seeds;
    double *losses, *aucs, *aps; /* aucs, aps: of the test clips, NaN when not known */
} runs;

char *train_numbered(const char *path, int number)
{
    char *out = malloc(strlen(path) + 16);
    const char *name = strrchr(path, '/'), *ending = strrchr(name ? name : path, '.');
    int stem = (int)(ending ? ending - path : (long)strlen(path));
    if (out && number)
        sprintf(out, "%.*s-%d%s", stem, path, number, path + stem);
    else if (out)
        strcpy(out, path);
    return out;
}

static bool make_room(runs *r, int count)
{
    size_t n = (size_t)count;
    r->reports = calloc(n, sizeof *r->reports);
    r->seeds = calloc(n, sizeof *r->seeds);
    r->losses = calloc(n, sizeof *r->losses);
    r->aucs = calloc(n, sizeof *r->aucs);
    r->aps = calloc(n, sizeof *r->aps);
    return r->reports && r->seeds && r->losses && r->aucs && r->aps;
}

static void free_runs(runs *r)
{
    for (size_t i = 0; i < r->count; i++)
        fal_training_report_free(&r->reports[i]);
    free(r->reports);
    free(r->seeds);
    free(r->losses);
    free(r->aucs);
    free(r->aps);
}

/* ---- the test list ---- */

static fal_status out_of_memory(fal_error *err)
{
    err->code = FAL_ERR_MEMORY;
    snprintf(err->text, sizeof err->text, "out of memory");
    return FAL_ERR_MEMORY;
}

static fal_status measure(const fal_scored_list *list, double *auc, double *ap, fal_error *err)
{
    fal_metrics metrics;
    double *scores = calloc(list->count + 1, sizeof *scores);
    uint8_t *labels = calloc(list->count + 1, sizeof *labels);
    fal_status st = FAL_OK;
    for (size_t i = 0; scores && labels && i < list->count; i++) {
        scores[i] = list->clips[i].logit;
        labels[i] = (uint8_t)list->clips[i].label;
    }
    st = scores && labels ? fal_evaluate(scores, labels, list->count, &metrics, err) : out_of_memory(err);
    if (st == FAL_OK) {
        *auc = metrics.auc;
        *ap = metrics.ap;
    }
    free(scores);
    free(labels);
    return st;
}

static fal_status test_head(const train_job *job, const char *path, bool say, double *auc, double *ap, fal_error *err)
{
    fal_head *head = NULL;
    fal_scored_list list = {0};
    const fal_log *log = job->training.log;
    fal_status st = fal_head_open(path, log, &head, err);
    if (st == FAL_OK)
        st = fal_head_score_list(head, &job->test, (fal_stream)0, say ? log : NULL, &list, err);
    if (st == FAL_OK)
        st = measure(&list, auc, ap, err);
    if (st == FAL_OK && say && (list.missing || list.empty))
        cli_warn("%s: %zu clips without features and %zu without frames were left out", job->test.csv, list.missing,
                 list.empty);
    fal_scored_list_free(&list);
    fal_head_free(&head);
    return st;
}

/* ---- one seed ---- */

static void say_run(const char *out, const runs *r, size_t i, bool tested)
{
    const fal_training_report *report = &r->reports[i];
    printf("%s: best epoch %d of %d, validation loss %.5f (%zu training and %zu validation clips%s)\n", out,
           report->best_epoch, report->epochs_run, report->best_validation_loss, report->train_clips,
           report->validation_clips,
           report->calibration.fitted ? ", calibrated"
                                      : "; not calibrated: one class only, or fakes do not score above reals");
    if (report->resumed_from)
        printf("%s: went on after %d epochs\n", out, report->resumed_from);
    if (report->summary)
        printf("%s: %s\n", out, report->summary);
    if (tested)
        printf("%s: test AUC %.4f, AP %.4f\n", out, r->aucs[i], r->aps[i]);
    fflush(stdout);
}

static fal_status run_seed(const train_job *job, const fal_training_data *data, int number, runs *r, fal_error *err)
{
    fal_head_training t = job->training;
    const size_t i = r->count;
    char *out = train_numbered(job->out, number), *state = t.state ? train_numbered(t.state, number) : NULL;
    fal_status st = out && (state || !t.state) ? FAL_OK : out_of_memory(err);
    t.seed += i;
    t.state = state;
    t.keep_state = job->seeds > 1;
    r->seeds[i] = t.seed;
    r->aucs[i] = r->aps[i] = NAN;
    if (st == FAL_OK)
        st = fal_head_train_on(data, &t, out, &r->reports[i], err);
    cli_progress_done();
    if (st == FAL_OK) {
        r->count++;
        r->losses[i] = r->reports[i].best_validation_loss;
        if (job->test.csv)
            st = test_head(job, out, i == 0, &r->aucs[i], &r->aps[i], err);
    }
    if (st == FAL_OK)
        say_run(out, r, i, job->test.csv != NULL);
    free(out);
    free(state);
    return st;
}

/* ---- all of them ---- */

/* Mean and sample standard deviation. */
static void say_spread(const char *what, const double *values, size_t count)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        mean += values[i] / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    printf("  %-16s %.5f +- %.5f\n", what, mean, sqrt(squares / (double)(count - 1)));
}

static void say_all(const train_job *job, const runs *r)
{
    if (r->count > 1) {
        printf("%zu seeds, mean +- sample standard deviation:\n", r->count);
        say_spread("validation loss", r->losses, r->count);
        if (job->test.csv) {
            say_spread("test AUC", r->aucs, r->count);
            say_spread("test AP", r->aps, r->count);
        }
    }
    const fal_training_report *first = &r->reports[0];
    if (first->skipped_clips)
        cli_warn("%zu clips without usable features were left out", first->skipped_clips);
    if (first->zero_rows)
        cli_warn("%zu feature rows are all zero and were not normalised", first->zero_rows);
}

/* States of finished seeds are kept until all are done, so that a stopped command goes on with the seed it was at. */
static void remove_states(const train_job *job)
{
    for (int k = 1; job->training.state && job->seeds > 1 && k <= job->seeds; k++) {
        char *state = train_numbered(job->training.state, k);
        if (state)
            remove(state);
        free(state);
    }
}

int train_heads(const train_job *job)
{
    fal_error err;
    fal_training_data *data = NULL;
    runs r = {0};
    fal_status st = make_room(&r, job->seeds) ? FAL_OK : out_of_memory(&err);
    if (st == FAL_OK)
        st = fal_training_data_open(&job->training, &data, &err);
    for (int k = 1; st == FAL_OK && k <= job->seeds; k++)
        st = run_seed(job, data, job->seeds > 1 ? k : 0, &r, &err);
    if (st == FAL_OK && job->curve)
        st = train_write_curve(job->curve, r.reports, r.seeds, r.count, &err);
    if (st == FAL_OK) {
        say_all(job, &r);
        remove_states(job);
    }
    fal_training_data_free(&data);
    free_runs(&r);
    return st == FAL_OK ? EXIT_DONE : cli_fail(&err);
}
