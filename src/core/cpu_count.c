#include "core/alloc.h"
#include "core/file.h"
#include "core/thread.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int affinity_count(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* Cores granted by one control group's cpu.max ("quota period", "max period" for no limit); INFINITY when none is. */
static double quota_of(const char *group)
{
    char *path = fal_asprintf("/sys/fs/cgroup%s/cpu.max", group);
    fal_buf text = {0};
    double quota, period, cores = INFINITY;
    if (path && fal_file_read(path, 256, &text, NULL) == FAL_OK && text.length > 0 &&
        sscanf(text.data, "%lf %lf", &quota, &period) == 2 && period > 0)
        cores = quota / period;
    fal_buf_free(&text);
    fal_free(path);
    return cores;
}

/* The limits of all groups from ours up to the root hold together (cgroup v2: the line "0::/path"). */
static double cgroup_cores(void)
{
    fal_buf text = {0};
    double cores = quota_of("");
    char *line = NULL;
    if (fal_file_read("/proc/self/cgroup", 1 << 16, &text, NULL) == FAL_OK && text.length > 0)
        line = strstr(text.data, "0::/");
    if (line) {
        char *group = line + strlen("0::");
        group[strcspn(group, "\n")] = '\0';
        for (char *slash = strrchr(group, '/'); slash && group[1]; slash = strrchr(group, '/')) {
            cores = fmin(cores, quota_of(group));
            *slash = '\0';
        }
    }
    fal_buf_free(&text);
    return cores;
}

int fal_cpu_count(void)
{
    int cores = affinity_count();
    double quota = ceil(cgroup_cores());
    if (quota < cores)
        cores = (int)quota;
    return cores > 0 ? cores : 1;
}
