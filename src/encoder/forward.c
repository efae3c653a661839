#include "encoder/forward.h"

#include <string.h>

/* Rows and width that x [rows, dim] has after pooling. */
static int64_t pooled_rows(const fal_pooling *pool, int64_t rows, int64_t *dim)
{
    if (pool->kind == FAL_POOL_NONE)
        return rows;
    if (pool->kind == FAL_POOL_JOIN)
        *dim *= pool->group;
    return (rows + pool->group - 1) / pool->group;
}

static void pool(const fal_forward *pass, const float *x, int64_t rows, int64_t dim, float *out)
{
    const fal_pooling *p = &pass->pooling;
    int64_t group = p->group > 0 ? p->group : 1, groups = rows / group;
    switch (p->kind) {
    case FAL_POOL_NONE: memcpy(out, x, (size_t)(rows * dim) * sizeof *x); break;
    case FAL_POOL_JOIN:
        memcpy(out, x, (size_t)(rows * dim) * sizeof *x);
        for (int64_t r = rows; r % group; r++)
            memcpy(out + r * dim, x + (rows - 1) * dim, (size_t)dim * sizeof *x);
        break;
    case FAL_POOL_FIRST:
        for (int64_t g = 0; g < groups; g++)
            memcpy(out + g * dim, x + g * group * dim, (size_t)dim * sizeof *x);
        break;
    case FAL_POOL_MEAN:
        for (int64_t g = 0; g < groups; g++)
            fal_mean_rows(pass->run, x + (g * group + p->skip) * dim, group - p->skip, dim, group - p->skip,
                          out + g * dim);
        break;
    }
}

/* Room for hidden state `layer` of `rows` rows before pooling. */
static fal_status make_room(fal_forward *pass, int64_t layer, int64_t rows, int64_t dim, fal_error *err)
{
    fal_status st = FAL_OK;
    float *room;
    int64_t out_dim = dim, out_rows = pooled_rows(&pass->pooling, rows, &out_dim);
    FAL_FLOATS(room, pass->run, out_rows * out_dim);
    pass->hidden[layer] = (fal_hidden){.layer = (int)layer, .rows = out_rows, .dim = out_dim, .data = room};
done:
    return st;
}

fal_status fal_forward_pieces(fal_forward *pass, int64_t rows, int64_t dim, fal_error *err)
{
    fal_status st = FAL_OK;
    pass->piece_row = 0;
    pass->piece_rows = rows;
    for (int64_t layer = 0; layer <= pass->last_layer; layer++)
        if (pass->want[layer])
            FAL_TRY(make_room(pass, layer, rows, dim, err));
done:
    return st;
}

fal_status fal_forward_keep(fal_forward *pass, int64_t layer, const float *x, int64_t rows, int64_t dim, fal_error *err)
{
    fal_status st = FAL_OK;
    if (!pass->want[layer])
        return FAL_OK;
    int64_t left = pass->piece_rows - pass->piece_row, out_dim = dim;
    int64_t before = pooled_rows(&pass->pooling, pass->piece_row, &out_dim);
    if (pass->piece_rows == 0)
        FAL_TRY(make_room(pass, layer, rows, dim, err));
    else if (rows > left)
        rows = left;
    pool(pass, x, rows, dim, (float *)pass->hidden[layer].data + before * out_dim); /* ours until the pass ends */
done:
    return st;
}

fal_status fal_forward_check(const fal_forward *pass, fal_error *err)
{
    return fal_run_cancelled(pass->run) ? fal_fail(err, FAL_ERR_CANCELLED, "encoding was stopped on request") : FAL_OK;
}

void fal_forward_stage(const fal_forward *pass, const char *name, const float *x, int64_t rows, int64_t dim,
                       int64_t stride)
{
    if (!fal_run_has_stage_hook(pass->run))
        return;
    fal_arena *arena = fal_run_arena(pass->run);
    fal_arena_mark mark = fal_arena_save(arena);
    float *packed = stride && stride != dim ? fal_run_floats(pass->run, rows * dim) : NULL;
    for (int64_t r = 0; packed && r < rows; r++)
        memcpy(packed + r * dim, x + r * stride, (size_t)dim * sizeof *x);
    fal_run_stage(pass->run, name, packed ? packed : x, 2, (int64_t[]){rows, dim});
    fal_arena_release(arena, mark);
}

fal_status fal_apply_linear(const fal_linear *linear, fal_run *run, const float *x, int64_t rows, fal_act act, float *y,
                            fal_error *err)
{
    return fal_linear_run(linear, run, &(fal_linear_args){.x = x, .rows = rows, .y = y, .act = act}, err);
}

int64_t fal_block_size(int64_t left, int64_t most)
{
    while (most > left)
        most /= 2;
    return most;
}
