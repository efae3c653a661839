/* What is said in one clip: the track with its phonemes and words, on the clip's own clock. A clip is cut out of longer
 * speech, as clips of recordings are: it begins and ends in mid-sentence, and what was said before and after is known.
 */
#ifndef PUP_TAKE_H
#define PUP_TAKE_H

#include "puppet/cast.h"
#include "puppet/speech.h"

#include "core/buf.h"

/* Speech before and after the clip, more than any shift needs. */
#define PUP_MARGIN_S 0.7

typedef struct pup_take {
    float *track;      /* [-margin, count + margin) dry speech */
    float *noise_gain; /* [count] of the room's noise, 1 unless a forgery lowers it */
    size_t count, margin;
    double seconds;
    pup_phones phones;
    pup_words words; /* only those that begin and end within the clip */
    fal_buf text;
} pup_take;

/* Lets `voice` speak the text of the clip's recording. With quiet_s > 0 nothing is said before that time, and what a
 * clip without quiet begins with is said then. */
fal_status pup_take_make(const pup_clip *clip, const pup_voice *voice, double seconds, double quiet_s, pup_take *out,
                         fal_error *err);
void pup_take_free(pup_take *take);

/* Copies words first..last of the text; `out` stays empty when there are none. */
void pup_take_quote(const pup_take *take, size_t first, size_t last, char *out, size_t room);

size_t pup_sample_at(const pup_take *take, double time_s);

#endif
