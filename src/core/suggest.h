/* Names for somebody who mistyped one. */
#ifndef FAL_CORE_SUGGEST_H
#define FAL_CORE_SUGGEST_H

#include "core/buf.h"

typedef const char *fal_name_at(size_t index);

/* Appends "; did you mean A, B or C?": those of the `count` names that are nearest to `wanted`, at most three. Nothing
 * when none is near. */
void fal_suggest(const char *wanted, size_t count, fal_name_at *name_at, fal_buf *out);

#endif
