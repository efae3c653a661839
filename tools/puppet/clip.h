/* Makes one clip: speech, forgery, pictures, file. */
#ifndef PUP_CLIP_H
#define PUP_CLIP_H

#include "puppet/cast.h"
#include "puppet/forge.h"

/* Starts and stops espeak-ng. Everything the clip contains depends on `clip` and `options` alone, provided that the
 * process has not used espeak-ng before. */
fal_status pup_clip_make(const pup_options *options, const pup_clip *clip, pup_facts *out, fal_error *err);

#endif
