/* Numbers in text. LC_NUMERIC belongs to the program that uses the library: here a decimal point is always '.', what
 * json.h's fal_format_double writes. */
#ifndef FAL_CORE_NUMBER_H
#define FAL_CORE_NUMBER_H

#include <stdbool.h>

/* Each takes the whole of `text`, spaces and tabs around the number apart; false, with *out as it was, for anything
 * else (nothing, two numbers, "1,5"). Notation as strtod knows it. */
bool fal_parse_real(const char *text, double *out);   /* "inf" and "nan" are numbers; what is too large becomes inf */
bool fal_parse_finite(const char *text, double *out); /* they are not, and 1e999 is refused */
/* A label of a list: 0 (real) or 1 (fake), in any notation ("1.0"). */
bool fal_parse_label(const char *text, int *out);

#endif
