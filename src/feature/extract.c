#include "core/alloc.h"
#include "core/clock.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "feature/extract_target.h"
#include "feature/rivals.h"
#include "feature/store.h"

#include <pthread.h>
#include <string.h>

#define FAL_LOG_COMPONENT "extract"

/* What one worker thread has for itself. */
typedef struct worker {
    fal_session *session;
    fal_detector *detector;
    /* Of the clip at hand: */
    fal_clip_request *requests;         /* [encoder_count * 3] */
    const fal_extract_target **missing; /* [encoder_count] targets without a file */
    char **paths;                       /* [encoder_count] of those files */
} worker;

typedef struct extraction {
    const fal_extract_options *opt;
    fal_csv csv;
    int path_column;
    const char **rivals; /* [rows], see feature/rivals.h */
    char *root;
    fal_encoder_pool *pool;
    fal_extract_target *targets; /* [opt->encoder_count] */
    int jobs;
    worker *workers;
    pthread_mutex_t lock; /* guards what follows */
    fal_extract_report report;
    size_t done;    /* clips */
    fal_buf failed; /* rows of failed.csv */
} extraction;

/* ---- outcomes ---- */

static void note_failure(extraction *x, const char *clip, const fal_extract_target *target, const char *why)
{
    fal_buf line = {0};
    fal_csv_put(&line, clip);
    fal_csv_put(&line, target->label);
    fal_csv_put(&line, why);
    fal_buf_puts(&line, "\r\n");
    pthread_mutex_lock(&x->lock);
    x->report.failed++;
    fal_buf_append(&x->failed, line.data, line.length);
    x->failed.failed |= line.failed;
    fal_log_warn(x->opt->log, "%s: %s", target->label, why);
    pthread_mutex_unlock(&x->lock);
    fal_buf_free(&line);
}

static void note_file(extraction *x, bool kept)
{
    pthread_mutex_lock(&x->lock);
    x->report.kept += kept;
    x->report.written += !kept;
    pthread_mutex_unlock(&x->lock);
}

static void note_clip(extraction *x)
{
    pthread_mutex_lock(&x->lock);
    fal_progress_report(x->opt->progress, "extracting", (double)++x->done, (double)x->report.clips);
    pthread_mutex_unlock(&x->lock);
}

/* ---- one clip ---- */

/* A clip in work: what is left to do for it. */
typedef struct clip_job {
    extraction *x;
    worker *me;
    const char *clip; /* as listed */
    size_t missing_count, request_count;
} clip_job;

/* Listed paths are mirrored under the output folder; one that climbs could write anywhere. */
static bool climbs(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (fal_str_starts(part, "..") && (part[2] == '/' || !part[2]))
            return true;
    }
    return false;
}

static fal_status check_name(const extraction *x, size_t row, fal_error *err)
{
    const char *clip = fal_csv_cell(&x->csv, row, x->path_column);
    if (climbs(clip) || strlen(clip) < FAL_FEATURE_CUT)
        return fal_fail(err, FAL_ERR_ARGUMENT, "'%s' is no clip path: '..' in it, or too short", clip);
    if (x->rivals[row])
        return fal_fail(err, FAL_ERR_ARGUMENT, "'%s' would share its feature file with '%s'", clip, x->rivals[row]);
    return FAL_OK;
}

/* Which targets have no complete file yet, and what to ask of their encoders. */
static void find_missing(clip_job *job)
{
    worker *me = job->me;
    for (size_t i = 0; i < job->x->opt->encoder_count; i++) {
        const fal_extract_target *t = &job->x->targets[i];
        char *path = fal_feature_path(t->folder, job->clip, ".npz");
        if (!path) {
            note_failure(job->x, job->clip, t, "out of memory");
        } else if (fal_extract_is_complete(t, path)) {
            note_file(job->x, true);
            fal_free(path);
        } else {
            fal_extract_requests(t, me->requests + job->request_count);
            job->request_count += t->stream_count;
            me->missing[job->missing_count] = t;
            me->paths[job->missing_count++] = path;
        }
    }
}

/* The first failure of an encoder's streams, or FAL_OK. */
static const fal_clip_rows *first_failure(const fal_clip_rows *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].status != FAL_OK)
            return &rows[i];
    return NULL;
}

static void write_files(const clip_job *job, const fal_clip_encoding *encoding)
{
    const fal_clip_rows *rows = encoding->rows;
    for (size_t i = 0; i < job->missing_count; i++) {
        fal_error why;
        const fal_extract_target *t = job->me->missing[i];
        const fal_clip_rows *failed = first_failure(rows, t->stream_count);
        if (failed)
            note_failure(job->x, job->clip, t, failed->why.text);
        else if (fal_extract_write(t, rows, encoding->inputs.start_s, job->me->paths[i], &why) != FAL_OK)
            note_failure(job->x, job->clip, t, why.text);
        else
            note_file(job->x, false);
        rows += t->stream_count;
    }
}

static fal_status encode_clip(const clip_job *job, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_extract_options *opt = job->x->opt;
    fal_clip_encoding encoding = {0};
    char *source = NULL;
    const fal_input_request how = {.exact = opt->exact_preprocessing,
                                   .trim_silence = opt->trim_silence,
                                   .mouth_alignment = opt->mouth_alignment,
                                   .threads = 1,
                                   .detector = job->me->detector,
                                   .progress = &(fal_progress){.cancel = opt->progress ? opt->progress->cancel : NULL},
                                   .log = opt->log};
    FAL_ALLOC(source, fal_path_join(job->x->root, job->clip));
    FAL_TRY(fal_clip_encode(source, &how, job->me->session, job->me->requests, job->request_count, &encoding, err));
    write_files(job, &encoding);
done:
    fal_clip_encoding_free(&encoding);
    fal_free(source);
    return st;
}

/* FAL_OK or FAL_ERR_CANCELLED; any other failure is noted. */
static fal_status extract_clip(extraction *x, worker *me, const char *clip)
{
    fal_status st = FAL_OK;
    fal_error why;
    clip_job job = {.x = x, .me = me, .clip = clip};
    find_missing(&job);
    if (job.missing_count)
        st = encode_clip(&job, &why);
    for (size_t i = 0; i < job.missing_count; i++) {
        if (st != FAL_OK && st != FAL_ERR_CANCELLED)
            note_failure(x, clip, me->missing[i], why.text);
        fal_release(&me->paths[i]);
    }
    return st == FAL_ERR_CANCELLED ? st : FAL_OK;
}

static bool cancelled(const extraction *x)
{
    return x->opt->progress && x->opt->progress->cancel && *x->opt->progress->cancel;
}

static bool work_on_row(void *user, int worker_index, size_t row)
{
    extraction *x = user;
    const char *clip = fal_csv_cell(&x->csv, row, x->path_column);
    fal_error why = {0};
    if (cancelled(x))
        return false;
    if (check_name(x, row, &why) != FAL_OK) {
        for (size_t i = 0; i < x->opt->encoder_count; i++)
            note_failure(x, clip, &x->targets[i], why.text);
    } else if (extract_clip(x, &x->workers[worker_index], clip) == FAL_ERR_CANCELLED) {
        return false;
    }
    note_clip(x);
    return true;
}

/* ---- the whole run ---- */

static fal_status open_worker(extraction *x, worker *me, int threads, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = 0, most = x->opt->encoder_count * FAL_EXTRACT_STREAMS;
    fal_session_options how = {.threads = threads, .cancel = x->opt->progress ? x->opt->progress->cancel : NULL};
    FAL_TRY(fal_session_create(&how, &me->session, err));
    FAL_ALLOC(me->requests, fal_calloc(most, sizeof *me->requests));
    FAL_ALLOC(me->missing, fal_calloc(x->opt->encoder_count, sizeof *me->missing));
    FAL_ALLOC(me->paths, fal_calloc(x->opt->encoder_count, sizeof *me->paths));
    for (size_t i = 0; i < x->opt->encoder_count; i++) {
        fal_extract_requests(&x->targets[i], me->requests + count);
        count += x->targets[i].stream_count;
    }
    if (fal_requests_need_faces(me->requests, count))
        FAL_TRY(me == x->workers ? fal_detector_open(NULL, &me->detector, err)
                                 : fal_detector_clone(x->workers[0].detector, &me->detector, err));
done:
    return st;
}

static fal_status open_workers(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    int cores = x->opt->threads > 0 ? x->opt->threads : fal_cpu_count();
    x->jobs = x->opt->jobs > 0 ? x->opt->jobs : cores;
    if ((size_t)x->jobs > x->csv.rows)
        x->jobs = x->csv.rows ? (int)x->csv.rows : 1;
    FAL_ALLOC(x->workers, fal_calloc((size_t)x->jobs, sizeof *x->workers));
    for (int i = 0; i < x->jobs; i++)
        FAL_TRY(open_worker(x, &x->workers[i], cores / x->jobs > 1 ? cores / x->jobs : 1, err));
done:
    return st;
}

static fal_status prepare(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_extract_options *opt = x->opt;
    if (!opt->csv || !opt->out || !opt->encoder_count)
        FAL_FAIL(FAL_ERR_ARGUMENT, "extraction needs a dataset list, an output folder and an encoder");
    FAL_TRY(fal_csv_read(opt->csv, &x->csv, err));
    x->path_column = fal_csv_column(&x->csv, "path");
    if (x->path_column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column 'path'", opt->csv);
    x->report.clips = x->csv.rows;
    x->report.encoders = opt->encoder_count;
    FAL_TRY(fal_rivals_find(&x->csv, x->path_column, &x->rivals, err));
    FAL_ALLOC(x->root, opt->root ? fal_strdup(opt->root) : fal_path_dir(opt->csv));
    fal_encoder_options how = {.numbers = opt->numbers, .threads = opt->threads, .log = opt->log};
    FAL_TRY(fal_encoder_pool_create(&how, &x->pool, err));
    FAL_TRY(fal_extract_targets_open(opt, x->pool, &x->targets, err));
    FAL_TRY(fal_extract_targets_claim(x->targets, opt->encoder_count, err));
    FAL_TRY(open_workers(x, err));
done:
    return st;
}

static fal_status write_failures(const extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    char *path = NULL;
    FAL_ALLOC(path, fal_path_join(x->opt->out, "failed.csv"));
    fal_buf_puts(&text, "path,encoder,reason\r\n");
    fal_buf_append(&text, x->failed.data, x->failed.length);
    if (text.failed || x->failed.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
done:
    fal_buf_free(&text);
    fal_free(path);
    return st;
}

static void extraction_free(extraction *x)
{
    for (int i = 0; x->workers && i < x->jobs; i++) {
        fal_session_free(&x->workers[i].session);
        fal_detector_free(&x->workers[i].detector);
        fal_free(x->workers[i].requests);
        fal_free((void *)x->workers[i].missing);
        fal_free(x->workers[i].paths);
    }
    fal_free(x->workers);
    fal_extract_targets_free(&x->targets, x->opt->encoder_count);
    fal_encoder_pool_free(&x->pool);
    fal_csv_free(&x->csv);
    fal_free(x->rivals);
    fal_free(x->root);
    fal_buf_free(&x->failed);
    pthread_mutex_destroy(&x->lock);
}

fal_status fal_extract(const fal_extract_options *options, fal_extract_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    extraction x = {.opt = options};
    double start = fal_now_s();
    pthread_mutex_init(&x.lock, NULL);
    FAL_TRY(prepare(&x, err));
    FAL_TRY(fal_parallel_for(x.jobs, x.csv.rows, work_on_row, &x, err));
    FAL_TRY(write_failures(&x, err));
    x.report.seconds = fal_now_s() - start;
    if (cancelled(&x))
        FAL_FAIL(FAL_ERR_CANCELLED, "stopped after %zu of %zu clips; run the same command again to go on", x.done,
                 x.report.clips);
    *report = x.report;
done:
    extraction_free(&x);
    return st;
}
