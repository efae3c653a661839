/* What a clip's wrapping tells: lengths, levels, sizes, formats. One pass over the file. */
#ifndef FAL_AUDIT_CLIP_FACTS_H
#define FAL_AUDIT_CLIP_FACTS_H

#include "audit/clip_print.h"

#include <signal.h>
#include <stdint.h>

typedef enum fal_number_fact {
    FAL_FACT_LEADING_SILENCE,
    FAL_FACT_TRAILING_SILENCE,
    FAL_FACT_DURATION,
    FAL_FACT_LENGTH_DIFFERENCE,
    FAL_FACT_AUDIO_DELAY,
    FAL_FACT_LOUDNESS,
    FAL_FACT_PEAK,
    FAL_FACT_PICTURE_SIZE,
    FAL_FACT_FRAME_RATE,
    FAL_FACT_VIDEO_BIT_RATE,
    FAL_FACT_AUDIO_BIT_RATE,
    FAL_FACT_FILE_SIZE,
    FAL_NUMBER_FACTS
} fal_number_fact;

typedef enum fal_text_fact {
    FAL_FACT_STREAMS,
    FAL_FACT_CONTAINER,
    FAL_FACT_VIDEO_CODEC,
    FAL_FACT_PIXEL_FORMAT,
    FAL_FACT_RESOLUTION,
    FAL_FACT_AUDIO_CODEC,
    FAL_FACT_SAMPLE_RATE,
    FAL_FACT_CHANNELS,
    FAL_TEXT_FACTS
} fal_text_fact;

/* How a fact is called, and what to do when it tells fake from real. */
typedef struct fal_fact_name {
    const char *name, *unit, *cure; /* unit NULL: a fact of names */
} fal_fact_name;
extern const fal_fact_name fal_number_fact_names[FAL_NUMBER_FACTS];
extern const fal_fact_name fal_text_fact_names[FAL_TEXT_FACTS];

enum { FAL_FACT_TEXT = 48 };

typedef struct fal_clip_facts {
    double numbers[FAL_NUMBER_FACTS];          /* NaN: unknown */
    char texts[FAL_TEXT_FACTS][FAL_FACT_TEXT]; /* empty: unknown */
    fal_clip_print print;
} fal_clip_facts;

/* Decodes the whole clip. FAL_ERR_CANCELLED when *cancel turns non-zero (NULL: never). Any thread. */
fal_status fal_clip_facts_measure(const char *path, const volatile sig_atomic_t *cancel, fal_clip_facts *out,
                                  fal_error *err);

#endif
