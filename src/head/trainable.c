#include "head/trainable.h"

#include "core/alloc.h"

fal_status fal_step_rows(fal_run *run, const fal_clip_features *clip, int64_t dim, int64_t first, int64_t count,
                         const float **rows, fal_error *err)
{
    fal_status st = FAL_OK;
    float *wide = NULL;
    if (clip->half)
        FAL_ALLOC(wide, fal_run_floats(run, count * dim));
    *rows = fal_clip_rows(clip, dim, first, count, wide);
done:
    return st;
}

fal_status fal_sum_clip_losses(fal_clip_loss *clip_loss, const void *config, int64_t dim, const fal_step *step,
                               double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(step->run);
    double total = 0, loss;
    for (size_t i = 0; i < step->part_count; i++) {
        fal_arena_mark mark = fal_arena_save(arena);
        fal_clip_features clip = *step->parts[i].clip;
        FAL_TRY(fal_step_rows(step->run, &clip, dim, 0, clip.frames, &clip.rows, err));
        FAL_TRY(clip_loss(config, step, &clip, &loss, err));
        fal_arena_release(arena, mark);
        total += loss;
    }
    *sum = total;
done:
    return st;
}
