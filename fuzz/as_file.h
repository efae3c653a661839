/* Fuzz input under a name, for calls that open files. */
#ifndef FAL_FUZZ_AS_FILE_H
#define FAL_FUZZ_AS_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { AS_FILE_PATH = 64 };

/* A file in memory with these bytes; `path` names it until the descriptor is closed. -1: there is none. */
static inline int as_file(const uint8_t *data, size_t size, char path[AS_FILE_PATH])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd >= 0 && write(fd, data, size) != (ssize_t)size) {
        close(fd);
        fd = -1;
    }
    snprintf(path, AS_FILE_PATH, "/proc/self/fd/%d", fd);
    return fd;
}

#endif
