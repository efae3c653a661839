/* Filling arrays with random numbers, a group of blocks at a time: the state of a group lies word by word
 * (x[w][block]), so that every loop runs over blocks and vectorises. */
#include "core/rng.h"

#include "core/clones.h"
#include "core/rng_inline.h"

enum { BLOCKS = 32, GROUP = 4 * BLOCKS };

typedef struct source {
    uint64_t seed, stream;
    float low, scale; /* out = low + scale * drawn */
} source;

static inline void draw_words(const source *src, uint64_t first_block, uint32_t x[GROUP])
{
    uint32_t key0 = (uint32_t)src->seed, key1 = (uint32_t)(src->seed >> 32);
    for (int i = 0; i < BLOCKS; i++) {
        uint64_t counter = first_block + (uint64_t)i;
        x[i] = (uint32_t)counter;
        x[BLOCKS + i] = (uint32_t)(counter >> 32);
        x[2 * BLOCKS + i] = (uint32_t)src->stream;
        x[3 * BLOCKS + i] = (uint32_t)(src->stream >> 32);
    }
    for (int round = 0; round < FAL_PHILOX_ROUNDS; round++) {
        for (int i = 0; i < BLOCKS; i++)
            fal_philox_round(x + i, BLOCKS, key0, key1);
        key0 += FAL_PHILOX_STEP0;
        key1 += FAL_PHILOX_STEP1;
    }
}

/* drawn[w][block] to out[block][w], scaled. */
static inline void scale_out(const source *src, const float drawn[GROUP], float *out)
{
    for (int i = 0; i < BLOCKS; i++)
        for (int w = 0; w < 4; w++)
            out[4 * i + w] = src->low + src->scale * drawn[w * BLOCKS + i];
}

FAL_CLONES static void fill_uniform_group(const source *src, uint64_t first_block, float *out)
{
    uint32_t x[GROUP];
    float drawn[GROUP];
    draw_words(src, first_block, x);
    for (int i = 0; i < GROUP; i++)
        drawn[i] = (float)(int32_t)(x[i] >> 8) * 0x1p-24f;
    scale_out(src, drawn, out);
}

FAL_CLONES static void fill_normal_group(const source *src, uint64_t first_block, float *out)
{
    uint32_t x[GROUP];
    float drawn[GROUP];
    draw_words(src, first_block, x);
    for (int i = 0; i < BLOCKS; i++)
        fal_rng_box_muller(x[i], x[BLOCKS + i], &drawn[i], &drawn[BLOCKS + i]);
    for (int i = 2 * BLOCKS; i < 3 * BLOCKS; i++)
        fal_rng_box_muller(x[i], x[BLOCKS + i], &drawn[i], &drawn[BLOCKS + i]);
    scale_out(src, drawn, out);
}

typedef void group_fn(const source *src, uint64_t first_block, float *out);

/* Elements [first, first + n) of the sequence; a group that is not wanted whole goes through a buffer. */
static void fill(group_fn *group, const source *src, uint64_t first, float *out, size_t n)
{
    float part[GROUP];
    size_t skip = (size_t)(first % 4);
    uint64_t block = first / 4;
    while (n > 0) {
        size_t take = GROUP - skip < n ? GROUP - skip : n;
        if (take == GROUP) {
            group(src, block, out);
        } else {
            group(src, block, part);
            memcpy(out, part + skip, take * sizeof *out);
        }
        out += take;
        n -= take;
        block += BLOCKS;
        skip = 0;
    }
}

void fal_rng_fill_uniform(uint64_t seed, uint64_t stream, uint64_t first, float low, float high, float *out, size_t n)
{
    source src = {.seed = seed, .stream = stream, .low = low, .scale = high - low};
    fill(fill_uniform_group, &src, first, out, n);
}

void fal_rng_fill_normal(uint64_t seed, uint64_t stream, uint64_t first, float mean, float std, float *out, size_t n)
{
    source src = {.seed = seed, .stream = stream, .low = mean, .scale = std};
    fill(fill_normal_group, &src, first, out, n);
}
