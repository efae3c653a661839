/* Speech from espeak-ng: samples with the times of phonemes and words.
 * espeak-ng keeps its state in the process: one caller at a time, and pup_speech_start before the first one. */
#ifndef PUP_SPEECH_H
#define PUP_SPEECH_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>

enum { PUP_RATE = 22050 }; /* samples per second, espeak-ng's own rate */

typedef struct pup_phone {
    double start_s;
    char name[9]; /* espeak mnemonic; "_", "_:" are pauses */
} pup_phone;

typedef struct pup_phones {
    pup_phone *items; /* in order of time */
    size_t count, capacity;
} pup_phones;

typedef struct pup_word {
    double start_s, end_s;
    size_t text_at, text_length; /* in the text that was spoken, bytes */
} pup_word;

typedef struct pup_words {
    pup_word *items;
    size_t count, capacity;
} pup_words;

typedef struct pup_speech {
    float *samples; /* [count], -1 to 1 */
    size_t count, capacity;
    pup_phones phones;
    pup_words words;
} pup_speech;

typedef struct pup_voice {
    char name[48]; /* espeak voice and variant, "en-us+f3" */
    int rate_wpm;  /* 80 to 450 */
    int pitch;     /* 0 to 100 */
    int range;     /* 0 to 100, liveliness of the intonation */
} pup_voice;

fal_status pup_speech_start(fal_error *err);
void pup_speech_stop(void);
fal_status pup_speak(const pup_voice *voice, const char *text, pup_speech *out, fal_error *err);
void pup_speech_free(pup_speech *speech);

bool pup_phone_is_pause(const pup_phone *phone);
fal_status pup_phones_add(pup_phones *phones, const pup_phone *phone, fal_error *err);
void pup_phones_free(pup_phones *phones);

#endif
