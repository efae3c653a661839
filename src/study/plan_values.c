#include "study/plan_values.h"

#include "core/alloc.h"
#include "core/str.h"

#include <string.h>

static fal_status wrong(const fal_place_in_plan *at, const char *key, const char *wanted, fal_error *err)
{
    return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: \"%s\" is not %s", at->origin, at->name, key, wanted);
}

fal_status fal_plan_known(const fal_place_in_plan *at, const char *const *names, fal_error *err)
{
    void *iter = NULL;
    const char *key;
    const fal_json *value;
    if (fal_json_kind(at->object) != FAL_JSON_OBJECT)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s is not an object", at->origin, at->name);
    while (fal_json_next(at->object, &iter, &key, &value)) {
        const char *const *name = names;
        while (*name && strcmp(*name, key))
            name++;
        if (!*name)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: %s has a member \"%s\", which is not known here", at->origin,
                            at->name, key);
    }
    return FAL_OK;
}

fal_status fal_plan_text(const fal_place_in_plan *at, const char *key, const char **out, fal_error *err)
{
    const fal_json *value = fal_json_get(at->object, key);
    if (fal_json_kind(value) == FAL_JSON_ABSENT)
        return FAL_OK;
    if (fal_json_kind(value) != FAL_JSON_STRING || !fal_json_string(value, "")[0])
        return wrong(at, key, "a text", err);
    char *copy = fal_arena_strdup(at->arena, fal_json_string(value, ""));
    if (!copy)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
    *out = copy;
    return FAL_OK;
}

fal_status fal_plan_need_text(const fal_place_in_plan *at, const char *key, const char **out, fal_error *err)
{
    if (fal_json_kind(fal_json_get(at->object, key)) == FAL_JSON_ABSENT)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s has no \"%s\"", at->origin, at->name, key);
    return fal_plan_text(at, key, out, err);
}

fal_status fal_plan_int(const fal_place_in_plan *at, const char *key, int64_t low, int64_t high, int64_t *out,
                        fal_error *err)
{
    const fal_json *value = fal_json_get(at->object, key);
    if (fal_json_kind(value) == FAL_JSON_ABSENT)
        return FAL_OK;
    int64_t number = fal_json_int(value, low - 1);
    if (number < low || number > high)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: \"%s\" is not a whole number from %lld to %lld", at->origin,
                        at->name, key, (long long)low, (long long)high);
    *out = number;
    return FAL_OK;
}

fal_status fal_plan_real(const fal_place_in_plan *at, const char *key, double low, double high, double *out,
                         fal_error *err)
{
    const fal_json *value = fal_json_get(at->object, key);
    if (fal_json_kind(value) == FAL_JSON_ABSENT)
        return FAL_OK;
    double number = fal_json_real(value, low - 1);
    if (!(number >= low && number <= high))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %s: \"%s\" is not a number from %g to %g", at->origin, at->name, key,
                        low, high);
    *out = number;
    return FAL_OK;
}

fal_status fal_plan_bool(const fal_place_in_plan *at, const char *key, bool *out, fal_error *err)
{
    const fal_json *value = fal_json_get(at->object, key);
    if (fal_json_kind(value) == FAL_JSON_ABSENT)
        return FAL_OK;
    if (fal_json_kind(value) != FAL_JSON_BOOL)
        return wrong(at, key, "true or false", err);
    *out = fal_json_bool(value, false);
    return FAL_OK;
}

fal_status fal_plan_check_id(const fal_place_in_plan *at, const char *id, fal_error *err)
{
    static const char fit[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strlen(id);
    if (!length || length > 64 || id[0] == '.' || id[0] == '-' || strspn(id, fit) != length)
        return fal_fail(err, FAL_ERR_FORMAT,
                        "%s: %s: \"%s\" cannot be a name: up to 64 letters, digits, '-', '_' and '.', starting with "
                        "a letter, a digit or '_'",
                        at->origin, at->name, id);
    return FAL_OK;
}

fal_status fal_plan_join(fal_arena *arena, const char *dir, const char *name, const char **out, fal_error *err)
{
    char *joined = fal_path_join(dir, name);
    const char *kept = joined ? fal_arena_strdup(arena, joined) : NULL;
    fal_free(joined);
    if (!kept)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
    *out = kept;
    return FAL_OK;
}
