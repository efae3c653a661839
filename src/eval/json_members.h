/* Long JSON files one member at a time: what lies at the top level of an array or an object, as slices of the text, so
 * that a file of a million entries is never a million parsed values at once. Only brackets, strings and commas at the
 * top are looked at here; the slices are parsed by core/json.h. */
#ifndef FAL_EVAL_JSON_MEMBERS_H
#define FAL_EVAL_JSON_MEMBERS_H

#include "core/json.h"

typedef struct fal_json_members {
    const char *at, *end;
    const char *origin;
    char close;        /* ']' or '}' */
    size_t count;      /* members so far */
} fal_json_members;

/* The text must be an array or an object. */
fal_status fal_json_members_begin(const char *text, size_t length, const char *origin, fal_json_members *out,
                                  fal_error *err);
/* The next member: *key (NULL in arrays) and *value are the caller's to fal_json_free. *more is false at the end, where
 * nothing but white space may follow. */
fal_status fal_json_members_next(fal_json_members *members, bool *more, fal_json **key, fal_json **value,
                                 fal_error *err);

#endif
