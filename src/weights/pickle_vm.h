/* Private to pickle*.c: the state of the machine. */
#ifndef FAL_WEIGHTS_PICKLE_VM_H
#define FAL_WEIGHTS_PICKLE_VM_H

#include "weights/pickle.h"

#include <string.h>

typedef struct fal_vm {
    fal_pickle *pickle;
    fal_value_pool pool;
    const uint8_t *bytes;
    size_t size, at;
    size_t op_at; /* where the current opcode stands, for error text */
    fal_value_list stack, memo, globals;
    size_t *marks; /* stack heights */
    size_t mark_count, mark_capacity;
    bool stopped;
} fal_vm;

typedef fal_status fal_vm_op(fal_vm *vm, fal_error *err);

/* "model.pt: pickle byte 123: <text>" */
void fal_vm_note(const fal_vm *vm, fal_error *err, const char *fmt, ...) FAL_PRINTF(3, 4);
/* A macro so that compilers see that the status is a failure, and out parameters need not be set. */
#define fal_vm_fail(...) (fal_vm_note(__VA_ARGS__), FAL_ERR_FORMAT)
/* Why an allocation from the pool failed. */
fal_status fal_vm_no_memory(const fal_vm *vm, fal_error *err);

/* Reading. On success *out is inside the pickle. */
fal_status fal_vm_take(fal_vm *vm, uint64_t count, const uint8_t **out, fal_error *err);
fal_status fal_vm_uint(fal_vm *vm, int bytes, uint64_t *out, fal_error *err); /* little endian */
fal_status fal_vm_line(fal_vm *vm, const char **text, size_t *length, fal_error *err); /* without the newline */

/* Makes room for `wanted` entries, new ones NULL. */
bool fal_vm_grow(fal_vm *vm, fal_value_list *list, size_t wanted);

/* The stack. Values under the topmost mark cannot be popped. fal_vm_push takes NULL as "out of memory". */
fal_status fal_vm_push(fal_vm *vm, fal_value *value, fal_error *err);
fal_status fal_vm_pop(fal_vm *vm, fal_value **out, fal_error *err);
fal_status fal_vm_peek(fal_vm *vm, fal_value **out, fal_error *err);
/* Takes everything above the topmost mark, and the mark; *items is valid until the next push. */
fal_status fal_vm_pop_mark(fal_vm *vm, fal_value ***items, size_t *count, fal_error *err);

/* pickle_scalar.c */
fal_vm_op fal_vm_op_int_text, fal_vm_op_long_text, fal_vm_op_float_text, fal_vm_op_string_text, fal_vm_op_unicode_text,
    fal_vm_op_int4, fal_vm_op_int1, fal_vm_op_int2, fal_vm_op_long1, fal_vm_op_long4, fal_vm_op_float8,
    fal_vm_op_string1, fal_vm_op_string4, fal_vm_op_unicode1, fal_vm_op_unicode4, fal_vm_op_unicode8,
    fal_vm_op_bytes1, fal_vm_op_bytes4, fal_vm_op_bytes8;

/* pickle_object.c */
fal_vm_op fal_vm_op_global, fal_vm_op_stack_global, fal_vm_op_reduce, fal_vm_op_newobj, fal_vm_op_newobj_ex,
    fal_vm_op_inst, fal_vm_op_obj, fal_vm_op_build;

/* pickle_tensor.c */
fal_vm_op fal_vm_op_persid, fal_vm_op_binpersid;
/* torch's functions that make a tensor of a storage. *out stays NULL for what is not covered (quantised, sparse). */
fal_status fal_vm_rebuild_tensor(fal_vm *vm, const char *function, const fal_value *args, fal_value **out,
                                 fal_error *err);

/* Whether a value is a string with this text. */
static inline bool fal_value_is_text(const fal_value *value, const char *text)
{
    return value && value->kind == FAL_VALUE_STRING && strcmp(value->u.string.text, text) == 0;
}

#endif
