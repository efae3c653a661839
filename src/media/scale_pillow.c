/* Two passes, columns then rows, with 8-bit pixels between them, all in integers.
 *
 * The columns' pass works on blocks of rows turned on their side, so that a weight meets the same pixel of 16 rows at
 * once: its inner loop then runs over neighbouring bytes, as the rows' pass does by nature. */
#include "media/scale_pillow.h"

#include "core/alloc.h"
#include "core/clones.h"

enum {
    CHANNELS = 3,
    BLOCK = 16,              /* rows */
    CELL = CHANNELS * BLOCK, /* bytes of one column of a block: [channel][row] */
    HALF = 1 << (FAL_TAPS_BITS - 1)
};

struct fal_pillow_scaler {
    fal_taps columns, rows;
    int64_t left, top, span_x, span_y; /* the part of the picture that is read */
    int64_t row_bytes;                 /* of the output */
    uint8_t *block;                    /* [span_x][CELL] */
    uint8_t *narrow;                   /* [span_y][row_bytes] columns done */
    int32_t *sums;                     /* [row_bytes] */
};

fal_status fal_pillow_scaler_create(fal_scaling scaling, const fal_scale_axis *x, const fal_scale_axis *y,
                                    fal_pillow_scaler **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_pillow_scaler *s = NULL;
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_TRY(fal_taps_create(scaling, x, &s->columns, err));
    FAL_TRY(fal_taps_create(scaling, y, &s->rows, err));
    s->left = fal_taps_begin(&s->columns);
    s->span_x = fal_taps_end(&s->columns) - s->left;
    s->top = fal_taps_begin(&s->rows);
    s->span_y = fal_taps_end(&s->rows) - s->top;
    s->row_bytes = x->count * CHANNELS;
    FAL_ALLOC(s->block, fal_malloc_array((size_t)s->span_x, CELL));
    FAL_ALLOC(s->narrow, fal_malloc_array((size_t)s->span_y, (size_t)s->row_bytes));
    FAL_ALLOC(s->sums, fal_malloc_array((size_t)s->row_bytes, sizeof *s->sums));
    *out = s;
    s = NULL;
done:
    fal_pillow_scaler_free(&s);
    return st;
}

void fal_pillow_scaler_free(fal_pillow_scaler **scaler)
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

/* One output column of a block, [channel][row]. */
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

/* All output columns of the block, for its first `rows` rows: narrow [rows][row_bytes]. */
static void scale_columns(const fal_pillow_scaler *s, int64_t rows, uint8_t *narrow)
{
    uint8_t cell[CELL];
    for (int64_t x = 0; x < s->columns.count; x++) {
        scale_column(s->block + (s->columns.first[x] - s->left) * CELL, s->columns.weights + x * s->columns.stride,
                     s->columns.length[x], cell);
        for (int64_t r = 0; r < rows; r++)
            for (int c = 0; c < CHANNELS; c++)
                narrow[r * s->row_bytes + x * CHANNELS + c] = cell[c * BLOCK + r];
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

void fal_pillow_scaler_run(fal_pillow_scaler *s, const uint8_t *rgb, int64_t stride, uint8_t *out)
{
    const uint8_t *corner = rgb + s->top * stride + s->left * CHANNELS;
    for (int64_t y = 0; y < s->span_y; y += BLOCK) {
        const int64_t rows = s->span_y - y < BLOCK ? s->span_y - y : BLOCK;
        turn_block(corner + y * stride, stride, s->span_x * CHANNELS, rows, s->block);
        scale_columns(s, rows, s->narrow + y * s->row_bytes);
    }
    for (int64_t y = 0; y < s->rows.count; y++)
        scale_row(s->narrow + (s->rows.first[y] - s->top) * s->row_bytes, s->row_bytes,
                  s->rows.weights + y * s->rows.stride, s->rows.length[y], s->sums, out + y * s->row_bytes);
}
