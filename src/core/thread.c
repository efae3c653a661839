#include "core/thread.h"

#include "core/alloc.h"

#include <pthread.h>
#include <stdatomic.h>

typedef struct job {
    fal_work_fn *fn;
    void *user;
    size_t count;
    atomic_size_t next;
    atomic_bool stopped;
} job;

typedef struct worker {
    job *job;
    int number;
    pthread_t thread;
} worker;

static void *work(void *arg)
{
    worker *w = arg;
    job *j = w->job;
    while (!atomic_load(&j->stopped)) {
        size_t item = atomic_fetch_add(&j->next, 1);
        if (item >= j->count)
            break;
        if (!j->fn(j->user, w->number, item))
            atomic_store(&j->stopped, true);
    }
    return NULL;
}

fal_status fal_parallel_for(int threads, size_t count, fal_work_fn *fn, void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    job shared = {.fn = fn, .user = user, .count = count};
    worker *workers = NULL;
    int started = 1;
    if (threads < 1)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%d threads asked for; at least 1 is needed", threads);
    if ((size_t)threads > count)
        threads = count ? (int)count : 1;
    FAL_ALLOC(workers, fal_calloc((size_t)threads, sizeof *workers));
    for (int i = 0; i < threads; i++)
        workers[i] = (worker){.job = &shared, .number = i};
    /* The caller is worker 0. If the system gives fewer threads than asked for, those there are do all the work. */
    while (started < threads && pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (int i = 1; i < started; i++)
        pthread_join(workers[i].thread, NULL);
done:
    fal_free(workers);
    return st;
}
