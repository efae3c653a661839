/* Why a verdict deserves less trust, or cannot be given: a table of checks, each with a stable code
 * (docs/reasons.md). */
#ifndef FAL_JUDGE_REASONS_H
#define FAL_JUDGE_REASONS_H

#include <falsetto/judge.h>

/* Members' facts that are not in the judgement itself. */
typedef struct fal_judge_context {
    const fal_judgement *result;   /* opinions, media, face and sound filled in */
    bool needs_audio, needs_video; /* some member does */
    bool demonstration;            /* some head is for demonstration only */
    bool random_encoder;
    bool uncalibrated;
    const char *mismatch_head, *mismatch_wanted, *mismatch_given; /* a head trained on another encoder, or NULL */
} fal_judge_context;

enum { FAL_MAX_REASONS = 32 };

/* Runs every check; blocking reasons come first, then warnings, then notes. Returns how many were written. */
size_t fal_reasons_collect(const fal_judge_context *context, fal_reason out[FAL_MAX_REASONS]);

#endif
