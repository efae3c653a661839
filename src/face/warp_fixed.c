#include "face/warp_fixed.h"

#include <math.h>
#include <stddef.h>

enum {
    PLACE_BITS = 10, /* of fraction in the sum of a row's and a column's share */
    GRID_BITS = 5,   /* of fraction in a place */
    GRID = 1 << GRID_BITS,
    DROPPED_BITS = PLACE_BITS - GRID_BITS,
    ROUND_PLACE = 1 << (DROPPED_BITS - 1),
    ROUND_VALUE = 1 << (2 * GRID_BITS - 1)
};

/* Not fal_affine_invert, which follows another library: rounding to the grid brings last bits to light. */
static fal_affine invert(const fal_affine *forward)
{
    const double *m = forward->m;
    const double per_det = 1 / (m[0] * m[4] - m[1] * m[3]);
    const double a = m[4] * per_det, b = m[1] * -per_det, c = m[3] * -per_det, d = m[0] * per_det;
    return (fal_affine){{a, b, -a * m[2] - b * m[5], c, d, -c * m[2] - d * m[5]}};
}

/* Halves to even. Beyond the limit lies no frame. */
static int32_t to_fixed(double place)
{
    const double limit = 1 << 29, scaled = place * (1 << PLACE_BITS);
    return (int32_t)rint(scaled > limit ? limit : scaled > -limit ? scaled : -limit);
}

static int level_at(const fal_picture *frame, int32_t x, int32_t y, int channel)
{
    if (x < 0 || y < 0 || x >= frame->width || y >= frame->height)
        return 0;
    return frame->pixels[y * frame->stride + (int64_t)x * frame->channels + channel];
}

/* One canvas pixel, all channels; (x, y) is its place in the frame on the grid. */
static void warp_pixel(const fal_picture *frame, int32_t x, int32_t y, uint8_t *out)
{
    const int32_t left = x >> GRID_BITS, top = y >> GRID_BITS, dx = x & (GRID - 1), dy = y & (GRID - 1);
    for (int c = 0; c < frame->channels; c++) {
        const int upper = (GRID - dx) * level_at(frame, left, top, c) + dx * level_at(frame, left + 1, top, c);
        const int lower = (GRID - dx) * level_at(frame, left, top + 1, c) + dx * level_at(frame, left + 1, top + 1, c);
        out[c] = (uint8_t)(((GRID - dy) * upper + dy * lower + ROUND_VALUE) >> (2 * GRID_BITS));
    }
}

void fal_warp_fixed(const fal_picture *frame, const fal_affine *forward, const fal_warp_window *window, uint8_t *out)
{
    const fal_affine inverse = invert(forward);
    const double *m = inverse.m;
    for (int64_t y = window->top; y < window->top + window->height; y++) {
        const int32_t row_x = to_fixed(m[1] * (double)y + m[2]) + ROUND_PLACE;
        const int32_t row_y = to_fixed(m[4] * (double)y + m[5]) + ROUND_PLACE;
        for (int64_t x = window->left; x < window->left + window->width; x++) {
            warp_pixel(frame, (row_x + to_fixed(m[0] * (double)x)) >> DROPPED_BITS,
                       (row_y + to_fixed(m[3] * (double)x)) >> DROPPED_BITS, out);
            out += frame->channels;
        }
    }
}
