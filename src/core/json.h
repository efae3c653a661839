/* JSON through jansson behind our own types (the only file with jansson.h is json.c).
 * Parsing: UTF-8, duplicate keys refused, nesting at most 64, at most 2^19 values, one document; files up to 32 MiB. Numbers keep the int/real difference. */
#ifndef FAL_CORE_JSON_H
#define FAL_CORE_JSON_H

#include "core/buf.h"
#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fal_json fal_json; /* a value inside a document; NULL is accepted everywhere and acts as "absent" */

typedef enum fal_json_type {
    FAL_JSON_ABSENT, FAL_JSON_NULL, FAL_JSON_BOOL, FAL_JSON_INT, FAL_JSON_REAL, FAL_JSON_STRING, FAL_JSON_ARRAY,
    FAL_JSON_OBJECT
} fal_json_type;

/* `origin` names the source in error text ("model/config.json"). *out is freed with fal_json_free. */
fal_status fal_json_parse(const char *text, size_t length, const char *origin, fal_json **out, fal_error *err);
fal_status fal_json_read(const char *path, fal_json **out, fal_error *err);
void fal_json_free(fal_json **document);

fal_json_type fal_json_kind(const fal_json *value);
const fal_json *fal_json_get(const fal_json *object, const char *key);   /* NULL when absent or not an object */
size_t fal_json_count(const fal_json *value);                            /* members of an array or object, else 0 */
const fal_json *fal_json_at(const fal_json *array, size_t index);
/* Walks an object in file order; start with *iter = NULL. Returns false at the end. */
bool fal_json_next(const fal_json *object, void **iter, const char **key, const fal_json **value);

/* The value, or `fallback` when absent, null or of another type. */
int64_t fal_json_int(const fal_json *value, int64_t fallback);           /* an integral real counts as an int */
double fal_json_real(const fal_json *value, double fallback);            /* an int counts as a real */
bool fal_json_bool(const fal_json *value, bool fallback);
const char *fal_json_string(const fal_json *value, const char *fallback);

/* Writing: a small streaming writer. Separators and indentation (2 spaces) are its business; a non-finite number is
 * written as null; floats are written with the fewest digits that read back the same float32 (fal_jw_float) or double,
 * whole ones with ".0", so that the int/real difference survives. */
typedef struct fal_jw {
    fal_buf *out;
    int depth;
    bool first, after_key, compact; /* compact: no newlines */
} fal_jw;
fal_jw fal_jw_start(fal_buf *out, bool compact);
void fal_jw_object(fal_jw *w);
void fal_jw_end_object(fal_jw *w);
void fal_jw_array(fal_jw *w);
void fal_jw_end_array(fal_jw *w);
void fal_jw_key(fal_jw *w, const char *key);
void fal_jw_string(fal_jw *w, const char *text); /* NULL writes null; invalid UTF-8 bytes become U+FFFD */
void fal_jw_int(fal_jw *w, int64_t value);
void fal_jw_double(fal_jw *w, double value);
void fal_jw_float(fal_jw *w, float value);
void fal_jw_bool(fal_jw *w, bool value);
void fal_jw_null(fal_jw *w);
void fal_jw_value(fal_jw *w, const fal_json *value); /* a parsed value, copied */
/* A member of an object: key and value. */
void fal_jw_put_string(fal_jw *w, const char *key, const char *text);
void fal_jw_put_int(fal_jw *w, const char *key, int64_t value);
void fal_jw_put_double(fal_jw *w, const char *key, double value);
void fal_jw_put_bool(fal_jw *w, const char *key, bool value);

/* Shortest decimal text that reads back exactly (17 or 9 digits at most); "nan", "inf", "-inf" for the rest. */
void fal_format_double(char out[32], double value);
void fal_format_float(char out[32], float value);

#endif
