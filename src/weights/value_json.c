#include "weights/value.h"

#include <string.h>

static fal_value *from_array(fal_value_pool *pool, const fal_json *json)
{
    fal_value *list = fal_value_new(pool, FAL_VALUE_LIST);
    for (size_t i = 0; list && i < fal_json_count(json); i++) {
        fal_value *item = fal_value_from_json(pool, fal_json_at(json, i));
        if (!item || !fal_list_push(pool, list, item))
            return NULL;
    }
    return list;
}

static fal_value *from_object(fal_value_pool *pool, const fal_json *json)
{
    fal_value *dict = fal_value_new(pool, FAL_VALUE_DICT);
    void *iter = NULL;
    const char *name;
    const fal_json *member;
    while (dict && fal_json_next(json, &iter, &name, &member)) {
        fal_value *key = fal_value_new_bytes(pool, FAL_VALUE_STRING, name, strlen(name));
        fal_value *item = key ? fal_value_from_json(pool, member) : NULL;
        if (!item || !fal_dict_push(pool, dict, key, item))
            return NULL;
    }
    return dict;
}

/* Recursion is bounded by the JSON reader's own nesting limit. */
fal_value *fal_value_from_json(fal_value_pool *pool, const fal_json *json)
{
    switch (fal_json_kind(json)) {
    case FAL_JSON_BOOL: return fal_value_new_bool(pool, fal_json_bool(json, false));
    case FAL_JSON_INT: return fal_value_new_int(pool, fal_json_int(json, 0));
    case FAL_JSON_REAL: return fal_value_new_real(pool, fal_json_real(json, 0));
    case FAL_JSON_STRING: {
        const char *text = fal_json_string(json, "");
        return fal_value_new_bytes(pool, FAL_VALUE_STRING, text, strlen(text));
    }
    case FAL_JSON_ARRAY: return from_array(pool, json);
    case FAL_JSON_OBJECT: return from_object(pool, json);
    default: return fal_value_new(pool, FAL_VALUE_NONE);
    }
}
