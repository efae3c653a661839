#include "core/log.h"

#include "core/status.h"
#include "core/str.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 2048 };

static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    while (list) {
        const char *comma = strchr(list, ',');
        size_t item = comma ? (size_t)(comma - list) : strlen(list);
        if (item == length && memcmp(list, name, length) == 0)
            return true;
        list = comma ? comma + 1 : NULL;
    }
    return false;
}

void fal_log_write(const fal_log *log, fal_log_level level, const char *component, const char *fmt, ...)
{
    if (!log || !log->write || (level > log->level && !listed(log->trace, component)))
        return;
    char line[LINE_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    fal_str_tame(line);
    log->write(log->user, level, component, line);
}
