/* The only file that sees jansson. fal_json is jansson's json_t under another name. */
#include "core/json.h"

#include "core/alloc.h"
#include "core/file.h"

#include <jansson.h>
#include <math.h>

/* A value takes up to 250 bytes in jansson's trees, an empty {} in three bytes of text: without a limit a text of 30 MB
 * could take 2 GB. */
enum { MAX_DEPTH = 64, MAX_VALUES = 1 << 19, MAX_FILE_BYTES = 32 << 20 };

static const json_t *value_of(const fal_json *value)
{
    return (const json_t *)value;
}

static const fal_json *json_of(const json_t *value)
{
    return (const fal_json *)value;
}

/* Depth and number of values, before anything is built: jansson's own limit of depth is far higher and recursive.
 * Brackets and commas inside strings do not count; malformed text is jansson's to find. */
static fal_status check_size(const char *text, size_t length, const char *origin, fal_error *err)
{
    int depth = 0;
    size_t values = 1;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '['))
            depth++;
        else if (!in_string && (c == '}' || c == ']'))
            depth--;
        values += !in_string && (c == '{' || c == '[' || c == ',');
        if (depth > MAX_DEPTH)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: JSON nested deeper than %d", origin, MAX_DEPTH);
        if (values > MAX_VALUES)
            return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: JSON of more than %d values", origin, MAX_VALUES);
    }
    return FAL_OK;
}

fal_status fal_json_parse(const char *text, size_t length, const char *origin, fal_json **out, fal_error *err)
{
    fal_status st = check_size(text, length, origin, err);
    if (st != FAL_OK)
        return st;
    json_error_t at;
    json_t *document = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &at);
    if (!document && json_error_code(&at) == json_error_out_of_memory)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory while parsing JSON", origin);
    if (!document)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: not valid JSON, line %d column %d: %s", origin, at.line, at.column,
                        at.text);
    *out = (fal_json *)document;
    return FAL_OK;
}

fal_status fal_json_read(const char *path, fal_json **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf text = {0};
    FAL_TRY(fal_file_read(path, MAX_FILE_BYTES, &text, err));
    FAL_TRY(fal_json_parse(text.data ? text.data : "", text.length, path, out, err));
done:
    fal_buf_free(&text);
    return st;
}

void fal_json_free(fal_json **document)
{
    json_decref((json_t *)*document);
    *document = NULL;
}

fal_json_type fal_json_kind(const fal_json *value)
{
    const json_t *v = value_of(value);
    if (!v)
        return FAL_JSON_ABSENT;
    switch (json_typeof(v)) {
    case JSON_OBJECT: return FAL_JSON_OBJECT;
    case JSON_ARRAY: return FAL_JSON_ARRAY;
    case JSON_STRING: return FAL_JSON_STRING;
    case JSON_INTEGER: return FAL_JSON_INT;
    case JSON_REAL: return FAL_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE: return FAL_JSON_BOOL;
    default: return FAL_JSON_NULL;
    }
}

const fal_json *fal_json_get(const fal_json *object, const char *key)
{
    return json_of(json_object_get(value_of(object), key));
}

size_t fal_json_count(const fal_json *value)
{
    const json_t *v = value_of(value);
    return json_is_array(v) ? json_array_size(v) : json_object_size(v);
}

const fal_json *fal_json_at(const fal_json *array, size_t index)
{
    return json_of(json_array_get(value_of(array), index));
}

/* jansson's iterators take a non-const object but only read it. */
bool fal_json_next(const fal_json *object, void **iter, const char **key, const fal_json **value)
{
    json_t *o = (json_t *)object;
    *iter = *iter ? json_object_iter_next(o, *iter) : json_object_iter(o);
    if (!*iter)
        return false;
    *key = json_object_iter_key(*iter);
    *value = json_of(json_object_iter_value(*iter));
    return true;
}

int64_t fal_json_int(const fal_json *value, int64_t fallback)
{
    const json_t *v = value_of(value);
    if (json_is_integer(v))
        return json_integer_value(v);
    if (!json_is_real(v))
        return fallback;
    double real = json_real_value(v);
    /* 2^63 itself does not fit. */
    return real == floor(real) && real >= -0x1p63 && real < 0x1p63 ? (int64_t)real : fallback;
}

double fal_json_real(const fal_json *value, double fallback)
{
    const json_t *v = value_of(value);
    return json_is_number(v) ? json_number_value(v) : fallback;
}

bool fal_json_bool(const fal_json *value, bool fallback)
{
    const json_t *v = value_of(value);
    return json_is_boolean(v) ? json_is_true(v) : fallback;
}

const char *fal_json_string(const fal_json *value, const char *fallback)
{
    const json_t *v = value_of(value);
    return json_is_string(v) ? json_string_value(v) : fallback;
}
