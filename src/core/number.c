#include "core/number.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char blanks[] = " \t";

bool fal_parse_real(const char *text, double *out)
{
    char *end;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* built into the C library: costs nothing */
    if (!c)
        return false;
    text += strspn(text, blanks); /* strtod would pass over line ends too */
    double value = strtod_l(text, &end, c);
    freelocale(c);
    if (end == text || strchr("\n\v\f\r", text[0]) || end[strspn(end, blanks)])
        return false;
    *out = value;
    return true;
}

bool fal_parse_finite(const char *text, double *out)
{
    double value;
    if (!fal_parse_real(text, &value) || !isfinite(value))
        return false;
    *out = value;
    return true;
}

bool fal_parse_label(const char *text, int *out)
{
    double value;
    if (!fal_parse_real(text, &value) || (value != 0 && value != 1))
        return false;
    *out = value == 1;
    return true;
}
