/* An opened media file and the two streams of it that matter. Inside src/media only. */
#ifndef FAL_MEDIA_CONTAINER_H
#define FAL_MEDIA_CONTAINER_H

#include "core/status.h"
#include "media/report.h"

#include <libavformat/avformat.h>

/* 64 million: twice what 8K video has. */
enum { FAL_MAX_PICTURE_PIXELS = 1 << 26 };

typedef struct fal_container {
    AVFormatContext *format;
    AVStream *video, *audio; /* best stream of each kind, NULL when there is none; cover pictures are no video */
    int64_t zero_us;         /* the clip's zero on FFmpeg's clock, microseconds */
} fal_container;

/* Opens a local regular file and reads its headers. `out` is left untouched on failure. */
fal_status fal_container_open(const char *path, fal_container *out, fal_error *err);
void fal_container_close(fal_container *container);

void fal_container_describe(const fal_container *container, fal_media_info *info);

/* Display matrix of the video stream (9 values, see libavutil/display.h), NULL when it has none. */
const int32_t *fal_container_display_matrix(const fal_container *container);

/* Clockwise turn that the matrix asks for, in whole degrees 0..359; NULL asks for none. */
int fal_display_rotation_deg(const int32_t *matrix);

fal_claim fal_container_claim(const fal_container *container, const AVStream *stream);

/* FFmpeg prints to stderr through one callback for the whole process and cannot be silenced in any other way. Only the
 * untouched default level is changed: a program that chose a level of its own keeps it. Called before anything of
 * FFmpeg is opened. */
void fal_quiet_ffmpeg(void);

/* FFmpeg's error number as our status and "<path>: <what>: <FFmpeg's text>". */
fal_status fal_fail_av(fal_error *err, int code, const char *path, const char *what);

#endif
