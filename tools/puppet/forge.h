/* The forgeries: what they do to a take, and what they leave to be done to the pictures. */
#ifndef PUP_FORGE_H
#define PUP_FORGE_H

#include "puppet/take.h"

#include <stdbool.h>

typedef struct pup_segment {
    double start_s, end_s; /* end_s <= start_s: there is none */
} pup_segment;

/* What the manifest tells about a clip. Plain data: travels through a pipe. */
typedef struct pup_facts {
    pup_segment audio_fake, visual_fake;
    char old_words[64], new_words[64];
    char text[400]; /* what is said, before any forgery; cut to fit */
    char voice[48]; /* the one that is heard most */
    double duration_s, shift_s;
    int64_t frames;
} pup_facts;

/* How the pictures of facts->visual_fake are to be changed. */
typedef struct pup_retouch {
    enum { PUP_RETOUCH_NONE, PUP_RETOUCH_MOUTH, PUP_RETOUCH_FACE } kind;
    uint64_t seed;     /* of flicker and jitter */
    int soft_radius;   /* of the mouth's blur, pixels at a face of 60 pixels' half width */
    double strength;   /* of the blur, 0 to 1 */
    double gain[3];    /* colour mismatch, b g r */
    double noise_left; /* share of the camera noise that stays */
    double flicker;    /* standard deviation of the gain from frame to frame */
    double jitter_px;  /* of the pasted face */
} pup_retouch;

/* Applies clip->method to the take. Nothing happens for a real clip. espeak-ng must be started. */
fal_status pup_forge(const pup_clip *clip, pup_take *take, pup_facts *facts, pup_retouch *retouch, fal_error *err);

#endif
