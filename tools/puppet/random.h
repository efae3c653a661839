/* Small conveniences over core/rng.h for drawing model parameters. */
#ifndef PUP_RANDOM_H
#define PUP_RANDOM_H

#include "core/rng.h"

#include <stdbool.h>
#include <stddef.h>

static inline double pup_between(fal_rng *rng, double low, double high)
{
    return low + (high - low) * fal_rng_uniform(rng);
}

static inline bool pup_chance(fal_rng *rng, double probability)
{
    return fal_rng_uniform(rng) < probability;
}

static inline size_t pup_pick(fal_rng *rng, size_t count)
{
    return (size_t)fal_rng_index(rng, count);
}

/* Independent sequence for purpose `what` of item `index`: adding a draw to one purpose leaves the others alone. */
static inline fal_rng pup_rng(uint64_t seed, const char *what, uint64_t index)
{
    return fal_rng_make(seed, fal_rng_stream(what) + index * 0x9E3779B97F4A7C15u);
}

#endif
