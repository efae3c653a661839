/* Wall time for reports. */
#ifndef FAL_CORE_CLOCK_H
#define FAL_CORE_CLOCK_H

#include <time.h>

/* Seconds on a clock that never jumps; only differences mean something. */
static inline double fal_now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
