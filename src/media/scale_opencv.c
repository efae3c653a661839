/* Weights have 11 bits of fraction. Between the passes 4 of them are dropped, and 16 of what the rows' weights make of
 * the rest: two remain, on which the result is rounded. */
#include "media/scale_opencv.h"

#include "core/alloc.h"

#include <math.h>

enum { CHANNELS = 3, WEIGHT_ONE = 1 << 11, DROPPED_FIRST = 4, DROPPED_SECOND = 16, REST = 2 };

/* An output pixel lies between two input pixels. */
typedef struct between {
    int64_t low, high;
    int32_t low_weight, high_weight;
} between;

struct fal_opencv_scaler {
    int64_t width, height; /* of the output */
    between *columns, *rows;
    int32_t *lines[2]; /* [width * CHANNELS] columns done, of an even and of an odd input row */
};

static int64_t clamp(int64_t i, int64_t count)
{
    return i < 0 ? 0 : i < count ? i : count - 1;
}

/* Pixel `o` of the axis. Outside the picture its border is repeated: in a row by weight (one_sided), in a column by
 * reading the border pixel twice, which rounds in another way. */
static between locate(const fal_scale_axis *axis, int64_t o, bool one_sided)
{
    const double scale = 1 / ((double)axis->out / (double)axis->in);
    const float at = (float)(((double)o + 0.5) * scale - 0.5), whole = floorf(at);
    const int64_t low = (int64_t)whole;
    const bool outside = low < 0 || low >= axis->in - 1;
    const float part = one_sided && outside ? 0 : at - whole;
    return (between){.low = clamp(low, axis->in),
                     .high = clamp(low + 1, axis->in),
                     .low_weight = (int32_t)rintf((1 - part) * WEIGHT_ONE),
                     .high_weight = (int32_t)rintf(part * WEIGHT_ONE)};
}

fal_status fal_opencv_scaler_create(const fal_scale_axis *x, const fal_scale_axis *y, fal_opencv_scaler **out,
                                    fal_error *err)
{
    fal_status st = FAL_OK;
    fal_opencv_scaler *s = NULL;
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    s->width = x->count;
    s->height = y->count;
    FAL_ALLOC(s->columns, fal_malloc_array((size_t)x->count, sizeof *s->columns));
    FAL_ALLOC(s->rows, fal_malloc_array((size_t)y->count, sizeof *s->rows));
    for (int i = 0; i < 2; i++)
        FAL_ALLOC(s->lines[i], fal_malloc_array((size_t)x->count * CHANNELS, sizeof *s->lines[i]));
    for (int64_t i = 0; i < x->count; i++)
        s->columns[i] = locate(x, x->from + i, true);
    for (int64_t i = 0; i < y->count; i++)
        s->rows[i] = locate(y, y->from + i, false);
    *out = s;
    s = NULL;
done:
    fal_opencv_scaler_free(&s);
    return st;
}

void fal_opencv_scaler_free(fal_opencv_scaler **scaler)
{
    if (!scaler || !*scaler)
        return;
    fal_free((*scaler)->columns);
    fal_free((*scaler)->rows);
    fal_free((*scaler)->lines[0]);
    fal_free((*scaler)->lines[1]);
    fal_release(scaler);
}

static void scale_line(const fal_opencv_scaler *s, const uint8_t *row, int32_t *line)
{
    for (int64_t x = 0; x < s->width; x++) {
        const between *b = &s->columns[x];
        for (int c = 0; c < CHANNELS; c++)
            line[x * CHANNELS + c] =
                (b->low_weight * row[b->low * CHANNELS + c] + b->high_weight * row[b->high * CHANNELS + c]) >>
                DROPPED_FIRST;
    }
}

static void mix_lines(const int32_t *low, const int32_t *high, const between *b, int64_t n, uint8_t *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = (uint8_t)((((b->low_weight * low[i]) >> DROPPED_SECOND) +
                            ((b->high_weight * high[i]) >> DROPPED_SECOND) + (1 << (REST - 1))) >>
                           REST);
}

void fal_opencv_scaler_run(fal_opencv_scaler *s, const uint8_t *rgb, int64_t stride, uint8_t *out)
{
    int64_t held[2] = {-1, -1}; /* input rows in `lines` */
    for (int64_t y = 0; y < s->height; y++) {
        const between *b = &s->rows[y];
        for (int64_t row = b->low; row <= b->high; row++) {
            if (held[row % 2] == row)
                continue;
            scale_line(s, rgb + row * stride, s->lines[row % 2]);
            held[row % 2] = row;
        }
        mix_lines(s->lines[b->low % 2], s->lines[b->high % 2], b, s->width * CHANNELS, out + y * s->width * CHANNELS);
    }
}
