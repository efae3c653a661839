#include "judge/part_rows.h"

#include "core/alloc.h"

#include <string.h>

static const fal_row_block *block_of(const fal_member_part *part, const fal_clip_encoding *clip)
{
    const fal_clip_rows *rows = &clip->rows[part->request];
    if (part->layer == FAL_PART_FEATURES)
        return &rows->features;
    for (size_t i = 0; i < rows->hidden_count; i++)
        if (rows->hidden[i].layer == part->layer)
            return &rows->hidden[i].block;
    return NULL;
}

/* What keeps the head from its rows: *missing, or a failure. */
static fal_status check_requests(const fal_member *m, const fal_clip_encoding *clip, fal_status *missing,
                                 fal_error *err)
{
    for (size_t i = 0; i < m->part_count; i++) {
        const fal_clip_rows *rows = &clip->rows[m->parts[i].request];
        if (rows->status == FAL_ERR_NOT_FOUND || rows->status == FAL_ERR_TOO_SHORT)
            *missing = rows->status;
        else if (rows->status != FAL_OK)
            return fal_fail(err, rows->status, "%s", rows->why.text);
    }
    return FAL_OK;
}

static fal_status measure(const fal_member *m, const fal_clip_encoding *clip, fal_part_rows *out, fal_error *err)
{
    const fal_head_description *head = fal_head_describe(m->head);
    for (size_t i = 0; i < m->part_count; i++) {
        const fal_row_block *block = block_of(&m->parts[i], clip);
        int64_t wanted = head->part_count ? head->parts[i].dim : head->dim;
        if (!block || block->dim != wanted)
            return fal_fail(err, FAL_ERR_ARGUMENT,
                            "%s reads %lld channels of layer %d, %s gives %lld: the head belongs "
                            "to another encoder",
                            head->origin, (long long)wanted, m->parts[i].layer, m->name,
                            (long long)(block ? block->dim : 0));
        out->rows = i == 0 || block->rows < out->rows ? block->rows : out->rows;
        out->dim += block->dim;
    }
    return FAL_OK;
}

static void join(const fal_member *m, const fal_clip_encoding *clip, fal_part_rows *out)
{
    int64_t column = 0;
    for (size_t i = 0; i < m->part_count; i++) {
        const fal_row_block *block = block_of(&m->parts[i], clip);
        for (int64_t t = 0; t < out->rows; t++)
            memcpy(out->joined + t * out->dim + column, block->data + t * block->dim,
                   (size_t)block->dim * sizeof *block->data);
        column += block->dim;
    }
}

fal_status fal_part_rows_gather(const fal_member *m, const fal_clip_encoding *clip, fal_part_rows *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_part_rows rows = {.missing = FAL_OK};
    FAL_TRY(check_requests(m, clip, &rows.missing, err));
    if (rows.missing == FAL_OK) {
        FAL_TRY(measure(m, clip, &rows, err));
        if (m->part_count == 1) {
            rows.data = block_of(&m->parts[0], clip)->data;
        } else {
            FAL_ALLOC(rows.joined, fal_malloc_array((size_t)(rows.rows * rows.dim), sizeof *rows.joined));
            join(m, clip, &rows);
            rows.data = rows.joined;
        }
    }
    *out = rows;
done:
    return st;
}

void fal_part_rows_free(fal_part_rows *rows)
{
    fal_free(rows->joined);
    *rows = (fal_part_rows){0};
}
