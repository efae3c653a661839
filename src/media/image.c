#include "media/image.h"

#include "core/alloc.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static void gray_row_roi(const uint8_t *rgb, int64_t width, uint8_t *gray)
{
    for (int64_t x = 0; x < width; x++)
        gray[x] = fal_gray_roi(rgb[3 * x], rgb[3 * x + 1], rgb[3 * x + 2]);
}

static void gray_row_detector(const uint8_t *rgb, int64_t width, uint8_t *gray)
{
    for (int64_t x = 0; x < width; x++)
        gray[x] = (uint8_t)((4899u * rgb[3 * x] + 9617u * rgb[3 * x + 1] + 1868u * rgb[3 * x + 2] + 8192u) >> 14);
}

void fal_rgb_to_gray(fal_gray_weights weights, const uint8_t *rgb, int64_t rgb_stride, const fal_plane *gray)
{
    for (int64_t y = 0; y < gray->height; y++) {
        if (weights == FAL_GRAY_ROI)
            gray_row_roi(rgb + y * rgb_stride, gray->width, gray->data + y * gray->stride);
        else
            gray_row_detector(rgb + y * rgb_stride, gray->width, gray->data + y * gray->stride);
    }
}

static uint8_t round_to_byte(float value)
{
    return (uint8_t)(value + 0.5f);
}

static bool is_empty(const fal_plane *plane)
{
    return plane->width <= 0 || plane->height <= 0;
}

static fal_status fail_sizes(fal_error *err, const char *what, const fal_plane *in, const fal_plane *out)
{
    return fal_fail(err, FAL_ERR_ARGUMENT, "cannot %s %lldx%lld pixels to %lldx%lld", what, (long long)in->width,
                    (long long)in->height, (long long)out->width, (long long)out->height);
}

/* The stretch of input that output pixel i covers along one axis: whole pixels first .. last, of which the outer two
 * count with the given parts. */
typedef struct cover {
    int64_t first, last;
    float first_part, last_part;
} cover;

static cover covered(int64_t i, int64_t in, int64_t out)
{
    double from = (double)i * (double)in / (double)out, to = (double)(i + 1) * (double)in / (double)out;
    cover c = {.first = (int64_t)from, .last = (int64_t)ceil(to) - 1};
    c.last = c.last < in ? c.last : in - 1;
    c.first_part = (float)(fmin(to, (double)(c.first + 1)) - from);
    c.last_part = c.last > c.first ? (float)(to - (double)c.last) : 0;
    return c;
}

/* Adds `part` times a row, shrunk to sums over the covered pixels, to `sums`. */
static void add_row(const uint8_t *row, const cover *columns, int64_t out_width, float part, float *sums)
{
    for (int64_t x = 0; x < out_width; x++) {
        const cover *c = &columns[x];
        uint32_t whole = 0;
        for (int64_t i = c->first + 1; i < c->last; i++)
            whole += row[i];
        sums[x] += part * ((float)whole + c->first_part * row[c->first] + c->last_part * row[c->last]);
    }
}

/* sums: scratch of out->width. */
static void shrink_rows(const fal_plane *in, const cover *columns, float *sums, const fal_plane *out)
{
    double area = (double)in->width / (double)out->width * ((double)in->height / (double)out->height);
    for (int64_t y = 0; y < out->height; y++) {
        cover rows = covered(y, in->height, out->height);
        memset(sums, 0, (size_t)out->width * sizeof *sums);
        for (int64_t i = rows.first; i <= rows.last; i++) {
            float part = i == rows.first ? rows.first_part : i == rows.last ? rows.last_part : 1;
            add_row(in->data + i * in->stride, columns, out->width, part, sums);
        }
        for (int64_t x = 0; x < out->width; x++)
            out->data[y * out->stride + x] = round_to_byte(sums[x] / (float)area);
    }
}

fal_status fal_gray_shrink(const fal_plane *in, const fal_plane *out, fal_error *err)
{
    fal_status st = FAL_OK;
    cover *columns = NULL;
    float *sums = NULL;
    if (is_empty(in) || is_empty(out) || out->width > in->width || out->height > in->height)
        return fail_sizes(err, "shrink", in, out);
    FAL_ALLOC(columns, fal_malloc_array((size_t)out->width, sizeof *columns));
    FAL_ALLOC(sums, fal_malloc_array((size_t)out->width, sizeof *sums));
    for (int64_t x = 0; x < out->width; x++)
        columns[x] = covered(x, in->width, out->width);
    shrink_rows(in, columns, sums, out);
done:
    fal_free(columns);
    fal_free(sums);
    return st;
}

/* The two input pixels that output pixel i lies between, and how far it is from the first to the second. */
typedef struct between {
    int64_t low, high;
    float part;
} between;

static between located(int64_t i, int64_t in, int64_t out)
{
    double at = ((double)i + 0.5) * (double)in / (double)out - 0.5;
    at = fmin(fmax(at, 0), (double)(in - 1));
    between b = {.low = (int64_t)at};
    b.high = b.low + 1 < in ? b.low + 1 : b.low;
    b.part = (float)(at - (double)b.low);
    return b;
}

static float mix(float a, float b, float part)
{
    return a + part * (b - a);
}

static void resize_row(const uint8_t *upper, const uint8_t *lower, float part, const between *columns, int64_t width,
                       uint8_t *out)
{
    for (int64_t x = 0; x < width; x++) {
        const between *c = &columns[x];
        float top = mix(upper[c->low], upper[c->high], c->part);
        float bottom = mix(lower[c->low], lower[c->high], c->part);
        out[x] = round_to_byte(mix(top, bottom, part));
    }
}

fal_status fal_gray_resize(const fal_plane *in, const fal_plane *out, fal_error *err)
{
    fal_status st = FAL_OK;
    between *columns = NULL;
    if (is_empty(in) || is_empty(out))
        return fail_sizes(err, "resize", in, out);
    FAL_ALLOC(columns, fal_malloc_array((size_t)out->width, sizeof *columns));
    for (int64_t x = 0; x < out->width; x++)
        columns[x] = located(x, in->width, out->width);
    for (int64_t y = 0; y < out->height; y++) {
        between rows = located(y, in->height, out->height);
        resize_row(in->data + rows.low * in->stride, in->data + rows.high * in->stride, rows.part, columns, out->width,
                   out->data + y * out->stride);
    }
done:
    fal_free(columns);
    return st;
}
