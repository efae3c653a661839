/* Which frames of a clip the official evaluations of the picture encoders look at. Plain arithmetic: the numbers are
 * frame indices of the file as decoded, 0 .. total - 1 with total >= 1, in the order the network gets them. */
#ifndef FAL_MEDIA_SAMPLING_H
#define FAL_MEDIA_SAMPLING_H

#include <stdint.h>

enum {
    FAL_SAMPLE_WINDOW = 16,       /* frames that VideoMAE sees at once */
    FAL_SAMPLE_KINETICS_RATE = 4, /* and how its authors' test on Kinetics picks them */
    FAL_SAMPLE_KINETICS_WINDOWS = 5,
    FAL_SAMPLE_SSV2_WINDOWS = 2,
    FAL_SAMPLE_FSFM_FRAMES = 32 /* frames per clip in FSFM's evaluation */
};

/* VideoMAE on Kinetics: every rate-th frame, the last of them repeated up to 16; window 0 .. windows - 1 are 16 in a
 * row of these, starting at equal distances rounded down. */
void fal_sample_kinetics(int64_t total, int64_t rate, int64_t windows, int64_t window, int64_t out[FAL_SAMPLE_WINDOW]);

/* VideoMAE on Something-Something v2: the clip in 16 equal parts; window 0 takes the first frame of each, window 1 the
 * middle one. */
void fal_sample_ssv2(int64_t total, int64_t window, int64_t out[FAL_SAMPLE_WINDOW]);

/* FSFM: `count` frames at equal distances rounded down, the first and the last among them; short clips repeat. */
void fal_sample_uniform(int64_t total, int64_t count, int64_t *out);

#endif
