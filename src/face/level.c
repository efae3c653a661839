#include "face/level.h"

#include "core/clones.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

/* Pixels beyond a window that its features depend on: the cell next to it, and half of the one after. */
enum { BORDER = 2 * FAL_LEVEL_CELL, LEAST_TILE = 5 * FAL_LEVEL_CELL };

/* Half the width of the triangle that pixels are averaged with, in level pixels. dlib's repeated bilinear shrinking by
 * 5/6 blurs with a variance of 1/6 (1 + (5/6)^2 + (5/6)^4 + ...) = 0.55 level pixels at most; a triangle has r^2 / 6.
 */
static const double triangle_radius = 1.5;

fal_level fal_level_of(int64_t frame_width, int64_t frame_height, int index)
{
    int64_t width = 2 * frame_width + 2, height = 2 * frame_height + 1;
    for (int i = 0; i < index; i++) {
        width = 5 * width / 6;
        height = 5 * height / 6;
    }
    return (fal_level){index, width, height, width > 1 ? (double)(frame_width - 1) / (double)(width - 1) : 0,
                       height > 1 ? (double)(frame_height - 1) / (double)(height - 1) : 0};
}

int fal_level_for_face(double box_width)
{
    const double level = log(2 * box_width / FAL_LEVEL_FACE) / log(6.0 / 5.0);
    return level > 0 ? (int)lrint(level) : 0;
}

/* Weights of the source pixels of one output pixel; they lie next to each other. */
typedef struct taps {
    int64_t first, count;
    float *weights;
} taps;

/* A triangle around `centre`; the part outside 0..size-1 is left out and the rest scaled up to a sum of 1. */
static void fill_taps(taps *t, double centre, double radius, int64_t size)
{
    double sum = 0;
    const int64_t low = (int64_t)ceil(centre - radius), high = (int64_t)floor(centre + radius);
    t->first = low < 0 ? 0 : low;
    t->count = (high > size - 1 ? size - 1 : high) - t->first + 1;
    for (int64_t i = 0; i < t->count; i++)
        sum += 1 - fabs((double)(t->first + i) - centre) / radius;
    for (int64_t i = 0; i < t->count; i++)
        t->weights[i] = (float)((1 - fabs((double)(t->first + i) - centre) / radius) / sum);
}

/* Taps of the output pixels start .. start+count-1 along one axis. */
static taps *make_taps(int64_t start, int64_t count, double step, int64_t size, fal_arena *arena)
{
    const double radius = step * triangle_radius > 1 ? step * triangle_radius : 1;
    const size_t most = (size_t)(2 * radius) + 2;
    taps *all = fal_arena_alloc(arena, (size_t)count, sizeof *all);
    float *weights = fal_arena_alloc(arena, (size_t)count * most, sizeof *weights);
    if (!all || !weights)
        return NULL;
    for (int64_t i = 0; i < count; i++) {
        all[i].weights = weights + (size_t)i * most;
        fill_taps(&all[i], (double)(start + i) * step, radius, size);
    }
    return all;
}

FAL_CLONES static void add_row(float *sums, const uint8_t *row, int64_t count, float weight)
{
    for (int64_t x = 0; x < count; x++)
        sums[x] += weight * (float)row[x];
}

static uint8_t weigh(const float *sums, const taps *t, int64_t origin)
{
    float value = 0.5f;
    for (int64_t i = 0; i < t->count; i++)
        value += t->weights[i] * sums[t->first - origin + i];
    return (uint8_t)value;
}

/* Rows first: a row of weighted sums over the columns in use, then the columns. */
static void resample(const fal_picture *gray, const taps *columns, const taps *rows, float *sums,
                     const fal_picture *tile, uint8_t *out)
{
    const int64_t origin = columns[0].first;
    const int64_t used = columns[tile->width - 1].first + columns[tile->width - 1].count - origin;
    for (int64_t y = 0; y < tile->height; y++) {
        memset(sums, 0, (size_t)used * sizeof *sums);
        for (int64_t i = 0; i < rows[y].count; i++)
            add_row(sums, gray->pixels + (rows[y].first + i) * gray->stride + origin, used, rows[y].weights[i]);
        for (int64_t x = 0; x < tile->width; x++)
            out[y * tile->stride + x] = weigh(sums, &columns[x], origin);
    }
}

/* The part of one axis of a level, [*start, *end), in which a window may lie; *start on the cell grid. */
static void cut_axis(double low, double high, int64_t reach, int64_t size, int64_t *start, int64_t *end)
{
    const double first = fmax(low - (double)(reach + BORDER), 0);
    const double last = fmin(high + (double)(reach + BORDER), (double)size);
    *start = (int64_t)(first / FAL_LEVEL_CELL) * FAL_LEVEL_CELL;
    *end = (int64_t)last;
}

fal_status fal_level_cut_tile(const fal_picture *gray, const fal_level *level, fal_rect face, int64_t reach,
                              fal_arena *arena, fal_level_tile *out, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t right, bottom;
    fal_level_tile tile = {.level = *level};
    taps *columns, *rows;
    float *sums;
    uint8_t *pixels;
    *out = tile;
    if (level->width < FAL_LEVEL_LEAST || level->height < FAL_LEVEL_LEAST)
        goto done;
    cut_axis((double)face.left / level->step_x, (double)face.right / level->step_x, reach, level->width, &tile.left,
             &right);
    cut_axis((double)face.top / level->step_y, (double)face.bottom / level->step_y, reach, level->height, &tile.top,
             &bottom);
    if (right - tile.left < LEAST_TILE || bottom - tile.top < LEAST_TILE)
        goto done;
    tile.pixels = (fal_picture){NULL, right - tile.left, bottom - tile.top, right - tile.left, 1};
    FAL_ALLOC(columns, make_taps(tile.left, tile.pixels.width, level->step_x, gray->width, arena));
    FAL_ALLOC(rows, make_taps(tile.top, tile.pixels.height, level->step_y, gray->height, arena));
    FAL_ALLOC(sums, fal_arena_alloc(arena, (size_t)gray->width, sizeof *sums));
    FAL_ALLOC(pixels, fal_arena_alloc(arena, (size_t)tile.pixels.width, (size_t)tile.pixels.height));
    tile.pixels.pixels = pixels;
    resample(gray, columns, rows, sums, &tile.pixels, pixels);
    *out = tile;
done:
    return st;
}
