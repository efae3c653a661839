/* Names for somebody who mistyped one. */
#ifndef FAL_ENCODER_SUGGEST_H
#define FAL_ENCODER_SUGGEST_H

#include "core/buf.h"

/* Appends "; did you mean A, B or C?": the names of models and families nearest to `wanted`, at most three. Nothing
 * when none is near. */
void fal_suggest(const char *wanted, fal_buf *out);

#endif
