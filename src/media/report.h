/* What is known about a clip's reading so far, kept by the two stream readers. Inside src/media only. */
#ifndef FAL_MEDIA_REPORT_H
#define FAL_MEDIA_REPORT_H

#include <falsetto/media.h>

/* What the headers promise. */
typedef enum fal_claim_kind {
    FAL_CLAIM_NONE,
    FAL_CLAIM_LENGTH,   /* the stream lasts so long */
    FAL_CLAIM_END,      /* the stream ends at that time on the clip's clock */
    FAL_CLAIM_FILE_END, /* the longer one of the streams does */
} fal_claim_kind;

typedef struct fal_claim {
    fal_claim_kind kind;
    double seconds;
} fal_claim;

/* How one stream ended. */
typedef struct fal_stream_end {
    bool done;       /* read to its end */
    double length_s; /* decoded */
    double end_s;    /* on the clip's clock */
    fal_claim claim;
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
