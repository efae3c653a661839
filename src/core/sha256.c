/* SHA-256, after FIPS 180-4, sections 4.1.2, 4.2.2, 5.3.3 and 6.2. */
#include "core/digest_block.h"

enum { ROUNDS = 64, WORDS = 8 };

/* First 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[ROUNDS] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

fal_digest fal_sha256_start(void)
{
    /* The same of the square roots of the first eight primes. */
    return (fal_digest){
        .state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static uint32_t turn(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void schedule(uint32_t w[ROUNDS], const uint8_t *block)
{
    for (int i = 0; i < 16; i++, block += 4)
        w[i] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 | block[3];
    for (int i = 16; i < ROUNDS; i++) {
        uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
}

/* One round. The names of the eight words turn by one place from round to round, so the caller turns them instead of
 * moving the words. */
static inline void one_round(uint32_t a, uint32_t b, uint32_t c, uint32_t *d, uint32_t e, uint32_t f, uint32_t g,
                             uint32_t *h, uint32_t added)
{
    uint32_t t = *h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) + added;
    *d += t;
    *h = t + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));
}

static void take_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t w[ROUNDS];
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    schedule(w, block);
    for (int i = 0; i < ROUNDS; i += 8) {
        one_round(a, b, c, &d, e, f, g, &h, constants[i] + w[i]);
        one_round(h, a, b, &c, d, e, f, &g, constants[i + 1] + w[i + 1]);
        one_round(g, h, a, &b, c, d, e, &f, constants[i + 2] + w[i + 2]);
        one_round(f, g, h, &a, b, c, d, &e, constants[i + 3] + w[i + 3]);
        one_round(e, f, g, &h, a, b, c, &d, constants[i + 4] + w[i + 4]);
        one_round(d, e, f, &g, h, a, b, &c, constants[i + 5] + w[i + 5]);
        one_round(c, d, e, &f, g, h, a, &b, constants[i + 6] + w[i + 6]);
        one_round(b, c, d, &e, f, g, h, &a, constants[i + 7] + w[i + 7]);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void fal_sha256_add(fal_digest *d, const void *bytes, size_t length)
{
    fal_digest_add(d, bytes, length, take_block);
}

void fal_sha256_text(const fal_digest *d, char out[FAL_SHA256_HEX])
{
    fal_digest last = *d;
    uint8_t bytes[4 * WORDS];
    fal_digest_pad(&last, true, take_block);
    for (int i = 0; i < 4 * WORDS; i++)
        bytes[i] = (uint8_t)(last.state[i / 4] >> (24 - 8 * (i % 4)));
    fal_digest_hex(bytes, sizeof bytes, out);
}
