#include "puppet/picture.h"

#include "core/alloc.h"
#include "puppet/random.h"

#include <math.h>
#include <string.h>

fal_status pup_picture_make(int64_t width, int64_t height, pup_picture *out, fal_error *err)
{
    fal_status st = FAL_OK;
    pup_picture p = {.width = (int)width, .height = (int)height};
    p.surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, p.width, p.height);
    p.cr = cairo_create(p.surface);
    if (cairo_status(p.cr) != CAIRO_STATUS_SUCCESS)
        FAL_FAIL(FAL_ERR_MEMORY, "picture of %dx%d: %s", p.width, p.height, cairo_status_to_string(cairo_status(p.cr)));
    p.pixels = cairo_image_surface_get_data(p.surface);
    p.stride = (size_t)cairo_image_surface_get_stride(p.surface);
    FAL_ALLOC(p.spare, fal_malloc_array(p.stride, (size_t)p.height));
    *out = p;
    p = (pup_picture){0};
done:
    pup_picture_free(&p);
    return st;
}

void pup_picture_free(pup_picture *p)
{
    cairo_destroy(p->cr);
    cairo_surface_destroy(p->surface);
    fal_free(p->spare);
    *p = (pup_picture){0};
}

void pup_picture_flush(pup_picture *p)
{
    cairo_surface_flush(p->surface);
}

void pup_picture_copy(pup_picture *to, const pup_picture *from)
{
    cairo_surface_flush(to->surface);
    memcpy(to->pixels, from->pixels, from->stride * (size_t)from->height);
    cairo_surface_mark_dirty(to->surface);
}

void pup_picture_blur(pup_picture *p)
{
    size_t row = (size_t)p->width * 4, last = (size_t)p->height - 1;
    for (size_t y = 0; y <= last; y++) {
        const uint8_t *from = p->pixels + y * p->stride;
        uint8_t *to = p->spare + y * p->stride;
        memcpy(to, from, 4);
        memcpy(to + row - 4, from + row - 4, 4);
        for (size_t i = 4; i < row - 4; i++)
            to[i] = (uint8_t)((from[i - 4] + 2 * from[i] + from[i + 4] + 2) >> 2);
    }
    for (size_t y = 0; y <= last; y++) {
        const uint8_t *above = p->spare + (y > 0 ? y - 1 : 0) * p->stride, *here = p->spare + y * p->stride;
        const uint8_t *below = p->spare + (y < last ? y + 1 : last) * p->stride;
        uint8_t *to = p->pixels + y * p->stride;
        for (size_t i = 0; i < row; i++)
            to[i] = (uint8_t)((above[i] + 2 * here[i] + below[i] + 2) >> 2);
    }
}

/* Whole pixels around a patch, cut to the picture. Half-open. */
typedef struct box {
    int x0, y0, x1, y1;
} box;

static int clamp(double value, int low, int high)
{
    return value < low ? low : value > high ? high : (int)value;
}

static box around(const pup_picture *p, const pup_patch *patch, int margin)
{
    double reach = fmax(patch->rx, patch->ry) + margin;
    return (box){clamp(patch->x - reach, 0, p->width), clamp(patch->y - reach, 0, p->height),
                 clamp(patch->x + reach + 1, 0, p->width), clamp(patch->y + reach + 1, 0, p->height)};
}

static double weight_at(const pup_patch *patch, double x, double y)
{
    double c = cos(patch->roll), s = sin(patch->roll), dx = x - patch->x, dy = y - patch->y;
    double u = (c * dx + s * dy) / patch->rx, v = (c * dy - s * dx) / patch->ry;
    double inside = (1 - sqrt(u * u + v * v)) / patch->feather;
    return inside <= 0 ? 0 : inside >= 1 ? 1 : inside * inside * (3 - 2 * inside);
}

/* A running mean over 2 radius + 1 values `step` bytes apart; the ends repeat. */
static void blur_line(const uint8_t *from, uint8_t *to, int count, size_t step, int radius)
{
    int sum = 0, width = 2 * radius + 1;
    for (int i = -radius; i <= radius; i++)
        sum += from[(size_t)clamp(i, 0, count - 1) * step];
    for (int i = 0; i < count; i++) {
        to[(size_t)i * step] = (uint8_t)((sum + width / 2) / width);
        sum += from[(size_t)clamp(i + radius + 1, 0, count - 1) * step];
        sum -= from[(size_t)clamp(i - radius, 0, count - 1) * step];
    }
}

/* Leaves the blurred box in p->spare; p->pixels is unchanged. */
static void blur_box(pup_picture *p, const box *b, int radius)
{
    uint8_t line[1920], *spare = p->spare;
    for (int y = b->y0; y < b->y1; y++)
        for (size_t c = 0; c < 3; c++) {
            size_t at = (size_t)y * p->stride + (size_t)b->x0 * 4 + c;
            blur_line(p->pixels + at, spare + at, b->x1 - b->x0, 4, radius);
        }
    for (int x = b->x0; x < b->x1; x++)
        for (size_t c = 0; c < 3; c++) {
            size_t at = (size_t)b->y0 * p->stride + (size_t)x * 4 + c;
            int count = b->y1 - b->y0;
            for (int i = 0; i < count; i++)
                line[i] = spare[at + (size_t)i * p->stride];
            uint8_t out[1920];
            blur_line(line, out, count, 1, radius);
            for (int i = 0; i < count; i++)
                spare[at + (size_t)i * p->stride] = out[i];
        }
}

static void mix(uint8_t *to, const uint8_t *from, const double gain[3], double weight)
{
    for (int c = 0; c < 3; c++)
        to[c] = (uint8_t)lround(fmin(to[c] + weight * (fmin(from[c] * gain[c], 255) - to[c]), 255));
}

void pup_picture_soften(pup_picture *p, const pup_patch *patch, int radius, const double gain[3], double strength)
{
    box b = around(p, patch, radius + 1);
    if (b.x1 <= b.x0 || b.y1 <= b.y0)
        return;
    blur_box(p, &b, radius);
    for (int y = b.y0; y < b.y1; y++)
        for (int x = b.x0; x < b.x1; x++) {
            double weight = strength * weight_at(patch, x, y);
            size_t at = (size_t)y * p->stride + (size_t)x * 4;
            if (weight > 0)
                mix(p->pixels + at, p->spare + at, gain, weight);
        }
}

void pup_picture_paste(pup_picture *to, const pup_picture *from, const pup_patch *patch, const double gain[3])
{
    box b = around(to, patch, 0);
    for (int y = b.y0; y < b.y1; y++)
        for (int x = b.x0; x < b.x1; x++) {
            double weight = weight_at(patch, x, y);
            size_t at = (size_t)y * to->stride + (size_t)x * 4;
            if (weight > 0)
                mix(to->pixels + at, from->pixels + at, gain, weight);
        }
}

void pup_noise_make(pup_noise *noise, uint64_t seed, double sigma)
{
    fal_rng rng = pup_rng(seed, "camera noise", 0);
    for (size_t i = 0; i < sizeof noise->table; i++)
        noise->table[i] = (int8_t)lround(fmax(fmin(fal_rng_normal(&rng) * sigma, 127), -127));
}

static void add_noise(uint8_t *pixels, const int8_t *noise, const uint16_t *share, int width)
{
    for (int x = 0; x < width; x++)
        for (int c = 0; c < 3; c++) {
            int value = pixels[4 * x + c] + ((noise[x] * share[x] + 128) >> 8);
            pixels[4 * x + c] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
        }
}

void pup_picture_noise(pup_picture *p, const pup_noise *noise, fal_rng *rng, const pup_patch *patch, double left)
{
    uint16_t share[1920]; /* of the noise, in 256ths */
    for (int x = 0; x < p->width; x++)
        share[x] = 256;
    box quiet = patch ? around(p, patch, 0) : (box){0};
    for (int y = 0; y < p->height; y++) {
        bool inside = y >= quiet.y0 && y < quiet.y1;
        for (int x = quiet.x0; x < quiet.x1; x++)
            share[x] = (uint16_t)(inside ? lround(256 * (1 - (1 - left) * weight_at(patch, x, y))) : 256);
        add_noise(p->pixels + (size_t)y * p->stride, noise->table + fal_rng_index(rng, PUP_NOISE), share, p->width);
    }
    cairo_surface_mark_dirty(p->surface);
}
