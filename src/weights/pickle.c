#include "weights/pickle_vm.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BUDGET_BYTES = 1 << 16 };

/* ---- errors, reading ---- */

void fal_vm_note(const fal_vm *vm, fal_error *err, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fal_fail(err, FAL_ERR_FORMAT, "%s: damaged pickle, byte %zu of %zu: %s", vm->pickle->origin, vm->op_at, vm->size,
             text);
}

fal_status fal_vm_no_memory(const fal_vm *vm, fal_error *err)
{
    if (vm->pool.exhausted)
        return fal_vm_fail(vm, err, "describes objects out of all proportion to its size");
    return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory while reading the pickle", vm->pickle->origin);
}

/* Every byte read earns the right to some memory. */
static void advance(fal_vm *vm, size_t bytes)
{
    vm->at += bytes;
    vm->pool.budget += bytes * FAL_PICKLE_BYTES_PER_BYTE;
}

fal_status fal_vm_take(fal_vm *vm, uint64_t count, const uint8_t **out, fal_error *err)
{
    if (count > vm->size - vm->at)
        return fal_vm_fail(vm, err, "wants %llu bytes, %zu are left", (unsigned long long)count, vm->size - vm->at);
    *out = vm->bytes + vm->at;
    advance(vm, (size_t)count);
    return FAL_OK;
}

fal_status fal_vm_uint(fal_vm *vm, int bytes, uint64_t *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *raw;
    uint64_t value = 0;
    FAL_TRY(fal_vm_take(vm, (uint64_t)bytes, &raw, err));
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | raw[i];
    *out = value;
done:
    return st;
}

fal_status fal_vm_line(fal_vm *vm, const char **text, size_t *length, fal_error *err)
{
    const uint8_t *start = vm->bytes + vm->at;
    const uint8_t *end = vm->at < vm->size ? memchr(start, '\n', vm->size - vm->at) : NULL;
    if (!end)
        return fal_vm_fail(vm, err, "a line has no end");
    *text = (const char *)start;
    *length = (size_t)(end - start);
    advance(vm, *length + 1);
    return FAL_OK;
}

/* ---- stack ---- */

bool fal_vm_grow(fal_vm *vm, fal_value_list *list, size_t wanted)
{
    if (wanted <= list->capacity)
        return true;
    size_t capacity = list->capacity ? 2 * list->capacity : 256;
    while (capacity < wanted)
        capacity *= 2;
    fal_value **items = fal_pool_alloc(&vm->pool, capacity, sizeof *items);
    if (!items)
        return false;
    if (list->count)
        memcpy(items, list->items, list->count * sizeof *items);
    memset(items + list->count, 0, (capacity - list->count) * sizeof *items);
    list->items = items;
    list->capacity = capacity;
    return true;
}

fal_status fal_vm_push(fal_vm *vm, fal_value *value, fal_error *err)
{
    if (!value || !fal_vm_grow(vm, &vm->stack, vm->stack.count + 1))
        return fal_vm_no_memory(vm, err);
    vm->stack.items[vm->stack.count++] = value;
    return FAL_OK;
}

fal_status fal_vm_peek(fal_vm *vm, fal_value **out, fal_error *err)
{
    size_t floor = vm->mark_count ? vm->marks[vm->mark_count - 1] : 0;
    if (vm->stack.count <= floor)
        return fal_vm_fail(vm, err, "the stack is empty");
    *out = vm->stack.items[vm->stack.count - 1];
    return FAL_OK;
}

fal_status fal_vm_pop(fal_vm *vm, fal_value **out, fal_error *err)
{
    fal_status st = fal_vm_peek(vm, out, err);
    if (st == FAL_OK)
        vm->stack.count--;
    return st;
}

fal_status fal_vm_pop_mark(fal_vm *vm, fal_value ***items, size_t *count, fal_error *err)
{
    if (vm->mark_count == 0)
        return fal_vm_fail(vm, err, "no mark on the stack");
    size_t height = vm->marks[--vm->mark_count];
    *items = vm->stack.items + height;
    *count = vm->stack.count - height;
    vm->stack.count = height;
    return FAL_OK;
}

static fal_status op_mark(fal_vm *vm, fal_error *err)
{
    if (vm->mark_count == vm->mark_capacity) {
        size_t capacity = vm->mark_capacity ? 2 * vm->mark_capacity : 64;
        size_t *marks = fal_pool_alloc(&vm->pool, capacity, sizeof *marks);
        if (!marks)
            return fal_vm_no_memory(vm, err);
        if (vm->mark_count)
            memcpy(marks, vm->marks, vm->mark_count * sizeof *marks);
        vm->marks = marks;
        vm->mark_capacity = capacity;
    }
    vm->marks[vm->mark_count++] = vm->stack.count;
    return FAL_OK;
}

static fal_status op_pop(fal_vm *vm, fal_error *err)
{
    fal_value *ignored;
    size_t floor = vm->mark_count ? vm->marks[vm->mark_count - 1] : 0;
    if (vm->mark_count && vm->stack.count == floor) { /* as in Python, POP right after MARK takes the mark */
        vm->mark_count--;
        return FAL_OK;
    }
    return fal_vm_pop(vm, &ignored, err);
}

static fal_status op_pop_mark(fal_vm *vm, fal_error *err)
{
    fal_value **items;
    size_t count;
    return fal_vm_pop_mark(vm, &items, &count, err);
}

static fal_status op_dup(fal_vm *vm, fal_error *err)
{
    fal_value *top;
    fal_status st = fal_vm_peek(vm, &top, err);
    return st == FAL_OK ? fal_vm_push(vm, top, err) : st;
}

/* ---- memo ---- */

static fal_status put(fal_vm *vm, uint64_t index, fal_error *err)
{
    fal_value *top;
    fal_status st = FAL_OK;
    FAL_TRY(fal_vm_peek(vm, &top, err));
    /* Picklers count up from 0 (from 1 in very old ones), so an index is never above the number of bytes read. */
    if (index > vm->at)
        return fal_vm_fail(vm, err, "memo index %llu is out of sequence", (unsigned long long)index);
    if (!fal_vm_grow(vm, &vm->memo, (size_t)index + 1))
        return fal_vm_no_memory(vm, err);
    vm->memo.items[index] = top;
    if (vm->memo.count <= index)
        vm->memo.count = (size_t)index + 1;
done:
    return st;
}

static fal_status get(fal_vm *vm, uint64_t index, fal_error *err)
{
    if (index >= vm->memo.count || !vm->memo.items[index])
        return fal_vm_fail(vm, err, "memo entry %llu was never made", (unsigned long long)index);
    return fal_vm_push(vm, vm->memo.items[index], err);
}

static fal_status line_index(fal_vm *vm, uint64_t *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *text;
    size_t length;
    char digits[24], *end;
    FAL_TRY(fal_vm_line(vm, &text, &length, err));
    if (length == 0 || length >= sizeof digits || text[0] < '0' || text[0] > '9')
        return fal_vm_fail(vm, err, "a memo index is not a number");
    memcpy(digits, text, length);
    digits[length] = '\0';
    *out = strtoull(digits, &end, 10);
    if (end != digits + length)
        st = fal_vm_fail(vm, err, "a memo index is not a number");
done:
    return st;
}

static fal_status op_put_text(fal_vm *vm, fal_error *err)
{
    uint64_t index;
    fal_status st = line_index(vm, &index, err);
    return st == FAL_OK ? put(vm, index, err) : st;
}

static fal_status op_get_text(fal_vm *vm, fal_error *err)
{
    uint64_t index;
    fal_status st = line_index(vm, &index, err);
    return st == FAL_OK ? get(vm, index, err) : st;
}

static fal_status put_sized(fal_vm *vm, int bytes, fal_error *err)
{
    uint64_t index;
    fal_status st = fal_vm_uint(vm, bytes, &index, err);
    return st == FAL_OK ? put(vm, index, err) : st;
}

static fal_status get_sized(fal_vm *vm, int bytes, fal_error *err)
{
    uint64_t index;
    fal_status st = fal_vm_uint(vm, bytes, &index, err);
    return st == FAL_OK ? get(vm, index, err) : st;
}

static fal_status op_put1(fal_vm *vm, fal_error *err) { return put_sized(vm, 1, err); }
static fal_status op_put4(fal_vm *vm, fal_error *err) { return put_sized(vm, 4, err); }
static fal_status op_get1(fal_vm *vm, fal_error *err) { return get_sized(vm, 1, err); }
static fal_status op_get4(fal_vm *vm, fal_error *err) { return get_sized(vm, 4, err); }
static fal_status op_memoize(fal_vm *vm, fal_error *err) { return put(vm, vm->memo.count, err); }

/* ---- constants and containers ---- */

static fal_status op_none(fal_vm *vm, fal_error *err)
{
    return fal_vm_push(vm, fal_value_new(&vm->pool, FAL_VALUE_NONE), err);
}

static fal_status op_true(fal_vm *vm, fal_error *err)
{
    return fal_vm_push(vm, fal_value_new_bool(&vm->pool, true), err);
}

static fal_status op_false(fal_vm *vm, fal_error *err)
{
    return fal_vm_push(vm, fal_value_new_bool(&vm->pool, false), err);
}

static fal_status op_empty_list(fal_vm *vm, fal_error *err) /* also empty tuple and set */
{
    return fal_vm_push(vm, fal_value_new(&vm->pool, FAL_VALUE_LIST), err);
}

static fal_status op_empty_dict(fal_vm *vm, fal_error *err)
{
    return fal_vm_push(vm, fal_value_new(&vm->pool, FAL_VALUE_DICT), err);
}

static fal_status append_all(fal_vm *vm, fal_value *list, fal_value *const *items, size_t count, fal_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!fal_list_push(&vm->pool, list, items[i]))
            return fal_vm_no_memory(vm, err);
    return FAL_OK;
}

static fal_status op_list(fal_vm *vm, fal_error *err) /* also tuple and frozenset */
{
    fal_status st = FAL_OK;
    fal_value **items, *list;
    size_t count;
    FAL_TRY(fal_vm_pop_mark(vm, &items, &count, err));
    list = fal_value_new(&vm->pool, FAL_VALUE_LIST);
    if (!list)
        return fal_vm_no_memory(vm, err);
    FAL_TRY(append_all(vm, list, items, count, err));
    FAL_TRY(fal_vm_push(vm, list, err));
done:
    return st;
}

static fal_status short_tuple(fal_vm *vm, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *items[3], *list = fal_value_new(&vm->pool, FAL_VALUE_LIST);
    if (!list)
        return fal_vm_no_memory(vm, err);
    for (size_t i = count; i-- > 0;)
        FAL_TRY(fal_vm_pop(vm, &items[i], err));
    FAL_TRY(append_all(vm, list, items, count, err));
    FAL_TRY(fal_vm_push(vm, list, err));
done:
    return st;
}

static fal_status op_tuple1(fal_vm *vm, fal_error *err) { return short_tuple(vm, 1, err); }
static fal_status op_tuple2(fal_vm *vm, fal_error *err) { return short_tuple(vm, 2, err); }
static fal_status op_tuple3(fal_vm *vm, fal_error *err) { return short_tuple(vm, 3, err); }

/* The container that items go to: the value itself, or what an instance of a subclass collects. NULL: neither. */
static fal_value *collector(fal_vm *vm, fal_value *target, fal_value_kind kind)
{
    if (target->kind == FAL_VALUE_OBJECT && !target->is_global) {
        if (!target->u.object.items)
            target->u.object.items = fal_value_new(&vm->pool, kind);
        target = target->u.object.items;
    }
    return target && target->kind == kind ? target : NULL;
}

static fal_status append_to_top(fal_vm *vm, fal_value *const *items, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *target, *list;
    FAL_TRY(fal_vm_peek(vm, &target, err));
    list = collector(vm, target, FAL_VALUE_LIST);
    if (!list)
        FAL_TRY(fal_vm_fail(vm, err, "appends to something that is not a list"));
    FAL_TRY(append_all(vm, list, items, count, err));
done:
    return st;
}

static fal_status set_in_top(fal_vm *vm, fal_value *const *items, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *target, *dict;
    FAL_TRY(fal_vm_peek(vm, &target, err));
    dict = collector(vm, target, FAL_VALUE_DICT);
    if (!dict)
        FAL_TRY(fal_vm_fail(vm, err, "sets an item of something that is not a dict"));
    if (count % 2)
        FAL_TRY(fal_vm_fail(vm, err, "a key without an item"));
    for (size_t i = 0; i < count; i += 2)
        if (!fal_dict_push(&vm->pool, dict, items[i], items[i + 1]))
            FAL_TRY(fal_vm_no_memory(vm, err));
done:
    return st;
}

static fal_status op_append(fal_vm *vm, fal_error *err)
{
    fal_value *item;
    fal_status st = fal_vm_pop(vm, &item, err);
    return st == FAL_OK ? append_to_top(vm, &item, 1, err) : st;
}

static fal_status op_appends(fal_vm *vm, fal_error *err) /* also additems */
{
    fal_value **items;
    size_t count;
    fal_status st = fal_vm_pop_mark(vm, &items, &count, err);
    return st == FAL_OK ? append_to_top(vm, items, count, err) : st;
}

static fal_status op_setitem(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *pair[2];
    FAL_TRY(fal_vm_pop(vm, &pair[1], err));
    FAL_TRY(fal_vm_pop(vm, &pair[0], err));
    FAL_TRY(set_in_top(vm, pair, 2, err));
done:
    return st;
}

static fal_status op_setitems(fal_vm *vm, fal_error *err)
{
    fal_value **items;
    size_t count;
    fal_status st = fal_vm_pop_mark(vm, &items, &count, err);
    return st == FAL_OK ? set_in_top(vm, items, count, err) : st;
}

static fal_status op_dict(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value **items;
    size_t count;
    FAL_TRY(fal_vm_pop_mark(vm, &items, &count, err));
    if (count % 2)
        FAL_TRY(fal_vm_fail(vm, err, "a key without an item"));
    fal_value *dict = fal_value_new(&vm->pool, FAL_VALUE_DICT);
    for (size_t i = 0; dict && i < count; i += 2)
        if (!fal_dict_push(&vm->pool, dict, items[i], items[i + 1]))
            dict = NULL;
    FAL_TRY(fal_vm_push(vm, dict, err));
done:
    return st;
}

/* ---- control ---- */

static fal_status op_proto(fal_vm *vm, fal_error *err)
{
    uint64_t protocol;
    fal_status st = fal_vm_uint(vm, 1, &protocol, err);
    if (st == FAL_OK && protocol > 5)
        st = fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: pickle protocol %llu, 0 to 5 are known", vm->pickle->origin,
                      (unsigned long long)protocol);
    return st;
}

static fal_status op_frame(fal_vm *vm, fal_error *err)
{
    uint64_t length;
    fal_status st = fal_vm_uint(vm, 8, &length, err);
    if (st == FAL_OK && length > vm->size - vm->at)
        st = fal_vm_fail(vm, err, "a frame of %llu bytes, %zu are left", (unsigned long long)length,
                         vm->size - vm->at);
    return st;
}

static fal_status op_stop(fal_vm *vm, fal_error *err)
{
    vm->stopped = true;
    return fal_vm_pop(vm, &vm->pickle->object, err);
}

static fal_status op_unsupported(fal_vm *vm, fal_error *err)
{
    return fal_fail(err, FAL_ERR_UNSUPPORTED,
                    "%s: pickle opcode 0x%02x at byte %zu: extension codes and out-of-band buffers are not covered",
                    vm->pickle->origin, vm->bytes[vm->op_at], vm->op_at);
}

/* Opcode numbers from Python's Lib/pickletools.py. */
static fal_vm_op *const ops[256] = {
    ['('] = op_mark, ['.'] = op_stop, ['0'] = op_pop, ['1'] = op_pop_mark, ['2'] = op_dup,
    ['F'] = fal_vm_op_float_text, ['I'] = fal_vm_op_int_text, ['J'] = fal_vm_op_int4, ['K'] = fal_vm_op_int1,
    ['L'] = fal_vm_op_long_text, ['M'] = fal_vm_op_int2, ['N'] = op_none, ['P'] = fal_vm_op_persid,
    ['Q'] = fal_vm_op_binpersid, ['R'] = fal_vm_op_reduce, ['S'] = fal_vm_op_string_text,
    ['T'] = fal_vm_op_string4, ['U'] = fal_vm_op_string1, ['V'] = fal_vm_op_unicode_text,
    ['X'] = fal_vm_op_unicode4, ['a'] = op_append, ['b'] = fal_vm_op_build, ['c'] = fal_vm_op_global,
    ['d'] = op_dict, ['}'] = op_empty_dict, ['e'] = op_appends, ['g'] = op_get_text, ['h'] = op_get1,
    ['i'] = fal_vm_op_inst, ['j'] = op_get4, ['l'] = op_list, [']'] = op_empty_list, ['o'] = fal_vm_op_obj,
    ['p'] = op_put_text, ['q'] = op_put1, ['r'] = op_put4, ['s'] = op_setitem, ['t'] = op_list,
    [')'] = op_empty_list, ['u'] = op_setitems, ['G'] = fal_vm_op_float8,
    [0x80] = op_proto, [0x81] = fal_vm_op_newobj, [0x82] = op_unsupported, [0x83] = op_unsupported,
    [0x84] = op_unsupported, [0x85] = op_tuple1, [0x86] = op_tuple2, [0x87] = op_tuple3, [0x88] = op_true,
    [0x89] = op_false, [0x8a] = fal_vm_op_long1, [0x8b] = fal_vm_op_long4, ['B'] = fal_vm_op_bytes4,
    ['C'] = fal_vm_op_bytes1, [0x8c] = fal_vm_op_unicode1, [0x8d] = fal_vm_op_unicode8, [0x8e] = fal_vm_op_bytes8,
    [0x8f] = op_empty_list, [0x90] = op_appends, [0x91] = op_list, [0x92] = fal_vm_op_newobj_ex,
    [0x93] = fal_vm_op_stack_global, [0x94] = op_memoize, [0x95] = op_frame, [0x96] = fal_vm_op_bytes8,
    [0x97] = op_unsupported, [0x98] = op_unsupported,
};

static fal_status run(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    while (st == FAL_OK && !vm->stopped) {
        vm->op_at = vm->at;
        if (vm->at == vm->size)
            return fal_vm_fail(vm, err, "it ends before its STOP");
        advance(vm, 1);
        fal_vm_op *op = ops[vm->bytes[vm->op_at]];
        st = op ? op(vm, err) : fal_vm_fail(vm, err, "0x%02x is no opcode", vm->bytes[vm->op_at]);
    }
    return st;
}

/* ---- class names ---- */

typedef struct mention {
    const char *name;
    size_t order;
} mention;

static int by_name(const void *a, const void *b)
{
    const mention *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b)
{
    const mention *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* Every mention was kept as it came; here the distinct ones are found by sorting, twice. */
static fal_status list_classes(fal_vm *vm, fal_error *err)
{
    size_t count = vm->globals.count, distinct = 0;
    if (count == 0)
        return FAL_OK;
    mention *all = fal_pool_alloc(&vm->pool, count, sizeof *all);
    const char **names = fal_pool_alloc(&vm->pool, count, sizeof *names);
    if (!all || !names)
        return fal_vm_no_memory(vm, err);
    for (size_t i = 0; i < count; i++)
        all[i] = (mention){vm->globals.items[i]->u.object.class_name, i};
    qsort(all, count, sizeof *all, by_name);
    for (size_t i = 0; i < count; i++)
        if (distinct == 0 || strcmp(all[distinct - 1].name, all[i].name) != 0)
            all[distinct++] = all[i];
    qsort(all, distinct, sizeof *all, by_order);
    for (size_t i = 0; i < distinct; i++)
        names[i] = all[i].name;
    vm->pickle->classes = names;
    vm->pickle->class_count = distinct;
    return FAL_OK;
}

fal_status fal_pickle_read(const uint8_t *bytes, size_t size, fal_pickle *pickle, fal_error *err)
{
    fal_status st = FAL_OK;
    if (size > FAL_PICKLE_MAX_BYTES)
        size = FAL_PICKLE_MAX_BYTES; /* legacy files: tensor data follows */
    fal_value_pool pool = {.arena = pickle->arena, .budget = FIRST_BUDGET_BYTES};
    fal_vm vm = {.pickle = pickle, .pool = pool, .bytes = bytes, .size = size};
    if (!fal_vm_grow(&vm, &vm.stack, 1))
        FAL_TRY(fal_vm_no_memory(&vm, err));
    FAL_TRY(run(&vm, err));
    FAL_TRY(list_classes(&vm, err));
    pickle->consumed = vm.at;
done:
    return st;
}
