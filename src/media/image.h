/* Grey conversion and down-scaling of 8-bit pictures. Rows are `stride` bytes apart; pixels of one row are adjacent. */
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

/* rgb: [height][width][3] -> gray: [height][width] */
void fal_rgb_to_gray(fal_gray_weights weights, const uint8_t *rgb, int64_t rgb_stride, int64_t width, int64_t height,
                     uint8_t *gray, int64_t gray_stride);

/* Area average: every output pixel is the mean of the rectangle of the input that it covers, partly covered pixels
 * counted in proportion (what OpenCV calls INTER_AREA), rounded to nearest. Enlarging is not meant: out sizes must be
 * 1 .. in sizes, else FAL_ERR_ARGUMENT. Used by the fast face search, which looks at small pictures. */
fal_status fal_gray_shrink(const uint8_t *in, int64_t in_stride, int64_t in_width, int64_t in_height, uint8_t *out,
                           int64_t out_stride, int64_t out_width, int64_t out_height, fal_error *err);

/* Bilinear, pixel centres at (i + 0.5) * in/out - 0.5, edges repeated, rounded to nearest; any sizes of at least 1. */
fal_status fal_gray_resize(const uint8_t *in, int64_t in_stride, int64_t in_width, int64_t in_height, uint8_t *out,
                           int64_t out_stride, int64_t out_width, int64_t out_height, fal_error *err);

#endif
