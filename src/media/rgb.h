/* Decoded picture -> upright RGB24 through libavfilter, so that every pixel format, range, matrix and rotation comes
 * out as the ffmpeg program makes it. Inside src/media only. */
#ifndef FAL_MEDIA_RGB_H
#define FAL_MEDIA_RGB_H

#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

#include <libavutil/frame.h>

typedef struct fal_rgb fal_rgb;

/* Filters that make a picture with this display matrix (NULL: none) upright, each with a comma after it. */
const char *fal_turn_filters(const int32_t *matrix);

/* `matrix` is the display matrix or NULL; it is copied. */
fal_status fal_rgb_create(const int32_t *matrix, int threads, fal_rgb **out, fal_error *err);
void fal_rgb_free(fal_rgb **rgb);

/* *out belongs to `rgb` and lives until the next success. Pictures of another size than the first are scaled to the
 * size of the first; *resized tells that the size has changed. */
fal_status fal_rgb_convert(fal_rgb *rgb, const AVFrame *in, const AVFrame **out, bool *resized, fal_error *err);

#endif
