#include "audit/measure.h"

#include "core/alloc.h"
#include "core/log.h"
#include "core/progress.h"
#include "core/thread.h"

#include <pthread.h>

#define FAL_LOG_COMPONENT "audit"

typedef struct measuring {
    const fal_audit_options *opt;
    const fal_csv_log *cache;
    fal_collection *c;
    const volatile sig_atomic_t *cancel;
    pthread_mutex_t lock; /* guards what follows, and the cache */
    size_t done;
    fal_status status; /* of the cache, or FAL_ERR_MEMORY */
    fal_error why;
} measuring;

static bool is_cancelled(const measuring *m)
{
    return m->cancel && *m->cancel;
}

/* False when the run cannot go on. */
static bool note(measuring *m, fal_audit_file *file, fal_status status, const fal_error *why)
{
    pthread_mutex_lock(&m->lock);
    file->measured = status == FAL_OK;
    if (status == FAL_OK && m->cache && m->status == FAL_OK)
        m->status = fal_fact_cache_add(m->cache, file, &m->why);
    if (status != FAL_OK) {
        fal_log_info(m->opt->log, "%s", why->text);
        file->failure = fal_strdup(why->text);
        if (!file->failure)
            m->status = fal_fail(&m->why, FAL_ERR_MEMORY, "%s: out of memory", file->path);
    }
    fal_progress_report(m->opt->progress, "measuring", (double)++m->done, (double)m->c->file_count);
    bool go_on = m->status == FAL_OK;
    pthread_mutex_unlock(&m->lock);
    return go_on;
}

static bool measure_one(void *user, int worker, size_t item)
{
    (void)worker;
    measuring *m = user;
    fal_audit_file *file = &m->c->files[item];
    fal_clip_facts facts;
    fal_error why;
    if (is_cancelled(m))
        return false;
    if (file->measured)
        return true;
    fal_status st = fal_clip_facts_measure(file->path, m->cancel, &facts, &why);
    if (st == FAL_ERR_CANCELLED)
        return false;
    if (st == FAL_OK)
        file->facts = facts;
    return note(m, file, st, &why);
}

fal_status fal_collection_measure(const fal_audit_options *options, const fal_csv_log *cache, fal_collection *c,
                                  fal_error *err)
{
    fal_status st = FAL_OK;
    measuring m = {
        .opt = options, .cache = cache, .c = c, .cancel = options->progress ? options->progress->cancel : NULL};
    pthread_mutex_init(&m.lock, NULL);
    for (size_t i = 0; i < c->file_count; i++)
        m.done += c->files[i].measured;
    FAL_TRY(fal_parallel_for(options->jobs > 0 ? options->jobs : fal_cpu_count(), c->file_count, measure_one, &m, err));
    if (m.status != FAL_OK)
        FAL_FAIL(m.status, "%s", m.why.text);
    if (is_cancelled(&m))
        FAL_FAIL(FAL_ERR_CANCELLED, "stopped after %zu of %zu clips%s", m.done, c->file_count,
                 cache ? "; run the same command again to go on" : "");
done:
    pthread_mutex_destroy(&m.lock);
    return st;
}
