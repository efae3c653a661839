#include "encoder/build.h"

#include "core/thread.h"

#include <stdatomic.h>

/* Whoever packs half-precision or scaled weights holds a float32 copy of one matrix meanwhile. That many of them stay
 * small beside a model, however many cores there are; packing is bound by memory, not by arithmetic. */
enum { MOST_AT_ONCE = 8 };

void fal_build_release(const fal_build *build, const void *tensors, size_t bytes)
{
    const fal_tensor *each = tensors;
    if (!build->ckpt)
        return;
    for (size_t i = 0; i < bytes / sizeof *each; i++)
        if (each[i].data)
            fal_checkpoint_release(build->ckpt, &each[i]);
}

typedef struct build_job {
    fal_build_item *make;
    void *user;
    atomic_flag failed; /* set by whoever fails first, who then owns status and error */
    fal_status status;
    fal_error *err;
} build_job;

static bool build_one(void *user, int worker, size_t item)
{
    (void)worker;
    build_job *job = user;
    fal_error mine = {0};
    fal_status st = job->make(job->user, item, &mine);
    if (st != FAL_OK && !atomic_flag_test_and_set(&job->failed)) {
        job->status = st;
        if (job->err)
            *job->err = mine;
    }
    return st == FAL_OK;
}

fal_status fal_build_all(const fal_build *build, size_t count, fal_build_item *make, void *user, fal_error *err)
{
    build_job job = {.make = make, .user = user, .failed = ATOMIC_FLAG_INIT, .status = FAL_OK, .err = err};
    int threads = build->threads < MOST_AT_ONCE ? build->threads : MOST_AT_ONCE;
    fal_status st = fal_parallel_for(threads, count, build_one, &job, err);
    return st != FAL_OK ? st : job.status;
}
