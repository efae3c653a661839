#include "core/half.h"

#include "core/clones.h"

/* The loops below have no branches: each element computes all cases and selects, so that they vectorise. float16 has
 * 5 exponent bits (bias 15) and 10 mantissa bits, float32 8 (bias 127) and 23. */

enum {
    BIAS_SHIFT = 112 << 23,        /* difference of the exponent biases, as float32 bits */
    F16_INFINITY = 0x7c00,
    F32_INFINITY = 0x7f800000,
    F32_TOO_LARGE = 0x47800000,    /* 65536: beyond float16 whatever the rounding */
    F32_SMALLEST_NORMAL = 0x38800000 /* 2^-14: below it float16 is subnormal */
};

static inline float float_of(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint32_t bits_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

static inline float widen(uint16_t h)
{
    uint32_t magnitude = h & 0x7fffu;
    uint32_t normal = (magnitude << 13) + BIAS_SHIFT;
    uint32_t special = normal + BIAS_SHIFT;                              /* infinity, NaN with its payload */
    uint32_t subnormal = bits_of((float)(int32_t)magnitude * 0x1p-24f);  /* exact; also zero */
    uint32_t bits = magnitude < 0x400 ? subnormal : magnitude < F16_INFINITY ? normal : special;
    return float_of(bits | (uint32_t)(h & 0x8000u) << 16);
}

static inline uint16_t narrow(float f)
{
    uint32_t magnitude = bits_of(f) & 0x7fffffffu;
    /* The tie goes to even by adding half a unit less one, plus the lowest kept bit; a carry out of the mantissa moves
     * to the exponent, and out of the largest exponent to infinity, as it should. */
    uint32_t normal = (magnitude - BIAS_SHIFT + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    /* 0.5 has a unit in the last place of 2^-24, the subnormal step: the addition does the rounding. */
    uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;
    uint32_t special = magnitude > F32_INFINITY ? 0x7e00u | ((magnitude >> 13) & 0x3ffu) : (uint32_t)F16_INFINITY;
    uint32_t bits = magnitude < F32_SMALLEST_NORMAL ? subnormal : magnitude < F32_TOO_LARGE ? normal : special;
    return (uint16_t)(bits | (bits_of(f) >> 16 & 0x8000u));
}

float fal_f16_to_f32(uint16_t h)
{
    return widen(h);
}

uint16_t fal_f32_to_f16(float f)
{
    return narrow(f);
}

FAL_CLONES void fal_f16_to_f32_n(const uint16_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = widen(in[i]);
}

FAL_CLONES void fal_f32_to_f16_n(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = narrow(in[i]);
}

FAL_CLONES void fal_bf16_to_f32_n(const uint16_t *in, float *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = fal_bf16_to_f32(in[i]);
}

FAL_CLONES void fal_f32_to_bf16_n(const float *in, uint16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = bits_of(in[i]);
        uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
        uint32_t quiet_nan = bits >> 16 | 0x40;
        out[i] = (uint16_t)((bits & 0x7fffffffu) > F32_INFINITY ? quiet_nan : rounded);
    }
}
