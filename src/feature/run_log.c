#include "feature/run_log.h"

#include "core/alloc.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct fal_run_log {
    char *path;
    int file;
    bool locked; /* the file system may not know locks */
};

fal_status fal_run_log_open(const char *path, fal_run_log **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run_log *log = NULL;
    FAL_ALLOC(log, fal_calloc(1, sizeof *log));
    log->file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (log->file < 0)
        FAL_TRY(fal_fail_errno(err, "%s: cannot write", path));
    FAL_ALLOC(log->path, fal_strdup(path));
    *out = log, log = NULL;
done:
    fal_run_log_close(&log);
    return st;
}

void fal_run_log_close(fal_run_log **log)
{
    if (!*log)
        return;
    if ((*log)->file >= 0)
        close((*log)->file);
    fal_free((*log)->path);
    fal_release(log);
}

void fal_run_log_lock(fal_run_log *log)
{
    int failed;
    do
        failed = flock(log->file, LOCK_EX);
    while (failed && errno == EINTR);
    log->locked = !failed;
}

void fal_run_log_unlock(fal_run_log *log)
{
    if (log->locked)
        flock(log->file, LOCK_UN);
    log->locked = false;
}

/* Bytes up to the end of the last whole line of `size` bytes; -1 when reading fails. */
static off_t whole_lines(int file, off_t size)
{
    char block[4096];
    while (size > 0) {
        size_t count = size < (off_t)sizeof block ? (size_t)size : sizeof block;
        if (pread(file, block, count, size - (off_t)count) != (ssize_t)count)
            return -1;
        for (size_t i = count; i > 0; i--)
            if (block[i - 1] == '\n')
                return size - (off_t)(count - i);
        size -= (off_t)count;
    }
    return 0;
}

/* Whoever wrote an unfinished line is dead when the lock is held; without it, it may be at work. *end: of the file. */
static bool mend(const fal_run_log *log, off_t *end, bool *torn)
{
    struct stat info;
    if (fstat(log->file, &info) != 0)
        return false;
    off_t whole = whole_lines(log->file, info.st_size);
    *torn = whole >= 0 && whole < info.st_size;
    *end = info.st_size;
    if (*torn && log->locked) {
        *torn = false;
        *end = whole;
        return ftruncate(log->file, whole) == 0;
    }
    return whole >= 0;
}

/* All of it or nothing, where that can be had. */
static fal_status write_line(const fal_run_log *log, const char *bytes, size_t length, off_t end, fal_error *err)
{
    ssize_t count;
    do
        count = write(log->file, bytes, length);
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)length)
        return FAL_OK;
    if (count >= 0)
        errno = ENOSPC;
    fal_status st = fal_fail_errno(err, "%s: cannot write", log->path);
    if (count > 0 && log->locked && ftruncate(log->file, end) != 0)
        fal_error_prefix(err, "unfinished line left");
    return st;
}

fal_status fal_run_log_append(fal_run_log *log, const fal_buf *record, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf line = {0};
    off_t end = 0;
    bool torn = false;
    fal_run_log_lock(log);
    if (!mend(log, &end, &torn)) {
        st = fal_fail_errno(err, "%s: cannot read its end", log->path);
        goto done;
    }
    if (torn)
        fal_buf_puts(&line, "\n");
    fal_buf_append(&line, record->data, record->length);
    fal_buf_puts(&line, "\n");
    if (record->failed || line.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", log->path);
    FAL_TRY(write_line(log, line.data, line.length, end, err));
done:
    fal_run_log_unlock(log);
    fal_buf_free(&line);
    return st;
}
