/* What must hold of every checkpoint that opened, shared by the harnesses of the weights folder. */
#ifndef FAL_FUZZ_WEIGHTS_COMMON_H
#define FAL_FUZZ_WEIGHTS_COMMON_H

#include "invariant.h"

#include "weights/bind.h"
#include "weights/container.h"

#include <string.h>

/* Reads the first and the last element that a view reaches. */
static inline void touch_tensor(const fal_tensor *t)
{
    size_t size = fal_dtype_size(t->dtype), last = 0;
    if (fal_tensor_count(t) == 0)
        return;
    FAL_INVARIANT(t->data != NULL && (uintptr_t)t->data % size == 0);
    for (int i = 0; i < t->rank; i++) {
        FAL_INVARIANT(t->shape[i] > 0 && t->stride[i] >= 0);
        last += (size_t)(t->shape[i] - 1) * (size_t)t->stride[i];
    }
    const volatile uint8_t *bytes = t->data;
    (void)bytes[0];
    (void)bytes[last * size + size - 1];
}

/* Walks values as a reader of configurations would: bounded, because values may contain themselves. `placed`: tensors
 * have their data. */
static inline void touch_value(const fal_value *value, bool placed, int depth, int *steps)
{
    if (depth == 6 || ++*steps > 2000)
        return;
    (void)fal_value_type(value);
    (void)fal_value_class(value);
    (void)fal_value_int(value, 0);
    (void)fal_value_real(value, 0);
    (void)fal_value_bool(value, false);
    const char *text = fal_value_string(value, "");
    FAL_INVARIANT(text && strlen(text) < SIZE_MAX);
    (void)fal_value_path(value, "cfg.model.w2v_args");
    for (size_t i = 0; i < fal_value_count(value) && i < 16; i++) {
        touch_value(fal_value_at(value, i), placed, depth + 1, steps);
        touch_value(fal_value_key_at(value, i), placed, depth + 1, steps);
        touch_value(fal_value_item_at(value, i), placed, depth + 1, steps);
    }
    if (placed && fal_value_tensor(value))
        touch_tensor(fal_value_tensor(value));
}

/* A binder that claims nothing must name every tensor, and fail if there is one. */
static inline void bind_nothing(const fal_checkpoint *ckpt)
{
    fal_bind *bind = NULL;
    fal_error err = {0};
    if (fal_bind_open(ckpt, "", &bind, &err) != FAL_OK)
        return;
    fal_status st = fal_bind_finish(bind, NULL, &err);
    FAL_INVARIANT((st == FAL_OK) == (fal_checkpoint_count(ckpt) == 0) || st == FAL_ERR_MEMORY);
    fal_bind_free(&bind);
}

static inline void check_checkpoint(const uint8_t *data, size_t size)
{
    fal_source source = {.bytes = data, .size = size, .origin = "fuzz"};
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    int steps = 0;
    if (fal_checkpoint_parse(&source, NULL, &ckpt, &err) != FAL_OK) {
        FAL_INVARIANT(ckpt == NULL && err.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < fal_checkpoint_count(ckpt); i++) {
        const fal_named_tensor *t = fal_checkpoint_at(ckpt, i);
        FAL_INVARIANT(fal_checkpoint_find(ckpt, t->name) == t);
        touch_tensor(&t->tensor);
    }
    touch_value(fal_checkpoint_object(ckpt), true, 0, &steps);
    touch_value(fal_checkpoint_config(ckpt), true, 0, &steps);
    for (size_t i = 0; i < fal_checkpoint_class_count(ckpt); i++)
        FAL_INVARIANT(fal_checkpoint_class_at(ckpt, i)[0] != '\0');
    bind_nothing(ckpt);
    fal_checkpoint_free(&ckpt);
}

#endif
