/* Where in the clip the frame logits stand out. */
#ifndef FAL_JUDGE_RANGES_H
#define FAL_JUDGE_RANGES_H

#include "core/status.h"

#include <falsetto/judge.h>

enum { FAL_MAX_RANGES = 5 };

/* The usable opinions' frame logits are averaged on a 25 Hz grid. A range is a run of frames above the level half-way
 * between the curve's median and its maximum; runs less than 0.2 s apart are one. At most FAL_MAX_RANGES, strongest
 * peak first. A flat curve (spread below 1e-3) gives none. */
fal_status fal_ranges_find(const fal_opinion *opinions, size_t count, fal_range out[FAL_MAX_RANGES], size_t *out_count,
                           fal_error *err);

#endif
