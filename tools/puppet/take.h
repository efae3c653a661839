/* What is said in one clip: the track with its phonemes and words, on the clip's own clock. */
#ifndef PUP_TAKE_H
#define PUP_TAKE_H

#include "puppet/cast.h"
#include "puppet/speech.h"

#include "core/buf.h"

typedef struct pup_take {
    float *track;      /* [count] dry speech */
    float *noise_gain; /* [count] of the room's noise, 1 unless a forgery lowers it */
    size_t count;
    double seconds;
    pup_phones phones;
    pup_words words; /* only those that end within the clip */
    fal_buf text;
} pup_take;

/* Lets `voice` speak the text of the clip's recording, after `lead_s` seconds or a little more of quiet. */
fal_status pup_take_make(const pup_clip *clip, const pup_voice *voice, double seconds, double lead_s, pup_take *out,
                         fal_error *err);
void pup_take_free(pup_take *take);

size_t pup_sample_at(const pup_take *take, double time_s);

#endif
