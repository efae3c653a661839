/* Writing a clip anew: decode, filter, encode. Pictures that a recipe does not touch are copied packet by packet; such
 * sound is stored as 16-bit PCM, because the padding that lossy codecs put before it would not survive a copy.
 *
 *     const fal_recipe recipe = {.picture = {.encoder = "libx264", .options = "crf=36:preset=veryfast"}};
 *     FAL_TRY(fal_transcode("clip.mp4", "worse.mkv", &recipe, NULL, err));
 *
 * One thread everywhere and FFmpeg's bit-exact modes: the same libraries write the same bytes. */
#ifndef FAL_MEDIA_TRANSCODE_H
#define FAL_MEDIA_TRANSCODE_H

#include "core/status.h"

#include <signal.h>
#include <stdbool.h>

/* What happens to one stream. Nothing set: it stays as it is. */
typedef struct fal_stream_recipe {
    const char *filter;  /* chain in libavfilter's language, NULL: none */
    const char *encoder; /* libavcodec's name; NULL with a filter: without loss (ffv1, 16-bit PCM) */
    const char *options; /* of the encoder: "crf=36:preset=veryfast" */
    bool keep_size;      /* pictures leave in the size they came, whatever the filter did */
} fal_stream_recipe;

typedef struct fal_recipe {
    fal_stream_recipe picture, sound;
} fal_recipe;

bool fal_has_encoder(const char *name); /* in the libavcodec this runs with */

/* Writes the file `to`, in place; on failure what was written is left for the caller to remove. The container is
 * Matroska, or MP4 for sound of an encoder with padding, whose length only MP4 notes. Pictures are upright and times
 * are kept, but for a hole in a sound track that a lossy encoder closes. FAL_ERR_UNSUPPORTED names a missing encoder;
 * errors of reading as fal_media_probe; FAL_ERR_CANCELLED when *cancel (NULL: never) turns non-zero. */
fal_status fal_transcode(const char *from, const char *to, const fal_recipe *recipe,
                         const volatile sig_atomic_t *cancel, fal_error *err);

#endif
