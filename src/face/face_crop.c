#include "face/face_crop.h"

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t max_i64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Halves rounded towards minus infinity, also for negative numbers. */
static int64_t floor_half(int64_t v)
{
    return (v - (v < 0)) / 2;
}

fal_square fal_face_square(fal_rect box, int64_t frame_width, int64_t frame_height)
{
    const int64_t side = max_i64(box.right - box.left, box.bottom - box.top);
    fal_square square = {.size = (int64_t)((double)side * 1.3)};
    square.left = max_i64(floor_half(box.left + box.right) - floor_half(square.size), 0);
    square.top = max_i64(floor_half(box.top + box.bottom) - floor_half(square.size), 0);
    square.size = min_i64(frame_width - square.left, square.size);
    square.size = min_i64(frame_height - square.top, square.size);
    return square;
}
