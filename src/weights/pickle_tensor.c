#include "weights/pickle_vm.h"

/* A view may repeat memory (stride 0, as expand leaves it), but not so that a small file stands for gigabytes. */
enum { MAX_REPEATED_ELEMENTS = 1 << 24, MAX_NESTED_REBUILDS = 4 };

static const struct {
    const char *name; /* after the last dot */
    size_t item_size;
    bool has_dtype;
    fal_dtype dtype;
} storage_types[] = {
    {"FloatStorage", 4, true, FAL_F32},         {"DoubleStorage", 8, true, FAL_F64},
    {"HalfStorage", 2, true, FAL_F16},          {"BFloat16Storage", 2, true, FAL_BF16},
    {"LongStorage", 8, true, FAL_I64},          {"IntStorage", 4, true, FAL_I32},
    {"ShortStorage", 2, true, FAL_I16},         {"CharStorage", 1, true, FAL_I8},
    {"ByteStorage", 1, true, FAL_U8},           {"BoolStorage", 1, true, FAL_BOOL},
    {"UntypedStorage", 1, false, FAL_U8},       {"_UntypedStorage", 1, false, FAL_U8},
    {"ComplexFloatStorage", 8, false, FAL_U8},  {"ComplexDoubleStorage", 16, false, FAL_U8},
    {"QInt8Storage", 1, false, FAL_U8},         {"QUInt8Storage", 1, false, FAL_U8},
    {"QInt32Storage", 4, false, FAL_U8},
};

static const struct {
    const char *name;
    fal_dtype dtype;
} torch_dtypes[] = {
    {"torch.float32", FAL_F32}, {"torch.float64", FAL_F64}, {"torch.float16", FAL_F16}, {"torch.bfloat16", FAL_BF16},
    {"torch.int64", FAL_I64},   {"torch.int32", FAL_I32},   {"torch.int16", FAL_I16},   {"torch.int8", FAL_I8},
    {"torch.uint8", FAL_U8},    {"torch.bool", FAL_BOOL},
};

/* ---- storages ---- */

static bool set_type(fal_storage *storage, const char *class_name)
{
    const char *dot = strrchr(class_name, '.');
    const char *name = dot ? dot + 1 : class_name;
    for (size_t i = 0; i < sizeof storage_types / sizeof *storage_types; i++)
        if (strcmp(storage_types[i].name, name) == 0 && strncmp(class_name, "torch.", 6) == 0) {
            storage->type_name = class_name;
            storage->has_dtype = storage_types[i].has_dtype;
            storage->dtype = storage_types[i].dtype;
            storage->item_size = storage_types[i].item_size;
            storage->untyped = strstr(name, "Untyped") != NULL;
            return true;
        }
    return false;
}

/* The sixth member of a legacy id, (key, offset, size) in elements: this record is a part of the data. */
static fal_status set_view(fal_vm *vm, fal_storage *storage, const fal_value *view, fal_error *err)
{
    size_t bytes;
    if (!view || view->kind == FAL_VALUE_NONE)
        return FAL_OK;
    int64_t offset = fal_value_int(fal_value_at(view, 1), -1), size = fal_value_int(fal_value_at(view, 2), -1);
    if (view->kind != FAL_VALUE_LIST || view->u.list.count != 3 || offset < 0 || size < 0)
        return fal_vm_fail(vm, err, "storage %.40s has a malformed view", storage->key);
    if (__builtin_mul_overflow((size_t)offset, storage->item_size, &storage->view_offset) ||
        __builtin_mul_overflow((size_t)size, storage->item_size, &storage->view_bytes) ||
        __builtin_add_overflow(storage->view_offset, storage->view_bytes, &bytes) || bytes > storage->bytes)
        return fal_vm_fail(vm, err, "storage %.40s: a view of %lld elements at %lld leaves its %zu bytes",
                           storage->key, (long long)size, (long long)offset, storage->bytes);
    return FAL_OK;
}

/* ('storage', type, key, location, elements[, view]) */
static fal_status make_storage(fal_vm *vm, const fal_value *id, fal_value **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_value *const *items = (const fal_value *const *)id->u.list.items;
    size_t count = id->u.list.count;
    const char *type = count >= 5 ? fal_value_class(items[1]) : NULL;
    if ((count != 5 && count != 6) || !type || items[2]->kind != FAL_VALUE_STRING || items[4]->kind != FAL_VALUE_INT)
        return fal_vm_fail(vm, err, "a persistent id of %zu members is not that of a tensor's storage", count);
    fal_storage *storage = fal_pool_alloc(&vm->pool, 1, sizeof *storage);
    fal_value *value = storage ? fal_value_new_object(&vm->pool, "torch.storage", NULL) : NULL;
    if (!value)
        return fal_vm_no_memory(vm, err);
    *storage = (fal_storage){.key = items[2]->u.string.text};
    if (!set_type(storage, type))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: storage %.40s is of the unknown type %.100s",
                        vm->pickle->origin, storage->key, type);
    if (items[4]->u.integer < 0 ||
        __builtin_mul_overflow((size_t)items[4]->u.integer, storage->item_size, &storage->bytes))
        return fal_vm_fail(vm, err, "storage %.40s has %lld elements", storage->key, (long long)items[4]->u.integer);
    storage->view_bytes = storage->bytes;
    FAL_TRY(set_view(vm, storage, count == 6 ? items[5] : NULL, err));
    storage->next = vm->pickle->storages;
    vm->pickle->storages = storage;
    value->u.object.storage = storage;
    *out = value;
done:
    return st;
}

fal_status fal_vm_op_binpersid(fal_vm *vm, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_value *id, *made = NULL;
    FAL_TRY(fal_vm_pop(vm, &id, err));
    if (id->kind != FAL_VALUE_LIST || id->u.list.count < 2)
        return fal_vm_fail(vm, err, "a persistent id that is not PyTorch's");
    if (fal_value_is_text(id->u.list.items[0], "module")) /* a saved class with its source text */
        made = id->u.list.items[1];
    else if (fal_value_is_text(id->u.list.items[0], "storage"))
        FAL_TRY(make_storage(vm, id, &made, err));
    else
        return fal_vm_fail(vm, err, "a persistent id that is not PyTorch's");
    FAL_TRY(fal_vm_push(vm, made, err));
done:
    return st;
}

fal_status fal_vm_op_persid(fal_vm *vm, fal_error *err)
{
    return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: pickle byte %zu: persistent ids as text are not PyTorch's",
                    vm->pickle->origin, vm->op_at);
}

/* ---- tensors ---- */

static bool read_dims(const fal_value *list, int64_t *out)
{
    for (size_t i = 0; i < list->u.list.count; i++) {
        const fal_value *dim = list->u.list.items[i];
        if (dim->kind != FAL_VALUE_INT || dim->u.integer < 0)
            return false;
        out[i] = dim->u.integer;
    }
    return true;
}

/* Elements of a view, and how many elements of storage it reaches over (0 when empty); false: out of any bounds. The
 * product of the dimensions must not wrap even where another one is 0. */
static bool view_extent(const fal_tensor *t, int64_t *count, int64_t *extent)
{
    int64_t reach;
    bool empty = false;
    *count = 1;
    *extent = 1;
    for (int i = 0; i < t->rank; i++) {
        int64_t dim = t->shape[i] ? t->shape[i] : 1;
        empty |= t->shape[i] == 0;
        if (__builtin_mul_overflow(*count, dim, count) || __builtin_mul_overflow(dim - 1, t->stride[i], &reach) ||
            __builtin_add_overflow(*extent, reach, extent))
            return false;
    }
    if (empty)
        *count = *extent = 0;
    return true;
}

static fal_status check_view(fal_vm *vm, const fal_tensor *t, const fal_storage *storage, int64_t offset,
                             fal_error *err)
{
    char shape[96];
    int64_t count, extent, end, have = (int64_t)(storage->view_bytes / fal_dtype_size(t->dtype));
    if (!view_extent(t, &count, &extent) || __builtin_add_overflow(offset, extent, &end) || end > have)
        return fal_vm_fail(vm, err, "a tensor %s at offset %lld leaves its storage of %lld elements",
                           fal_tensor_shape_text(shape, t), (long long)offset, (long long)have);
    if (storage->view_offset % fal_dtype_size(t->dtype)) /* only bytes without a type can be cut anywhere */
        return fal_vm_fail(vm, err, "a tensor of %s starts at byte %zu of its storage", fal_dtype_name(t->dtype),
                           storage->view_offset);
    if (count > have && count > MAX_REPEATED_ELEMENTS)
        return fal_vm_fail(vm, err, "a tensor %s repeats a storage of %lld elements", fal_tensor_shape_text(shape, t),
                           (long long)have);
    return FAL_OK;
}

static bool dtype_of(const fal_storage *storage, const fal_value *dtype, fal_dtype *out)
{
    const char *name = fal_value_class(dtype);
    *out = storage->dtype;
    if (!name)
        return storage->has_dtype;
    for (size_t i = 0; i < sizeof torch_dtypes / sizeof *torch_dtypes; i++)
        if (strcmp(torch_dtypes[i].name, name) == 0) {
            *out = torch_dtypes[i].dtype;
            return storage->untyped || (storage->has_dtype && storage->dtype == *out);
        }
    return false;
}

static fal_status add_tensor(fal_vm *vm, const fal_tensor *view, const fal_storage *storage, int64_t offset,
                             fal_value **out, fal_error *err)
{
    fal_tensor *tensor = fal_pool_alloc(&vm->pool, 1, sizeof *tensor);
    fal_tensor_record *record = fal_pool_alloc(&vm->pool, 1, sizeof *record);
    fal_value *value = tensor && record ? fal_value_new(&vm->pool, FAL_VALUE_TENSOR) : NULL;
    if (!value)
        return fal_vm_no_memory(vm, err);
    *tensor = *view;
    record->tensor = tensor;
    record->storage = storage;
    record->offset = storage->view_offset + (size_t)offset * fal_dtype_size(view->dtype);
    record->next = vm->pickle->tensors;
    vm->pickle->tensors = record;
    value->u.tensor = tensor;
    *out = value;
    return FAL_OK;
}

/* (storage, offset, shape, strides, ...), offset and strides in elements; the third version names its dtype. */
static fal_status rebuild(fal_vm *vm, const fal_value *args, const fal_value *dtype, fal_value **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_value *source = fal_value_at(args, 0), *offset = fal_value_at(args, 1), *shape = fal_value_at(args, 2),
                    *stride = fal_value_at(args, 3);
    const fal_storage *storage = source && source->kind == FAL_VALUE_OBJECT ? source->u.object.storage : NULL;
    fal_tensor view = {0};
    if (!storage || !offset || offset->kind != FAL_VALUE_INT || !shape || shape->kind != FAL_VALUE_LIST || !stride ||
        stride->kind != FAL_VALUE_LIST)
        return fal_vm_fail(vm, err, "a tensor is not made of storage, offset, shape and strides");
    if (!dtype_of(storage, dtype, &view.dtype) || shape->u.list.count > FAL_MAX_RANK)
        return FAL_OK; /* complex, quantised or of too many dimensions: no weight of ours */
    view.rank = (int)shape->u.list.count;
    if (stride->u.list.count != shape->u.list.count || offset->u.integer < 0 || !read_dims(shape, view.shape) ||
        !read_dims(stride, view.stride))
        return fal_vm_fail(vm, err, "a tensor with a malformed offset, shape or strides");
    FAL_TRY(check_view(vm, &view, storage, offset->u.integer, err));
    FAL_TRY(add_tensor(vm, &view, storage, offset->u.integer, out, err));
done:
    return st;
}

fal_status fal_vm_rebuild_tensor(fal_vm *vm, const char *function, const fal_value *args, fal_value **out,
                                 fal_error *err)
{
    /* _rebuild_from_type_v2(function, class, args, state): a tensor of a subclass, or one with attributes. */
    for (int i = 0; strcmp(function, "torch._tensor._rebuild_from_type_v2") == 0; i++) {
        const fal_value *inner = fal_value_at(args, 0), *inner_args = fal_value_at(args, 2);
        if (i == MAX_NESTED_REBUILDS || !fal_value_class(inner) || !inner_args || inner_args->kind != FAL_VALUE_LIST)
            return FAL_OK;
        function = fal_value_class(inner);
        args = inner_args;
    }
    if (strcmp(function, "torch._utils._rebuild_tensor") == 0 ||
        strcmp(function, "torch._utils._rebuild_tensor_v2") == 0)
        return rebuild(vm, args, NULL, out, err);
    if (strcmp(function, "torch._utils._rebuild_tensor_v3") == 0)
        return rebuild(vm, args, fal_value_at(args, 6), out, err);
    if (strncmp(function, "torch._utils._rebuild_parameter", 31) == 0 && args->u.list.count &&
        args->u.list.items[0]->kind == FAL_VALUE_TENSOR)
        *out = args->u.list.items[0]; /* (tensor, requires_grad, hooks) */
    return FAL_OK;
}

void fal_pickle_place_tensors(const fal_pickle *pickle)
{
    for (const fal_tensor_record *r = pickle->tensors; r; r = r->next)
        r->tensor->data = r->storage->data ? r->storage->data + r->offset : NULL;
}
