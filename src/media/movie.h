/* A small H.264 clip made of RGB pictures, in the form in which AV-HuBERT's scripts store mouth crops: libx264 at crf
 * 20, yuv444p, 25 pictures per second, MP4, no sound.
 *
 *     FAL_TRY(fal_movie_create("abc_roi.mp4", 96, 96, &movie, err));
 *     for (...)
 *         FAL_TRY(fal_movie_add(movie, rgb, 3 * 96, err));
 *     FAL_TRY(fal_movie_commit(&movie, err));
 *
 * One thread and FFmpeg's bit-exact modes: the same libraries write the same bytes. The file appears under its name
 * when it is complete. */
#ifndef FAL_MEDIA_MOVIE_H
#define FAL_MEDIA_MOVIE_H

#include "core/status.h"

#include <stdint.h>

typedef struct fal_movie fal_movie;

/* FAL_ERR_UNSUPPORTED when this FFmpeg has no libx264. Missing parent folders are made. */
fal_status fal_movie_create(const char *path, int64_t width, int64_t height, fal_movie **out, fal_error *err);

/* rgb: [height] rows of `stride` bytes, each [width][3]. */
fal_status fal_movie_add(fal_movie *movie, const uint8_t *rgb, int64_t stride, fal_error *err);

/* Finishes the file, which must have a picture; frees the movie and sets it to NULL, on failure too. */
fal_status fal_movie_commit(fal_movie **movie, fal_error *err);
void fal_movie_abort(fal_movie **movie); /* leaves nothing behind */

#endif
