/* Runs jobs in child processes, some at a time.
 *
 * Processes instead of threads because espeak-ng keeps its state in the process; a fresh one for each job makes the
 * result independent of what ran before it. */
#ifndef PUP_CREW_H
#define PUP_CREW_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

enum { PUP_RESULT_MAX = 8192 };

typedef struct pup_crew {
    /* Runs in the child; fills `result`, plain data of result_size bytes. */
    fal_status (*job)(void *context, int64_t index, void *result, fal_error *err);
    /* Runs in the parent after each finished job; may be NULL. */
    void (*progress)(void *context, int64_t finished, int64_t total);
    void *context;
    int64_t count, at_once;
    size_t result_size; /* at most PUP_RESULT_MAX */
} pup_crew;

/* results: [count * result_size] bytes. The first failure stops the launching; running children are waited for. */
fal_status pup_crew_run(const pup_crew *crew, void *results, fal_error *err);

#endif
