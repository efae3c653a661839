#include "weights/value.h"

#include <math.h>
#include <string.h>

/* OmegaConf wraps a value in a node and nodes in configs; released files never nest more than two deep. */
enum { MAX_WRAPPERS = 16 };

/* ---- building ---- */

void *fal_pool_alloc(fal_value_pool *pool, size_t count, size_t size)
{
    size_t bytes, used = fal_arena_peak(pool->arena);
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > pool->budget || used > FAL_VALUES_MAX_BYTES ||
        bytes > FAL_VALUES_MAX_BYTES - used) {
        pool->exhausted = true;
        return NULL;
    }
    void *ptr = fal_arena_alloc(pool->arena, 1, bytes);
    if (ptr)
        pool->budget -= bytes;
    return ptr;
}

char *fal_pool_text(fal_value_pool *pool, const void *bytes, size_t length)
{
    char *text = fal_pool_alloc(pool, length + 1, 1);
    if (text) {
        if (length)
            memcpy(text, bytes, length);
        text[length] = '\0';
    }
    return text;
}

fal_value *fal_value_new(fal_value_pool *pool, fal_value_kind kind)
{
    fal_value *value = fal_pool_alloc(pool, 1, sizeof *value);
    if (value) {
        memset(value, 0, sizeof *value);
        value->kind = kind;
    }
    return value;
}

fal_value *fal_value_new_bool(fal_value_pool *pool, bool boolean)
{
    fal_value *value = fal_value_new(pool, FAL_VALUE_BOOL);
    if (value)
        value->u.boolean = boolean;
    return value;
}

fal_value *fal_value_new_int(fal_value_pool *pool, int64_t integer)
{
    fal_value *value = fal_value_new(pool, FAL_VALUE_INT);
    if (value)
        value->u.integer = integer;
    return value;
}

fal_value *fal_value_new_real(fal_value_pool *pool, double real)
{
    fal_value *value = fal_value_new(pool, FAL_VALUE_REAL);
    if (value)
        value->u.real = real;
    return value;
}

fal_value *fal_value_new_bytes(fal_value_pool *pool, fal_value_kind kind, const void *bytes, size_t length)
{
    char *text = fal_pool_text(pool, bytes, length);
    fal_value *value = text ? fal_value_new(pool, kind) : NULL;
    if (value) {
        value->u.string.text = text;
        value->u.string.length = length;
    }
    return value;
}

fal_value *fal_value_new_object(fal_value_pool *pool, const char *class_name, fal_value *args)
{
    fal_value *value = fal_value_new(pool, FAL_VALUE_OBJECT);
    if (value) {
        value->u.object.class_name = class_name;
        value->u.object.args = args;
    }
    return value;
}

static bool reserve(fal_value_pool *pool, fal_value_list *list, size_t more)
{
    if (list->capacity - list->count >= more)
        return true;
    size_t capacity = list->capacity ? 2 * list->capacity : 8;
    fal_value **items = fal_pool_alloc(pool, capacity, sizeof *items);
    if (!items)
        return false;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    list->items = items;
    list->capacity = capacity;
    return true;
}

bool fal_list_push(fal_value_pool *pool, fal_value *list, fal_value *item)
{
    fal_value_list *l = &list->u.list;
    if (!reserve(pool, l, 1))
        return false;
    l->items[l->count++] = item;
    return true;
}

bool fal_dict_push(fal_value_pool *pool, fal_value *dict, fal_value *key, fal_value *item)
{
    fal_value_list *l = &dict->u.list;
    if (!reserve(pool, l, 2))
        return false;
    l->items[l->count++] = key;
    l->items[l->count++] = item;
    return true;
}

/* ---- looking ---- */

const fal_value *fal_object_dict(const fal_value *object)
{
    const fal_value *state = object->u.object.state;
    if (state && state->kind == FAL_VALUE_LIST && state->u.list.count == 2) {
        const fal_value *dict = state->u.list.items[0], *slots = state->u.list.items[1];
        state = dict && dict->kind == FAL_VALUE_DICT ? dict : slots;
    }
    return state && state->kind == FAL_VALUE_DICT ? state : NULL;
}

static const fal_value *dict_get(const fal_value *dict, const char *key)
{
    size_t length = strlen(key);
    /* From the end: assigning a key twice leaves the later item, as in Python. */
    for (size_t i = dict->u.list.count; i >= 2; i -= 2) {
        const fal_value *k = dict->u.list.items[i - 2];
        if (k->kind == FAL_VALUE_STRING && k->u.string.length == length && !memcmp(k->u.string.text, key, length))
            return dict->u.list.items[i - 1];
    }
    return NULL;
}

/* What an OmegaConf node stands for; anything else is itself. */
static const fal_value *see_through(const fal_value *value)
{
    for (int i = 0; i < MAX_WRAPPERS; i++) {
        if (!value || value->kind != FAL_VALUE_OBJECT || value->is_global ||
            strncmp(value->u.object.class_name, "omegaconf.", 10) != 0)
            return value;
        const fal_value *state = fal_object_dict(value);
        const fal_value *inner = state ? dict_get(state, "_val") : NULL;
        if (state && !inner)
            inner = dict_get(state, "_content");
        if (!inner)
            return value;
        value = inner;
    }
    return NULL;
}

fal_value_kind fal_value_type(const fal_value *value)
{
    value = see_through(value);
    return value ? value->kind : FAL_VALUE_NONE;
}

size_t fal_value_count(const fal_value *value)
{
    value = see_through(value);
    if (value && value->kind == FAL_VALUE_LIST)
        return value->u.list.count;
    return value && value->kind == FAL_VALUE_DICT ? value->u.list.count / 2 : 0;
}

const fal_value *fal_value_at(const fal_value *list, size_t index)
{
    list = see_through(list);
    return list && list->kind == FAL_VALUE_LIST && index < list->u.list.count ? list->u.list.items[index] : NULL;
}

static const fal_value *pair_at(const fal_value *dict, size_t index, size_t which)
{
    dict = see_through(dict);
    bool there = dict && dict->kind == FAL_VALUE_DICT && index < dict->u.list.count / 2;
    return there ? dict->u.list.items[2 * index + which] : NULL;
}

const fal_value *fal_value_key_at(const fal_value *dict, size_t index)
{
    return pair_at(dict, index, 0);
}

const fal_value *fal_value_item_at(const fal_value *dict, size_t index)
{
    return pair_at(dict, index, 1);
}

const fal_value *fal_value_get(const fal_value *value, const char *key)
{
    value = see_through(value);
    if (value && value->kind == FAL_VALUE_DICT)
        return dict_get(value, key);
    if (!value || value->kind != FAL_VALUE_OBJECT)
        return NULL;
    const fal_value *state = fal_object_dict(value), *items = value->u.object.items;
    const fal_value *found = state ? dict_get(state, key) : NULL;
    if (!found && items && items->kind == FAL_VALUE_DICT)
        found = dict_get(items, key);
    return found;
}

const fal_value *fal_value_path(const fal_value *value, const char *dotted)
{
    char key[128];
    while (value) {
        size_t length = strcspn(dotted, ".");
        if (length >= sizeof key)
            return NULL;
        memcpy(key, dotted, length);
        key[length] = '\0';
        value = fal_value_get(value, key);
        if (dotted[length] == '\0')
            break;
        dotted += length + 1;
    }
    return value;
}

const char *fal_value_class(const fal_value *object)
{
    return object && object->kind == FAL_VALUE_OBJECT ? object->u.object.class_name : NULL;
}

int64_t fal_value_int(const fal_value *value, int64_t fallback)
{
    value = see_through(value);
    if (value && value->kind == FAL_VALUE_INT)
        return value->u.integer;
    /* 2^53: above it a double no longer tells neighbouring integers apart. */
    bool integral = value && value->kind == FAL_VALUE_REAL && fabs(value->u.real) <= 9007199254740992.0 &&
                    value->u.real == trunc(value->u.real);
    return integral ? (int64_t)value->u.real : fallback;
}

double fal_value_real(const fal_value *value, double fallback)
{
    value = see_through(value);
    if (value && value->kind == FAL_VALUE_INT)
        return (double)value->u.integer;
    return value && value->kind == FAL_VALUE_REAL ? value->u.real : fallback;
}

bool fal_value_bool(const fal_value *value, bool fallback)
{
    value = see_through(value);
    if (value && value->kind == FAL_VALUE_INT && (value->u.integer == 0 || value->u.integer == 1))
        return value->u.integer == 1;
    return value && value->kind == FAL_VALUE_BOOL ? value->u.boolean : fallback;
}

const char *fal_value_string(const fal_value *value, const char *fallback)
{
    value = see_through(value);
    /* An enum member is pickled as its class called with its value: fairseq's choices are such strings. */
    if (value && value->kind == FAL_VALUE_OBJECT && !value->is_global && fal_value_count(value->u.object.args) == 1)
        value = fal_value_at(value->u.object.args, 0);
    return value && value->kind == FAL_VALUE_STRING ? value->u.string.text : fallback;
}

const fal_tensor *fal_value_tensor(const fal_value *value)
{
    value = see_through(value);
    return value && value->kind == FAL_VALUE_TENSOR ? value->u.tensor : NULL;
}
