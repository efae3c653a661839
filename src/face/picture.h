/* A view of 8-bit pixels, as the face folder reads them: one decoded frame, a gray image, a crop. It owns nothing. */
#ifndef FAL_FACE_PICTURE_H
#define FAL_FACE_PICTURE_H

#include <stdint.h>

typedef struct fal_picture {
    const uint8_t *pixels; /* row-major; a pixel is `channels` bytes: gray, or R G B */
    int64_t width, height; /* pixels */
    int64_t stride;        /* bytes from one row to the next, at least width * channels */
    int channels;          /* 1 or 3 */
} fal_picture;

#endif
