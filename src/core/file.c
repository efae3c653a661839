#include "core/file.h"

#include "core/alloc.h"
#include "core/str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEFAULT_MAX_BYTES = 1 << 30 };

/* Opens a regular file for reading and tells its size. */
static fal_status open_regular(const char *path, int *fd_out, size_t *size_out, fal_error *err)
{
    fal_status st = FAL_OK;
    /* Without O_NONBLOCK a pipe that nobody writes to would be waited for, before it can be refused. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
        return fal_fail(err, FAL_ERR_NOT_FOUND, "%s: no such file", path);
    if (fd < 0)
        return fal_fail_errno(err, "%s: cannot open for reading", path);
    struct stat info;
    if (fstat(fd, &info) != 0) {
        st = fal_fail_errno(err, "%s: cannot stat", path);
        goto done;
    }
    if (!S_ISREG(info.st_mode))
        FAL_FAIL(FAL_ERR_IO, "%s: is a %s, expected a regular file", path,
                 S_ISDIR(info.st_mode) ? "folder" : "device or pipe");
    *size_out = (size_t)info.st_size;
    *fd_out = fd;
    fd = -1;
done:
    if (fd >= 0)
        close(fd);
    return st;
}

static fal_status read_all(int fd, const char *path, size_t max_bytes, fal_buf *out, fal_error *err)
{
    char block[1 << 16];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, block, sizeof block);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fal_fail_errno(err, "%s: cannot read", path);
        if (got == 0)
            return FAL_OK;
        total += (size_t)got;
        /* The file may have grown since its size was looked at. */
        if (total > max_bytes)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: more than the %zu bytes allowed here", path, max_bytes);
        fal_buf_append(out, block, (size_t)got);
        if (out->failed)
            return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory while reading", path);
    }
}

fal_status fal_file_read(const char *path, size_t max_bytes, fal_buf *out, fal_error *err)
{
    fal_status st = FAL_OK;
    int fd = -1;
    size_t size = 0, before = out->length, limit = max_bytes ? max_bytes : DEFAULT_MAX_BYTES;
    FAL_TRY(open_regular(path, &fd, &size, err));
    if (size > limit)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %zu bytes, more than the %zu allowed here", path, size, limit);
    FAL_TRY(read_all(fd, path, limit, out, err));
done:
    if (st != FAL_OK && out->length > before) {
        out->length = before;
        out->data[before] = '\0';
    }
    if (fd >= 0)
        close(fd);
    return st;
}

fal_status fal_map_open(const char *path, fal_map *out, fal_error *err)
{
    fal_status st = FAL_OK;
    int fd = -1;
    size_t size = 0;
    void *data = NULL;
    FAL_TRY(open_regular(path, &fd, &size, err));
    if (size > 0 && (data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED) {
        st = fal_fail_errno(err, "%s: cannot map %zu bytes", path, size);
        goto done;
    }
    *out = (fal_map){.data = data, .size = size};
done:
    if (fd >= 0)
        close(fd);
    return st;
}

void fal_map_close(fal_map *map)
{
    if (map->data)
        munmap((void *)map->data, map->size);
    *map = (fal_map){0};
}

static fal_status make_dir(const char *path, fal_error *err)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && fal_path_is_dir(path)))
        return FAL_OK;
    return fal_fail_errno(err, "%s: cannot make the folder", path);
}

fal_status fal_make_dirs(const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    char *part = NULL;
    if (path[0] == '\0' || fal_path_is_dir(path))
        return FAL_OK;
    FAL_ALLOC(part, fal_strdup(path));
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        FAL_TRY(make_dir(part, err));
        *slash = '/';
    }
    FAL_TRY(make_dir(part, err));
done:
    fal_free(part);
    return st;
}
