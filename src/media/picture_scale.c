/* Two passes, columns then rows, with 8-bit pixels between them, all in integers.
 *
 * The columns' pass works on blocks of rows turned on their side, so that a weight meets the same pixel of 16 rows at
 * once: its inner loop then runs over neighbouring bytes, as the rows' pass does by nature. */
#include "media/picture_scale.h"

#include "core/alloc.h"
#include "core/clones.h"
#include "media/scale_taps.h"

#include <string.h>

enum {
    CHANNELS = 3,
    BLOCK = 16,              /* rows */
    CELL = CHANNELS * BLOCK, /* bytes of one column of a block: [channel][row] */
    LARGEST_EDGE = 16384,
    HALF = 1 << (FAL_TAPS_BITS - 1)
};

struct fal_picture_scaler {
    int64_t width, height;
    fal_picture_rule rule;
    fal_taps columns, rows;
    int64_t left, top, span_x, span_y; /* the part of the picture that is read */
    uint8_t *block;                    /* [span_x][CELL] */
    uint8_t *narrow;                   /* [span_y][side][CHANNELS] columns done */
    int32_t *sums;                     /* [side * CHANNELS] */
};

/* Size after scaling, and where the square begins in it, along both axes. */
typedef struct layout {
    int64_t width, height, left, top;
} layout;

static int64_t crop_start(int64_t excess, bool crop_floor)
{
    return excess / 2 + (!crop_floor && excess % 4 == 3);
}

static layout lay_out(int64_t width, int64_t height, const fal_picture_rule *rule)
{
    if (rule->shorter == 0)
        return (layout){.width = rule->side, .height = rule->side};
    layout l = {.width = rule->shorter, .height = rule->shorter};
    if (width <= height)
        l.height = (int64_t)((double)(rule->shorter * height) / (double)width);
    else
        l.width = (int64_t)((double)(rule->shorter * width) / (double)height);
    l.left = crop_start(l.width - rule->side, rule->crop_floor);
    l.top = crop_start(l.height - rule->side, rule->crop_floor);
    return l;
}

static fal_status check(int64_t width, int64_t height, const fal_picture_rule *rule, fal_error *err)
{
    if (width < 1 || height < 1 || width > LARGEST_EDGE || height > LARGEST_EDGE)
        return fal_fail(err, FAL_ERR_ARGUMENT, "cannot scale a picture of %lld x %lld pixels, only 1 to %d a side",
                        (long long)width, (long long)height, (int)LARGEST_EDGE);
    if (rule->side < 1 || rule->side > FAL_PICTURE_SIDE_MAX || rule->shorter > FAL_PICTURE_SIDE_MAX ||
        (rule->shorter != 0 && rule->shorter < rule->side))
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "cannot scale a picture's shorter edge to %lld and cut %lld pixels from it, wanted 1 <= cut <= "
                        "edge <= %d",
                        (long long)rule->shorter, (long long)rule->side, (int)FAL_PICTURE_SIDE_MAX);
    if (rule->scaling != FAL_SCALE_BICUBIC && rule->scaling != FAL_SCALE_BILINEAR)
        return fal_fail(err, FAL_ERR_ARGUMENT, "picture scaling %d is unknown", (int)rule->scaling);
    return FAL_OK;
}

fal_status fal_picture_scaler_create(int64_t width, int64_t height, const fal_picture_rule *rule,
                                     fal_picture_scaler **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_picture_scaler *s = NULL;
    FAL_TRY(check(width, height, rule, err));
    const layout l = lay_out(width, height, rule);
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    s->width = width;
    s->height = height;
    s->rule = *rule;
    FAL_TRY(fal_taps_create(rule->scaling, width, l.width, l.left, rule->side, &s->columns, err));
    FAL_TRY(fal_taps_create(rule->scaling, height, l.height, l.top, rule->side, &s->rows, err));
    s->left = fal_taps_begin(&s->columns);
    s->span_x = fal_taps_end(&s->columns) - s->left;
    s->top = fal_taps_begin(&s->rows);
    s->span_y = fal_taps_end(&s->rows) - s->top;
    FAL_ALLOC(s->block, fal_calloc((size_t)s->span_x, CELL));
    FAL_ALLOC(s->narrow, fal_malloc_array((size_t)s->span_y, (size_t)rule->side * CHANNELS));
    FAL_ALLOC(s->sums, fal_malloc_array((size_t)rule->side * CHANNELS, sizeof *s->sums));
    *out = s;
    s = NULL;
done:
    fal_picture_scaler_free(&s);
    return st;
}

void fal_picture_scaler_free(fal_picture_scaler **scaler)
{
    if (!scaler || !*scaler)
        return;
    fal_taps_free(&(*scaler)->columns);
    fal_taps_free(&(*scaler)->rows);
    fal_free((*scaler)->block);
    fal_free((*scaler)->narrow);
    fal_free((*scaler)->sums);
    fal_release(scaler);
}

static bool same_rule(const fal_picture_rule *a, const fal_picture_rule *b)
{
    return a->side == b->side && a->shorter == b->shorter && a->scaling == b->scaling && a->crop_floor == b->crop_floor;
}

fal_status fal_picture_scaler_fit(fal_picture_scaler **scaler, int64_t width, int64_t height,
                                  const fal_picture_rule *rule, fal_error *err)
{
    fal_picture_scaler *made = NULL;
    const fal_picture_scaler *old = *scaler;
    if (old && old->width == width && old->height == height && same_rule(&old->rule, rule))
        return FAL_OK;
    const fal_status st = fal_picture_scaler_create(width, height, rule, &made, err);
    if (st != FAL_OK)
        return st;
    fal_picture_scaler_free(scaler);
    *scaler = made;
    return FAL_OK;
}

static uint8_t to_byte(int32_t sum)
{
    const int32_t v = sum >> FAL_TAPS_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* block[byte of the row][row] */
static void turn_block(const uint8_t *rgb, int64_t stride, int64_t row_bytes, int64_t rows, uint8_t *block)
{
    const uint8_t *row[BLOCK];
    for (int64_t r = 0; r < BLOCK; r++)
        row[r] = rgb + (r < rows ? r : rows - 1) * stride;
    for (int64_t i = 0; i < row_bytes; i++)
        for (int64_t r = 0; r < BLOCK; r++)
            block[i * BLOCK + r] = row[r][i];
}

/* One output column of a block; `bytes` is turned back to [row][channel], rows `row_stride` apart. */
FAL_CLONES
static void scale_column(const uint8_t *cells, const int32_t *weights, int64_t taps, uint8_t bytes[CELL])
{
    int32_t sums[CELL];
    for (int i = 0; i < CELL; i++)
        sums[i] = HALF;
    for (int64_t k = 0; k < taps; k++)
        for (int i = 0; i < CELL; i++)
            sums[i] += weights[k] * cells[k * CELL + i];
    for (int i = 0; i < CELL; i++)
        bytes[i] = to_byte(sums[i]);
}

/* All output columns of the block, for its first `rows` rows: narrow [rows][side][CHANNELS]. */
static void scale_columns(const fal_picture_scaler *s, int64_t rows, uint8_t *narrow)
{
    const int64_t row_bytes = s->rule.side * CHANNELS;
    uint8_t cell[CELL];
    for (int64_t x = 0; x < s->columns.count; x++) {
        scale_column(s->block + (s->columns.first[x] - s->left) * CELL, s->columns.weights + x * s->columns.stride,
                     s->columns.length[x], cell);
        for (int64_t r = 0; r < rows; r++)
            for (int c = 0; c < CHANNELS; c++)
                narrow[r * row_bytes + x * CHANNELS + c] = cell[c * BLOCK + r];
    }
}

/* One output row from `taps` rows of `n` bytes, one after the other. */
FAL_CLONES
static void scale_row(const uint8_t *rows, int64_t n, const int32_t *weights, int64_t taps, int32_t *restrict sums,
                      uint8_t *restrict out)
{
    for (int64_t i = 0; i < n; i++)
        sums[i] = HALF;
    for (int64_t k = 0; k < taps; k++)
        for (int64_t i = 0; i < n; i++)
            sums[i] += weights[k] * rows[k * n + i];
    for (int64_t i = 0; i < n; i++)
        out[i] = to_byte(sums[i]);
}

void fal_picture_scaler_run(fal_picture_scaler *scaler, const uint8_t *rgb, int64_t stride, uint8_t *out)
{
    const fal_picture_scaler *s = scaler;
    const int64_t row_bytes = s->rule.side * CHANNELS;
    const uint8_t *corner = rgb + s->top * stride + s->left * CHANNELS;
    for (int64_t y = 0; y < s->span_y; y += BLOCK) {
        const int64_t rows = s->span_y - y < BLOCK ? s->span_y - y : BLOCK;
        turn_block(corner + y * stride, stride, s->span_x * CHANNELS, rows, s->block);
        scale_columns(s, rows, s->narrow + y * row_bytes);
    }
    for (int64_t y = 0; y < s->rows.count; y++)
        scale_row(s->narrow + (s->rows.first[y] - s->top) * row_bytes, row_bytes, s->rows.weights + y * s->rows.stride,
                  s->rows.length[y], s->sums, out + y * row_bytes);
}
