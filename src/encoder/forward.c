#include "encoder/forward.h"

#include <string.h>

fal_status fal_forward_keep(fal_forward *pass, int64_t layer, const float *x, int64_t rows, int64_t dim, fal_error *err)
{
    fal_status st = FAL_OK;
    float *copy;
    if (!pass->want[layer])
        return FAL_OK;
    FAL_FLOATS(copy, pass->run, rows * dim);
    memcpy(copy, x, (size_t)(rows * dim) * sizeof *copy);
    pass->hidden[layer] = (fal_hidden){.layer = (int)layer, .rows = rows, .dim = dim, .data = copy};
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
