/* Atomic writing, and the table of unfinished temporaries. */
#include "core/file.h"

#include "core/alloc.h"
#include "core/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_PREFIX ".falsetto-"
#define TEMP_SUFFIX ".tmp"

/* The one process-wide state of the library. A signal handler that ends the process must be able to remove the
 * temporaries, and has nothing to hang on to but static storage: it may not lock or allocate. Hence a fixed table, a
 * state per slot changed by compare-and-swap, and names that nobody touches while a slot is LIVE or CLEANING. */
enum { MAX_OPEN = 256 };
typedef enum slot_state { FREE, FILLING, LIVE, CLEANING } slot_state;
static struct slot {
    atomic_int state;
    char path[PATH_MAX];
} slots[MAX_OPEN];
static atomic_uint next_number; /* makes temporary names of one process differ */

struct fal_atomic {
    char *path, *temp;
    FILE *stream;
    struct slot *slot;
    bool direct; /* `path` is a device or pipe: written in place, there is nothing to rename */
};

static struct slot *register_temp(const char *temp)
{
    for (int i = 0; i < MAX_OPEN; i++) {
        int expected = FREE;
        if (!atomic_compare_exchange_strong(&slots[i].state, &expected, FILLING))
            continue;
        memcpy(slots[i].path, temp, strlen(temp) + 1);
        atomic_store(&slots[i].state, LIVE);
        return &slots[i];
    }
    return NULL;
}

/* A slot that is being cleaned stays so: the process is about to end. */
static void unregister_temp(struct slot *slot)
{
    int expected = LIVE;
    if (slot)
        atomic_compare_exchange_strong(&slot->state, &expected, FREE);
}

void fal_atomic_cleanup(void)
{
    int saved = errno;
    for (int i = 0; i < MAX_OPEN; i++) {
        int expected = LIVE;
        if (atomic_compare_exchange_strong(&slots[i].state, &expected, CLEANING))
            unlink(slots[i].path);
    }
    errno = saved;
}

static void close_all(fal_atomic *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temp && !file->direct)
        unlink(file->temp);
    unregister_temp(file->slot);
    fal_free(file->path);
    fal_free(file->temp);
    fal_free(file);
}

void fal_atomic_abort(fal_atomic **file)
{
    if (*file)
        close_all(*file);
    *file = NULL;
}

/* A temporary is locked as long as its writer lives, which tells it from one that was left behind. False when somebody
 * who looked for such took this one for it, before it was locked. */
static bool lock_temp(int fd)
{
    struct stat info;
    while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
        continue;
    return fstat(fd, &info) != 0 || info.st_nlink > 0;
}

/* Makes the temporary in the folder of the target, so that the rename stays on one file system. The name does not
 * contain the target's, which may already be as long as a name can be. On success file->temp is set. */
static fal_status make_temp(fal_atomic *file, const char *dir, int *fd_out, fal_error *err)
{
    fal_status st = FAL_OK;
    char *temp = NULL;
    int fd;
    do {
        fal_release(&temp);
        unsigned number = atomic_fetch_add(&next_number, 1);
        FAL_ALLOC(temp, fal_asprintf("%s/" TEMP_PREFIX "%ld-%u" TEMP_SUFFIX, dir, (long)getpid(), number));
        fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 && !lock_temp(fd)) {
            close(fd);
            fd = -1;
            errno = EEXIST;
        }
    } while (fd < 0 && errno == EEXIST);
    if (fd < 0) {
        st = fal_fail_errno(err, "%s: cannot make a file in %s", file->path, dir);
        goto done;
    }
    *fd_out = fd;
    file->temp = temp;
    temp = NULL;
done:
    fal_free(temp);
    return st;
}

static fal_status open_temp(fal_atomic *file, int *fd, fal_error *err)
{
    fal_status st = FAL_OK;
    char *dir = NULL;
    FAL_ALLOC(dir, fal_path_dir(file->path));
    FAL_TRY(fal_make_dirs(dir, err));
    FAL_TRY(make_temp(file, dir, fd, err));
    if (strlen(file->temp) >= PATH_MAX)
        FAL_FAIL(FAL_ERR_IO, "%s: path too long", file->path);
    if (!(file->slot = register_temp(file->temp)))
        FAL_FAIL(FAL_ERR_IO, "%s: %d files are being written already", file->path, MAX_OPEN);
done:
    fal_free(dir);
    return st;
}

static fal_status open_direct(fal_atomic *file, int *fd, fal_error *err)
{
    fal_status st = FAL_OK;
    file->direct = true;
    FAL_ALLOC(file->temp, fal_strdup(file->path));
    if ((*fd = open(file->path, O_WRONLY | O_CLOEXEC)) < 0)
        st = fal_fail_errno(err, "%s: cannot open for writing", file->path);
done:
    return st;
}

fal_status fal_atomic_open(const char *path, fal_atomic **out, fal_error *err)
{
    fal_status st = FAL_OK;
    int fd = -1;
    struct stat info;
    fal_atomic *file = NULL;
    FAL_ALLOC(file, fal_calloc(1, sizeof *file));
    FAL_ALLOC(file->path, fal_strdup(path));
    bool exists = stat(path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode))
        FAL_FAIL(FAL_ERR_IO, "%s: is a folder, cannot write a file there", path);
    FAL_TRY(exists && !S_ISREG(info.st_mode) ? open_direct(file, &fd, err) : open_temp(file, &fd, err));
    if (!(file->stream = fdopen(fd, "wb"))) {
        st = fal_fail_errno(err, "%s: cannot write", path);
        goto done;
    }
    fd = -1;
    *out = file;
    file = NULL;
done:
    if (fd >= 0)
        close(fd);
    fal_atomic_abort(&file);
    return st;
}

FILE *fal_atomic_stream(fal_atomic *file)
{
    return file->stream;
}

const char *fal_atomic_temp_path(const fal_atomic *file)
{
    return file->temp;
}

/* The data must be on disk before the name is: otherwise a power cut can leave an empty file under the final name. */
static fal_status flush(fal_atomic *file, fal_error *err)
{
    bool ok = fflush(file->stream) == 0 && !ferror(file->stream);
    if (ok && !file->direct)
        ok = fsync(fileno(file->stream)) == 0;
    return ok ? FAL_OK : fal_fail_errno(err, "%s: cannot write", file->path);
}

fal_status fal_atomic_commit(fal_atomic **file, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *f = *file;
    FAL_TRY(flush(f, err));
    if (!f->direct && rename(f->temp, f->path) != 0) {
        st = fal_fail_errno(err, "%s: cannot rename %s to it", f->path, f->temp);
        goto done;
    }
    fal_release(&f->temp); /* nothing left to remove */
done:
    fal_atomic_abort(file);
    return st;
}

static fal_status open_filled(const char *path, const void *bytes, size_t length, fal_atomic **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    FAL_TRY(fal_atomic_open(path, &file, err));
    if (length && fwrite(bytes, 1, length, fal_atomic_stream(file)) != length) {
        st = fal_fail_errno(err, "%s: cannot write %zu bytes", path, length);
        goto done;
    }
    *out = file;
    file = NULL;
done:
    fal_atomic_abort(&file);
    return st;
}

fal_status fal_file_write(const char *path, const void *bytes, size_t length, fal_error *err)
{
    fal_atomic *file = NULL;
    fal_status st = open_filled(path, bytes, length, &file, err);
    return st == FAL_OK ? fal_atomic_commit(&file, err) : st;
}

/* Not every file system has the rename that replaces nothing, and not every one has links. */
static bool rename_if_free(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    return (errno == EINVAL || errno == ENOSYS) && link(from, to) == 0;
}

fal_status fal_file_claim(const char *path, const void *bytes, size_t length, bool *mine, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    bool made = false;
    if (!fal_path_exists(path)) {
        FAL_TRY(open_filled(path, bytes, length, &file, err));
        FAL_TRY(flush(file, err));
        made = rename_if_free(file->temp, path);
        if (!made && errno != EEXIST) {
            st = fal_fail_errno(err, "%s: cannot rename %s to it", path, file->temp);
            goto done;
        }
    }
    *mine = made;
done:
    fal_atomic_abort(&file);
    return st;
}

/* ---- what killed processes left ---- */

static void remove_if_left(int folder, const char *name)
{
    struct stat opened, named;
    int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return;
    /* Its writer may have renamed it, and another one taken the name, before it was locked here. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
        fstatat(folder, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && opened.st_ino == named.st_ino &&
        opened.st_dev == named.st_dev)
        unlinkat(folder, name, 0);
    close(fd);
}

void fal_atomic_sweep(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return;
    for (const struct dirent *e; (e = readdir(dir));)
        if (fal_str_starts(e->d_name, TEMP_PREFIX) && fal_str_ends(e->d_name, TEMP_SUFFIX))
            remove_if_left(dirfd(dir), e->d_name);
    closedir(dir);
}
