#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

void need(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
    exit(1);
}

void need_ok(fal_status status, const fal_error *err)
{
    need(status == FAL_OK, err->text);
}

void *need_memory(void *ptr)
{
    need(ptr != NULL, "out of memory");
    return ptr;
}

double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
