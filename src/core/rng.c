#include "core/rng.h"

#include "core/rng_inline.h"

fal_rng fal_rng_make(uint64_t seed, uint64_t stream)
{
    return (fal_rng){.seed = seed, .stream = stream};
}

static void next_block(fal_rng *rng)
{
    uint32_t key0 = (uint32_t)rng->seed, key1 = (uint32_t)(rng->seed >> 32);
    rng->words[0] = (uint32_t)rng->counter;
    rng->words[1] = (uint32_t)(rng->counter >> 32);
    rng->words[2] = (uint32_t)rng->stream;
    rng->words[3] = (uint32_t)(rng->stream >> 32);
    for (int round = 0; round < FAL_PHILOX_ROUNDS; round++) {
        fal_philox_round(rng->words, 1, key0, key1);
        key0 += FAL_PHILOX_STEP0;
        key1 += FAL_PHILOX_STEP1;
    }
    rng->counter++;
    rng->left = 4;
}

uint32_t fal_rng_u32(fal_rng *rng)
{
    if (rng->left == 0)
        next_block(rng);
    return rng->words[4 - rng->left--];
}

double fal_rng_uniform(fal_rng *rng)
{
    return (double)(fal_rng_u32(rng) >> 8) * 0x1p-24;
}

double fal_rng_normal(fal_rng *rng)
{
    float first, second;
    uint32_t word0 = fal_rng_u32(rng), word1 = fal_rng_u32(rng);
    fal_rng_box_muller(word0, word1, &first, &second);
    return (double)first;
}

static uint64_t next_u64(fal_rng *rng)
{
    uint64_t low = fal_rng_u32(rng);
    return low | (uint64_t)fal_rng_u32(rng) << 32;
}

/* Lemire, "Fast random integer generation in an interval", 2019: the high half of x*n, with the few x drawn again that
 * would make some results more likely. */
uint64_t fal_rng_index(fal_rng *rng, uint64_t n)
{
    __extension__ typedef unsigned __int128 u128;
    u128 product = (u128)next_u64(rng) * n;
    if ((uint64_t)product < n) {
        uint64_t surplus = -n % n; /* 2^64 mod n */
        while ((uint64_t)product < surplus)
            product = (u128)next_u64(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

void fal_rng_shuffle(fal_rng *rng, size_t *items, size_t count)
{
    for (size_t i = count; i > 1; i--) {
        size_t k = (size_t)fal_rng_index(rng, i);
        size_t kept = items[i - 1];
        items[i - 1] = items[k];
        items[k] = kept;
    }
}

uint64_t fal_rng_stream(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        hash = (hash ^ *c) * UINT64_C(0x100000001b3);
    return hash;
}
