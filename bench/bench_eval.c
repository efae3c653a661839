/* What metrics cost on many scores, beside reading the scores once: CPU seconds of one thread, and bytes of memory per
 * clip beyond the scores themselves. Every line runs in a process of its own, whose peak memory is its own. With a
 * tenth of the clips first: both should be a tenth. Prints a Markdown table.
 *
 *     bench_eval [CLIPS]      (default 10 million) */
#include "support.h"

#include "core/alloc.h"
#include "core/rng.h"

#include <falsetto/compare.h>
#include <falsetto/scores.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct data {
    size_t count;
    double *scores, *others;
    uint8_t *labels;
    const char *file; /* the scores as CSV */
} data;

/* ---- what is measured ---- */

static volatile double sum; /* what the passes compute must be kept by somebody */

static void read_once(const data *d)
{
    size_t fakes = 0;
    for (size_t i = 0; i < d->count; i++) {
        sum += d->scores[i];
        fakes += d->labels[i];
    }
    sum += (double)fakes;
}

static void evaluate(const data *d)
{
    fal_error err;
    fal_metrics m;
    need_ok(fal_evaluate(d->scores, d->labels, d->count, &m, &err), &err);
    sum += m.auc;
}

static void evaluate_fully(const data *d)
{
    fal_error err;
    fal_evaluation e;
    need_ok(fal_evaluate_fully(d->scores, d->labels, d->count, NULL, &e, &err), &err);
    sum += e.ece;
}

static void choose_threshold(const data *d)
{
    fal_error err;
    double threshold;
    need_ok(fal_choose_threshold(d->scores, d->labels, d->count, FAL_THRESHOLD_YOUDEN, &threshold, &err), &err);
    sum += threshold;
}

static void delong_pair(const data *d)
{
    fal_error err;
    const double *const both[] = {d->scores, d->others};
    double auc[2], covariance[4];
    need_ok(fal_delong(both, 2, d->labels, d->count, auc, covariance, &err), &err);
    sum += covariance[1];
}

static void spearman(const data *d)
{
    fal_error err;
    double rho;
    need_ok(fal_spearman(d->scores, d->others, d->count, &rho, &err), &err);
    sum += rho;
}

static void read_file(const data *d)
{
    fal_error err;
    fal_score_table t = {0};
    need_ok(fal_scores_read(d->file, &t, &err), &err);
    sum += t.scores[0];
    fal_scores_free(&t);
}

typedef struct task {
    const char *name;
    void (*run)(const data *d);
} task;

static const task tasks[] = {
    {"one pass of reading", read_once},
    {"AUC, AP, EER, log-loss, Brier", evaluate},
    {"all of eval (no bootstrap)", evaluate_fully},
    {"threshold for validation clips", choose_threshold},
    {"DeLong of two detectors", delong_pair},
    {"Spearman", spearman},
    {"reading path,score,label from CSV", read_file},
};
enum { TASKS = sizeof tasks / sizeof *tasks };

/* ---- measuring ---- */

typedef struct cost {
    double seconds, bytes; /* bytes: peak memory of the process beyond what it began with */
} cost;

/* Memory now, touched pages only. */
static double resident_bytes(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%*s %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static double peak_bytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return 1024.0 * (double)usage.ru_maxrss;
}

static cost measure(const task *t, const data *d)
{
    int ends[2];
    cost c = {0};
    need(pipe(ends) == 0, "no pipe");
    pid_t child = fork();
    if (child == 0) {
        read_once(d); /* the pages of the scores are there */
        double before = resident_bytes(), start = cpu_s();
        t->run(d);
        c = (cost){cpu_s() - start, peak_bytes() - before};
        _exit(write(ends[1], &c, sizeof c) == sizeof c ? 0 : 1);
    }
    close(ends[1]);
    need(child > 0 && read(ends[0], &c, sizeof c) == sizeof c, "a measuring process ended early");
    close(ends[0]);
    waitpid(child, NULL, 0);
    return c;
}

/* ---- data ---- */

static data make_data(size_t count)
{
    data d = {.count = count,
              .scores = need_memory(fal_malloc_array(count, sizeof *d.scores)),
              .others = need_memory(fal_malloc_array(count, sizeof *d.others)),
              .labels = need_memory(fal_malloc(count))};
    fal_rng rng = fal_rng_make(1, 0);
    for (size_t i = 0; i < count; i++) {
        d.labels[i] = fal_rng_u32(&rng) & 1;
        double shared = fal_rng_normal(&rng) + d.labels[i];
        d.scores[i] = (float)(shared + 0.5 * fal_rng_normal(&rng)); /* float32, as heads give them */
        d.others[i] = (float)(shared + 0.5 * fal_rng_normal(&rng));
    }
    return d;
}

static void write_file(data *d, const char *path)
{
    FILE *f = fopen(path, "w");
    need(f != NULL, path);
    fputs("path,score,label\n", f);
    for (size_t i = 0; i < d->count; i++)
        fprintf(f, "%s/id%05zu/clip%08zu.mp4,%.9g,%d\n", d->labels[i] ? "fake" : "real", i % 9973, i, d->scores[i],
                d->labels[i]);
    fclose(f);
    d->file = path;
}

static void free_data(data *d)
{
    fal_free(d->scores);
    fal_free(d->others);
    fal_free(d->labels);
}

static void measure_all(size_t count, cost *out)
{
    char path[] = "/tmp/bench-eval-XXXXXX";
    int handle = mkstemp(path);
    data d = make_data(count);
    need(handle >= 0, path);
    close(handle);
    write_file(&d, path);
    for (size_t i = 0; i < TASKS; i++)
        out[i] = measure(&tasks[i], &d);
    unlink(path);
    free_data(&d);
}

int main(int argc, char **argv)
{
    cost tenth[TASKS], whole[TASKS];
    size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    if (count < 1000) {
        fprintf(stderr, "usage: bench_eval [CLIPS], at least 1000\n");
        return 2;
    }
    measure_all(count / 10, tenth);
    measure_all(count, whole);
    printf("%zu clips\n\n| what | CPU s | passes of reading | ns per clip | bytes per clip | CPU s, a tenth of the "
           "clips | bytes per clip "
           "then |\n|---|---|---|---|---|---|---|\n",
           count);
    for (size_t i = 0; i < TASKS; i++)
        printf("| %s | %.3f | %.1f | %.1f | %.0f | %.3f | %.0f |\n", tasks[i].name, whole[i].seconds,
               whole[i].seconds / whole[0].seconds, 1e9 * whole[i].seconds / (double)count,
               whole[i].bytes > 0 ? whole[i].bytes / (double)count : 0, tenth[i].seconds,
               tenth[i].bytes > 0 ? 10 * tenth[i].bytes / (double)count : 0);
    return 0;
}
