/* Private to this folder: how values are stored and built. Readers see them through checkpoint.h.
 *
 * Values live in a pool: an arena with a budget, so that no file can make us allocate out of proportion to its size.
 * Containers hold pointers, never copies: a value that a file mentions a million times exists once, and a file may well
 * tie a container into itself. Whoever walks values recursively must bound depth and number of steps. */
#ifndef FAL_WEIGHTS_VALUE_H
#define FAL_WEIGHTS_VALUE_H

#include "core/arena.h"
#include "core/json.h"
#include "weights/checkpoint.h"

typedef struct fal_storage fal_storage; /* pickle.h */

typedef struct fal_value_list {
    fal_value **items; /* a dict keeps key, item, key, item, ... */
    size_t count, capacity;
} fal_value_list;

struct fal_value {
    fal_value_kind kind;
    bool is_global; /* FAL_VALUE_OBJECT: the class or function itself, not an instance */
    union {
        bool boolean;
        int64_t integer;
        double real;
        struct {
            const char *text; /* NUL-terminated; may hold further NULs */
            size_t length;
        } string; /* and FAL_VALUE_BYTES */
        fal_value_list list; /* and FAL_VALUE_DICT */
        fal_tensor *tensor;
        struct {
            const char *class_name;
            fal_value *args, *state;
            fal_value *items;     /* what APPEND or SETITEM added to an instance of a list or dict subclass */
            fal_storage *storage; /* a tensor's memory, from a persistent id */
        } object;
    } u;
};

typedef struct fal_value_pool {
    fal_arena *arena;
    size_t budget;  /* bytes that may still be taken */
    bool exhausted; /* an allocation failed because of the budget, not because memory ran out */
} fal_value_pool;

/* What the values of one checkpoint, all its files together, may take. Those of released models stay below 20 MB. */
enum { FAL_VALUES_MAX_BYTES = 96 << 20 };

/* All of these return NULL (or false) when memory or the budget runs out. */
void *fal_pool_alloc(fal_value_pool *pool, size_t count, size_t size);
char *fal_pool_text(fal_value_pool *pool, const void *bytes, size_t length);
fal_value *fal_value_new(fal_value_pool *pool, fal_value_kind kind);
fal_value *fal_value_new_bool(fal_value_pool *pool, bool value);
fal_value *fal_value_new_int(fal_value_pool *pool, int64_t value);
fal_value *fal_value_new_real(fal_value_pool *pool, double value);
fal_value *fal_value_new_bytes(fal_value_pool *pool, fal_value_kind kind, const void *bytes, size_t length);
fal_value *fal_value_new_object(fal_value_pool *pool, const char *class_name, fal_value *args);
bool fal_list_push(fal_value_pool *pool, fal_value *list, fal_value *item);
bool fal_dict_push(fal_value_pool *pool, fal_value *dict, fal_value *key, fal_value *item);

/* A JSON document as values. */
fal_value *fal_value_from_json(fal_value_pool *pool, const fal_json *json);

/* The state of an instance as a dict, or NULL: __getstate__ may also give a pair of dicts (with __slots__). */
const fal_value *fal_object_dict(const fal_value *object);

#endif
