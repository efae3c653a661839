/* Log lines with a component name ("weights", "media", "face", ...). The library never prints: without a sink nothing
 * is written. The sink is the caller's (see <falsetto/log.h>) and is handed down in an fal_log. */
#ifndef FAL_CORE_LOG_H
#define FAL_CORE_LOG_H

#include <falsetto/log.h>

/* Formats and passes on if `log` is not NULL, has a sink and lets `level` through. */
void fal_log_write(const fal_log *log, fal_log_level level, const char *component, const char *fmt, ...)
    FAL_PRINTF(4, 5);

#define fal_log_warn(log, ...) fal_log_write((log), FAL_LOG_WARN, FAL_LOG_COMPONENT, __VA_ARGS__)
#define fal_log_info(log, ...) fal_log_write((log), FAL_LOG_INFO, FAL_LOG_COMPONENT, __VA_ARGS__)
#define fal_log_debug(log, ...) fal_log_write((log), FAL_LOG_DEBUG, FAL_LOG_COMPONENT, __VA_ARGS__)

#endif
