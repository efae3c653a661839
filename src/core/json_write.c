#include "core/json.h"

#include "core/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* snprintf follows LC_NUMERIC, which belongs to the application; files always have a point. */
static void use_point(char *text)
{
    char *mark = text + strspn(text, "-0123456789");
    if (*mark && *mark != 'e' && *mark != '.') {
        size_t tail = strcspn(mark, "0123456789e");
        *mark = '.';
        memmove(mark + 1, mark + tail, strlen(mark + tail) + 1);
    }
}

static bool format_special(char out[32], double value)
{
    if (isfinite(value))
        return false;
    snprintf(out, 32, "%s", isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
    return true;
}

/* Any decimal of up to 15 (6) digits survives a double (float), and %g drops trailing zeros: a shorter text exists only
 * if the one of 15 (6) digits is it. That does not hold for subnormals, which are tried from one digit on. */
void fal_format_double(char out[32], double value)
{
    if (format_special(out, value))
        return;
    for (int digits = fpclassify(value) == FP_SUBNORMAL ? 1 : 15; digits <= 17; digits++) {
        snprintf(out, 32, "%.*g", digits, value);
        if (strtod(out, NULL) == value)
            break;
    }
    use_point(out);
}

void fal_format_float(char out[32], float value)
{
    if (format_special(out, (double)value))
        return;
    for (int digits = fpclassify(value) == FP_SUBNORMAL ? 1 : 6; digits <= 9; digits++) {
        snprintf(out, 32, "%.*g", digits, (double)value);
        if (strtof(out, NULL) == value)
            break;
    }
    use_point(out);
}

fal_jw fal_jw_start(fal_buf *out, bool compact)
{
    return (fal_jw){.out = out, .first = true, .compact = compact};
}

static void new_line(fal_jw *w)
{
    if (w->compact)
        return;
    fal_buf_puts(w->out, "\n");
    for (int i = 0; i < w->depth; i++)
        fal_buf_puts(w->out, "  ");
}

/* What comes before a member of a container: nothing after its key, else comma and indentation. */
static void separate(fal_jw *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (!w->first)
        fal_buf_puts(w->out, ",");
    if (w->depth > 0)
        new_line(w);
    w->first = false;
}

static void put(fal_jw *w, const char *text)
{
    separate(w);
    fal_buf_puts(w->out, text);
}

static void begin(fal_jw *w, const char *bracket)
{
    put(w, bracket);
    w->depth++;
    w->first = true;
}

static void end(fal_jw *w, const char *bracket)
{
    w->depth--;
    if (!w->first)
        new_line(w);
    fal_buf_puts(w->out, bracket);
    w->first = false;
}

void fal_jw_object(fal_jw *w)
{
    begin(w, "{");
}

void fal_jw_end_object(fal_jw *w)
{
    end(w, "}");
}

void fal_jw_array(fal_jw *w)
{
    begin(w, "[");
}

void fal_jw_end_array(fal_jw *w)
{
    end(w, "]");
}

static void put_escaped(fal_buf *out, unsigned char c)
{
    static const char *const named[0x20] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t",
    };
    if (c == '"' || c == '\\')
        fal_buf_printf(out, "\\%c", c);
    else if (named[c])
        fal_buf_puts(out, named[c]);
    else
        fal_buf_printf(out, "\\u%04x", c);
}

static void put_string(fal_buf *out, const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    fal_buf_puts(out, "\"");
    while (*at) {
        size_t length = fal_utf8_length((const char *)at);
        if (length == 0)
            fal_buf_puts(out, "\xef\xbf\xbd");
        else if (*at < 0x20 || *at == '"' || *at == '\\')
            put_escaped(out, *at);
        else
            fal_buf_append(out, at, length);
        at += length ? length : 1;
    }
    fal_buf_puts(out, "\"");
}

void fal_jw_key(fal_jw *w, const char *key)
{
    separate(w);
    put_string(w->out, key);
    fal_buf_puts(w->out, w->compact ? ":" : ": ");
    w->after_key = true;
}

void fal_jw_string(fal_jw *w, const char *text)
{
    if (!text) {
        fal_jw_null(w);
        return;
    }
    separate(w);
    put_string(w->out, text);
}

void fal_jw_int(fal_jw *w, int64_t value)
{
    separate(w);
    fal_buf_printf(w->out, "%lld", (long long)value);
}

/* A whole number gets ".0", so that it reads back as a real. */
static void put_real(fal_jw *w, char text[32])
{
    bool whole = text[strcspn(text, ".e")] == '\0';
    put(w, text);
    if (whole)
        fal_buf_puts(w->out, ".0");
}

void fal_jw_double(fal_jw *w, double value)
{
    char text[32];
    fal_format_double(text, value);
    if (isfinite(value))
        put_real(w, text);
    else
        fal_jw_null(w);
}

void fal_jw_float(fal_jw *w, float value)
{
    char text[32];
    fal_format_float(text, value);
    if (isfinite(value))
        put_real(w, text);
    else
        fal_jw_null(w);
}

void fal_jw_bool(fal_jw *w, bool value)
{
    put(w, value ? "true" : "false");
}

void fal_jw_null(fal_jw *w)
{
    put(w, "null");
}

void fal_jw_put_string(fal_jw *w, const char *key, const char *text)
{
    fal_jw_key(w, key);
    fal_jw_string(w, text);
}

void fal_jw_put_int(fal_jw *w, const char *key, int64_t value)
{
    fal_jw_key(w, key);
    fal_jw_int(w, value);
}

void fal_jw_put_double(fal_jw *w, const char *key, double value)
{
    fal_jw_key(w, key);
    fal_jw_double(w, value);
}

void fal_jw_put_bool(fal_jw *w, const char *key, bool value)
{
    fal_jw_key(w, key);
    fal_jw_bool(w, value);
}

static void write_object(fal_jw *w, const fal_json *object)
{
    void *iter = NULL;
    const char *key;
    const fal_json *member;
    fal_jw_object(w);
    while (fal_json_next(object, &iter, &key, &member)) {
        fal_jw_key(w, key);
        fal_jw_value(w, member);
    }
    fal_jw_end_object(w);
}

static void write_array(fal_jw *w, const fal_json *array)
{
    fal_jw_array(w);
    for (size_t i = 0; i < fal_json_count(array); i++)
        fal_jw_value(w, fal_json_at(array, i));
    fal_jw_end_array(w);
}

void fal_jw_value(fal_jw *w, const fal_json *value)
{
    switch (fal_json_kind(value)) {
    case FAL_JSON_OBJECT: write_object(w, value); break;
    case FAL_JSON_ARRAY: write_array(w, value); break;
    case FAL_JSON_STRING: fal_jw_string(w, fal_json_string(value, "")); break;
    case FAL_JSON_INT: fal_jw_int(w, fal_json_int(value, 0)); break;
    case FAL_JSON_REAL: fal_jw_double(w, fal_json_real(value, 0)); break;
    case FAL_JSON_BOOL: fal_jw_bool(w, fal_json_bool(value, false)); break;
    default: fal_jw_null(w);
    }
}
