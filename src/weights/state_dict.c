/* Which part of an unpickled object holds the weights, and their dotted names. */
#include "core/alloc.h"
#include "core/str.h"
#include "weights/container.h"

#include <string.h>

#define FAL_LOG_COMPONENT "weights"

/* Bounds of the walk, since a dictionary may be reached over many ways, or contain itself. The largest models have some
 * ten thousand tensors with names of a hundred bytes. */
enum { MAX_DEPTH = 32, MAX_STEPS = 1 << 17, MAX_NAME = 1024, MAX_NAME_BYTES = 1 << 24 };

/* Where training programs put the weights, most specific first: fairseq and MAE descendants (model), Lightning and
 * open_clip (state_dict), DeepSpeed (module), the rest seen in the wild. */
static const char *const wrapper_keys[] = {"model", "state_dict", "model_state_dict", "module", "net", "network",
                                           "teacher", "student", "weights", "params", NULL};

/* Dictionaries beside bare weights that hold tensors which are no weights. */
static const char *const not_weights[] = {"*optim*", "*sched*", "callbacks", "loops", "scaler", "extra_state",
                                          "task_state", "hyper_parameters", "args", "cfg", "config", NULL};

typedef struct walk {
    fal_checkpoint *ckpt;
    const char *origin;
    size_t steps, name_bytes;
    bool top_level; /* the object itself is walked: leave out what not_weights names */
    char name[MAX_NAME];
    size_t length;
} walk;

/* The dict of named parts of a value: a dict, an instance of a dict subclass, a TorchScript module's attributes. */
static const fal_value *parts_of(const fal_value *value)
{
    if (value->kind == FAL_VALUE_DICT)
        return value;
    if (value->kind != FAL_VALUE_OBJECT || value->is_global)
        return NULL;
    if (fal_str_starts(value->u.object.class_name, "__torch__."))
        return fal_object_dict(value);
    const fal_value *items = value->u.object.items;
    return items && items->kind == FAL_VALUE_DICT ? items : NULL;
}

/* Whether any tensor is to be found below; counts steps so that a tangle of dictionaries stays cheap. */
static bool holds_tensor(const fal_value *value, int depth, size_t *steps)
{
    const fal_value *dict = value ? parts_of(value) : NULL;
    for (size_t i = 0; dict && depth < MAX_DEPTH && i < dict->u.list.count; i += 2) {
        const fal_value *item = dict->u.list.items[i + 1];
        if (++*steps > MAX_STEPS)
            return false;
        if (item->kind == FAL_VALUE_TENSOR || holds_tensor(item, depth + 1, steps))
            return true;
    }
    return false;
}

static bool matches(const char *const *globs, const char *text)
{
    while (*globs && !fal_str_glob(*globs, text))
        globs++;
    return *globs != NULL;
}

static fal_status push_name(walk *w, const fal_value *key, fal_error *err)
{
    size_t length = key->u.string.length, dot = w->length ? 1 : 0;
    if (length + dot >= MAX_NAME - w->length || memchr(key->u.string.text, '\0', length))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: a tensor name that is too long or holds a NUL, below %.100s",
                        w->origin, w->name);
    if (dot)
        w->name[w->length++] = '.';
    memcpy(w->name + w->length, key->u.string.text, length);
    w->length += length;
    w->name[w->length] = '\0';
    return FAL_OK;
}

static fal_status add(walk *w, const fal_tensor *tensor, fal_error *err)
{
    fal_status st = FAL_OK;
    char *name;
    w->name_bytes += w->length + 1;
    if (w->name_bytes > MAX_NAME_BYTES)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: more than %d MB of tensor names", w->origin, MAX_NAME_BYTES >> 20);
    FAL_ALLOC(name, fal_arena_alloc(w->ckpt->arena, w->length + 1, 1));
    memcpy(name, w->name, w->length + 1);
    FAL_TRY(fal_checkpoint_add(w->ckpt, name, tensor, err));
done:
    return st;
}

static fal_status add_parts(walk *w, const fal_value *dict, int depth, fal_error *err)
{
    fal_status st = FAL_OK;
    if (depth == MAX_DEPTH)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: weights nested more than %d deep, or in themselves: %.100s...", w->origin,
                 MAX_DEPTH, w->name);
    for (size_t i = 0; i < dict->u.list.count; i += 2) {
        const fal_value *key = dict->u.list.items[i], *item = dict->u.list.items[i + 1];
        const fal_value *inner = parts_of(item);
        size_t length = w->length;
        if (++w->steps > MAX_STEPS)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: more than %d entries among the weights", w->origin, MAX_STEPS);
        if (key->kind != FAL_VALUE_STRING || (item->kind != FAL_VALUE_TENSOR && !inner) ||
            (w->top_level && depth == 0 && inner && matches(not_weights, key->u.string.text)))
            continue;
        FAL_TRY(push_name(w, key, err));
        FAL_TRY(inner ? add_parts(w, inner, depth + 1, err) : add(w, item->u.tensor, err));
        w->length = length;
        w->name[length] = '\0';
    }
done:
    return st;
}

/* ---- finding ---- */

static const fal_value *find_wrapped(const fal_value *object, const char **key)
{
    size_t steps = 0;
    if (object->kind != FAL_VALUE_DICT)
        return NULL;
    for (const char *const *k = wrapper_keys; *k; k++) {
        const fal_value *inner = fal_value_get(object, *k);
        if (holds_tensor(inner, 0, &steps)) {
            *key = *k;
            return parts_of(inner);
        }
    }
    return NULL;
}

static fal_status refuse(const fal_value *object, const char *origin, fal_error *err)
{
    fal_buf keys = {0};
    if (object->kind != FAL_VALUE_DICT)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: holds %s%.200s, expected a dictionary of tensors", origin,
                        object->kind == FAL_VALUE_OBJECT ? "an instance of " : "something else",
                        object->kind == FAL_VALUE_OBJECT ? object->u.object.class_name : "");
    for (size_t i = 0; i < object->u.list.count && i < 24; i += 2)
        if (object->u.list.items[i]->kind == FAL_VALUE_STRING)
            fal_buf_printf(&keys, "%s%.60s", keys.length ? ", " : "", object->u.list.items[i]->u.string.text);
    fal_fail(err, FAL_ERR_FORMAT, "%s: no tensors found; its keys are: %s%s", origin, keys.length ? keys.data : "none",
             object->u.list.count > 24 ? ", ..." : "");
    fal_buf_free(&keys);
    return FAL_ERR_FORMAT;
}

fal_status fal_state_dict_read(fal_checkpoint *ckpt, const fal_value *object, const char *origin, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *key = "";
    size_t before = ckpt->count;
    walk *w = NULL;
    FAL_ALLOC(w, fal_calloc(1, sizeof *w));
    const fal_value *weights = find_wrapped(object, &key);
    *w = (walk){.ckpt = ckpt, .origin = origin, .top_level = !weights};
    if (!weights)
        weights = parts_of(object);
    if (weights)
        FAL_TRY(add_parts(w, weights, 0, err));
    if (ckpt->count == before)
        FAL_TRY(refuse(object, origin, err));
    ckpt->root_key = key;
    fal_log_debug(ckpt->log, "%s: %zu tensors at key \"%s\"", origin, ckpt->count - before, key);
done:
    fal_free(w);
    return st;
}
