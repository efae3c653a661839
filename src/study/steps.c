#include "study/steps.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FAL_LOG_COMPONENT "study"
#define FORMAT "falsetto-step-1"

enum { WHOLE_BYTES = 16 << 20, MAX_RECORD_BYTES = 1 << 20 };

/* How a step of this study ended; why.code is FAL_OK for one that is done. */
typedef struct outcome {
    char *name;
    fal_error why;
    struct outcome *next;
} outcome;

struct fal_steps {
    char *folder;
    fal_study_stage only;
    const fal_log *log;
    fal_study_report report;
    outcome *outcomes;
};

bool fal_study_fatal(fal_status status)
{
    return status == FAL_ERR_CANCELLED || status == FAL_ERR_MEMORY || status == FAL_ERR_INTERNAL;
}

/* ---- inputs ---- */

void fal_step_text(fal_step *step, const char *what, const char *text)
{
    fal_buf_printf(&step->inputs, "%s: %s\n", what, text ? text : "(default)");
}

void fal_step_int(fal_step *step, const char *what, int64_t value)
{
    fal_buf_printf(&step->inputs, "%s: %" PRId64 "\n", what, value);
}

void fal_step_real(fal_step *step, const char *what, double value)
{
    char text[32];
    fal_format_double(text, value);
    fal_step_text(step, what, text);
}

/* "sha256 ..." or, for large files, "size ... time ..." */
static fal_status describe_file(const char *path, char out[128], fal_error *err)
{
    struct stat info;
    fal_file_digest digest;
    if (stat(path, &info) != 0)
        return fal_fail_errno(err, "%s", path);
    if (info.st_size > WHOLE_BYTES) {
        snprintf(out, 128, "size %lld time %lld.%09ld", (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                 info.st_mtim.tv_nsec);
        return FAL_OK;
    }
    fal_status st = fal_digest_file(path, false, "checking", NULL, &digest, err);
    if (st == FAL_OK)
        snprintf(out, 128, "sha256 %s", digest.sha256);
    return st;
}

fal_status fal_step_file(fal_step *step, const char *what, const char *path, fal_error *err)
{
    char text[128];
    fal_status st = describe_file(path, text, err);
    if (st == FAL_OK)
        fal_step_text(step, what, text);
    return st;
}

fal_status fal_step_make_key(const fal_step *step, fal_step_key key, fal_error *err)
{
    fal_digest digest = fal_sha256_start();
    if (step->inputs.failed)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
    fal_sha256_add(&digest, step->inputs.data, step->inputs.length);
    fal_sha256_text(&digest, key);
    return FAL_OK;
}

/* ---- records ---- */

static char *record_path(const fal_steps *steps, const char *name)
{
    return fal_asprintf("%s/%s.json", steps->folder, name);
}

/* NULL when there is no record or none that can be read: then the step is simply done again. */
static fal_json *read_record(const fal_steps *steps, const char *name)
{
    fal_json *record = NULL;
    fal_buf text = {0};
    char *path = record_path(steps, name);
    if (path && fal_file_read(path, MAX_RECORD_BYTES, &text, NULL) == FAL_OK)
        (void)fal_json_parse(text.data ? text.data : "", text.length, path, &record, NULL);
    fal_buf_free(&text);
    fal_free(path);
    return record;
}

static bool output_intact(const fal_step *step, const fal_json *record)
{
    char now[128];
    if (!step->output)
        return true;
    return describe_file(step->output, now, NULL) == FAL_OK &&
           fal_str_eq(now, fal_json_string(fal_json_get(record, "output"), NULL));
}

bool fal_steps_done(const fal_steps *steps, const fal_step *step, const fal_step_key key, int64_t *count)
{
    fal_json *record = read_record(steps, step->name);
    bool done = fal_str_eq(fal_json_string(fal_json_get(record, "format"), NULL), FORMAT) &&
                fal_str_eq(fal_json_string(fal_json_get(record, "key"), NULL), key) && output_intact(step, record);
    if (done && count)
        *count = fal_json_int(fal_json_get(record, "count"), 0);
    fal_json_free(&record);
    return done;
}

/* The inputs are kept in full, so that two records show what has changed. */
static void put_inputs(fal_jw *w, const char *lines)
{
    fal_jw_key(w, "inputs");
    fal_jw_array(w);
    for (const char *at = lines; at && *at;) {
        size_t length = strcspn(at, "\n");
        char *line = fal_strndup(at, length);
        fal_jw_string(w, line);
        fal_free(line);
        at += length + (at[length] == '\n');
    }
    fal_jw_end_array(w);
}

fal_status fal_steps_record(fal_steps *steps, const fal_step *step, const fal_step_key key, int64_t count,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    char output[128] = "", *path = NULL;
    fal_jw w = fal_jw_start(&text, false);
    if (step->output)
        FAL_TRY(describe_file(step->output, output, err));
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", FORMAT);
    fal_jw_put_string(&w, "step", step->name);
    fal_jw_put_string(&w, "key", key);
    put_inputs(&w, step->inputs.data);
    fal_jw_put_string(&w, "output", output[0] ? output : NULL);
    fal_jw_put_int(&w, "count", count);
    fal_jw_end_object(&w);
    fal_buf_puts(&text, "\n");
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    FAL_ALLOC(path, record_path(steps, step->name));
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
    steps->report.made++;
done:
    fal_free(path);
    fal_buf_free(&text);
    return st;
}

/* ---- running ---- */

fal_status fal_steps_open(const char *folder, fal_study_stage only, const fal_log *log, fal_steps **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_steps *steps = NULL;
    FAL_ALLOC(steps, fal_calloc(1, sizeof *steps));
    steps->only = only;
    steps->log = log;
    FAL_ALLOC(steps->folder, fal_strdup(folder));
    FAL_TRY(fal_make_dirs(folder, err));
    *out = steps;
    steps = NULL;
done:
    fal_steps_free(&steps);
    return st;
}

void fal_steps_free(fal_steps **steps)
{
    if (!*steps)
        return;
    for (outcome *o = (*steps)->outcomes, *next; o; o = next) {
        next = o->next;
        fal_free(o->name);
        fal_free(o);
    }
    fal_free((*steps)->folder);
    fal_release(steps);
}

fal_study_report fal_steps_report(const fal_steps *steps)
{
    return steps->report;
}

bool fal_steps_wanted(const fal_steps *steps, fal_study_stage stage)
{
    return steps->only == FAL_STUDY_EVERYTHING || steps->only == stage;
}

void fal_steps_note_kept(fal_steps *steps)
{
    steps->report.kept++;
}

void fal_steps_note_failed(fal_steps *steps)
{
    steps->report.failed++;
}

void fal_steps_note_absent(fal_steps *steps)
{
    steps->report.absent++;
}

static const outcome *find_outcome(const fal_steps *steps, const char *name)
{
    const outcome *o = steps->outcomes;
    while (o && strcmp(o->name, name))
        o = o->next;
    return o;
}

static fal_status keep_outcome(fal_steps *steps, const char *name, const fal_error *why, fal_error *err)
{
    fal_status st = FAL_OK;
    outcome *o = NULL;
    FAL_ALLOC(o, fal_calloc(1, sizeof *o));
    FAL_ALLOC(o->name, fal_strdup(name));
    o->why = *why;
    o->next = steps->outcomes;
    steps->outcomes = o;
    o = NULL;
done:
    fal_free(o);
    return st;
}

/* The step itself, with the time it took in the log. */
static fal_status make_step(fal_steps *steps, const fal_step *step, fal_step_fn *make, void *user,
                            const fal_step_key key, fal_error *err)
{
    double start = fal_now_s();
    fal_log_info(steps->log, "%s ...", step->name);
    fal_status st = make(user, err);
    if (st == FAL_OK)
        st = fal_steps_record(steps, step, key, 0, err);
    if (st == FAL_OK)
        fal_log_info(steps->log, "%s: done in %.1f s", step->name, fal_now_s() - start);
    return st;
}

static fal_status try_step(fal_steps *steps, const fal_step *step, fal_step_fn *make, void *user,
                           const fal_step_key key, fal_error *why)
{
    if (fal_steps_done(steps, step, key, NULL)) {
        fal_steps_note_kept(steps);
        return FAL_OK;
    }
    if (!fal_steps_wanted(steps, step->stage)) {
        fal_steps_note_absent(steps);
        return fal_fail(why, FAL_ERR_NOT_FOUND, "%s has not been done", step->name);
    }
    fal_status st = make_step(steps, step, make, user, key, why);
    if (st != FAL_OK && !fal_study_fatal(st)) {
        fal_log_warn(steps->log, "%s: %s", step->name, why->text);
        fal_steps_note_failed(steps);
    }
    return st;
}

fal_status fal_steps_run(fal_steps *steps, const fal_step *step, fal_step_fn *make, void *user, fal_step_key key,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    fal_step_key own;
    fal_error why = {0};
    FAL_TRY(fal_step_make_key(step, own, err));
    const outcome *before = find_outcome(steps, step->name);
    if (before) {
        why = before->why;
    } else {
        fal_status tried = try_step(steps, step, make, user, own, &why);
        why.code = tried;
        if (!fal_study_fatal(tried))
            FAL_TRY(keep_outcome(steps, step->name, &why, err));
    }
    if (why.code != FAL_OK)
        FAL_FAIL(why.code, "%s", why.text);
    if (key)
        memcpy(key, own, sizeof own);
done:
    return st;
}
