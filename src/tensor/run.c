#include "tensor/run.h"

#include "core/alloc.h"
#include "core/thread.h"
#include "tensor/native.h"

#include <omp.h>

struct fal_run {
    fal_run_options options;
    int threads;
    fal_arena *arena;
    fal_native_cache *native; /* made at first use */
};

fal_status fal_run_create(const fal_run_options *options, fal_run **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = NULL;
    if (options && options->threads < 0)
        FAL_FAIL(FAL_ERR_ARGUMENT, "a run wants 0 (all) or more threads, not %d", options->threads);
    FAL_ALLOC(run, fal_calloc(1, sizeof *run));
    if (options)
        run->options = *options;
    run->threads = run->options.threads ? run->options.threads : fal_cpu_count();
    FAL_ALLOC(run->arena, fal_arena_create());
    *out = run;
    run = NULL;
done:
    fal_run_free(&run);
    return st;
}

void fal_run_free(fal_run **run)
{
    if (!*run)
        return;
    fal_native_cache_free(&(*run)->native);
    fal_arena_free(&(*run)->arena);
    fal_release(run);
}

int fal_run_threads(const fal_run *run)
{
    return run->threads;
}

fal_arena *fal_run_arena(fal_run *run)
{
    return run->arena;
}

fal_native_cache *fal_run_native_cache(fal_run *run)
{
    if (!run->native && fal_native_cache_create(&run->native, NULL) != FAL_OK)
        return NULL;
    return run->native;
}

void fal_run_begin(fal_run *run)
{
    fal_arena_reset(run->arena);
    omp_set_num_threads(run->threads);
}

float *fal_run_floats(fal_run *run, int64_t count)
{
    return count < 0 ? NULL : fal_arena_alloc(run->arena, (size_t)count, sizeof(float));
}

void fal_run_stage(fal_run *run, const char *stage, const float *data, int rank, const int64_t *shape)
{
    if (!run->options.stage)
        return;
    fal_tensor value = fal_tensor_f32(data, rank, shape);
    run->options.stage(run->options.stage_user, stage, &value);
}

bool fal_run_has_stage_hook(const fal_run *run)
{
    return run->options.stage != NULL;
}

bool fal_run_cancelled(const fal_run *run)
{
    return run->options.cancel && *run->options.cancel;
}
