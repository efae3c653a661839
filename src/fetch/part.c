#include "fetch/part.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { MAX_NOTE_BYTES = 1 << 16, READ_STEP = 1 << 18 };

/* ---- the note ---- */

static void copy_validator(char out[FAL_VALIDATOR_BYTES], const char *text)
{
    bool usable = text && strlen(text) < FAL_VALIDATOR_BYTES && fal_is_validator(text);
    snprintf(out, FAL_VALIDATOR_BYTES, "%s", usable ? text : "");
}

/* What the note says; an origin without url when there is none or it cannot be understood. */
static fal_part_origin read_note(const char *path)
{
    fal_part_origin origin = {.total = -1};
    fal_buf text = {0};
    fal_json *json = NULL;
    if (fal_file_read(path, MAX_NOTE_BYTES, &text, NULL) == FAL_OK && text.length > 0 &&
        fal_json_parse(text.data, text.length, path, &json, NULL) == FAL_OK) {
        snprintf(origin.url, sizeof origin.url, "%s", fal_json_string(fal_json_get(json, "url"), ""));
        copy_validator(origin.etag, fal_json_string(fal_json_get(json, "etag"), NULL));
        copy_validator(origin.modified, fal_json_string(fal_json_get(json, "last_modified"), NULL));
        origin.total = fal_json_int(fal_json_get(json, "bytes"), -1);
    }
    fal_json_free(&json);
    fal_buf_free(&text);
    return origin;
}

static fal_status write_note(const fal_part *part, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    fal_jw w = fal_jw_start(&text, false);
    const fal_part_origin *o = &part->origin;
    fal_jw_object(&w);
    fal_jw_put_string(&w, "url", o->url);
    fal_jw_put_string(&w, "etag", o->etag[0] ? o->etag : NULL);
    fal_jw_put_string(&w, "last_modified", o->modified[0] ? o->modified : NULL);
    if (o->total >= 0)
        fal_jw_put_int(&w, "bytes", o->total);
    fal_jw_end_object(&w);
    fal_buf_puts(&text, "\n");
    if (text.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", part->note);
    FAL_TRY(fal_file_write(part->note, text.data, text.length, err));
done:
    fal_buf_free(&text);
    return st;
}

/* ---- opening and closing ---- */

/* A file that was finished and renamed, or removed, between opening and locking is no longer the one with this name. */
static bool is_still_named(int fd, const char *path)
{
    struct stat mine, named;
    return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
           mine.st_dev == named.st_dev;
}

/* A file system that knows no locks does without. */
static fal_status open_locked(fal_part *part, fal_error *err)
{
    for (;;) {
        part->fd = open(part->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (part->fd < 0)
            return fal_fail_errno(err, "%s: cannot write", part->path);
        if (flock(part->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
            close(part->fd);
            part->fd = -1;
            return fal_fail(err, FAL_ERR_IO,
                            "%s: another download of this file is under way; wait for it to end, or stop it",
                            part->target);
        }
        if (is_still_named(part->fd, part->path))
            return FAL_OK;
        close(part->fd);
    }
}

static void release_part(fal_part *part)
{
    if (part->fd >= 0) {
        if (part->bytes == 0) {
            unlink(part->note);
            unlink(part->path);
        }
        close(part->fd);
    }
    fal_free(part->target);
    fal_free(part->path);
    fal_free(part->note);
    fal_free(part);
}

void fal_part_close(fal_part **part)
{
    if (part && *part)
        release_part(*part);
    if (part)
        *part = NULL;
}

static fal_status open_files(fal_part *part, fal_error *err)
{
    fal_status st = FAL_OK;
    struct stat info;
    char *dir = NULL;
    FAL_ALLOC(dir, fal_path_dir(part->target));
    FAL_TRY(fal_make_dirs(dir, err));
    if (fal_path_is_dir(part->target))
        FAL_FAIL(FAL_ERR_IO, "%s: is a folder, cannot put a file there", part->target);
    FAL_TRY(open_locked(part, err));
    if (fstat(part->fd, &info) != 0) {
        st = fal_fail_errno(err, "%s: cannot stat", part->path);
        goto done;
    }
    part->bytes = (int64_t)info.st_size;
    part->origin = read_note(part->note);
    bool usable = part->origin.url[0] && (part->origin.total < 0 || part->bytes <= part->origin.total);
    if (!usable || part->bytes == 0)
        FAL_TRY(fal_part_empty(part, err));
done:
    fal_free(dir);
    return st;
}

fal_status fal_part_open(const char *target, bool with_md5, fal_part **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_part *part = NULL;
    FAL_ALLOC(part, fal_calloc(1, sizeof *part));
    part->fd = -1;
    part->with_md5 = with_md5;
    FAL_ALLOC(part->target, fal_strdup(target));
    FAL_ALLOC(part->path, fal_asprintf("%s.part", target));
    FAL_ALLOC(part->note, fal_asprintf("%s.part.json", target));
    FAL_TRY(open_files(part, err));
    *out = part;
    part = NULL;
done:
    fal_part_close(&part);
    return st;
}

/* ---- bytes ---- */

fal_status fal_part_empty(fal_part *part, fal_error *err)
{
    part->origin = (fal_part_origin){.total = -1};
    part->sha256 = fal_sha256_start();
    part->md5 = fal_md5_start();
    part->digested = true;
    /* The note goes first: bytes without one are never taken for the beginning of a file. */
    unlink(part->note);
    if (ftruncate(part->fd, 0) != 0)
        return fal_fail_errno(err, "%s: cannot empty it", part->path);
    part->bytes = 0;
    return FAL_OK;
}

fal_status fal_part_begin(fal_part *part, const fal_part_origin *origin, fal_error *err)
{
    part->origin = *origin;
    return write_note(part, err);
}

static void add_to_digests(fal_part *part, const void *bytes, size_t length)
{
    fal_sha256_add(&part->sha256, bytes, length);
    if (part->with_md5)
        fal_md5_add(&part->md5, bytes, length);
}

static fal_status cannot_write(const fal_part *part, fal_error *err)
{
    if (errno == ENOSPC || errno == EDQUOT)
        return fal_fail(err, FAL_ERR_IO,
                        "%s: the disk is full (%s); what has arrived is kept, make room and pull again", part->path,
                        errno == ENOSPC ? "no space left" : "quota used up");
    return fal_fail_errno(err, "%s: cannot write", part->path);
}

fal_status fal_part_append(fal_part *part, const void *bytes, size_t length, fal_error *err)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t wrote = pwrite(part->fd, at, length, (off_t)part->bytes);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return cannot_write(part, err);
        add_to_digests(part, at, (size_t)wrote);
        at += wrote, length -= (size_t)wrote, part->bytes += wrote;
    }
    return FAL_OK;
}

fal_status fal_part_digest(fal_part *part, const char *what, const fal_progress *progress, fal_error *err)
{
    fal_status st = FAL_OK;
    char *block = NULL;
    if (part->digested)
        return FAL_OK;
    part->sha256 = fal_sha256_start();
    part->md5 = fal_md5_start();
    FAL_ALLOC(block, fal_malloc(READ_STEP));
    for (int64_t at = 0; at < part->bytes;) {
        if (fal_progress_cancelled(progress))
            FAL_FAIL(FAL_ERR_CANCELLED, "%s: stopped", part->target);
        ssize_t got = pread(part->fd, block, READ_STEP, (off_t)at);
        if (got <= 0) {
            st = fal_fail_errno(err, "%s: cannot read back", part->path);
            goto done;
        }
        add_to_digests(part, block, (size_t)got);
        at += got;
        fal_progress_report(progress, what, 1e-6 * (double)at, 1e-6 * (double)part->bytes);
    }
    part->digested = true;
done:
    fal_free(block);
    return st;
}

size_t fal_part_head(const fal_part *part, char *out, size_t size)
{
    ssize_t got = pread(part->fd, out, size, 0);
    return got > 0 ? (size_t)got : 0;
}

fal_status fal_part_finish(fal_part *part, fal_error *err)
{
    /* The data must be on disk before the name is. */
    if (fsync(part->fd) != 0)
        return cannot_write(part, err);
    if (rename(part->path, part->target) != 0)
        return fal_fail_errno(err, "%s: cannot rename %s to it", part->target, part->path);
    unlink(part->note);
    part->bytes = 0;
    return FAL_OK;
}

int64_t fal_part_room(const fal_part *part)
{
    struct statvfs info;
    int64_t room;
    if (fstatvfs(part->fd, &info) != 0 || __builtin_mul_overflow(info.f_bavail, info.f_frsize, &room))
        return -1;
    return room;
}
