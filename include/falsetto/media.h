/* What a media file holds, and what happened while it was decoded. Plain data; nothing here needs FFmpeg's headers.
 *
 * Times are in seconds on the clip's own clock, whose zero is the earlier of the two stream starts: video.start_s or
 * audio.start_s is therefore 0, the other tells how late that stream comes. */
#ifndef FALSETTO_MEDIA_H
#define FALSETTO_MEDIA_H

#include <falsetto/export.h>
#include <falsetto/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Filters of picture scaling on 8-bit pixels. */
typedef enum fal_scaling {
    FAL_SCALE_BICUBIC, /* these two as Pillow computes them: antialiased when shrinking */
    FAL_SCALE_BILINEAR,
    FAL_SCALE_OPENCV_BILINEAR /* as OpenCV: the two nearest pixels along each axis, however much is left out */
} fal_scaling;

/* How a frame or a face crop becomes the square the network reads: scaled with 8-bit pixels, then the middle cut out.
 * The encoder divides by 255 and normalises. */
typedef struct fal_picture_rule {
    int64_t side;          /* of the square, pixels; 0: the encoder reads no pictures */
    int64_t shorter;       /* the shorter edge is scaled to this, then the middle is cut; 0: both edges to `side` */
    fal_scaling scaling;
    bool crop_floor;       /* the middle begins at floor((size - side) / 2) (Hugging Face); else that half rounded to
                              even (torchvision) */
} fal_picture_rule;

enum { FAL_MEDIA_NAME = 64 };

/* Unknown numbers are 0, unknown names empty. */
typedef struct fal_video_info {
    bool present;
    int64_t width, height;      /* as shown: after the rotation is applied */
    int rotation_deg;           /* clockwise turn that makes the stored picture upright: 0, 90, 180, 270;
                                   other angles are not followed and count as 0 */
    double nominal_fps;         /* lowest rate that holds every timestamp */
    double average_fps;         /* frames / duration */
    bool variable_rate;         /* the two above differ by more than 1 % */
    double start_s, duration_s;
    int64_t bit_rate;           /* bits per second */
    char codec[FAL_MEDIA_NAME], pixel_format[FAL_MEDIA_NAME]; /* FFmpeg's names: "h264", "yuv420p" */
} fal_video_info;

typedef struct fal_audio_info {
    bool present;
    int64_t sample_rate, channels;
    double start_s, duration_s;
    int64_t bit_rate;
    char codec[FAL_MEDIA_NAME], sample_format[FAL_MEDIA_NAME]; /* "aac", "fltp" */
} fal_audio_info;

typedef struct fal_media_info {
    char container[FAL_MEDIA_NAME]; /* FFmpeg's demuxer name: "mov,mp4,m4a,3gp,3g2,mj2" */
    double duration_s;              /* what the container claims */
    int64_t bit_rate;
    fal_video_info video;
    fal_audio_info audio;
} fal_media_info;

/* Things worth telling a person who judges the clip; bits of fal_media_report.warnings. */
typedef enum fal_media_warning {
    FAL_MEDIA_WARN_VARIABLE_RATE = 1 << 0,   /* frames are not equally spaced in time */
    FAL_MEDIA_WARN_LATE_VIDEO = 1 << 1,      /* video starts 0.1 s or more after audio; its first frame stands in */
    FAL_MEDIA_WARN_LATE_AUDIO = 1 << 2,      /* audio starts 0.1 s or more after video; silence stands in */
    FAL_MEDIA_WARN_VIDEO_GAP = 1 << 3,       /* no frame for more than half a second; the last frame stands in */
    FAL_MEDIA_WARN_AUDIO_GAP = 1 << 4,       /* samples missing inside the track; silence stands in */
    FAL_MEDIA_WARN_BAD_TIMESTAMPS = 1 << 5,  /* jumps of more than a minute or backwards; such times were not used */
    FAL_MEDIA_WARN_DAMAGED_VIDEO = 1 << 6,   /* some packets could not be decoded, or only with visible damage */
    FAL_MEDIA_WARN_DAMAGED_AUDIO = 1 << 7,
    FAL_MEDIA_WARN_TRUNCATED_VIDEO = 1 << 8, /* half a second or more of the claimed duration is not there */
    FAL_MEDIA_WARN_TRUNCATED_AUDIO = 1 << 9,
    FAL_MEDIA_WARN_SIZE_CHANGE = 1 << 10,    /* the picture size changes; later frames were scaled to the first size */
    FAL_MEDIA_WARN_LOW_BIT_RATE = 1 << 11    /* few bits per pixel: heavily compressed */
} fal_media_warning;

/* Counts grow while a clip is read; losses are filled in at the end of each stream. */
typedef struct fal_media_report {
    int64_t frames_decoded;      /* from the file */
    int64_t frames_out;          /* handed to the caller */
    int64_t frames_dropped;      /* decoded but not shown at the output rate */
    int64_t frames_duplicated;   /* shown again to fill the output rate */
    int64_t frames_damaged;      /* decoded with errors concealed by the decoder, or not to be converted to RGB */
    int64_t video_errors, audio_errors; /* packets that could not be decoded */
    int64_t audio_samples;       /* decoded, per channel, at the file's own rate */
    double video_s, audio_s;     /* length of what was decoded */
    double lost_video_s, lost_audio_s; /* claimed minus decoded, 0 when nothing is missing */
    double bits_per_pixel;       /* compressed video bits / (decoded frames * width * height); 0 without a frame */
    uint32_t warnings;           /* bits of fal_media_warning */
} fal_media_report;

/* Opens a local file, reads its headers (and as many packets as FFmpeg needs to know the codecs), closes it.
 * FAL_ERR_NOT_FOUND, FAL_ERR_IO; FAL_ERR_FORMAT for what is no media file or too damaged to open; FAL_ERR_UNSUPPORTED
 * for pictures above 16384 pixels a side or 2^26 in all, or a file without audio and video. Any thread. */
FAL_API fal_status fal_media_probe(const char *path, fal_media_info *info, fal_error *err);

/* Stable code ("late_audio") and sentence of one warning bit; "unknown" for anything else. */
FAL_API const char *fal_media_warning_code(fal_media_warning warning);
FAL_API const char *fal_media_warning_text(fal_media_warning warning);

#ifdef __cplusplus
}
#endif
#endif
