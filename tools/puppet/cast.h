/* Who appears in a dataset, and in which split: identities (a look and a voice) and clips. */
#ifndef PUP_CAST_H
#define PUP_CAST_H

#include "puppet/options.h"
#include "puppet/speech.h"

enum { PUP_PATH = 96 };

typedef struct pup_person {
    uint64_t look; /* seed of the face, see identity.h */
    bool female;
    pup_voice voice;
} pup_person;

typedef struct pup_clip {
    char path[PUP_PATH];     /* relative to the output folder */
    char original[PUP_PATH]; /* the real clip a fake was made from; empty when there is none */
    int split;
    pup_method method;
    int identity;       /* number of the speaker, from 0 */
    uint64_t recording; /* seed of text, motion, room: shared by a real clip and the fakes made from it */
    uint64_t forgery;   /* seed of what the forgery does */
    pup_person speaker;
    pup_person stranger; /* of the same split: gives face or voice to whole-clip forgeries */
    bool leading_silence;
} pup_clip;

/* Plans every clip. No voice and no identity is used in two splits. *out is an array of options->clips elements, to be
 * freed with fal_free. */
fal_status pup_cast(const pup_options *options, pup_clip **out, fal_error *err);

#endif
