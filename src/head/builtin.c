#include "head/builtin.h"

#include "core/str.h"

#include "puppet_probe.inc" /* generated: static const uint8_t puppet_probe[] */

static const fal_builtin_head heads[] = {
    {"builtin:puppet", puppet_probe, sizeof puppet_probe},
};

const fal_builtin_head *fal_builtin_find(const char *name)
{
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (fal_str_eq(heads[i].name, name))
            return &heads[i];
    return NULL;
}
