#include "core/alloc.h"
#include "core/clock.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "feature/crop_saving.h"
#include "feature/leftovers.h"
#include "feature/rivals.h"
#include "feature/run_report.h"
#include "feature/store.h"

#define FAL_LOG_COMPONENT "extract"

/* What one worker thread has for itself. */
typedef struct worker {
    fal_session *session;
    fal_detector *detector;
    /* Of the clip at hand: */
    fal_clip_outcome *outcomes;         /* [encoder_count], then that of its crops */
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
    size_t first, step, clips;   /* this run's share: rows first, first + step, ... */
    int threads, jobs;
    worker *workers;
    fal_run_report *report;
} extraction;

/* ---- one clip ---- */

/* A clip in work: what is left to do for it. */
typedef struct clip_job {
    extraction *x;
    worker *me;
    const char *clip; /* as listed */
    size_t missing_count, request_count;
    fal_crop_saving crops;
    fal_clip_result result;
} clip_job;

static fal_clip_outcome *outcome_of(const clip_job *job, const fal_extract_target *target)
{
    return &job->me->outcomes[target - job->x->targets];
}

static fal_clip_outcome *crops_outcome(const clip_job *job)
{
    return &job->me->outcomes[job->x->opt->encoder_count];
}

static fal_status check_name(const extraction *x, size_t row, fal_error *err)
{
    const char *clip = fal_csv_cell(&x->csv, row, x->path_column);
    if (!fal_feature_path_fits(clip))
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
            fal_fail(&me->outcomes[i].why, FAL_ERR_MEMORY, "out of memory");
        } else if (fal_extract_is_complete(t, path)) {
            me->outcomes[i].fate = FAL_CLIP_KEPT;
            fal_free(path);
        } else {
            fal_extract_requests(t, me->requests + job->request_count);
            job->request_count += t->stream_count;
            me->missing[job->missing_count] = t;
            me->paths[job->missing_count++] = path;
        }
    }
}

static void find_missing_crops(clip_job *job)
{
    const fal_extract_options *opt = job->x->opt;
    fal_clip_outcome *outcome = crops_outcome(job);
    char *source = fal_path_join(job->x->root, job->clip);
    char *place = fal_asprintf("%s/%s", opt->save_crops, job->clip); /* below it even where the list has whole paths */
    if (!source || !place)
        fal_fail(&outcome->why, FAL_ERR_MEMORY, "out of memory");
    else if (fal_crop_saving_open(source, place, opt->exact_preprocessing, &job->crops, &outcome->why) == FAL_OK &&
             !fal_crop_saving_lacks(&job->crops))
        outcome->fate = FAL_CLIP_KEPT;
    fal_free(source);
    fal_free(place);
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
        const fal_extract_target *t = job->me->missing[i];
        fal_clip_outcome *outcome = outcome_of(job, t);
        const fal_clip_rows *failed = first_failure(rows, t->stream_count);
        if (failed)
            outcome->why = failed->why;
        else if (fal_extract_write(t, rows, encoding->inputs.start_s, job->me->paths[i], &outcome->why) == FAL_OK)
            *outcome = (fal_clip_outcome){.fate = FAL_CLIP_WRITTEN, .rows = rows->features.rows};
        rows += t->stream_count;
    }
}

static void write_crops(clip_job *job, const fal_clip_inputs *inputs)
{
    fal_clip_outcome *outcome = crops_outcome(job);
    if (inputs->face.whole_frames)
        fal_log_warn(job->x->opt->log, "%s: no face found, its crops are the middle of its frames", job->clip);
    if (fal_crop_saving_finish(&job->crops, inputs, &outcome->why) == FAL_OK)
        *outcome = (fal_clip_outcome){.fate = FAL_CLIP_WRITTEN, .rows = job->crops.pictures};
}

static void note_facts(fal_clip_result *result, const fal_clip_encoding *encoding)
{
    const fal_clip_inputs *in = &encoding->inputs;
    result->read = true;
    result->frames = in->frames;
    result->decode_s = in->decode_s;
    result->face_s = in->face_s;
    result->encode_s = encoding->encode_s;
    result->warnings = in->report.warnings;
}

static fal_status encode_clip(clip_job *job, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_extract_options *opt = job->x->opt;
    fal_clip_encoding encoding = {0};
    char *source = NULL;
    const fal_picture_sink crop_sink = fal_crop_saving_sink(&job->crops);
    const fal_input_request how = {.exact = opt->exact_preprocessing,
                                   .trim_silence = opt->trim_silence && job->missing_count, /* crops never are */
                                   .mouth_alignment = opt->mouth_alignment,
                                   .from_crops = opt->from_crops,
                                   .crop_sink = job->crops.lacks_pictures ? &crop_sink : NULL,
                                   .threads = 1,
                                   .detector = job->me->detector,
                                   .progress = &(fal_progress){.cancel = opt->progress ? opt->progress->cancel : NULL},
                                   .log = opt->log};
    FAL_ALLOC(source, fal_path_join(job->x->root, job->clip));
    FAL_TRY(fal_clip_encode(source, &how, job->me->session, job->me->requests, job->request_count, &encoding, err));
    note_facts(&job->result, &encoding);
    write_files(job, &encoding);
    if (fal_crop_saving_lacks(&job->crops))
        write_crops(job, &encoding.inputs);
done:
    fal_clip_encoding_free(&encoding);
    fal_free(source);
    return st;
}

/* FAL_OK or FAL_ERR_CANCELLED; any other failure becomes an outcome. */
static fal_status extract_clip(clip_job *job)
{
    fal_status st = FAL_OK;
    fal_error why;
    find_missing(job);
    if (job->x->opt->save_crops)
        find_missing_crops(job);
    if (job->missing_count || fal_crop_saving_lacks(&job->crops))
        st = encode_clip(job, &why);
    if (st != FAL_OK && fal_crop_saving_lacks(&job->crops))
        crops_outcome(job)->why = why;
    for (size_t i = 0; i < job->missing_count; i++) {
        if (st != FAL_OK)
            outcome_of(job, job->me->missing[i])->why = why;
        fal_release(&job->me->paths[i]);
    }
    fal_crop_saving_free(&job->crops);
    return st == FAL_ERR_CANCELLED ? st : FAL_OK;
}

static bool work_on_clip(void *user, int worker_index, size_t item)
{
    extraction *x = user;
    worker *me = &x->workers[worker_index];
    const size_t row = x->first + item * x->step;
    const double start = fal_now_s();
    fal_error why = {0};
    clip_job job = {.x = x, .me = me, .clip = fal_csv_cell(&x->csv, row, x->path_column)};
    if (fal_progress_cancelled(x->opt->progress))
        return false;
    bool fits = check_name(x, row, &why) == FAL_OK;
    for (size_t i = 0; i <= x->opt->encoder_count; i++)
        me->outcomes[i] = (fal_clip_outcome){.fate = FAL_CLIP_FAILED, .why = why};
    if (fits && extract_clip(&job) == FAL_ERR_CANCELLED)
        return false;
    job.result.row = row;
    job.result.outcomes = me->outcomes;
    job.result.seconds = fal_now_s() - start;
    return fal_run_report_clip(x->report, &job.result);
}

/* ---- the whole run ---- */

static fal_status open_worker(extraction *x, worker *me, int threads, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = 0, most = x->opt->encoder_count * FAL_EXTRACT_STREAMS;
    fal_session_options how = {.threads = threads, .cancel = x->opt->progress ? x->opt->progress->cancel : NULL};
    FAL_TRY(fal_session_create(&how, &me->session, err));
    FAL_ALLOC(me->outcomes, fal_calloc(x->opt->encoder_count + 1, sizeof *me->outcomes));
    FAL_ALLOC(me->requests, fal_calloc(most, sizeof *me->requests));
    FAL_ALLOC(me->missing, fal_calloc(x->opt->encoder_count, sizeof *me->missing));
    FAL_ALLOC(me->paths, fal_calloc(x->opt->encoder_count, sizeof *me->paths));
    for (size_t i = 0; i < x->opt->encoder_count; i++) {
        fal_extract_requests(&x->targets[i], me->requests + count);
        count += x->targets[i].stream_count;
    }
    if (x->opt->save_crops || (!x->opt->from_crops && fal_requests_need_faces(me->requests, count)))
        FAL_TRY(me == x->workers ? fal_detector_open(NULL, &me->detector, err)
                                 : fal_detector_clone(x->workers[0].detector, &me->detector, err));
done:
    return st;
}

static fal_status open_workers(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    x->threads = x->opt->threads > 0 ? x->opt->threads : fal_cpu_count();
    x->jobs = x->opt->jobs > 0 ? x->opt->jobs : x->threads;
    if ((size_t)x->jobs > x->clips)
        x->jobs = x->clips ? (int)x->clips : 1;
    FAL_ALLOC(x->workers, fal_calloc((size_t)x->jobs, sizeof *x->workers));
    for (int i = 0; i < x->jobs; i++)
        FAL_TRY(open_worker(x, &x->workers[i], x->threads / x->jobs > 1 ? x->threads / x->jobs : 1, err));
done:
    return st;
}

/* Every shards-th row: neighbours in a list are often alike, so that shares take about the same time. */
static fal_status choose_share(extraction *x, fal_error *err)
{
    const fal_extract_options *opt = x->opt;
    if (opt->shards < 0 || opt->shard < (opt->shards > 0) || opt->shard > opt->shards)
        return fal_fail(err, FAL_ERR_ARGUMENT, "there is no part %d of %d", opt->shard, opt->shards);
    x->step = opt->shards ? (size_t)opt->shards : 1;
    x->first = opt->shards ? (size_t)opt->shard - 1 : 0;
    x->clips = x->first < x->csv.rows ? (x->csv.rows - x->first - 1) / x->step + 1 : 0;
    return FAL_OK;
}

static fal_status read_list(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_csv_read(x->opt->csv, &x->csv, err));
    x->path_column = fal_csv_column(&x->csv, "path");
    if (x->path_column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column 'path'", x->opt->csv);
    FAL_TRY(choose_share(x, err));
    FAL_TRY(fal_rivals_find(&x->csv, x->path_column, &x->rivals, err));
    FAL_ALLOC(x->root, x->opt->root ? fal_strdup(x->opt->root) : fal_path_dir(x->opt->csv));
done:
    return st;
}

static fal_status begin_report(extraction *x, fal_error *err)
{
    const fal_run_plan plan = {.options = x->opt,
                               .targets = x->targets,
                               .list = &x->csv,
                               .path_column = x->path_column,
                               .clips = x->clips,
                               .root = x->root,
                               .jobs = x->jobs,
                               .threads = x->threads};
    return fal_run_report_open(&plan, &x->report, err);
}

static fal_status check_options(const fal_extract_options *opt, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!opt->csv || (opt->encoder_count ? !opt->out : opt->out || !opt->save_crops))
        FAL_FAIL(FAL_ERR_ARGUMENT, "extraction needs a dataset list, and an output folder and an encoder, or a folder "
                                   "for crops");
    if (opt->from_crops && opt->save_crops)
        FAL_FAIL(FAL_ERR_ARGUMENT, "crops cannot be cut from crops");
    if (opt->from_crops && opt->mouth_alignment)
        FAL_FAIL(FAL_ERR_ARGUMENT, "crops are aligned already; a mouth alignment is chosen when they are cut");
done:
    return st;
}

static void remove_leftovers(const extraction *x)
{
    for (size_t i = 0; i < x->opt->encoder_count; i++)
        fal_leftovers_remove(x->targets[i].folder, &x->csv, x->path_column);
    if (x->opt->save_crops)
        fal_leftovers_remove(x->opt->save_crops, &x->csv, x->path_column);
    if (x->opt->encoder_count > 1)
        fal_atomic_sweep(x->opt->out); /* extract.json and failed.csv are written there */
}

static fal_status prepare(extraction *x, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_extract_options *opt = x->opt;
    FAL_TRY(check_options(opt, err));
    FAL_TRY(read_list(x, err));
    fal_encoder_options how = {.numbers = opt->numbers, .threads = opt->threads, .log = opt->log};
    FAL_TRY(fal_encoder_pool_create(&how, &x->pool, err));
    FAL_TRY(fal_extract_targets_open(opt, x->pool, &x->targets, err));
    if (opt->from_crops)
        FAL_TRY(fal_extract_targets_use_crops(x->targets, opt->encoder_count, x->root, err));
    FAL_TRY(fal_extract_targets_claim(x->targets, opt->encoder_count, err));
    if (opt->save_crops)
        FAL_TRY(fal_crop_tree_claim(opt->save_crops, opt->mouth_alignment, opt->exact_preprocessing, err));
    remove_leftovers(x);
    FAL_TRY(open_workers(x, err));
    FAL_TRY(begin_report(x, err));
done:
    return st;
}

static void extraction_free(extraction *x)
{
    for (int i = 0; x->workers && i < x->jobs; i++) {
        fal_session_free(&x->workers[i].session);
        fal_detector_free(&x->workers[i].detector);
        fal_free(x->workers[i].outcomes);
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
    fal_run_report_free(&x->report);
}

fal_status fal_extract(const fal_extract_options *options, fal_extract_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    extraction x = {.opt = options};
    FAL_TRY(prepare(&x, err));
    FAL_TRY(fal_parallel_for(x.jobs, x.clips, work_on_clip, &x, err));
    FAL_TRY(fal_run_report_end(x.report, report, err));
done:
    extraction_free(&x);
    return st;
}
