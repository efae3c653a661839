#include "invariant.h"

#include "fetch/response.h"

#include <string.h>

/* The lines of a header; whatever came, what is kept must be fit to be sent back and make sense as numbers. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_response r = {.length = -1};
    const char *at = (const char *)data, *end = at + size;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        fal_response_line(&r, at, (size_t)(next - at));
        at = next;
    }
    FAL_INVARIANT(r.status == 0 || (r.status >= 100 && r.status <= 999));
    FAL_INVARIANT(r.length >= -1);
    FAL_INVARIANT(!r.etag[0] || fal_is_validator(r.etag));
    FAL_INVARIANT(!r.modified[0] || fal_is_validator(r.modified));
    FAL_INVARIANT(!r.encoding[0] || fal_is_validator(r.encoding));
    if (r.ranged) {
        FAL_INVARIANT(r.first <= r.last && r.first >= -1 && (r.first >= 0 || r.last < 0));
        FAL_INVARIANT(r.total < 0 || r.last < r.total);
    }
    return 0;
}
