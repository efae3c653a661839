#include "weights/pickle_vm.h"

/* ---- names of classes and functions ---- */

static fal_status push_global(fal_vm *vm, const char *module, size_t module_length, const char *name,
                              size_t name_length, fal_error *err)
{
    fal_status st = FAL_OK;
    char *full = fal_pool_alloc(&vm->pool, module_length + name_length + 2, 1);
    fal_value *value = full ? fal_value_new_object(&vm->pool, full, NULL) : NULL;
    if (!value || !fal_vm_grow(vm, &vm->globals, vm->globals.count + 1))
        return fal_vm_no_memory(vm, err);
    memcpy(full, module, module_length);
    full[module_length] = '.';
    memcpy(full + module_length + 1, name, name_length);
    full[module_length + 1 + name_length] = '\0';
    if (strlen(full) != module_length + 1 + name_length)
        FAL_TRY(fal_vm_fail(vm, err, "a class name with a NUL in it"));
    value->is_global = true;
    vm->globals.items[vm->globals.count++] = value;
    FAL_TRY(fal_vm_push(vm, value, err));
done:
    return st;
}

fal_status fal_vm_op_global(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *module, *name;
    size_t module_length, name_length;
    FAL_TRY(fal_vm_line(vm, &module, &module_length, err));
    FAL_TRY(fal_vm_line(vm, &name, &name_length, err));
    FAL_TRY(push_global(vm, module, module_length, name, name_length, err));
done:
    return st;
}

fal_status fal_vm_op_stack_global(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *module, *name;
    FAL_TRY(fal_vm_pop(vm, &name, err));
    FAL_TRY(fal_vm_pop(vm, &module, err));
    if (module->kind != FAL_VALUE_STRING || name->kind != FAL_VALUE_STRING)
        FAL_TRY(fal_vm_fail(vm, err, "the name of a class is not text"));
    FAL_TRY(push_global(vm, module->u.string.text, module->u.string.length, name->u.string.text,
                        name->u.string.length, err));
done:
    return st;
}

/* ---- the few callables that are understood ----
 * Each leaves *out NULL when the arguments are not what it knows: then the call becomes an opaque object. */

typedef fal_status known_call(fal_vm *vm, const char *name, const fal_value *args, fal_value **out, fal_error *err);

static fal_value *argument(const fal_value *args, size_t index)
{
    return index < args->u.list.count ? args->u.list.items[index] : NULL;
}

/* Python 2 called OrderedDict with a list of [key, item] lists. */
static fal_status dict_from_pairs(fal_vm *vm, const fal_value *pairs, fal_value *dict, fal_error *err)
{
    for (size_t i = 0; i < pairs->u.list.count; i++) {
        const fal_value *pair = pairs->u.list.items[i];
        if (pair->kind != FAL_VALUE_LIST || pair->u.list.count != 2)
            return fal_vm_fail(vm, err, "a dict is made of something that is not pairs");
        if (!fal_dict_push(&vm->pool, dict, pair->u.list.items[0], pair->u.list.items[1]))
            return fal_vm_no_memory(vm, err);
    }
    return FAL_OK;
}

static fal_status call_dict(fal_vm *vm, const char *name, const fal_value *args, fal_value **out, fal_error *err)
{
    (void)name;
    /* defaultdict comes with its factory first. */
    fal_value *last = argument(args, args->u.list.count - 1);
    if (last && last->kind == FAL_VALUE_DICT) {
        *out = last;
        return FAL_OK;
    }
    fal_value *dict = fal_value_new(&vm->pool, FAL_VALUE_DICT);
    if (!dict)
        return fal_vm_no_memory(vm, err);
    *out = dict;
    return last && last->kind == FAL_VALUE_LIST ? dict_from_pairs(vm, last, dict, err) : FAL_OK;
}

static fal_status call_list(fal_vm *vm, const char *name, const fal_value *args, fal_value **out, fal_error *err)
{
    (void)name;
    fal_value *items = argument(args, 0);
    if (!items && !(items = fal_value_new(&vm->pool, FAL_VALUE_LIST)))
        return fal_vm_no_memory(vm, err);
    if (items->kind == FAL_VALUE_LIST)
        *out = items;
    return FAL_OK;
}

/* Protocol 2 has no bytes: it writes them as text of the characters 0 to 255 to be encoded as latin-1. */
static fal_status call_encode(fal_vm *vm, const char *name, const fal_value *args, fal_value **out, fal_error *err)
{
    (void)name;
    const fal_value *text = argument(args, 0);
    if (!text || text->kind != FAL_VALUE_STRING)
        return FAL_OK;
    fal_value *value = fal_value_new_bytes(&vm->pool, FAL_VALUE_BYTES, text->u.string.text, text->u.string.length);
    if (!value)
        return fal_vm_no_memory(vm, err);
    char *bytes = (char *)value->u.string.text; /* ours since the line above */
    size_t written = 0;
    for (size_t i = 0; i < text->u.string.length; i++) {
        uint8_t c = (uint8_t)bytes[i];
        if (c >= 0x80) {
            uint8_t next = i + 1 < text->u.string.length ? (uint8_t)bytes[i + 1] : 0;
            if ((c != 0xc2 && c != 0xc3) || (next & 0xc0) != 0x80)
                return FAL_OK; /* not latin-1 */
            c = (uint8_t)(c << 6 | (next & 0x3f));
            i++;
        }
        bytes[written++] = (char)c;
    }
    bytes[written] = '\0';
    value->u.string.length = written;
    *out = value;
    return FAL_OK;
}

/* Protocols 0 and 1 make instances through copyreg._reconstructor(class, base, state). */
static fal_status call_reconstructor(fal_vm *vm, const char *name, const fal_value *args, fal_value **out,
                                     fal_error *err)
{
    (void)name;
    const fal_value *class = argument(args, 0);
    if (!class || class->kind != FAL_VALUE_OBJECT)
        return FAL_OK;
    *out = fal_value_new_object(&vm->pool, class->u.object.class_name, NULL);
    return *out ? FAL_OK : fal_vm_no_memory(vm, err);
}

static const struct {
    const char *name;
    known_call *call;
} known[] = {
    {"collections.OrderedDict", call_dict},
    {"collections.defaultdict", call_dict},
    {"collections.Counter", call_dict},
    {"__builtin__.dict", call_dict},
    {"builtins.dict", call_dict},
    {"__builtin__.set", call_list},
    {"builtins.set", call_list},
    {"__builtin__.frozenset", call_list},
    {"builtins.frozenset", call_list},
    {"__builtin__.list", call_list},
    {"builtins.list", call_list},
    {"__builtin__.tuple", call_list},
    {"builtins.tuple", call_list},
    {"torch.Size", call_list},
    {"_codecs.encode", call_encode},
    {"copy_reg._reconstructor", call_reconstructor},
    {"copyreg._reconstructor", call_reconstructor},
    {"torch._utils._rebuild_tensor", fal_vm_rebuild_tensor},
    {"torch._utils._rebuild_tensor_v2", fal_vm_rebuild_tensor},
    {"torch._utils._rebuild_tensor_v3", fal_vm_rebuild_tensor},
    {"torch._utils._rebuild_parameter", fal_vm_rebuild_tensor},
    {"torch._utils._rebuild_parameter_with_state", fal_vm_rebuild_tensor},
    {"torch._tensor._rebuild_from_type_v2", fal_vm_rebuild_tensor},
};

static fal_status construct(fal_vm *vm, const fal_value *callable, fal_value *args, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *made = NULL;
    if (callable->kind != FAL_VALUE_OBJECT)
        return fal_vm_fail(vm, err, "calls something that is not a class or function");
    if (args->kind != FAL_VALUE_LIST)
        return fal_vm_fail(vm, err, "the arguments of %.100s are not a tuple", callable->u.object.class_name);
    const char *name = callable->u.object.class_name;
    for (size_t i = 0; callable->is_global && i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            FAL_TRY(known[i].call(vm, name, args, &made, err));
    if (!made)
        made = fal_value_new_object(&vm->pool, name, args);
    FAL_TRY(fal_vm_push(vm, made, err));
done:
    return st;
}

/* ---- opcodes ---- */

fal_status fal_vm_op_reduce(fal_vm *vm, fal_error *err) /* callable args -> callable(*args) */
{
    fal_status st = FAL_OK;
    fal_value *callable, *args;
    FAL_TRY(fal_vm_pop(vm, &args, err));
    FAL_TRY(fal_vm_pop(vm, &callable, err));
    FAL_TRY(construct(vm, callable, args, err));
done:
    return st;
}

fal_status fal_vm_op_newobj(fal_vm *vm, fal_error *err)
{
    return fal_vm_op_reduce(vm, err);
}

fal_status fal_vm_op_newobj_ex(fal_vm *vm, fal_error *err) /* class args keywords */
{
    fal_value *keywords;
    fal_status st = fal_vm_pop(vm, &keywords, err);
    return st == FAL_OK ? fal_vm_op_reduce(vm, err) : st;
}

static fal_status list_of(fal_vm *vm, fal_value *const *items, size_t count, fal_value **out, fal_error *err)
{
    fal_value *list = fal_value_new(&vm->pool, FAL_VALUE_LIST);
    for (size_t i = 0; list && i < count; i++)
        if (!fal_list_push(&vm->pool, list, items[i]))
            list = NULL;
    *out = list;
    return list ? FAL_OK : fal_vm_no_memory(vm, err);
}

fal_status fal_vm_op_inst(fal_vm *vm, fal_error *err) /* MARK args; the class as two lines */
{
    fal_status st = FAL_OK;
    fal_value **items, *args, *class;
    size_t count;
    FAL_TRY(fal_vm_pop_mark(vm, &items, &count, err));
    FAL_TRY(list_of(vm, items, count, &args, err));
    FAL_TRY(fal_vm_op_global(vm, err));
    FAL_TRY(fal_vm_pop(vm, &class, err));
    FAL_TRY(construct(vm, class, args, err));
done:
    return st;
}

fal_status fal_vm_op_obj(fal_vm *vm, fal_error *err) /* MARK class args */
{
    fal_status st = FAL_OK;
    fal_value **items, *args;
    size_t count;
    FAL_TRY(fal_vm_pop_mark(vm, &items, &count, err));
    if (count == 0)
        FAL_TRY(fal_vm_fail(vm, err, "an instance without a class"));
    fal_value *class = items[0];
    FAL_TRY(list_of(vm, items + 1, count - 1, &args, err));
    FAL_TRY(construct(vm, class, args, err));
done:
    return st;
}

fal_status fal_vm_op_build(fal_vm *vm, fal_error *err) /* instance state -> instance */
{
    fal_status st = FAL_OK;
    fal_value *state, *target;
    FAL_TRY(fal_vm_pop(vm, &state, err));
    FAL_TRY(fal_vm_peek(vm, &target, err));
    /* Attributes of a dict (OrderedDict._metadata) or a tensor carry nothing we need. */
    if (target->kind == FAL_VALUE_OBJECT && !target->is_global)
        target->u.object.state = state;
done:
    return st;
}
