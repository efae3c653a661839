/* Small clips made at test time with FFmpeg's encoders, so that every property of them is known. A failure inside ends
 * the current test. */
#ifndef FAL_TESTS_MEDIA_SYNTH_H
#define FAL_TESTS_MEDIA_SYNTH_H

#include <stdbool.h>
#include <stdint.h>

/* Pictures: frame n has red n * 3 everywhere but in the top left quarter, which is red 255 in every frame; green grows
 * with x, blue with y. */
typedef struct synth_video {
    const char *encoder;      /* NULL: no video; "png", "ffv1", "mpeg4", "mpeg1video", ... */
    const char *pixel_format; /* "rgb24", "yuv420p", ... */
    int width, height;
    int frames;
    int fps;                /* frame n at n / fps seconds */
    const int *times_ms;    /* or at these times */
    int start_ms;           /* added to all times */
    int rotation_deg;       /* clockwise turn to note in the file; 0 writes no matrix */
    bool mirrored;          /* with rotation: the matrix also flips left and right */
    int coarseness;         /* quantiser scale of lossy encoders, 1 (finest, default) .. 31 */
} synth_video;

/* Sound: a sine of 440 Hz, amplitude 0.5, in channel 0, silence in the others. */
typedef struct synth_audio {
    const char *encoder; /* NULL: no audio; "pcm_s16le", "aac", ... */
    int rate, channels;
    int length_ms, start_ms;
    int hole_from_ms, hole_to_ms; /* no packets in this stretch of the track; equal: no hole */
} synth_audio;

/* `format`: FFmpeg's muxer name, e.g. "mov", "matroska", "wav". */
void synth_clip(const char *path, const char *format, const synth_video *video, const synth_audio *audio);

/* The red level of the lower right part of frame n. */
static inline int synth_red(int n)
{
    return n * 3 % 240;
}

/* Copies a file, keeping `keep` bytes of it; then overwrites bytes from `from` to `to` with noise. */
void synth_damage(const char *from_path, const char *to_path, double keep, double from, double to);
void synth_text_file(const char *path, const char *text);

#endif
