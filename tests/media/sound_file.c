#include "media/sound_file.h"

#include "core/file.h"
#include "core/rng.h"
#include "support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 44 };

static void put32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

void sound_file_write(const char *path, const float *samples, size_t count)
{
    static const uint8_t header[HEADER + 1] =
        "RIFF    WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data    ";
    size_t bytes = HEADER + 2 * count;
    uint8_t *wav = malloc(bytes);
    fal_error err = {0};
    assert_non_null(wav);
    memcpy(wav, header, HEADER);
    put32(wav + 4, (uint32_t)bytes - 8);
    put32(wav + 40, (uint32_t)(2 * count));
    for (size_t i = 0; i < count; i++) {
        int16_t value = (int16_t)lrintf(32767 * samples[i]);
        memcpy(wav + HEADER + 2 * i, &value, 2);
    }
    fal_check_ok(fal_file_write(path, wav, bytes, &err), &err);
    free(wav);
}

void sound_file_syllables(const char *path, size_t count, size_t silent, double loudness, uint64_t seed)
{
    float *samples = calloc(count, sizeof *samples);
    fal_rng rng = fal_rng_make(seed, 0);
    assert_non_null(samples);
    for (size_t at = silent; at < count;) {
        size_t length = (size_t)((0.05 + 0.15 * fal_rng_uniform(&rng)) * SOUND_FILE_RATE);
        double level = loudness * (0.25 + 0.75 * fal_rng_uniform(&rng));
        for (size_t i = 0; i < length && at < count; i++, at++) {
            float noise = (float)(level * (2 * fal_rng_uniform(&rng) - 1));
            samples[at] = i == 0 ? (float)level : noise; /* a click: the first sample of a sound is never silent */
        }
    }
    sound_file_write(path, samples, count);
    free(samples);
}
