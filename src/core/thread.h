/* A fixed pool of worker threads for coarse work (clips, faces). Numeric kernels do not use it: they share cores
 * through the tensor folder's own parallel loops, whose thread count belongs to the run. */
#ifndef FAL_CORE_THREAD_H
#define FAL_CORE_THREAD_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

int fal_cpu_count(void); /* cores this process may use (affinity and cgroup quota respected), at least 1 */

/* Calls fn(user, worker, item) for item = 0..count-1 on `threads` threads (1: on the caller's), items handed out in
 * order. `worker` in [0, threads) tells which thread, for per-worker state. fn returning false stops handing out items.
 * Returns after all calls have ended. */
typedef bool fal_work_fn(void *user, int worker, size_t item);
fal_status fal_parallel_for(int threads, size_t count, fal_work_fn *fn, void *user, fal_error *err);

#endif
