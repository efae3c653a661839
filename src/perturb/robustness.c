#include "core/alloc.h"
#include "core/buf.h"
#include "core/digest.h"
#include "core/file.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "perturb/recipes.h"
#include "perturb/score_log.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define FAL_LOG_COMPONENT "perturb"

/* What the caller sees, and what it points into. */
typedef struct outcome {
    fal_robustness seen; /* first: the two addresses are one */
    fal_score_grid grid;
    fal_robustness_cell *cells;
    fal_robustness_failure *failures;
} outcome;

typedef struct robustness_run {
    const fal_robustness_options *opt;
    fal_score_grid *grid;
    fal_clip_choices choices;
    fal_progress quiet; /* cancellation only */
    fal_score_log log;
    fal_judge **judges; /* [jobs] */
    int jobs;
    pthread_mutex_t lock; /* guards what follows, and the log */
    size_t judged, done;
    fal_status status;
    fal_error why;
} robustness_run;

static bool is_cancelled(const robustness_run *r)
{
    return r->quiet.cancel && *r->quiet.cancel;
}

/* ---- one judgement ---- */

static fal_status judge_file(robustness_run *r, int worker, const char *path, fal_grid_score *score, fal_error *err)
{
    fal_judgement *j = NULL;
    fal_status st = fal_judge_clip(r->judges[worker], path, &r->choices, &j, err);
    if (st == FAL_OK && j->verdict != FAL_VERDICT_CANNOT_JUDGE) {
        *score = (fal_grid_score){.status = FAL_SCORE_JUDGED, .logit = j->clip_logit, .p_fake = j->p_fake};
    } else if (st == FAL_OK) {
        *score = (fal_grid_score){.status = FAL_SCORE_CANNOT_JUDGE,
                                  .reason = fal_strdup(j->reason_count ? j->reasons[0].code : "cannot-judge")};
        if (!score->reason)
            st = fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", path);
    }
    fal_judgement_free(&j);
    return st;
}

/* The perturbed clip lives under a temporary name that is removed whatever happens. */
static fal_status judge_perturbed(robustness_run *r, int worker, const char *path, const fal_grid_cell *cell,
                                  fal_grid_score *score, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    char *name = NULL;
    const char *folder = r->opt->temporary ? r->opt->temporary : getenv("TMPDIR");
    FAL_ALLOC(name, fal_asprintf("%s/falsetto-%ld-%d.mkv", folder ? folder : "/tmp", (long)getpid(), worker));
    FAL_TRY(fal_atomic_open(name, &file, err));
    FAL_TRY(
        fal_perturb_into(path, cell->perturbation, cell->severity, fal_atomic_temp_path(file), r->quiet.cancel, err));
    FAL_TRY(judge_file(r, worker, fal_atomic_temp_path(file), score, err));
done:
    fal_atomic_abort(&file);
    fal_free(name);
    return st;
}

/* False when the run cannot go on. */
static bool note(robustness_run *r, size_t clip, size_t cell, const fal_grid_score *score)
{
    pthread_mutex_lock(&r->lock);
    *fal_grid_at(r->grid, clip, cell) = *score;
    r->judged++;
    if (r->log.rows && r->status == FAL_OK)
        r->status = fal_score_log_add(&r->log, r->grid, clip, cell, &r->why);
    size_t total = r->grid->clips * r->grid->cells;
    fal_progress_report(r->opt->progress, "judging", (double)++r->done, (double)total);
    bool go_on = r->status == FAL_OK;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

static bool judge_cell(robustness_run *r, int worker, size_t clip, size_t cell, const char *path)
{
    fal_grid_score score = {0};
    fal_error why;
    fal_status st = cell ? judge_perturbed(r, worker, path, &r->grid->columns[cell], &score, &why)
                         : judge_file(r, worker, path, &score, &why);
    if (st == FAL_ERR_CANCELLED)
        return false;
    if (st != FAL_OK) {
        fal_log_info(r->opt->log, "%s", why.text);
        score = (fal_grid_score){.status = FAL_SCORE_FAILED, .reason = fal_strdup(why.text)};
    }
    return note(r, clip, cell, &score);
}

static bool judge_row(void *user, int worker, size_t clip)
{
    robustness_run *r = user;
    char *path = fal_path_join(r->grid->root, fal_grid_path(r->grid, clip));
    bool go_on = path && !is_cancelled(r);
    for (size_t cell = 0; go_on && cell < r->grid->cells; cell++)
        if (fal_grid_at(r->grid, clip, cell)->status == FAL_SCORE_UNKNOWN)
            go_on = judge_cell(r, worker, clip, cell, path);
    fal_free(path);
    return go_on;
}

/* ---- the run ---- */

/* Names encoders, heads (with a checksum where they are files) and choices, so that scores are never mixed. */
static fal_status describe_detector(const fal_robustness_options *o, fal_buf *out, fal_error *err)
{
    for (size_t i = 0; i < o->member_count; i++) {
        const fal_judge_member *m = &o->members[i];
        fal_file_digest digest = {0};
        if (fal_path_exists(m->head)) {
            fal_status st = fal_digest_file(m->head, false, "reading", NULL, &digest, err);
            if (st != FAL_OK)
                return st;
        }
        fal_buf_printf(out, "%s%s:%s:%s/%s", i ? " + " : "", m->encoder, m->stream ? fal_stream_name(m->stream) : "",
                       m->feature ? m->feature : "", fal_path_base(m->head));
        if (*digest.sha256)
            fal_buf_printf(out, "@%.12s", digest.sha256);
    }
    fal_buf_printf(out, "%s%s%s", o->choices.trim_silence ? ", trimmed" : "",
                   o->choices.exact_preprocessing ? ", exact" : "", o->numbers == FAL_NUMBERS_BF16 ? ", bf16" : "");
    if (o->choices.face || o->choices.mouth_alignment)
        fal_buf_printf(out, ", face %d, alignment %d", o->choices.face, (int)o->choices.mouth_alignment);
    return out->failed ? fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", __func__) : FAL_OK;
}

static fal_status open_judges(robustness_run *r, fal_error *err)
{
    fal_status st = FAL_OK;
    int cores = r->opt->threads > 0 ? r->opt->threads : fal_cpu_count();
    r->jobs = r->opt->jobs > 1 ? r->opt->jobs : 1;
    if ((size_t)r->jobs > r->grid->clips)
        r->jobs = (int)r->grid->clips;
    const fal_judge_options how = {.members = r->opt->members,
                                   .member_count = r->opt->member_count,
                                   .numbers = r->opt->numbers,
                                   .threads = cores / r->jobs > 1 ? cores / r->jobs : 1,
                                   .log = r->opt->log};
    FAL_ALLOC(r->judges, fal_calloc((size_t)r->jobs, sizeof *r->judges));
    FAL_TRY(fal_judge_open(&how, &r->judges[0], err));
    for (int i = 1; i < r->jobs; i++)
        FAL_TRY(fal_judge_clone(r->judges[0], &r->judges[i], err));
done:
    return st;
}

static fal_status judge_all(robustness_run *r, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(open_judges(r, err));
    FAL_TRY(fal_parallel_for(r->jobs, r->grid->clips, judge_row, r, err));
    if (r->status != FAL_OK)
        FAL_FAIL(r->status, "%s", r->why.text);
    if (is_cancelled(r))
        FAL_FAIL(FAL_ERR_CANCELLED, "stopped after %zu of %zu judgements%s", r->done, r->grid->clips * r->grid->cells,
                 r->log.rows ? "; run the same command again to go on" : "");
    if (r->done != r->grid->clips * r->grid->cells)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory after %zu judgements", r->done);
done:
    for (int i = 0; r->judges && i < r->jobs; i++)
        fal_judge_free(&r->judges[i]);
    fal_free(r->judges);
    return st;
}

static fal_status fill_grid(const fal_robustness_options *options, outcome *o, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf detector = {0};
    robustness_run r = {.opt = options, .grid = &o->grid, .choices = options->choices};
    pthread_mutex_init(&r.lock, NULL);
    r.quiet.cancel = options->progress ? options->progress->cancel : NULL;
    r.choices.progress = &r.quiet;
    FAL_TRY(describe_detector(options, &detector, err));
    if (options->results)
        FAL_TRY(fal_score_log_open(options->results, detector.data, &o->grid, &o->seen.reused, &r.log, err));
    r.done = o->seen.reused;
    if (r.done < o->grid.clips * o->grid.cells)
        FAL_TRY(judge_all(&r, err));
    o->seen.judged = r.judged;
done:
    fal_score_log_close(&r.log);
    fal_buf_free(&detector);
    pthread_mutex_destroy(&r.lock);
    return st;
}

/* ---- the result ---- */

static fal_status list_failures(outcome *o, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = o->grid.clips * o->grid.cells, failures = 0;
    for (size_t i = 0; i < count; i++)
        failures += o->grid.scores[i].status != FAL_SCORE_JUDGED;
    FAL_ALLOC(o->failures, fal_calloc(failures, sizeof *o->failures));
    for (size_t i = 0; i < count; i++) {
        const fal_grid_score *score = &o->grid.scores[i];
        const fal_grid_cell *cell = &o->grid.columns[i % o->grid.cells];
        if (score->status != FAL_SCORE_JUDGED)
            o->failures[o->seen.failure_count++] =
                (fal_robustness_failure){fal_grid_path(&o->grid, i / o->grid.cells), cell->name, cell->severity,
                                         score->reason ? score->reason : "out of memory"};
    }
    o->seen.failures = o->failures;
done:
    return st;
}

static fal_status summarise(outcome *o, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_robustness *seen = &o->seen;
    FAL_ALLOC(o->cells, fal_calloc(o->grid.cells, sizeof *o->cells));
    for (size_t i = 0; i < o->grid.cells; i++)
        FAL_TRY(fal_grid_summarise(&o->grid, i, &o->cells[i], err));
    seen->cells = o->cells;
    seen->cell_count = o->grid.cells;
    seen->clips = o->grid.clips;
    for (size_t i = 0; i < o->grid.clips; i++)
        seen->fakes += o->grid.labels[i];
    seen->reals = seen->clips - seen->fakes;
    FAL_TRY(list_failures(o, err));
done:
    return st;
}

fal_status fal_robustness_run(const fal_robustness_options *options, fal_robustness **out, fal_error *err)
{
    fal_status st = FAL_OK;
    outcome *o = NULL;
    fal_robustness *seen = NULL;
    if (!options->csv || !options->member_count)
        return fal_fail(err, FAL_ERR_ARGUMENT, "a table of robustness needs a list of clips and a detector");
    FAL_ALLOC(o, fal_calloc(1, sizeof *o));
    seen = &o->seen;
    FAL_TRY(fal_score_grid_create(options, &o->grid, err));
    FAL_TRY(fill_grid(options, o, err));
    FAL_TRY(summarise(o, err));
    *out = seen;
    seen = NULL;
done:
    fal_robustness_free(&seen);
    return st;
}

void fal_robustness_free(fal_robustness **pointer)
{
    if (!pointer || !*pointer)
        return;
    outcome *o = (outcome *)*pointer;
    fal_score_grid_free(&o->grid);
    fal_free(o->cells);
    fal_free(o->failures);
    fal_free(o);
    *pointer = NULL;
}
