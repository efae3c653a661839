/* A linear probe inside another kind of head, one that comes down to a probe on some joined row. */
#ifndef FAL_HEAD_INNER_PROBE_H
#define FAL_HEAD_INNER_PROBE_H

#include "head/kind.h"

#include <stddef.h>

/* Configuration of a probe; its parameters are weight [dim], then bias. */
typedef union fal_inner_probe {
    char config[FAL_HEAD_CONFIG];
    max_align_t align;
} fal_inner_probe;

/* With log-sum-exp pooling. */
static inline fal_status fal_inner_probe_make(int64_t dim, fal_inner_probe *out, fal_error *err)
{
    const fal_head_shape shape = {.parts = 1, .dims = {dim}, .dim = dim};
    *out = (fal_inner_probe){{0}};
    return fal_head_probe.configure(&(fal_head_training){.kind = "probe"}, &shape, out->config, err);
}

#endif
