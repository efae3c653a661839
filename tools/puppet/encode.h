/* Writes a clip with the FFmpeg libraries. */
#ifndef PUP_ENCODE_H
#define PUP_ENCODE_H

#include "core/status.h"
#include "puppet/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pup_writer pup_writer;

/* "25", "29.97", "30000/1001", "ntsc" to a fraction. */
bool pup_parse_rate(const char *text, int *num, int *den);
/* File name extension of a --codec, "mp4" when there is no such codec (pup_codec_check tells). */
const char *pup_codec_extension(const char *codec);
/* Whether this build of FFmpeg can write what the options ask for. */
fal_status pup_codec_check(const pup_options *options, fal_error *err);

/* Bytes go to a temporary file that takes the name `path` when pup_writer_close succeeds. `samples` (mono, PUP_RATE) is
 * read while pictures are written and must stay. */
fal_status pup_writer_open(const char *path, const pup_options *options, const float *samples, size_t count,
                           pup_writer **out, fal_error *err);
/* Adds a picture: 32-bit pixels, bytes B G R x, `stride` bytes from row to row. */
fal_status pup_writer_picture(pup_writer *writer, const uint8_t *pixels, size_t stride, fal_error *err);
/* Flushes everything and puts the file in place. */
fal_status pup_writer_close(pup_writer **writer, fal_error *err);
/* Drops an unfinished file. */
void pup_writer_abort(pup_writer **writer);

#endif
