/* Grey conversion and scaling of 8-bit pictures. */
#ifndef FAL_MEDIA_IMAGE_H
#define FAL_MEDIA_IMAGE_H

#include "core/status.h"

#include <stdint.h>

/* Grey levels as OpenCV makes them; the two differ by one level in places.
 *   FAL_GRAY_ROI       (9798 R + 19235 G + 3735 B + 2^14) >> 15   mouth crops of the AV-HuBERT preprocessing
 *   FAL_GRAY_DETECTOR  (4899 R +  9617 G + 1868 B + 2^13) >> 14   what face detector and landmarks were run on */
typedef enum fal_gray_weights { FAL_GRAY_ROI, FAL_GRAY_DETECTOR } fal_gray_weights;

static inline uint8_t fal_gray_roi(uint8_t r, uint8_t g, uint8_t b)
{
    return (uint8_t)((9798u * r + 19235u * g + 3735u * b + 16384u) >> 15);
}

/* A view of 8-bit pixels; it owns nothing. */
typedef struct fal_plane {
    uint8_t *data;
    int64_t width, height, stride; /* stride: bytes from one row to the next */
} fal_plane;

/* rgb: rows of gray->width pixels R G B, rgb_stride bytes apart; as many rows as `gray` has. */
void fal_rgb_to_gray(fal_gray_weights weights, const uint8_t *rgb, int64_t rgb_stride, const fal_plane *gray);

/* Area average: every output pixel is the mean of the rectangle of the input that it covers, partly covered pixels
 * counted in proportion (what OpenCV calls INTER_AREA), rounded to nearest. Enlarging is not meant: out sizes must be
 * 1 .. in sizes, else FAL_ERR_ARGUMENT. Used by the fast face search, which looks at small pictures. */
fal_status fal_gray_shrink(const fal_plane *in, const fal_plane *out, fal_error *err);

/* Bilinear, pixel centres at (i + 0.5) * in/out - 0.5, edges repeated, rounded to nearest; any sizes of at least 1. */
fal_status fal_gray_resize(const fal_plane *in, const fal_plane *out, fal_error *err);

#endif
