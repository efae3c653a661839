#include "tensor/random.h"

#include "core/alloc.h"
#include "support/test.h"

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

float test_random(uint64_t *state)
{
    return (float)(next(state) >> 40) * 0x1p-23f - 1;
}

int64_t test_random_int(uint64_t *state, int64_t low, int64_t high)
{
    return low + (int64_t)(next(state) % (uint64_t)(high - low + 1));
}

float *test_random_floats(uint64_t *state, int64_t count, float scale)
{
    float *values = fal_malloc_array((size_t)count, sizeof *values);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = scale * test_random(state);
    return values;
}
