/* Sounds made at test time. A failure inside ends the current test. */
#ifndef FAL_TESTS_MEDIA_SOUND_FILE_H
#define FAL_TESTS_MEDIA_SOUND_FILE_H

#include <stddef.h>
#include <stdint.h>

enum { SOUND_FILE_RATE = 16000 };

/* Writes mono 16-bit PCM at 16 kHz; samples in [-1, 1]. Missing folders are made. */
void sound_file_write(const char *path, const float *samples, size_t count);

/* Syllables: bursts of noise, 0.05 to 0.2 s long, of random loudness between `loudness` / 4 and `loudness`, with
 * quieter gaps; nothing in it repeats. The first `silent` samples are zero. The same for the same seed. */
void sound_file_syllables(const char *path, size_t count, size_t silent, double loudness, uint64_t seed);

#endif
