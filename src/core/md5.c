/* MD5, after RFC 1321, section 3. */
#include "core/digest_block.h"

enum { ROUNDS = 64, WORDS = 4 };

/* floor(2^32 * |sin(i + 1)|) */
static const uint32_t constants[ROUNDS] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

/* How far each step turns: four amounts in every round of sixteen. */
static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

fal_digest fal_md5_start(void)
{
    return (fal_digest){.state = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}};
}

/* Functions F, G, H, I, one per round of sixteen, and the word of the block that step i takes. */
static uint32_t mix(int i, uint32_t b, uint32_t c, uint32_t d, int *word)
{
    switch (i / 16) {
    case 0: *word = i; return (b & c) | (~b & d);
    case 1: *word = (5 * i + 1) % 16; return (b & d) | (c & ~d);
    case 2: *word = (3 * i + 5) % 16; return b ^ c ^ d;
    default: *word = 7 * i % 16; return c ^ (b | ~d);
    }
}

static void take_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    for (int i = 0; i < ROUNDS; i++) {
        int word, n = turns[i / 16][i % 4];
        uint32_t sum = a + mix(i, b, c, d, &word) + constants[i];
        const uint8_t *in = block + 4 * word;
        sum += (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
        a = d, d = c, c = b;
        b += sum << n | sum >> (32 - n);
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
}

void fal_md5_add(fal_digest *d, const void *bytes, size_t length)
{
    fal_digest_add(d, bytes, length, take_block);
}

void fal_md5_text(const fal_digest *d, char out[FAL_MD5_HEX])
{
    fal_digest last = *d;
    uint8_t bytes[4 * WORDS];
    fal_digest_pad(&last, false, take_block);
    for (int i = 0; i < 4 * WORDS; i++)
        bytes[i] = (uint8_t)(last.state[i / 4] >> 8 * (i % 4));
    fal_digest_hex(bytes, sizeof bytes, out);
}
