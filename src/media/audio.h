/* The audio stream as 16 kHz mono, or as it is into a file. Inside src/media only. */
#ifndef FAL_MEDIA_AUDIO_H
#define FAL_MEDIA_AUDIO_H

#include "media/clip.h"
#include "media/report.h"

/* As fal_clip_read_audio; updates the audio part of `reading`. */
fal_status fal_audio_read(const char *path, const fal_clip_options *options, fal_resample_mode mode,
                          fal_reading *reading, float **samples, size_t *count, fal_error *err);

/* As fal_clip_save_audio. */
fal_status fal_audio_save(const char *path, const fal_clip_options *options, fal_reading *reading, const char *to,
                          fal_error *err);

#endif
