#include "fetch/pull.h"

#include "core/alloc.h"
#include "core/digest.h"
#include "core/file.h"
#include "core/home.h"
#include "core/log.h"
#include "core/str.h"
#include "fetch/receipt.h"

#include <stdio.h>

#define FAL_LOG_COMPONENT "fetch"

/* A pull under way. */
typedef struct pull {
    const fal_pull_job *job;
    const fal_pull_options *options;
    fal_json *receipt; /* of an earlier pull, finished or not; NULL: none */
    fal_pull_report report;
} pull;

/* ---- one file ---- */

static bool has_address(const fal_model_file *file)
{
    return file->urls[0] != NULL;
}

/* Says where the bytes came from, if an earlier pull brought these very bytes. */
static void recall_address(const pull *p, fal_pulled_file *out)
{
    fal_pulled_file known;
    if (p->receipt && fal_receipt_find(p->receipt, out->name, &known) &&
        fal_str_eq(known.file.sha256, out->file.sha256))
        snprintf(out->file.url, sizeof out->file.url, "%s", known.file.url);
}

/* A file that is there already: it must be the published one, as far as that is known. */
static fal_status adopt(const pull *p, const fal_model_file *file, const char *path, fal_pulled_file *out,
                        fal_error *err)
{
    fal_status st = FAL_OK;
    fal_file_digest digest;
    const char *again = has_address(file) ? "move it away, or let --force fetch it again" : "download it again";
    FAL_TRY(fal_digest_file(path, file->md5 != NULL, "checking what is there (MB)", p->options->fetch.progress, &digest,
                            err));
    if (file->sha256 && !fal_digest_agrees(digest.sha256, file->sha256))
        FAL_FAIL(FAL_ERR_FORMAT,
                 "%s: its SHA-256 is %s, that of the published file %s: it is another file, or not whole; %s", path,
                 digest.sha256, file->sha256, again);
    if (file->md5 && !fal_digest_agrees(digest.md5, file->md5))
        FAL_FAIL(FAL_ERR_FORMAT,
                 "%s: its MD5 is %s, that of the published file begins with %s: it is another file, or not whole; %s",
                 path, digest.md5, file->md5, again);
    out->how = FAL_PULL_PRESENT;
    out->file.bytes = digest.bytes;
    snprintf(out->file.sha256, sizeof out->file.sha256, "%s", digest.sha256);
    out->checked = file->sha256 || file->md5;
    recall_address(p, out);
done:
    return st;
}

/* What to do about a file that is not where it should be. */
static void add_advice(const pull *p, const char *path, fal_error *err)
{
    if (!err || err->code != FAL_ERR_NOT_FOUND)
        return;
    fal_error before = *err;
    fal_fail(err, before.code, "%.700s; the publisher may have moved it: look at %s, put the file at %s and pull again",
             before.text, p->job->source, path);
}

static fal_status fetch(const pull *p, const fal_model_file *file, const char *path, fal_pulled_file *out,
                        fal_error *err)
{
    fal_fetch_options how = p->options->fetch;
    how.urls = file->urls;
    how.url_count = 0;
    while (how.url_count < sizeof file->urls / sizeof *file->urls && file->urls[how.url_count])
        how.url_count++;
    how.path = path;
    how.sha256 = file->sha256;
    how.md5 = file->md5;
    fal_error why = {0};
    fal_status st = fal_fetch_file(&how, &out->file, &why);
    if (st == FAL_OK) {
        out->how = FAL_PULL_FETCHED;
        out->checked = file->sha256 || file->md5;
        return FAL_OK;
    }
    if (file->optional && st != FAL_ERR_CANCELLED && st != FAL_ERR_MEMORY) {
        fal_log_warn(how.log, "%s; left out, %s works without", why.text, p->job->name);
        out->how = FAL_PULL_LEFT_OUT;
        return FAL_OK;
    }
    /* An address that has gone stale beside a page that people can open; a build that cannot download. */
    bool stale = st == FAL_ERR_NOT_FOUND || st == FAL_ERR_FORMAT;
    if ((p->job->page && stale) || st == FAL_ERR_UNSUPPORTED) {
        fal_log_warn(how.log, "%s", why.text);
        out->how = FAL_PULL_BY_HAND;
        return FAL_OK;
    }
    add_advice(p, path, &why);
    return fal_fail(err, st, "%s", why.text);
}

static fal_status settle(pull *p, size_t index, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_model_file *file = &p->job->files[index];
    fal_pulled_file *out = &p->report.files[index];
    char *path = NULL;
    FAL_ALLOC(path, fal_path_join(p->job->folder, file->name));
    if (fal_path_exists(path) && !(p->options->force && has_address(file)))
        FAL_TRY(adopt(p, file, path, out, err));
    else if (has_address(file))
        FAL_TRY(fetch(p, file, path, out, err));
    else
        out->how = file->optional ? FAL_PULL_LEFT_OUT : FAL_PULL_BY_HAND;
    if (out->how == FAL_PULL_FETCHED)
        FAL_TRY(fal_receipt_write(p->job, &p->report, false, err));
done:
    fal_free(path);
    return st;
}

/* ---- all files ---- */

/* A folder with its configuration is opened as a whole, anything else by its weights. */
static fal_status path_to_open(const fal_pull_job *job, char **path, fal_error *err)
{
    fal_status st = FAL_OK;
    bool whole = false;
    for (size_t i = 0; i < job->file_count; i++)
        whole = whole || fal_str_eq(job->files[i].name, "config.json") ||
                fal_str_eq(job->files[i].name, "open_clip_config.json");
    FAL_ALLOC(*path, whole ? fal_strdup(job->folder) : fal_path_join(job->folder, job->files[0].name));
done:
    return st;
}

static bool installed(pull *p)
{
    if (p->options->force || !p->receipt || !fal_receipt_holds(p->receipt, p->job))
        return false;
    for (size_t i = 0; i < p->report.file_count; i++) {
        fal_pulled_file *file = &p->report.files[i];
        file->how = fal_receipt_find(p->receipt, file->name, file) ? FAL_PULL_PRESENT : FAL_PULL_LEFT_OUT;
    }
    return true;
}

static fal_status bring(pull *p, fal_error *err)
{
    fal_status st = FAL_OK;
    bool by_hand = false;
    FAL_TRY(fal_make_dirs(p->job->folder, err));
    FAL_TRY(fal_receipt_reopen(p->job->folder, err));
    for (size_t i = 0; i < p->job->file_count; i++) {
        FAL_TRY(settle(p, i, err));
        by_hand = by_hand || p->report.files[i].how == FAL_PULL_BY_HAND;
    }
    if (by_hand) {
        FAL_TRY(fal_pull_steps(p->job, &p->report, &p->report.steps, err));
        goto done;
    }
    FAL_TRY(p->job->check(p->job, p->report.path, p->options, err));
    FAL_TRY(fal_receipt_write(p->job, &p->report, true, err));
    p->report.complete = true;
done:
    return st;
}

fal_status fal_pull_run(fal_pull_job *job, const fal_pull_options *options, fal_pull_report *report, fal_error *err)
{
    fal_status st = FAL_OK;
    static const fal_pull_options none = {0};
    pull p = {.job = job, .options = options ? options : &none};
    p.report.file_count = job->file_count;
    for (size_t i = 0; i < job->file_count; i++)
        p.report.files[i].name = job->files[i].name;
    FAL_TRY(path_to_open(job, &p.report.path, err));
    FAL_TRY(fal_receipt_read(job->folder, true, &p.receipt, err));
    if (installed(&p)) {
        p.report.installed_before = p.report.complete = true;
    } else {
        fal_json_free(&p.receipt);
        FAL_TRY(fal_receipt_read(job->folder, false, &p.receipt, err));
        FAL_TRY(bring(&p, err));
    }
    p.report.folder = job->folder;
    job->folder = NULL;
    *report = p.report;
    p.report = (fal_pull_report){0};
done:
    fal_json_free(&p.receipt);
    fal_pull_report_free(&p.report);
    fal_release(&job->folder);
    return st;
}

void fal_pull_report_free(fal_pull_report *report)
{
    if (!report)
        return;
    fal_free(report->folder);
    fal_free(report->path);
    fal_free(report->steps);
    *report = (fal_pull_report){0};
}

fal_status fal_pull_folder(const fal_pull_options *options, const char *part, const char *name, char **folder,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    char *parent = NULL;
    if (options && options->folder)
        FAL_ALLOC(parent, fal_strdup(options->folder));
    else
        FAL_TRY(fal_home_path(part, &parent, err));
    FAL_ALLOC(*folder, fal_path_join(parent, name));
done:
    fal_free(parent);
    return st;
}
