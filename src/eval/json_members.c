#include "eval/json_members.h"

#include "core/alloc.h"

#include <stdio.h>
#include <string.h>

static void skip_space(fal_json_members *m)
{
    while (m->at < m->end && strchr(" \t\r\n", *m->at) && *m->at)
        m->at++;
}

static bool take(fal_json_members *m, char wanted)
{
    skip_space(m);
    if (m->at == m->end || *m->at != wanted)
        return false;
    m->at++;
    return true;
}

static fal_status complain(const fal_json_members *m, const char *what, fal_error *err)
{
    return fal_fail(err, FAL_ERR_FORMAT, "%s: %s after entry %zu", m->origin, what, m->count);
}

/* The value that starts here ends before a ',', ':' or closing bracket outside strings and inner brackets. */
static const char *find_end(const fal_json_members *m)
{
    size_t depth = 0;
    bool quoted = false;
    const char *c = m->at;
    for (; c < m->end; c++) {
        if (quoted && *c == '\\' && m->end - c > 1)
            c++;
        else if (*c == '"')
            quoted = !quoted;
        else if (!quoted && (*c == '[' || *c == '{'))
            depth++;
        else if (!quoted && depth == 0 && (*c == ',' || *c == ':' || *c == ']' || *c == '}'))
            break;
        else if (!quoted && (*c == ']' || *c == '}'))
            depth--;
    }
    return c;
}

static fal_status take_value(fal_json_members *m, fal_json **out, fal_error *err)
{
    char origin[256];
    const char *end = find_end(m), *start = m->at;
    snprintf(origin, sizeof origin, "%s, entry %zu", m->origin, m->count + 1);
    m->at = end;
    return fal_json_parse(start, (size_t)(end - start), origin, out, err);
}

fal_status fal_json_members_begin(const char *text, size_t length, const char *origin, fal_json_members *out,
                                  fal_error *err)
{
    fal_json_members m = {.at = text, .end = text + length, .origin = origin};
    if (take(&m, '['))
        m.close = ']';
    else if (take(&m, '{'))
        m.close = '}';
    else
        return fal_fail(err, FAL_ERR_FORMAT, "%s: neither a JSON array nor an object", origin);
    *out = m;
    return FAL_OK;
}

fal_status fal_json_members_next(fal_json_members *m, bool *more, fal_json **key, fal_json **value, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *name = NULL;
    if (take(m, m->close)) {
        skip_space(m);
        if (m->at != m->end)
            return complain(m, "more text than one JSON value", err);
        *more = false;
        *key = *value = NULL;
        return FAL_OK;
    }
    if (m->count && !take(m, ','))
        return complain(m, m->at == m->end ? "the text ends" : "no comma", err);
    skip_space(m);
    if (m->close == '}') {
        FAL_TRY(take_value(m, &name, err));
        if (fal_json_kind(name) != FAL_JSON_STRING || !take(m, ':'))
            FAL_TRY(complain(m, "no name with a colon", err));
    }
    skip_space(m);
    FAL_TRY(take_value(m, value, err));
    m->count++;
    *more = true;
    *key = name, name = NULL;
done:
    fal_json_free(&name);
    return st;
}
