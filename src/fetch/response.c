#include "fetch/response.h"

#include <string.h>
#include <strings.h>

/* A run of digits; stops at `end`. False without a digit or when the number does not fit. */
static bool take_number(const char **at, const char *end, int64_t *out)
{
    int64_t value = 0;
    const char *start = *at;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, **at - '0', &value))
            return false;
    *out = value;
    return *at > start;
}

static bool take_char(const char **at, const char *end, char wanted)
{
    bool there = *at < end && **at == wanted;
    *at += there;
    return there;
}

/* "200-999/1000", "200-999/" followed by '*', or '*' before "/1000" (RFC 9110, 14.4). */
static bool parse_range(const char *at, const char *end, fal_response *r)
{
    int64_t first = -1, last = -1, total = -1;
    bool unit = end - at > 6 && strncasecmp(at, "bytes ", 6) == 0;
    if (!unit)
        return false;
    at += 6;
    if (!take_char(&at, end, '*') &&
        !(take_number(&at, end, &first) && take_char(&at, end, '-') && take_number(&at, end, &last)))
        return false;
    if (!take_char(&at, end, '/') || !(take_char(&at, end, '*') || take_number(&at, end, &total)) || at != end)
        return false;
    if (first > last || (total >= 0 && last >= total))
        return false;
    r->ranged = true;
    r->first = first, r->last = last, r->total = total;
    return true;
}

static void parse_length(const char *at, const char *end, fal_response *r)
{
    int64_t length;
    r->length = take_number(&at, end, &length) && at == end ? length : -1;
}

bool fal_is_validator(const char *text)
{
    for (const char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            return false;
    return text[0] != '\0';
}

bool fal_is_strong_etag(const char *etag)
{
    size_t length = strlen(etag);
    return fal_is_validator(etag) && length >= 2 && etag[0] == '"' && etag[length - 1] == '"';
}

static void keep_text(char out[FAL_VALIDATOR_BYTES], const char *at, size_t length)
{
    bool fits = length < FAL_VALIDATOR_BYTES;
    memcpy(out, at, fits ? length : 0);
    out[fits ? length : 0] = '\0';
    if (!fal_is_validator(out))
        out[0] = '\0';
}

/* "HTTP/1.1 206 Partial Content", "HTTP/2 206". */
static void status_line(fal_response *r, const char *at, const char *end)
{
    int64_t status;
    *r = (fal_response){.length = -1, .first = -1, .last = -1, .total = -1};
    at = memchr(at, ' ', (size_t)(end - at));
    if (at && (at++, take_number(&at, end, &status)) && status >= 100 && status <= 999)
        r->status = (int)status;
}

static void field(fal_response *r, const char *name, size_t name_length, const char *at, const char *end)
{
    size_t length = (size_t)(end - at);
#define IS(text) (name_length == sizeof text - 1 && strncasecmp(name, text, sizeof text - 1) == 0)
    if (IS("content-length"))
        parse_length(at, end, r);
    else if (IS("content-range"))
        r->ranged = parse_range(at, end, r);
    else if (IS("etag"))
        keep_text(r->etag, at, length);
    else if (IS("last-modified"))
        keep_text(r->modified, at, length);
    else if (IS("content-type"))
        keep_text(r->type, at, length);
    else if (IS("content-encoding"))
        keep_text(r->encoding, at, length);
#undef IS
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void fal_response_line(fal_response *response, const char *line, size_t length)
{
    const char *end = line + length, *colon;
    while (end > line && is_space(end[-1]))
        end--;
    if (end - line >= 5 && strncasecmp(line, "HTTP/", 5) == 0) {
        status_line(response, line, end);
        return;
    }
    if (!(colon = memchr(line, ':', (size_t)(end - line))))
        return;
    const char *value = colon + 1;
    while (value < end && is_space(*value))
        value++;
    field(response, line, (size_t)(colon - line), value, end);
}
