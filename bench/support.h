/* What every benchmark needs: an end with a sentence, since nobody is there to hand an error to, and a clock. */
#ifndef FAL_BENCH_SUPPORT_H
#define FAL_BENCH_SUPPORT_H

#include "core/clock.h"
#include "core/status.h"

#include <stdbool.h>

/* Each prints "<program>: <what>" and exits with 1 unless all is well. */
void need(bool ok, const char *what);
void need_ok(fal_status status, const fal_error *err);
void *need_memory(void *ptr); /* returns ptr */

/* CPU time of the calling thread: other load on the machine disturbs it less than wall time (fal_now_s). */
double cpu_s(void);

#endif
