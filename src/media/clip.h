/* One media file: its frames one by one and its whole audio track.
 *
 *     fal_clip *clip = NULL;
 *     FAL_TRY(fal_clip_open(path, &(fal_clip_options){.threads = 2}, &clip, err));
 *     for (;;) {
 *         fal_frame frame;
 *         bool end;
 *         FAL_TRY(fal_clip_next_frame(clip, &frame, &end, err));
 *         if (end)
 *             break;
 *         use(frame.data, frame.stride, frame.width, frame.height);
 *     }
 *     FAL_TRY(fal_clip_read_audio(clip, FAL_RESAMPLE_SOXR_HQ, &samples, &count, err));
 *
 * Frames and audio may be read in either order: each has its own reader on the file, so nothing is queued. Memory: a
 * few frames, whatever the length, and the 16 kHz samples. A clip belongs to one thread at a time.
 *
 * Damage is not an error: what can be decoded is returned and fal_clip_report tells what was lost. */
#ifndef FAL_MEDIA_CLIP_H
#define FAL_MEDIA_CLIP_H

#include "core/status.h"
#include "media/resample.h"

#include <falsetto/media.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fal_clip fal_clip;

typedef struct fal_clip_options {
    int fps;     /* output frame rate; zero: 25 */
    bool exact;  /* follow the official scripts: every decoded frame once, audio from its first sample, no filling */
    int threads; /* decoder threads; zero: 1. The result does not depend on it */
} fal_clip_options;

/* Opens a local file: never a URL, and never another file that this one points to (playlists are refused). The path is
 * copied. Errors as fal_media_probe (<falsetto/media.h>). options may be NULL. */
fal_status fal_clip_open(const char *path, const fal_clip_options *options, fal_clip **clip, fal_error *err);
void fal_clip_free(fal_clip **clip);

const fal_media_info *fal_clip_info(const fal_clip *clip);     /* from the headers; lives as long as the clip */
const fal_media_report *fal_clip_report(const fal_clip *clip); /* complete once both streams have been read */
const char *fal_clip_path(const fal_clip *clip);

/* One upright picture. Every frame of a clip has the same size. */
typedef struct fal_frame {
    const uint8_t *data;   /* [height] rows of `stride` bytes, each [width][3] in the order R, G, B */
    int64_t width, height;
    int64_t stride;        /* bytes from one row to the next, at least 3 * width */
    int64_t index;         /* 0, 1, 2, ... */
    double time_s;         /* on the clip's clock; index / fps unless exact */
} fal_frame;

/* The next frame, or *end = true (and *frame untouched) after the last one or when there is no video. Pixels stay valid
 * until the next call on this clip.
 *
 * At a fixed rate, frame n shows the last decoded picture whose time, rounded to the nearest slot of 1/fps s, is not
 * after n: the rule of FFmpeg's fps filter (round=near, start_time=0, eof_action=round). Slot 0 is the clip's zero, so
 * frame n and audio samples [640 n, 640 n + 640) belong together. Colours as `ffmpeg -i clip -pix_fmt rgb24` makes
 * them, byte for byte. */
fal_status fal_clip_next_frame(fal_clip *clip, fal_frame *frame, bool *end, fal_error *err);

/* Starts again at the first frame; frame counts of the report start again too. */
fal_status fal_clip_rewind(fal_clip *clip, fal_error *err);

/* The whole audio track as 16 kHz mono, by one of the two official ways (media/resample.h). Full scale is 1; resampling
 * overshoots it a little where the sound is clipped.
 * FAL_RESAMPLE_SOXR_HQ quantises to 16 bits first, as the WAV files that the official scripts write do;
 * FAL_RESAMPLE_SINC does so for lossy codecs only and keeps the precision of PCM and lossless ones.
 * Unless exact, a late start and gaps are filled with silence so that sample 16000 t belongs to second t of the clip.
 * *samples is the caller's to fal_free. FAL_ERR_NOT_FOUND without an audio stream, FAL_ERR_TOO_SHORT when no sample
 * could be decoded. */
fal_status fal_clip_read_audio(fal_clip *clip, fal_resample_mode mode, float **samples, size_t *count, fal_error *err);

/* Writes the whole audio track, atomically, as WAV with 16 bits at its own rate and channels, silence filled in as
 * above: what AVH-Align's script does with ffmpeg. fal_clip_read_audio gives the same samples for that file as for the
 * clip, unless the track has more than 16 bits and is read by FAL_RESAMPLE_SINC. Errors as fal_clip_read_audio. */
fal_status fal_clip_save_audio(fal_clip *clip, const char *to, fal_error *err);

#endif
