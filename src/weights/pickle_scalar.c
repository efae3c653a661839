#include "weights/pickle_vm.h"

#include "core/number.h"

#include <errno.h>
#include <stdlib.h>

/* ---- numbers ---- */

/* Text of a number as a C string; Python writes at most 25 characters for a float, integers may be longer. */
static fal_status number_line(fal_vm *vm, char out[64], fal_error *err)
{
    fal_status st = FAL_OK;
    const char *text;
    size_t length;
    FAL_TRY(fal_vm_line(vm, &text, &length, err));
    if (length && text[length - 1] == 'L')
        length--;
    if (length == 0 || length >= 64 || memchr(text, '\0', length))
        return fal_vm_fail(vm, err, "a number of %zu characters", length);
    memcpy(out, text, length);
    out[length] = '\0';
done:
    return st;
}

static fal_status push_decimal(fal_vm *vm, const char *text, bool integral, fal_error *err)
{
    char *end;
    double real;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    bool too_large = errno == ERANGE;
    if (integral && !too_large && end > text && !*end)
        return fal_vm_push(vm, fal_value_new_int(&vm->pool, integer), err);
    /* Beyond 64 bits an integer is read as a real. */
    if ((integral && !too_large) || !fal_parse_real(text, &real))
        return fal_vm_fail(vm, err, "\"%s\" is no number", text);
    return fal_vm_push(vm, fal_value_new_real(&vm->pool, real), err);
}

fal_status fal_vm_op_int_text(fal_vm *vm, fal_error *err)
{
    char text[64];
    fal_status st = number_line(vm, text, err);
    if (st != FAL_OK)
        return st;
    if (!strcmp(text, "00") || !strcmp(text, "01")) /* protocol 0 spells False and True so */
        return fal_vm_push(vm, fal_value_new_bool(&vm->pool, text[1] == '1'), err);
    return push_decimal(vm, text, true, err);
}

fal_status fal_vm_op_long_text(fal_vm *vm, fal_error *err)
{
    char text[64];
    fal_status st = number_line(vm, text, err);
    return st == FAL_OK ? push_decimal(vm, text, true, err) : st;
}

fal_status fal_vm_op_float_text(fal_vm *vm, fal_error *err)
{
    char text[64];
    fal_status st = number_line(vm, text, err);
    return st == FAL_OK ? push_decimal(vm, text, false, err) : st;
}

static fal_status push_sized_int(fal_vm *vm, int bytes, fal_error *err)
{
    uint64_t raw = 0;
    fal_status st = fal_vm_uint(vm, bytes, &raw, err);
    int64_t value = bytes == 4 ? (int32_t)(uint32_t)raw : (int64_t)raw;
    return st == FAL_OK ? fal_vm_push(vm, fal_value_new_int(&vm->pool, value), err) : st;
}

fal_status fal_vm_op_int1(fal_vm *vm, fal_error *err) { return push_sized_int(vm, 1, err); }
fal_status fal_vm_op_int2(fal_vm *vm, fal_error *err) { return push_sized_int(vm, 2, err); }
fal_status fal_vm_op_int4(fal_vm *vm, fal_error *err) { return push_sized_int(vm, 4, err); }

/* Little-endian two's complement of any length. */
static fal_status push_long(fal_vm *vm, int size_bytes, fal_error *err)
{
    fal_status st = FAL_OK;
    uint64_t count;
    const uint8_t *raw;
    FAL_TRY(fal_vm_uint(vm, size_bytes, &count, err));
    FAL_TRY(fal_vm_take(vm, count, &raw, err));
    bool negative = count && raw[count - 1] & 0x80;
    if (count <= 8) {
        uint64_t value = negative ? UINT64_MAX : 0;
        for (uint64_t i = count; i-- > 0;)
            value = value << 8 | raw[i];
        return fal_vm_push(vm, fal_value_new_int(&vm->pool, (int64_t)value), err);
    }
    double real = negative ? -1 : 0;
    for (uint64_t i = count; i-- > 0;)
        real = real * 256 + raw[i];
    FAL_TRY(fal_vm_push(vm, fal_value_new_real(&vm->pool, real), err));
done:
    return st;
}

fal_status fal_vm_op_long1(fal_vm *vm, fal_error *err) { return push_long(vm, 1, err); }
fal_status fal_vm_op_long4(fal_vm *vm, fal_error *err) { return push_long(vm, 4, err); }

fal_status fal_vm_op_float8(fal_vm *vm, fal_error *err) /* big endian, the only such number in a pickle */
{
    fal_status st = FAL_OK;
    const uint8_t *raw;
    uint64_t bits = 0;
    double real;
    FAL_TRY(fal_vm_take(vm, 8, &raw, err));
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | raw[i];
    memcpy(&real, &bits, sizeof real);
    FAL_TRY(fal_vm_push(vm, fal_value_new_real(&vm->pool, real), err));
done:
    return st;
}

/* ---- counted strings ---- */

static fal_status push_counted(fal_vm *vm, int size_bytes, fal_value_kind kind, fal_error *err)
{
    fal_status st = FAL_OK;
    uint64_t length;
    const uint8_t *raw;
    FAL_TRY(fal_vm_uint(vm, size_bytes, &length, err));
    FAL_TRY(fal_vm_take(vm, length, &raw, err));
    FAL_TRY(fal_vm_push(vm, fal_value_new_bytes(&vm->pool, kind, raw, (size_t)length), err));
done:
    return st;
}

/* Python 2 wrote its str, text and bytes alike, as STRING: it is read as text. */
fal_status fal_vm_op_string1(fal_vm *vm, fal_error *err) { return push_counted(vm, 1, FAL_VALUE_STRING, err); }
fal_status fal_vm_op_string4(fal_vm *vm, fal_error *err) { return push_counted(vm, 4, FAL_VALUE_STRING, err); }
fal_status fal_vm_op_unicode1(fal_vm *vm, fal_error *err) { return push_counted(vm, 1, FAL_VALUE_STRING, err); }
fal_status fal_vm_op_unicode4(fal_vm *vm, fal_error *err) { return push_counted(vm, 4, FAL_VALUE_STRING, err); }
fal_status fal_vm_op_unicode8(fal_vm *vm, fal_error *err) { return push_counted(vm, 8, FAL_VALUE_STRING, err); }
fal_status fal_vm_op_bytes1(fal_vm *vm, fal_error *err) { return push_counted(vm, 1, FAL_VALUE_BYTES, err); }
fal_status fal_vm_op_bytes4(fal_vm *vm, fal_error *err) { return push_counted(vm, 4, FAL_VALUE_BYTES, err); }
fal_status fal_vm_op_bytes8(fal_vm *vm, fal_error *err) { return push_counted(vm, 8, FAL_VALUE_BYTES, err); }

/* ---- strings of protocol 0 ---- */

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t tail = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t lead[4] = {0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(lead[tail] | c >> (6 * tail));
    for (size_t i = 1; i <= tail; i++)
        out[i] = (char)(0x80 | (c >> (6 * (tail - i)) & 0x3f));
    return tail + 1;
}

/* `count` hexadecimal digits at text[0..length), or -1. */
static int64_t hex(const char *text, size_t length, size_t count)
{
    int64_t value = 0;
    if (length < count)
        return -1;
    for (size_t i = 0; i < count; i++) {
        char c = text[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Python's backslash escapes, those of repr(str) and of raw-unicode-escape. Returns how much of text was used; an
 * unknown escape stands for itself. `out` has room: no escape is shorter than what it stands for. */
static size_t unescape_one(const char *text, size_t length, bool unicode, char *out, size_t *written)
{
    static const char from[] = "ntr\\'\"", to[] = "\n\t\r\\'\"";
    char kind = length > 1 ? text[1] : '\0';
    size_t digits = kind == 'x' && !unicode ? 2 : kind == 'u' && unicode ? 4 : kind == 'U' && unicode ? 8 : 0;
    int64_t code = digits ? hex(text + 2, length - 2, digits) : -1;
    const char *simple = kind && !unicode ? strchr(from, kind) : NULL;
    if (code >= 0 && code <= 0x10ffff) {
        if (unicode)
            *written += put_utf8(out + *written, (uint32_t)code);
        else
            out[(*written)++] = (char)code;
        return 2 + digits;
    }
    out[(*written)++] = simple ? to[simple - from] : '\\';
    return simple ? 2 : 1;
}

static fal_status push_unescaped(fal_vm *vm, const char *text, size_t length, bool unicode, fal_error *err)
{
    /* Without an escape a raw Latin-1 byte of a unicode line becomes two bytes of UTF-8. */
    char *out = fal_pool_alloc(&vm->pool, 2 * length + 1, 1);
    fal_value *value = out ? fal_value_new(&vm->pool, FAL_VALUE_STRING) : NULL;
    size_t written = 0;
    if (!value)
        return fal_vm_no_memory(vm, err);
    for (size_t i = 0; i < length;) {
        if (text[i] == '\\') {
            i += unescape_one(text + i, length - i, unicode, out, &written);
        } else if (unicode) {
            written += put_utf8(out + written, (uint8_t)text[i++]);
        } else {
            out[written++] = text[i++];
        }
    }
    out[written] = '\0';
    value->u.string.text = out;
    value->u.string.length = written;
    return fal_vm_push(vm, value, err);
}

fal_status fal_vm_op_string_text(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *text;
    size_t length;
    FAL_TRY(fal_vm_line(vm, &text, &length, err));
    if (length < 2 || (text[0] != '\'' && text[0] != '"') || text[length - 1] != text[0])
        return fal_vm_fail(vm, err, "a string without quotes");
    FAL_TRY(push_unescaped(vm, text + 1, length - 2, false, err));
done:
    return st;
}

fal_status fal_vm_op_unicode_text(fal_vm *vm, fal_error *err)
{
    const char *text;
    size_t length;
    fal_status st = fal_vm_line(vm, &text, &length, err);
    return st == FAL_OK ? push_unescaped(vm, text, length, true, err) : st;
}
