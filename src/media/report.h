/* What is known about a clip's reading so far, kept by the two stream readers. Inside src/media only. */
#ifndef FAL_MEDIA_REPORT_H
#define FAL_MEDIA_REPORT_H

#include <falsetto/media.h>

/* How one stream ended. */
typedef struct fal_stream_end {
    bool done;        /* read to its end */
    double length_s;  /* decoded */
    double end_s;     /* on the clip's clock */
    double claimed_s; /* what the headers promise; 0: nothing */
    bool whole_file;  /* the promise is for the file, so one of the two streams may be shorter by right */
} fal_stream_end;

typedef struct fal_reading {
    fal_media_report report;
    fal_stream_end video, audio;
} fal_reading;

/* Fills lengths, losses, and the warnings that follow from them and from the counts. */
void fal_reading_conclude(fal_reading *reading);

/* Forgets what was said about the video stream, which is about to be read again. */
void fal_reading_restart_video(fal_reading *reading);

#endif
