/* Reading the header of a .npy file, after numpy's lib/format documentation (NEP 1): a magic string, a version, the
 * length of what follows, then a Python dictionary as text with the keys descr, fortran_order and shape. */
#include "core/npy_io.h"

#include "core/alloc.h"

#include <string.h>

enum { MAX_HEADER_BYTES = 1 << 16, MAX_PREFIX_BYTES = 12 };

/* The dictionary is read by a cursor that skips blanks before every token. */
typedef struct cursor {
    const char *at;
    const char *origin;
} cursor;

static void skip_blanks(cursor *c)
{
    c->at += strspn(c->at, " \t\r\n");
}

static bool take(cursor *c, char wanted)
{
    skip_blanks(c);
    if (*c->at != wanted)
        return false;
    c->at++;
    return true;
}

static bool take_word(cursor *c, const char *word)
{
    skip_blanks(c);
    size_t length = strlen(word);
    if (strncmp(c->at, word, length) != 0)
        return false;
    c->at += length;
    return true;
}

/* A quoted string without escapes, which dtypes and keys do not need. */
static bool take_string(cursor *c, char *out, size_t size)
{
    skip_blanks(c);
    char quote = *c->at;
    if (quote != '\'' && quote != '"')
        return false;
    const char *end = strchr(c->at + 1, quote);
    if (!end || (size_t)(end - c->at) > size)
        return false;
    size_t length = (size_t)(end - c->at - 1);
    memcpy(out, c->at + 1, length);
    out[length] = '\0';
    c->at = end + 1;
    return true;
}

static bool take_size(cursor *c, size_t *out)
{
    skip_blanks(c);
    const char *start = c->at;
    size_t value = 0;
    for (; *c->at >= '0' && *c->at <= '9'; c->at++)
        if (!fal_mul_ok(value, 10, &value) || !fal_add_ok(value, (size_t)(*c->at - '0'), &value))
            return false;
    if (c->at == start)
        return false;
    if (*c->at == 'L') /* long integers of Python 2 */
        c->at++;
    *out = value;
    return true;
}

static fal_status bad_header(const cursor *c, fal_error *err, const char *what)
{
    return fal_fail(err, FAL_ERR_FORMAT, "%s: .npy header: expected %s at \"%.40s\"", c->origin, what, c->at);
}

static fal_status parse_descr(cursor *c, fal_npy_header *h, fal_error *err)
{
    char text[32];
    skip_blanks(c);
    if (*c->at == '[')
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: array with named fields; plain numbers are wanted", c->origin);
    if (!take_string(c, text, sizeof text))
        return bad_header(c, err, "a dtype string");
    if (strcmp(text, "|O") == 0 || strcmp(text, "O") == 0)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: array of Python objects, a pickle, which is never executed",
                        c->origin);
    bool has_order = strchr("<>|=", text[0]) != NULL && text[0] != '\0';
    const char *kind = text + has_order;
    for (fal_npy_type type = FAL_NPY_BOOL; type <= FAL_NPY_F64; type++) {
        size_t size = fal_npy_type_size(type);
        if (kind[0] != fal_npy_type_letter(type) || kind[1] != (char)('0' + size) || kind[2] != '\0')
            continue;
        h->array.type = type;
        h->swapped = text[0] == '>' && size > 1;
        return FAL_OK;
    }
    return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: dtype '%s'; expected bool, i1-i8, u1-u8, f2, f4 or f8", c->origin,
                    text);
}

static fal_status parse_order(cursor *c, fal_npy_header *h, fal_error *err)
{
    if (take_word(c, "True"))
        h->fortran = true;
    else if (take_word(c, "False"))
        h->fortran = false;
    else
        return bad_header(c, err, "True or False");
    return FAL_OK;
}

static fal_status parse_shape(cursor *c, fal_npy_header *h, fal_error *err)
{
    if (!take(c, '('))
        return bad_header(c, err, "a shape in parentheses");
    while (!take(c, ')')) {
        if (h->array.rank == FAL_NPY_MAX_RANK)
            return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: array of more than %d dimensions", c->origin,
                            FAL_NPY_MAX_RANK);
        if (!take_size(c, &h->array.shape[h->array.rank++]))
            return bad_header(c, err, "a dimension");
        if (!take(c, ',') && *c->at != ')')
            return bad_header(c, err, "',' or ')' in the shape");
    }
    return FAL_OK;
}

typedef fal_status parse_fn(cursor *c, fal_npy_header *h, fal_error *err);
static const struct {
    const char *key;
    parse_fn *parse;
} entries[] = {{"descr", parse_descr}, {"fortran_order", parse_order}, {"shape", parse_shape}};
enum { ENTRIES = sizeof entries / sizeof *entries, ALL_SEEN = (1 << ENTRIES) - 1 };

static fal_status parse_entry(cursor *c, fal_npy_header *h, int *seen, fal_error *err)
{
    char key[32];
    if (!take_string(c, key, sizeof key))
        return bad_header(c, err, "a key");
    for (int i = 0; i < ENTRIES; i++) {
        if (strcmp(key, entries[i].key) != 0)
            continue;
        if (*seen & 1 << i)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: .npy header has \"%s\" twice", c->origin, key);
        *seen |= 1 << i;
        if (!take(c, ':'))
            return bad_header(c, err, "':'");
        return entries[i].parse(c, h, err);
    }
    return fal_fail(err, FAL_ERR_FORMAT, "%s: .npy header has the unknown key \"%s\"", c->origin, key);
}

static fal_status parse_dictionary(const char *text, const char *origin, fal_npy_header *h, fal_error *err)
{
    cursor c = {.at = text, .origin = origin};
    int seen = 0;
    fal_status st = FAL_OK;
    if (!take(&c, '{'))
        return bad_header(&c, err, "'{'");
    while (!take(&c, '}')) {
        FAL_TRY(parse_entry(&c, h, &seen, err));
        if (!take(&c, ',') && *c.at != '}')
            return bad_header(&c, err, "',' or '}'");
    }
    skip_blanks(&c);
    if (*c.at != '\0')
        return bad_header(&c, err, "the end");
    if (seen != ALL_SEEN)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: .npy header lacks one of descr, fortran_order, shape", origin);
done:
    return st;
}

/* Reads magic, version and header length; *prefix is their size and *length the header's. */
static fal_status read_prefix(const fal_npy_source *src, size_t *prefix, size_t *length, fal_error *err)
{
    fal_status st = FAL_OK;
    uint8_t p[MAX_PREFIX_BYTES];
    if (src->length < 10)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %llu bytes are too few for a .npy file", src->origin,
                 (unsigned long long)src->length);
    FAL_TRY(src->read(src->user, p, 10, err));
    if (memcmp(p, "\x93NUMPY", 6) != 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: not a .npy file (no NUMPY signature)", src->origin);
    if (p[6] < 1 || p[6] > 3 || p[7] != 0)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: .npy format %d.%d; 1.0, 2.0 and 3.0 are known", src->origin, p[6], p[7]);
    *prefix = p[6] == 1 ? 10 : 12;
    *length = p[8] | (size_t)p[9] << 8;
    if (*prefix == 12 && src->length >= 12) {
        FAL_TRY(src->read(src->user, p + 10, 2, err));
        *length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    }
    if (*length > MAX_HEADER_BYTES || *prefix + *length > src->length)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: .npy header of %zu bytes in %llu bytes (at most %d)", src->origin, *length,
                 (unsigned long long)src->length, MAX_HEADER_BYTES);
done:
    return st;
}

fal_status fal_npy_read_header(const fal_npy_source *src, fal_npy_header *out, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t prefix = 0, length = 0;
    char *text = NULL;
    fal_npy_header h = {0};
    fal_npy *array = &h.array;
    FAL_TRY(read_prefix(src, &prefix, &length, err));
    FAL_ALLOC(text, fal_malloc(length + 1));
    FAL_TRY(src->read(src->user, text, length, err));
    text[length] = '\0';
    if (memchr(text, '\0', length))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: .npy header contains a zero byte", src->origin);
    FAL_TRY(parse_dictionary(text, src->origin, &h, err));
    if (!fal_npy_count(array->type, array->rank, array->shape, &array->count))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: .npy shape overflows", src->origin);
    size_t wanted = array->count * fal_npy_type_size(array->type);
    if (wanted != src->length - prefix - length)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: .npy header announces %zu bytes of %s, %llu are there", src->origin, wanted,
                 fal_npy_type_name(array->type), (unsigned long long)(src->length - prefix - length));
    *out = h;
done:
    fal_free(text);
    return st;
}
