/* Conversions between float32 and the 16-bit formats; round to nearest even, NaN stays NaN. */
#ifndef FAL_CORE_HALF_H
#define FAL_CORE_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline float fal_bf16_to_f32(uint16_t h)
{
    uint32_t bits = (uint32_t)h << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static inline uint16_t fal_f32_to_bf16(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

float fal_f16_to_f32(uint16_t h);
uint16_t fal_f32_to_f16(float f);

void fal_f16_to_f32_n(const uint16_t *in, float *out, size_t n);
void fal_bf16_to_f32_n(const uint16_t *in, float *out, size_t n);
void fal_f32_to_f16_n(const float *in, uint16_t *out, size_t n);
void fal_f32_to_bf16_n(const float *in, uint16_t *out, size_t n);

#endif
