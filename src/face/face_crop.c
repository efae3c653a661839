#include "face/face_crop.h"

/* Halves rounded towards minus infinity, also for negative numbers. */
static int64_t floor_half(int64_t v)
{
    return (v - (v < 0)) / 2;
}

fal_square fal_face_square(fal_rect box, int64_t frame_width, int64_t frame_height)
{
    const int64_t width = box.right - box.left, height = box.bottom - box.top;
    int64_t size = (int64_t)((double)(width > height ? width : height) * 1.3);
    int64_t left = floor_half(box.left + box.right) - floor_half(size);
    int64_t top = floor_half(box.top + box.bottom) - floor_half(size);
    left = left > 0 ? left : 0;
    top = top > 0 ? top : 0;
    size = size < frame_width - left ? size : frame_width - left;
    size = size < frame_height - top ? size : frame_height - top;
    return (fal_square){left, top, size};
}
