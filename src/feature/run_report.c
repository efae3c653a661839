#include "feature/run_report.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/progress.h"
#include "core/str.h"
#include "core/thread.h"
#include "feature/failure_list.h"
#include "feature/run_log.h"
#include "tensor/run.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAL_LOG_COMPONENT "extract"

enum { TIME_TEXT = 32, HOST_TEXT = 65 };

struct fal_run_report {
    fal_run_plan plan;
    fal_run_log *log;
    char *failed_path;
    char *run; /* the id that all its records carry */
    double started_s;
    pthread_mutex_t lock; /* guards what follows */
    fal_extract_report counts;
    size_t done, skipped; /* clips; skipped: those with nothing left to do */
    const char **tried;   /* [done] their paths */
    fal_buf failed;       /* rows of failed.csv */
    fal_status trouble;   /* of writing a clip's record, and why */
    fal_error why;
};

static size_t output_count(const fal_run_plan *plan)
{
    return plan->options->encoder_count + (plan->options->save_crops != NULL);
}

static const char *output_name(const fal_run_plan *plan, size_t index)
{
    return index < plan->options->encoder_count ? plan->targets[index].label : "crops";
}

/* ---- records ---- */

/* UTC, to the millisecond: "2026-03-01T12:00:00.123Z". */
static void time_text(char out[TIME_TEXT])
{
    struct timespec now;
    struct tm parts;
    char seconds[TIME_TEXT - 8];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, TIME_TEXT, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

static fal_jw begin_record(const fal_run_report *r, fal_buf *text, const char *event)
{
    char now[TIME_TEXT];
    fal_jw w = fal_jw_start(text, true);
    time_text(now);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "event", event);
    fal_jw_put_string(&w, "run", r->run);
    fal_jw_put_string(&w, "time", now);
    return w;
}

static fal_status end_record(const fal_run_report *r, fal_jw *w, fal_error *err)
{
    fal_jw_end_object(w);
    fal_status st = fal_run_log_append(r->log, w->out, err);
    fal_buf_free(w->out);
    return st;
}

static void put_encoders(const fal_run_plan *plan, fal_jw *w)
{
    fal_jw_key(w, "encoders");
    fal_jw_array(w);
    for (size_t i = 0; i < plan->options->encoder_count; i++) {
        fal_jw_object(w);
        fal_jw_put_string(w, "name", plan->targets[i].label);
        fal_jw_put_string(w, "source", plan->targets[i].wanted->source);
        fal_jw_put_string(w, "folder", plan->targets[i].folder);
        fal_jw_key(w, "settings");
        fal_extract_put_settings(&plan->targets[i], w);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

static fal_status record_start(const fal_run_report *r, const char *host, fal_error *err)
{
    fal_buf text = {0};
    const fal_run_plan *plan = &r->plan;
    char cpu[128], shard[32];
    fal_cpu_name(cpu, sizeof cpu);
    snprintf(shard, sizeof shard, "%d/%d", plan->options->shard, plan->options->shards);
    fal_jw w = begin_record(r, &text, "start");
    fal_jw_put_string(&w, "falsetto", FAL_VERSION);
    fal_jw_put_string(&w, "host", host);
    fal_jw_put_string(&w, "cpu", cpu);
    fal_jw_put_string(&w, "instruction_set", fal_cpu_isa());
    fal_jw_put_int(&w, "threads", plan->threads);
    fal_jw_put_int(&w, "jobs", plan->jobs);
    fal_jw_put_string(&w, "list", plan->options->csv);
    fal_jw_put_string(&w, "root", plan->root);
    fal_jw_put_bool(&w, "from_crops", plan->options->from_crops);
    fal_jw_put_string(&w, "save_crops", plan->options->save_crops);
    fal_jw_put_int(&w, "listed", (int64_t)plan->list->rows);
    fal_jw_put_string(&w, "shard", plan->options->shards ? shard : NULL);
    fal_jw_put_int(&w, "clips", (int64_t)plan->clips);
    put_encoders(plan, &w);
    return end_record(r, &w, err);
}

static void put_outcomes(const fal_run_report *r, const fal_clip_result *c, fal_jw *w)
{
    static const char *const fates[] = {"failed", "kept", "written"};
    fal_jw_key(w, "outcomes");
    fal_jw_array(w);
    for (size_t i = 0; i < output_count(&r->plan); i++) {
        const fal_clip_outcome *o = &c->outcomes[i];
        fal_jw_object(w);
        fal_jw_put_string(w, "encoder", output_name(&r->plan, i));
        fal_jw_put_string(w, "outcome", fates[o->fate]);
        if (o->fate == FAL_CLIP_WRITTEN)
            fal_jw_put_int(w, "rows", o->rows);
        if (o->fate == FAL_CLIP_FAILED)
            fal_jw_put_string(w, "reason", o->why.text);
        fal_jw_end_object(w);
    }
    fal_jw_end_array(w);
}

/* What a reader of the log wants to see of a number, not all its digits. */
static double to_thousandths(double value)
{
    return (double)(int64_t)(value * 1000 + 0.5) / 1000;
}

static void put_seconds(const fal_clip_result *c, fal_jw *w)
{
    fal_jw_key(w, "seconds");
    fal_jw_object(w);
    fal_jw_put_double(w, "total", to_thousandths(c->seconds));
    if (c->read) {
        fal_jw_put_double(w, "decode", to_thousandths(c->decode_s));
        fal_jw_put_double(w, "face", to_thousandths(c->face_s));
        fal_jw_put_double(w, "encode", to_thousandths(c->encode_s));
    }
    fal_jw_end_object(w);
}

static void put_warnings(uint32_t warnings, fal_jw *w)
{
    fal_jw_key(w, "warnings");
    fal_jw_array(w);
    for (uint32_t bit = 1; bit && bit <= warnings; bit <<= 1)
        if (warnings & bit)
            fal_jw_string(w, fal_media_warning_code((fal_media_warning)bit));
    fal_jw_end_array(w);
}

static fal_status record_clip(const fal_run_report *r, const fal_clip_result *c, fal_error *err)
{
    fal_buf text = {0};
    fal_jw w = begin_record(r, &text, "clip");
    fal_jw_put_string(&w, "path", fal_csv_cell(r->plan.list, c->row, r->plan.path_column));
    put_outcomes(r, c, &w);
    put_seconds(c, &w);
    if (c->read) {
        fal_jw_put_int(&w, "frames", c->frames);
        put_warnings(c->warnings, &w);
    }
    return end_record(r, &w, err);
}

static fal_status record_end(const fal_run_report *r, bool stopped, fal_error *err)
{
    fal_buf text = {0};
    double seconds = r->counts.seconds;
    fal_jw w = begin_record(r, &text, "end");
    fal_jw_put_string(&w, "outcome", stopped ? "stopped" : "done");
    fal_jw_put_int(&w, "clips", (int64_t)r->done);
    fal_jw_put_int(&w, "written", (int64_t)r->counts.written);
    fal_jw_put_int(&w, "kept", (int64_t)r->counts.kept);
    fal_jw_put_int(&w, "failed", (int64_t)r->counts.failed);
    fal_jw_put_double(&w, "seconds", to_thousandths(seconds));
    fal_jw_put_double(&w, "clips_per_second",
                      seconds > 0 ? to_thousandths((double)(r->done - r->skipped) / seconds) : 0);
    return end_record(r, &w, err);
}

/* ---- clips ---- */

static void note_failure(fal_run_report *r, const char *clip, const char *encoder, const char *why)
{
    fal_buf line = {0};
    fal_csv_put(&line, clip);
    fal_csv_put(&line, encoder);
    fal_csv_put(&line, why);
    fal_buf_puts(&line, "\r\n");
    fal_buf_append(&r->failed, line.data, line.length);
    r->failed.failed |= line.failed;
    fal_buf_free(&line);
    fal_log_warn(r->plan.options->log, "%s: %s", encoder, why);
}

static void count_outcomes(fal_run_report *r, const fal_clip_result *c)
{
    const char *clip = fal_csv_cell(r->plan.list, c->row, r->plan.path_column);
    size_t kept = 0, count = output_count(&r->plan);
    for (size_t i = 0; i < count; i++) {
        const fal_clip_outcome *o = &c->outcomes[i];
        kept += o->fate == FAL_CLIP_KEPT;
        r->counts.written += o->fate == FAL_CLIP_WRITTEN;
        r->counts.failed += o->fate == FAL_CLIP_FAILED;
        if (o->fate == FAL_CLIP_FAILED)
            note_failure(r, clip, output_name(&r->plan, i), o->why.text);
    }
    r->counts.kept += kept;
    r->skipped += kept == count;
    r->tried[r->done++] = clip;
}

/* Clips that were there already took no time: rate and time left are of the others. */
static void show_progress(const fal_run_report *r)
{
    char what[64];
    size_t total = r->plan.clips;
    snprintf(what, sizeof what, "extracting: %zu of %zu clips", r->done, total);
    if (total > r->skipped)
        fal_progress_report(r->plan.options->progress, what, (double)(r->done - r->skipped),
                            (double)(total - r->skipped));
}

bool fal_run_report_clip(fal_run_report *r, const fal_clip_result *result)
{
    pthread_mutex_lock(&r->lock);
    count_outcomes(r, result);
    if (r->trouble == FAL_OK)
        r->trouble = record_clip(r, result, &r->why);
    show_progress(r);
    bool go_on = r->trouble == FAL_OK;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

/* ---- failed.csv ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `tried` is sorted by now. */
static bool was_tried(const void *user, const char *path, const char *encoder)
{
    const fal_run_report *r = user;
    bool mine = false;
    for (size_t i = 0; !mine && i < output_count(&r->plan); i++)
        mine = fal_str_eq(output_name(&r->plan, i), encoder);
    return mine && bsearch(&path, r->tried, r->done, sizeof *r->tried, by_text);
}

static fal_status update_failures(fal_run_report *r, fal_error *err)
{
    qsort(r->tried, r->done, sizeof *r->tried, by_text);
    fal_run_log_lock(r->log);
    fal_status st = fal_failure_list_update(r->failed_path, &r->failed, was_tried, r, r->plan.options->log, err);
    fal_run_log_unlock(r->log);
    return st;
}

/* ---- the run ---- */

fal_status fal_run_report_open(const fal_run_plan *plan, fal_run_report **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run_report *r = NULL;
    const char *folder = plan->options->out ? plan->options->out : plan->options->save_crops;
    char *path = NULL, now[TIME_TEXT], host[HOST_TEXT] = "";
    gethostname(host, sizeof host - 1);
    time_text(now);
    FAL_ALLOC(r, fal_calloc(1, sizeof *r));
    pthread_mutex_init(&r->lock, NULL);
    r->plan = *plan;
    r->started_s = fal_now_s();
    r->counts.clips = plan->clips;
    r->counts.encoders = plan->options->encoder_count;
    FAL_ALLOC(r->run, fal_asprintf("%s-%s-%ld", now, host, (long)getpid()));
    FAL_ALLOC(r->tried, fal_malloc_array(plan->clips, sizeof *r->tried));
    FAL_ALLOC(r->failed_path, fal_path_join(folder, "failed.csv"));
    FAL_ALLOC(path, fal_path_join(folder, "run.jsonl"));
    FAL_TRY(fal_run_log_open(path, &r->log, err));
    FAL_TRY(record_start(r, host, err));
    *out = r;
    r = NULL;
done:
    fal_free(path);
    fal_run_report_free(&r);
    return st;
}

fal_status fal_run_report_end(fal_run_report *r, fal_extract_report *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const bool stopped = r->done < r->counts.clips;
    if (r->trouble != FAL_OK)
        FAL_FAIL(r->trouble, "%s", r->why.text);
    FAL_TRY(update_failures(r, err));
    r->counts.seconds = fal_now_s() - r->started_s;
    FAL_TRY(record_end(r, stopped, err));
    if (stopped)
        FAL_FAIL(FAL_ERR_CANCELLED, "stopped after %zu of %zu clips; run the same command again to go on", r->done,
                 r->counts.clips);
    *out = r->counts;
done:
    return st;
}

void fal_run_report_free(fal_run_report **report)
{
    fal_run_report *r = *report;
    if (!r)
        return;
    fal_run_log_close(&r->log);
    fal_free(r->failed_path);
    fal_free(r->run);
    fal_free(r->tried);
    fal_buf_free(&r->failed);
    pthread_mutex_destroy(&r->lock);
    fal_release(report);
}
