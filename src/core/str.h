/* Paths and small string helpers. Every returned char * is the caller's to fal_free. */
#ifndef FAL_CORE_STR_H
#define FAL_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>

bool fal_str_starts(const char *text, const char *prefix);
bool fal_str_ends(const char *text, const char *suffix);
bool fal_str_eq(const char *a, const char *b);            /* NULL-safe */
/* Shell-like match with * (any run) and ? (any one character); no other special characters. */
bool fal_str_glob(const char *pattern, const char *text);
/* Bytes of the well-formed UTF-8 sequence at `text` (Unicode 15, table 3-7), 0 when there is none. */
size_t fal_utf8_length(const char *text);
/* Makes a text that quotes a file fit for a terminal: control characters but the newline become '?', those that UTF-8
 * spells with two bytes (C1) too. */
void fal_str_tame(char *text);

char *fal_path_join(const char *dir, const char *name);   /* one '/' between; an absolute name replaces dir */
char *fal_path_dir(const char *path);                     /* "a/b.c" -> "a", "b.c" -> "." */
const char *fal_path_base(const char *path);              /* "a/b.c" -> "b.c"; points into path */
/* "a/b.mp4", ".npz" -> "a/b.npz"; a name without extension gets it appended. */
char *fal_path_with_ext(const char *path, const char *ext);
bool fal_path_is_dir(const char *path);
bool fal_path_exists(const char *path);

#endif
