/* Double precision throughout and no fused multiply-add (see CMakeLists.txt): truncation at the end turns a last-bit
 * difference into a grey level. */
#include "face/warp.h"

#include <math.h>
#include <stddef.h>

/* Gaussian elimination with row exchange and multiplication by reciprocals, as LAPACK solves for an inverse: a closed
 * form is as good, but differs in the last bits, and then one pixel in some thousands by a grey level. */
bool fal_affine_invert(const fal_affine *forward, fal_affine *inverse)
{
    const double *m = forward->m;
    const bool exchange = fabs(m[3]) > fabs(m[0]);
    const double *first = exchange ? m + 3 : m, *second = exchange ? m : m + 3;
    const double per_pivot = 1 / first[0], factor = second[0] * per_pivot;
    const double per_pivot2 = 1 / (second[1] - factor * first[1]);
    /* Right-hand sides: the two unit vectors and, for the translation, minus the last column. */
    const double top[3] = {1, 0, -first[2]}, low[3] = {-factor, 1, -(second[2] - factor * first[2])};
    fal_affine result;
    for (int k = 0; k < 3; k++) {
        const int column = exchange && k < 2 ? 1 - k : k;
        result.m[3 + column] = low[k] * per_pivot2;
        result.m[column] = (top[k] - first[1] * result.m[3 + column]) * per_pivot;
    }
    for (int i = 0; i < 6; i++)
        if (!isfinite(result.m[i]))
            return false;
    *inverse = result;
    return true;
}

static void mean_point(const double (*points)[2], int n, double mean[2])
{
    mean[0] = mean[1] = 0;
    for (int i = 0; i < n; i++) {
        mean[0] += points[i][0];
        mean[1] += points[i][1];
    }
    mean[0] /= n;
    mean[1] /= n;
}

fal_affine fal_similarity_fit(const double (*from)[2], const double (*to)[2], int n)
{
    double from_mean[2], to_mean[2], dot = 0, cross = 0, norm = 0;
    mean_point(from, n, from_mean);
    mean_point(to, n, to_mean);
    for (int i = 0; i < n; i++) {
        const double sx = from[i][0] - from_mean[0], sy = from[i][1] - from_mean[1];
        const double tx = to[i][0] - to_mean[0], ty = to[i][1] - to_mean[1];
        dot += sx * tx + sy * ty;
        cross += sx * ty - sy * tx;
        norm += sx * sx + sy * sy;
    }
    const double a = norm > 0 ? dot / norm : 0, b = norm > 0 ? cross / norm : 0;
    return (fal_affine){{a, -b, to_mean[0] - (a * from_mean[0] - b * from_mean[1]), //
                         b, a, to_mean[1] - (b * from_mean[0] + a * from_mean[1])}};
}

/* Smallest and largest byte of the frame, as v/255. */
static void frame_range(const fal_picture *frame, double range[2])
{
    uint8_t low = 255, high = 0;
    for (int64_t y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->pixels + y * frame->stride;
        for (int64_t i = 0; i < frame->width * frame->channels; i++) {
            low = row[i] < low ? row[i] : low;
            high = row[i] > high ? row[i] : high;
        }
    }
    range[0] = low * (1.0 / 255.0);
    range[1] = high * (1.0 / 255.0);
}

static double source_x(const fal_affine *inverse, int64_t x, int64_t y)
{
    return inverse->m[0] * (double)x + inverse->m[1] * (double)y + inverse->m[2];
}

static double source_y(const fal_affine *inverse, int64_t x, int64_t y)
{
    return inverse->m[3] * (double)x + inverse->m[4] * (double)y + inverse->m[5];
}

/* True when some pixel of the whole canvas lies so far outside the frame that no frame pixel contributes to it. The set
 * of points with a contribution is convex, so that the corners of the canvas decide. */
static bool canvas_leaves_frame(const fal_picture *frame, const fal_affine *inverse, const fal_warp_window *window)
{
    for (int corner = 0; corner < 4; corner++) {
        const int64_t x = corner & 1 ? window->canvas_width - 1 : 0;
        const int64_t y = corner & 2 ? window->canvas_height - 1 : 0;
        const double c = source_x(inverse, x, y), r = source_y(inverse, x, y);
        if (!(c > -1 && c < (double)frame->width && r > -1 && r < (double)frame->height))
            return true;
    }
    return false;
}

/* NULL stands for a pixel outside the frame. */
static const uint8_t *pixel_at(const fal_picture *frame, double c, double r)
{
    if (!(c >= 0 && c <= (double)(frame->width - 1) && r >= 0 && r <= (double)(frame->height - 1)))
        return NULL;
    return frame->pixels + (int64_t)r * frame->stride + (int64_t)c * frame->channels;
}

/* One canvas pixel, all channels. `levels` is v/255 for every byte. */
static void warp_pixel(const fal_picture *frame, const double levels[256], double c, double r, const double range[2],
                       uint8_t *out)
{
    const double c0 = floor(c), c1 = ceil(c), r0 = floor(r), r1 = ceil(r), dc = c - c0, dr = r - r0;
    const uint8_t *corner[4] = {pixel_at(frame, c0, r0), pixel_at(frame, c1, r0), pixel_at(frame, c0, r1),
                                pixel_at(frame, c1, r1)};
    for (int k = 0; k < frame->channels; k++) {
        double v[4];
        for (int i = 0; i < 4; i++)
            v[i] = corner[i] ? levels[corner[i][k]] : 0;
        const double top = (1 - dc) * v[0] + dc * v[1], bottom = (1 - dc) * v[2] + dc * v[3];
        double value = (1 - dr) * top + dr * bottom;
        value = value < range[0] ? range[0] : value > range[1] ? range[1] : value;
        out[k] = (uint8_t)(value * 255);
    }
}

void fal_warp_affine(const fal_picture *frame, const fal_affine *inverse, const fal_warp_window *window, uint8_t *out)
{
    double levels[256], range[2];
    for (int i = 0; i < 256; i++)
        levels[i] = i * (1.0 / 255.0);
    frame_range(frame, range);
    if (canvas_leaves_frame(frame, inverse, window))
        range[0] = 0;
    for (int64_t y = window->top; y < window->top + window->height; y++) {
        for (int64_t x = window->left; x < window->left + window->width; x++) {
            warp_pixel(frame, levels, source_x(inverse, x, y), source_y(inverse, x, y), range, out);
            out += frame->channels;
        }
    }
}
