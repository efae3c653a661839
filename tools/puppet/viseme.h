/* From phonemes to the shape of the mouth. */
#ifndef PUP_VISEME_H
#define PUP_VISEME_H

#include "puppet/speech.h"

/* All 0 to 1 except `width`. Rest is all zeros. */
typedef struct pup_mouth {
    double open;   /* distance of the lips, 1: wide open */
    double width;  /* -1 narrow, 1 spread */
    double round;  /* protruded, "oo" */
    double teeth;  /* how much of the upper teeth shows */
    double tuck;   /* lower lip under the upper teeth, "f" */
    double tongue; /* tongue tip behind or between the teeth */
} pup_mouth;

/* The mouth at `time_s` of a phoneme sequence that ends at end_s. Neighbouring phonemes pull at each other with weights
 * that fall off exponentially in time (dominance functions: Cohen & Massaro, "Modeling coarticulation in synthetic
 * visual speech", 1993); closures and lip-teeth contacts pull hardest, so that they are reached. */
pup_mouth pup_mouth_at(const pup_phones *phones, double end_s, double time_s);

#endif
