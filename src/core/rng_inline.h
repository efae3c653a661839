/* The two formulas of rng.c and rng_fill.c, inline so that the loops over blocks vectorise. Both files are compiled
 * without floating-point contraction: every operation below is one IEEE float32 operation, which makes the values the
 * same on every machine. */
#ifndef FAL_CORE_RNG_INLINE_H
#define FAL_CORE_RNG_INLINE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { FAL_PHILOX_ROUNDS = 10 };

/* Key schedule: the golden ratio and sqrt(3)-1 as 32-bit fractions (Salmon et al., section 3.3). */
#define FAL_PHILOX_STEP0 UINT32_C(0x9E3779B9)
#define FAL_PHILOX_STEP1 UINT32_C(0xBB67AE85)

/* One round on the block x[0], x[stride], x[2*stride], x[3*stride]. */
static inline void fal_philox_round(uint32_t *x, int stride, uint32_t key0, uint32_t key1)
{
    uint64_t p0 = (uint64_t)x[0] * UINT32_C(0xD2511F53);
    uint64_t p1 = (uint64_t)x[2 * stride] * UINT32_C(0xCD9E8D57);
    uint32_t x0 = (uint32_t)(p1 >> 32) ^ x[stride] ^ key0;
    uint32_t x2 = (uint32_t)(p0 >> 32) ^ x[3 * stride] ^ key1;
    x[0] = x0;
    x[stride] = (uint32_t)p1;
    x[2 * stride] = x2;
    x[3 * stride] = (uint32_t)p0;
}

static inline float fal_rng_float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* ln(m * 2^-24) for whole m in [1, 2^24]: m = 2^e (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)), then
 * f - f^2/2 + f^3 P(f), P minimax in the relative error of the logarithm (6e-9 before rounding). ln 2 is split so that
 * the product of its high part and any exponent is exact. */
static inline float fal_rng_log(uint32_t m)
{
    const uint32_t sqrt_half = 0x3f3504f3;
    float whole = (float)(int32_t)m;
    uint32_t bits;
    memcpy(&bits, &whole, sizeof bits);
    int32_t shifted = (int32_t)(bits - sqrt_half);
    float exponent = (float)((shifted >> 23) - 24);
    float f = fal_rng_float_of((uint32_t)(shifted & 0x7fffff) + sqrt_half) - 1.0f;
    float p = -0.0763443f;
    p = p * f + 0.1276155f;
    p = p * f - 0.13160194f;
    p = p * f + 0.14201762f;
    p = p * f - 0.16623357f;
    p = p * f + 0.20001227f;
    p = p * f - 0.25000823f;
    p = p * f + 0.3333333f;
    float square = f * f;
    float log = (p * (square * f) - 0.5f * square) + exponent * -2.1219444e-4f;
    return (log + f) + exponent * 0.693359375f;
}

/* cos and sin of 2 pi k / 2^24: the nearest quarter turn is taken off in whole numbers, what is left is at most pi/4
 * and goes through minimax polynomials (errors 1e-10 and 4e-9 before rounding). */
static inline void fal_rng_cos_sin(uint32_t k, float *cosine, float *sine)
{
    uint32_t quarter = (k + (1u << 21)) >> 22;
    float x = (float)((int32_t)k - (int32_t)(quarter << 22)) * 3.7450702e-7f; /* 2 pi / 2^24 */
    float z = x * x;
    float s = ((-1.9517298e-4f * z + 8.332178e-3f) * z - 0.16666655f) * z;
    float c = ((2.443845e-5f * z - 1.3887367e-3f) * z + 0.041666646f) * (z * z);
    float sin_x = s * x + x;
    float cos_x = (c - 0.5f * z) + 1.0f;
    float cos_size = quarter & 1 ? sin_x : cos_x;
    float sin_size = quarter & 1 ? cos_x : sin_x;
    *cosine = (quarter + 1) & 2 ? -cos_size : cos_size;
    *sine = quarter & 2 ? -sin_size : sin_size;
}

/* Two independent standard normals of two random words (Box and Muller, 1958). */
static inline void fal_rng_box_muller(uint32_t word0, uint32_t word1, float *first, float *second)
{
    float radius = sqrtf(-2.0f * fal_rng_log((word0 >> 8) + 1));
    float cosine, sine;
    fal_rng_cos_sin(word1 >> 8, &cosine, &sine);
    *first = radius * cosine;
    *second = radius * sine;
}

#endif
