/* What the heads say: grammatical nonsense from a small vocabulary. */
#ifndef PUP_TEXT_H
#define PUP_TEXT_H

#include "core/buf.h"
#include "core/rng.h"

/* Appends sentences with at least `words` words. Check out->failed afterwards. */
void pup_write_text(fal_rng *rng, int words, fal_buf *out);
/* A noun, adjective or verb to put in the place of another word. */
const char *pup_other_word(fal_rng *rng);

#endif
