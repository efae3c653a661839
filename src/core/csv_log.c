#include "core/csv_log.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct fal_csv_log {
    char *path;
    int file;
};

/* ---- reading ---- */

/* Bytes up to the end of the last row: a line end inside quotes does not end one. */
static size_t whole_rows(const fal_buf *text)
{
    size_t end = 0;
    bool quoted = false;
    for (size_t i = 0; i < text->length; i++) {
        if (text->data[i] == '"')
            quoted = !quoted;
        else if (text->data[i] == '\n' && !quoted)
            end = i + 1;
    }
    return end;
}

/* *whole: what is to be kept, 0 also where not even the header was finished. */
static fal_status read_rows(const char *path, const char *header, const char *what, fal_csv *known, size_t *whole,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    size_t header_length = strlen(header);
    FAL_TRY(fal_file_read(path, 0, &text, err));
    size_t common = text.length < header_length ? text.length : header_length;
    if (common && memcmp(text.data, header, common))
        FAL_FAIL(FAL_ERR_FORMAT, "%s is no %s: name another file, or remove it", path, what);
    *whole = text.length < header_length ? 0 : whole_rows(&text);
    if (*whole)
        FAL_TRY(fal_csv_parse(text.data, *whole, path, known, err));
done:
    fal_buf_free(&text);
    return st;
}

/* ---- writing ---- */

static fal_status append(const fal_csv_log *log, const char *bytes, size_t length, fal_error *err)
{
    while (length) {
        ssize_t count = write(log->file, bytes, length);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return fal_fail_errno(err, "%s: cannot write", log->path);
        bytes += count;
        length -= (size_t)count;
    }
    return FAL_OK;
}

fal_status fal_csv_log_add(const fal_csv_log *log, const fal_buf *row, fal_error *err)
{
    if (row->failed)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", log->path);
    return append(log, row->data, row->length, err);
}

fal_status fal_csv_log_open(const char *path, const char *header, const char *what, fal_csv *known, fal_csv_log **out,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv_log *log = NULL;
    fal_csv rows = {0};
    size_t whole = 0;
    if (fal_path_exists(path))
        FAL_TRY(read_rows(path, header, what, &rows, &whole, err));
    FAL_ALLOC(log, fal_calloc(1, sizeof *log));
    log->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log->file < 0)
        FAL_TRY(fal_fail_errno(err, "%s: cannot write", path));
    FAL_ALLOC(log->path, fal_strdup(path));
    if (ftruncate(log->file, (off_t)whole) != 0)
        FAL_TRY(fal_fail_errno(err, "%s: cannot cut off an unfinished row", path));
    if (!whole)
        FAL_TRY(append(log, header, strlen(header), err));
    *known = rows, rows = (fal_csv){0};
    *out = log, log = NULL;
done:
    fal_csv_free(&rows);
    fal_csv_log_close(&log);
    return st;
}

void fal_csv_log_close(fal_csv_log **log)
{
    if (!*log)
        return;
    if ((*log)->file >= 0)
        close((*log)->file);
    fal_free((*log)->path);
    fal_release(log);
}
