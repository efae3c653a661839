/* 16-bit PCM sound on its way into a WAV file, block by block; the file appears under its name when it is complete. */
#ifndef FAL_MEDIA_WAV_FILE_H
#define FAL_MEDIA_WAV_FILE_H

#include "core/status.h"

#include <stddef.h>
#include <stdint.h>

typedef struct fal_wav_file fal_wav_file;

/* Missing parent folders are made. */
fal_status fal_wav_create(const char *path, int rate, int channels, fal_wav_file **out, fal_error *err);

/* samples: [frames][channels]. FAL_ERR_UNSUPPORTED when the file would pass 4 GiB, which the format cannot say. */
fal_status fal_wav_add(fal_wav_file *file, const int16_t *samples, size_t frames, fal_error *err);

/* Both free the file and set it to NULL, commit on failure too. */
fal_status fal_wav_commit(fal_wav_file **file, fal_error *err);
void fal_wav_abort(fal_wav_file **file); /* leaves nothing behind */

#endif
