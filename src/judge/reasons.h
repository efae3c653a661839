/* Why a verdict deserves less trust, or cannot be given: a table of checks, each with a stable code
 * (docs/reasons.md). */
#ifndef FAL_JUDGE_REASONS_H
#define FAL_JUDGE_REASONS_H

#include "judge/mismatch.h"

#include <falsetto/judge.h>

/* Members' facts that are not in the judgement itself. */
typedef struct fal_judge_context {
    const fal_judgement *result;   /* opinions, media, face and sound filled in */
    bool needs_audio, needs_video; /* some member does */
    bool demonstration;            /* some head is for demonstration only */
    bool random_encoder;
    bool uncalibrated;
    /* The head that fits its encoder worst, what it was trained on, and what it is used with. */
    fal_match match;
    const char *mismatch_head, *mismatch_wanted, *mismatch_given;
    const char *mismatch_feature; /* the feature it was trained on, when that is the difference, else NULL */
    int64_t samples_per_frame;    /* for an encoder that joins waveform and frames (Auto-AVSR); 0: none, or no frame */
} fal_judge_context;

enum { FAL_MAX_REASONS = 32 };

/* Runs every check; blocking reasons come first, then warnings, then notes. Returns how many were written. */
size_t fal_reasons_collect(const fal_judge_context *context, fal_reason out[FAL_MAX_REASONS]);

#endif
