/* Command-line options of puppet. */
#ifndef PUP_OPTIONS_H
#define PUP_OPTIONS_H

#include "core/status.h"
#include "puppet/method.h"

#include <stdbool.h>
#include <stdint.h>

enum { PUP_MAX_SPLITS = 8, PUP_MAX_CLIPS = 20000, PUP_MAX_FACES = 4 };

typedef struct pup_split {
    char name[24];
    double share; /* of the clips; the shares of all splits add up to 1 */
} pup_split;

typedef struct pup_options {
    const char *out_dir;
    int64_t clips;
    double seconds;
    uint64_t seed;
    int64_t width, height;
    int fps_num, fps_den;
    double fake_fraction;
    pup_method methods[PUP_METHODS]; /* used in turn */
    int method_count;
    pup_split splits[PUP_MAX_SPLITS];
    int split_count;
    const char *codec, *audio_codec;
    int64_t crf;
    int64_t faces;
    int64_t jobs;
    double noise;           /* standard deviation of the camera noise in grey levels */
    double leading_silence; /* share of one class whose audio starts with digital silence */
    bool silence_on_real;   /* that class is real instead of fake */
    bool poses;             /* write what was drawn beside each clip */
    bool help, quiet;
} pup_options;

/* Parses argv into *out (defaults first). FAL_ERR_ARGUMENT with a sentence on wrong usage. Strings point into argv. */
fal_status pup_options_parse(int argc, char **argv, pup_options *out, fal_error *err);
extern const char pup_help[];

#endif
