/* Making files that ask for far more than they hold, and opening files under limits of memory and time. */
#ifndef FAL_TESTS_WEIGHTS_BOMB_H
#define FAL_TESTS_WEIGHTS_BOMB_H

#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stdint.h>

/* ---- making ---- */

void bomb_repeat(fal_buf *out, const char *text, size_t times);
void bomb_bytes(fal_buf *out, const void *bytes, size_t count);
/* Pickle opcodes: a short text, and a tensor of `count` float32 in storage `key`. */
void bomb_text(fal_buf *pickle, const char *text);
void bomb_tensor(fal_buf *pickle, const char *key, uint32_t count);

typedef struct bomb_zip {
    fal_buf file, directory;
    uint32_t members;
} bomb_zip;

/* A stored or deflated member, as long as it is. */
void bomb_add(bomb_zip *zip, const char *name, const void *bytes, size_t count, bool deflate);
/* Adds the directory, writes the file, frees. */
void bomb_write_zip(bomb_zip *zip, const char *path);
/* torch.save's container around one pickle: writes the file, frees the pickle. */
void bomb_write_torch(fal_buf *pickle, const char *path);
void bomb_write_safetensors(fal_buf *header, size_t data_bytes, const char *path);
void bomb_write(fal_buf *bytes, const char *path);

/* ---- setting off ---- */

/* What opening a file came to: a status and a sentence. */
typedef struct bomb_outcome {
    fal_status status;
    char text[FAL_ERROR_TEXT];
} bomb_outcome;
typedef fal_status bomb_fn(const char *path, fal_error *err);

/* Calls fn in a process of its own that may take BOMB_MEMORY bytes more than it has, and some seconds of processor time
 * so that an endless loop ends; the current test fails when it dies. Sanitizers need address space without end: their
 * builds call it here. Prints what it took. */
enum { BOMB_MEMORY = 256 << 20, BOMB_CPU_S = 20 };
bomb_outcome bomb_run(const char *path, bomb_fn *fn);

/* The outcome must be a failure that says this (NULL: any), or a success (status FAL_OK). Running out of memory is
 * neither. */
void bomb_check(const char *path, bomb_fn *fn, fal_status status, const char *text);

#endif
