/* Seeded random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Counter-based: number i of stream s under seed k is a pure function of (k, s, i), so filling a tensor gives the same
 * values whatever the thread count. Conversions, fixed for good because model files depend on them:
 *   uniform  = (x >> 8) * 2^-24                      in [0, 1), one 32-bit word each
 *   normal   = Box-Muller of two words, u1 = ((x0 >> 8) + 1) * 2^-24 in (0, 1], u2 = (x1 >> 8) * 2^-24:
 *              sqrt(-2 ln u1) * cos(2 pi u2), then the same with sin; in float32, own polynomials for ln, cos, sin
 *              (rng_inline.h), so that libm's version and the instruction set make no difference
 *   index(n) = unbiased by rejection (Lemire)
 * Block i of stream s under seed k is Philox of the counter (i low, i high, s low, s high) and the key (k low, k high).
 */
#ifndef FAL_CORE_RNG_H
#define FAL_CORE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct fal_rng {
    uint64_t seed, stream, counter; /* counter: next block of four words */
    uint32_t words[4];
    int left; /* unused words */
} fal_rng;

fal_rng fal_rng_make(uint64_t seed, uint64_t stream);
uint32_t fal_rng_u32(fal_rng *rng);
double fal_rng_uniform(fal_rng *rng);                 /* [0, 1) */
double fal_rng_normal(fal_rng *rng);                  /* mean 0, deviation 1: the cosine of two fresh words */
uint64_t fal_rng_index(fal_rng *rng, uint64_t n);     /* [0, n), n >= 1 */
void fal_rng_shuffle(fal_rng *rng, size_t *items, size_t count); /* Fisher-Yates */

/* Element i of the fill is word first + i of the stream (normals: the pair of words it belongs to), so it depends on
 * nothing else and callers may split a tensor among threads; parts that start at multiples of 128 elements are fastest.
 * out = low + (high - low) * uniform, and mean + std * normal, in float32. */
void fal_rng_fill_uniform(uint64_t seed, uint64_t stream, uint64_t first, float low, float high, float *out, size_t n);
void fal_rng_fill_normal(uint64_t seed, uint64_t stream, uint64_t first, float mean, float std, float *out, size_t n);
/* Stream number for a name (FNV-1a 64): gives every tensor its own stream. */
uint64_t fal_rng_stream(const char *name);

#endif
