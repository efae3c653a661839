/* Files that the command tests work on. */
#ifndef FAL_TESTS_CLI_MATERIAL_H
#define FAL_TESTS_CLI_MATERIAL_H

#include <stddef.h>
#include <stdint.h>

/* A tiny random wav2vec 2.0 of 64 channels. */
const char *tiny_encoder(void);
enum { TINY_DIM = 64 };

/* A mono 16 kHz sound: a tone of `hertz` in noise that follows from `seed`. Missing folders are made. */
void write_sound(const char *path, double seconds, double hertz, uint64_t seed);
/* A random probe for the tiny encoder. */
void write_probe(const char *path);
void write_text(const char *path, const char *text);
void check_same_file(const char *a, const char *b); /* byte for byte */

/* Files in a folder whose name ends so ("" : all), subfolders not counted; 0 when there is no such folder. */
size_t files_in(const char *folder, const char *ending);

#endif
