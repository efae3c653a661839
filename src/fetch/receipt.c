#include "fetch/receipt.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/str.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { MAX_RECEIPT_BYTES = 1 << 18 };

#define FORMAT "falsetto-pull-1"
static const char finished_name[] = "pull.json", unfinished_name[] = "pull.json.part";

/* ---- reading ---- */

static fal_status read_one(const char *folder, const char *name, fal_json **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    fal_json *json = NULL;
    char *path = NULL;
    FAL_ALLOC(path, fal_path_join(folder, name));
    if (fal_file_read(path, MAX_RECEIPT_BYTES, &text, NULL) != FAL_OK || text.length == 0 ||
        fal_json_parse(text.data, text.length, path, &json, NULL) != FAL_OK)
        goto done;
    if (fal_str_eq(fal_json_string(fal_json_get(json, "format"), NULL), FORMAT)) {
        *out = json;
        json = NULL;
    }
done:
    fal_json_free(&json);
    fal_buf_free(&text);
    fal_free(path);
    return st;
}

fal_status fal_receipt_read(const char *folder, bool finished, fal_json **out, fal_error *err)
{
    *out = NULL;
    fal_status st = read_one(folder, finished_name, out, err);
    if (st == FAL_OK && !*out && !finished)
        st = read_one(folder, unfinished_name, out, err);
    return st;
}

static const fal_json *entry_of(const fal_json *receipt, const char *name)
{
    const fal_json *files = fal_json_get(receipt, "files");
    for (size_t i = 0; i < fal_json_count(files); i++) {
        const fal_json *entry = fal_json_at(files, i);
        if (fal_str_eq(fal_json_string(fal_json_get(entry, "name"), NULL), name))
            return entry;
    }
    return NULL;
}

bool fal_receipt_find(const fal_json *receipt, const char *name, fal_pulled_file *file)
{
    const fal_json *entry = entry_of(receipt, name);
    const char *sha256 = fal_json_string(fal_json_get(entry, "sha256"), "");
    if (strlen(sha256) != FAL_SHA256_TEXT - 1)
        return false;
    memcpy(file->file.sha256, sha256, FAL_SHA256_TEXT);
    snprintf(file->file.url, sizeof file->file.url, "%s", fal_json_string(fal_json_get(entry, "url"), ""));
    file->file.bytes = fal_json_int(fal_json_get(entry, "bytes"), -1);
    file->checked = fal_json_bool(fal_json_get(entry, "checked"), false);
    return true;
}

static bool has_size(const char *folder, const char *name, int64_t bytes)
{
    struct stat info;
    char *path = fal_path_join(folder, name);
    bool same = path && stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size == bytes;
    fal_free(path);
    return same;
}

bool fal_receipt_holds(const fal_json *receipt, const fal_pull_job *job)
{
    for (size_t i = 0; i < job->file_count; i++) {
        fal_pulled_file known;
        bool listed = fal_receipt_find(receipt, job->files[i].name, &known);
        if (!listed && job->files[i].optional)
            continue;
        if (!listed || !has_size(job->folder, job->files[i].name, known.file.bytes))
            return false;
    }
    return job->file_count > 0;
}

/* ---- writing ---- */

static void put_file(fal_jw *w, const fal_pulled_file *f)
{
    fal_jw_object(w);
    fal_jw_put_string(w, "name", f->name);
    fal_jw_put_string(w, "url", f->file.url[0] ? f->file.url : NULL);
    fal_jw_put_int(w, "bytes", f->file.bytes);
    fal_jw_put_string(w, "sha256", f->file.sha256);
    fal_jw_put_bool(w, "checked", f->checked);
    fal_jw_end_object(w);
}

static void write_text(const fal_pull_job *job, const fal_pull_report *report, fal_buf *out)
{
    char when[32] = "";
    struct tm utc;
    time_t now = time(NULL);
    if (gmtime_r(&now, &utc))
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    fal_jw w = fal_jw_start(out, false);
    fal_jw_object(&w);
    fal_jw_put_string(&w, "format", FORMAT);
    fal_jw_put_string(&w, job->kind, job->name);
    fal_jw_put_string(&w, "licence", job->licence);
    fal_jw_put_bool(&w, "non_commercial", job->non_commercial);
    fal_jw_put_string(&w, "source", job->source);
    fal_jw_put_string(&w, "pulled", when);
    fal_jw_put_string(&w, "by", "falsetto " FAL_VERSION);
    fal_jw_key(&w, "files");
    fal_jw_array(&w);
    for (size_t i = 0; i < report->file_count; i++)
        if (report->files[i].file.sha256[0])
            put_file(&w, &report->files[i]);
    fal_jw_end_array(&w);
    fal_jw_end_object(&w);
    fal_buf_puts(out, "\n");
}

fal_status fal_receipt_write(const fal_pull_job *job, const fal_pull_report *report, bool finished, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    char *path = NULL, *other = NULL;
    FAL_ALLOC(path, fal_path_join(job->folder, finished ? finished_name : unfinished_name));
    FAL_ALLOC(other, fal_path_join(job->folder, finished ? unfinished_name : finished_name));
    write_text(job, report, &text);
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_file_write(path, text.data, text.length, err));
    unlink(other);
done:
    fal_buf_free(&text);
    fal_free(path);
    fal_free(other);
    return st;
}

fal_status fal_receipt_reopen(const char *folder, fal_error *err)
{
    fal_status st = FAL_OK;
    char *from = NULL, *to = NULL;
    FAL_ALLOC(from, fal_path_join(folder, finished_name));
    FAL_ALLOC(to, fal_path_join(folder, unfinished_name));
    if (fal_path_exists(from) && rename(from, to) != 0)
        st = fal_fail_errno(err, "%s: cannot rename to %s", from, to);
done:
    fal_free(from);
    fal_free(to);
    return st;
}
