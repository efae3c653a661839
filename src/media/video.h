/* The video stream as a sequence of upright RGB frames at a fixed or at the native rate. Inside src/media only. */
#ifndef FAL_MEDIA_VIDEO_H
#define FAL_MEDIA_VIDEO_H

#include "media/clip.h"
#include "media/report.h"

typedef struct fal_video_reader fal_video_reader;

/* `reading` outlives the reader, which keeps its video part up to date. options->fps and options->threads are set. */
fal_status fal_video_reader_open(const char *path, const fal_clip_options *options, fal_reading *reading,
                                 fal_video_reader **out, fal_error *err);
void fal_video_reader_free(fal_video_reader **reader);

/* As fal_clip_next_frame. */
fal_status fal_video_reader_next(fal_video_reader *reader, fal_frame *frame, bool *end, fal_error *err);

#endif
