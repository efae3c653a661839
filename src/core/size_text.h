/* Sizes for people. */
#ifndef FAL_CORE_SIZE_TEXT_H
#define FAL_CORE_SIZE_TEXT_H

#include <stdint.h>
#include <stdio.h>

enum { FAL_SIZE_TEXT = 24 };

/* "512 B", "5.9 kB", "1.3 GB": decimal units, as download pages and disks count. */
static inline const char *fal_size_text(char out[FAL_SIZE_TEXT], int64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    int unit = 0;
    while (value >= 1000 && unit < 6)
        value /= 1000, unit++;
    snprintf(out, FAL_SIZE_TEXT, "%.*f %s", unit > 0 && value < 99.95 ? 1 : 0, value, units[unit]);
    return out;
}

#endif
