#include "feature/clip_rows.h"

#include "core/alloc.h"

#include <math.h>
#include <string.h>

static fal_status grow(fal_row_block *block, int64_t rows, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t row = (size_t)block->dim * sizeof *block->data, bytes;
    float *grown = NULL;
    int64_t capacity = block->capacity ? 2 * block->capacity : rows;
    capacity = capacity < block->rows + rows ? block->rows + rows : capacity;
    if (!fal_mul_ok((size_t)capacity, row, &bytes))
        FAL_FAIL(FAL_ERR_MEMORY, "%lld feature rows of %lld channels do not fit in memory", (long long)capacity,
                 (long long)block->dim);
    FAL_ALLOC(grown, fal_realloc(block->data, (size_t)block->capacity * row, bytes));
    block->data = grown;
    block->capacity = capacity;
done:
    return st;
}

static fal_status append(fal_row_block *block, const float *data, int64_t rows, int64_t dim, fal_error *err)
{
    fal_status st = FAL_OK;
    for (int64_t i = 0; i < rows * dim; i++)
        if (!isfinite(data[i]))
            FAL_FAIL(FAL_ERR_INTERNAL, "the encoder gave a value that is not finite in row %lld",
                     (long long)(block->rows + i / dim));
    block->dim = dim;
    if (block->rows + rows > block->capacity)
        FAL_TRY(grow(block, rows, err));
    memcpy(block->data + block->rows * dim, data, (size_t)(rows * dim) * sizeof *data);
    block->rows += rows;
done:
    return st;
}

fal_status fal_clip_rows_append(fal_clip_rows *rows, const fal_encoding *piece, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(append(&rows->features, piece->features, piece->rows, piece->dim, err));
    if (piece->hidden_count && !rows->hidden) {
        FAL_ALLOC(rows->hidden, fal_calloc(piece->hidden_count, sizeof *rows->hidden));
        rows->hidden_count = piece->hidden_count;
    }
    for (size_t i = 0; i < rows->hidden_count; i++) {
        const fal_hidden *h = &piece->hidden[i];
        rows->hidden[i].layer = h->layer;
        FAL_TRY(append(&rows->hidden[i].block, h->data, h->rows, h->dim, err));
    }
done:
    return st;
}

void fal_clip_rows_free(fal_clip_rows *rows)
{
    fal_free(rows->features.data);
    for (size_t i = 0; i < rows->hidden_count; i++)
        fal_free(rows->hidden[i].block.data);
    fal_free(rows->hidden);
    *rows = (fal_clip_rows){0};
}
