/* Whole-file reading, memory mapping and atomic writing. */
#ifndef FAL_CORE_FILE_H
#define FAL_CORE_FILE_H

#include "core/buf.h"
#include "core/status.h"

#include <stdint.h>
#include <stdio.h>

/* Reads a whole regular file into `out` (appended). Refuses files above `max_bytes` (0: 1 GiB). */
fal_status fal_file_read(const char *path, size_t max_bytes, fal_buf *out, fal_error *err);

/* A read-only view of a file; pages come in on first touch. `data` is NULL only for an empty file. */
typedef struct fal_map {
    const uint8_t *data;
    size_t size;
} fal_map;
fal_status fal_map_open(const char *path, fal_map *out, fal_error *err);
void fal_map_close(fal_map *map);

/* Atomic writing: bytes go to a temporary file beside `path`; commit flushes and renames it over `path`, abort (also
 * called by commit on failure) removes it. Missing parent folders are made. Temporaries that are open when the process
 * is told to stop are removed by fal_atomic_cleanup. */
typedef struct fal_atomic fal_atomic;
fal_status fal_atomic_open(const char *path, fal_atomic **out, fal_error *err);
FILE *fal_atomic_stream(fal_atomic *file);
const char *fal_atomic_temp_path(const fal_atomic *file); /* for writers that open by name (cairo, FFmpeg) */
fal_status fal_atomic_commit(fal_atomic **file, fal_error *err);
void fal_atomic_abort(fal_atomic **file);
fal_status fal_file_write(const char *path, const void *bytes, size_t length, fal_error *err); /* atomic */
/* As fal_file_write where there is no such file; where there is one *mine becomes false and nothing is touched. Of
 * several processes that try at the same time one makes the file. */
fal_status fal_file_claim(const char *path, const void *bytes, size_t length, bool *mine, fal_error *err);

/* Makes a folder and its parents; an existing one is fine. */
fal_status fal_make_dirs(const char *path, fal_error *err);

/* Removes the temporaries that processes which are no more, killed ones, have left in a folder: those of living writers,
 * of this process or another, are locked (flock). Where the file system has no locks all of them stay. */
void fal_atomic_sweep(const char *folder);

/* Removes the temporaries of all unfinished atomic writes of this process; async-signal-safe. */
void fal_atomic_cleanup(void);

#endif
