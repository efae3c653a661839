#include "core/suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Longer texts are no names. */
enum { MAX_NAME = 64, MAX_SUGGESTIONS = 3, PREFIX_COST = 1 };

typedef struct nearest {
    const char *names[MAX_SUGGESTIONS];
    size_t costs[MAX_SUGGESTIONS], count;
} nearest;

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein distance without regard to case, row by row; `a` has at most MAX_NAME characters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[MAX_NAME + 1], length = strlen(a);
    for (size_t i = 0; i <= length; i++)
        row[i] = i;
    for (size_t j = 0; b[j]; j++) {
        size_t diagonal = row[0];
        row[0] = j + 1;
        for (size_t i = 0; i < length; i++) {
            size_t above = row[i + 1];
            bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
            row[i + 1] = least(above + 1, row[i] + 1, diagonal + !same);
            diagonal = above;
        }
    }
    return row[length];
}

/* A name that begins with what was typed is as near as one slip. */
static size_t cost(const char *wanted, const char *name)
{
    size_t distance = edit_distance(wanted, name), length = strlen(wanted);
    bool starts = length >= 3 && strncasecmp(wanted, name, length) == 0;
    return starts && distance > PREFIX_COST ? PREFIX_COST : distance;
}

/* Sorted by cost; equal ones in the order they came. */
static void consider(nearest *n, const char *name, size_t price)
{
    size_t at = n->count;
    while (at > 0 && n->costs[at - 1] > price)
        at--;
    if (at == MAX_SUGGESTIONS)
        return;
    if (n->count < MAX_SUGGESTIONS)
        n->count++;
    for (size_t i = n->count - 1; i > at; i--) {
        n->names[i] = n->names[i - 1];
        n->costs[i] = n->costs[i - 1];
    }
    n->names[at] = name;
    n->costs[at] = price;
}

void fal_suggest(const char *wanted, size_t count, fal_name_at *name_at, fal_buf *out)
{
    nearest near = {0};
    size_t length = strlen(wanted), most = length / 3 > 2 ? length / 3 : 2;
    if (length > MAX_NAME)
        return;
    for (size_t i = 0; i < count; i++) {
        size_t price = cost(wanted, name_at(i));
        if (price <= most)
            consider(&near, name_at(i), price);
    }
    for (size_t i = 0; i < near.count; i++)
        fal_buf_printf(out, "%s%s", i == 0 ? "; did you mean " : i + 1 == near.count ? " or " : ", ", near.names[i]);
    if (near.count)
        fal_buf_puts(out, "?");
}
