#include "encoder/info_text.h"

#include "core/alloc.h"
#include "core/size_text.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LINES = 400, MAX_VALUE = 160, MAX_CLASSES = 40 };

/* ---- tensors in groups ---- */

typedef struct group {
    const fal_named_tensor *first;
    size_t order, count;
} group;

/* Length of the part of a dotted name at `at` if that part is a number: 2 for "12.weight". */
static size_t number_at(const char *at)
{
    size_t digits = strspn(at, "0123456789");
    return at[digits] == '.' || at[digits] == '\0' ? digits : 0;
}

/* Order of names in which parts that are numbers are all equal, and come before other parts. */
static int compare_names(const char *a, const char *b)
{
    for (bool start = true; *a && *b; start = a[-1] == '.') {
        size_t i = start ? number_at(a) : 0, j = start ? number_at(b) : 0;
        if (i && j)
            a += i, b += j;
        else if (i || j)
            return i ? -1 : 1;
        else if (*a != *b)
            break;
        else
            a++, b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

static int compare_groups(const void *a, const void *b)
{
    const fal_named_tensor *x = ((const group *)a)->first, *y = ((const group *)b)->first;
    const fal_tensor *s = &x->tensor, *t = &y->tensor;
    int order = compare_names(x->name, y->name);
    if (order == 0)
        order = (s->dtype > t->dtype) - (s->dtype < t->dtype);
    if (order == 0)
        order = s->rank - t->rank;
    for (int axis = 0; order == 0 && axis < s->rank; axis++)
        order = (s->shape[axis] > t->shape[axis]) - (s->shape[axis] < t->shape[axis]);
    return order;
}

static int by_order(const void *a, const void *b)
{
    const group *x = a, *y = b;
    return (x->order > y->order) - (x->order < y->order);
}

/* groups[0..result): one of each kind, with the place of its first member in the file. */
static size_t merge(group *groups, size_t count)
{
    size_t kinds = 0;
    if (count)
        qsort(groups, count, sizeof *groups, compare_groups);
    for (size_t i = 0; i < count; i++) {
        if (kinds == 0 || compare_groups(&groups[kinds - 1], &groups[i]) != 0) {
            groups[kinds++] = groups[i];
            continue;
        }
        group *kind = &groups[kinds - 1];
        kind->count++;
        if (groups[i].order < kind->order) {
            kind->order = groups[i].order;
            kind->first = groups[i].first;
        }
    }
    if (kinds)
        qsort(groups, kinds, sizeof *groups, by_order);
    return kinds;
}

/* The name, in a group with a star for every number: "encoder.layers.*.fc1.weight". */
static void say_name(const group *g, fal_buf *out)
{
    for (const char *at = g->first->name; *at;) {
        size_t digits = number_at(at), part = strcspn(at, ".");
        if (digits && g->count > 1)
            fal_buf_puts(out, "*");
        else
            fal_buf_append(out, at, part);
        at += part;
        if (*at == '.')
            fal_buf_append(out, at++, 1);
    }
}

static void say_groups(const fal_checkpoint *ckpt, fal_buf *out)
{
    size_t count = fal_checkpoint_count(ckpt);
    char shape[96];
    group *groups = fal_malloc_array(count, sizeof *groups);
    if (!groups) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < count; i++)
        groups[i] = (group){fal_checkpoint_at(ckpt, i), i, 1};
    size_t kinds = merge(groups, count);
    for (size_t i = 0; i < kinds && i < MAX_LINES; i++) {
        const fal_tensor *t = &groups[i].first->tensor;
        fal_buf_puts(out, "  ");
        say_name(&groups[i], out);
        fal_buf_printf(out, "  %s%s", fal_dtype_name(t->dtype), fal_tensor_shape_text(shape, t));
        if (groups[i].count > 1)
            fal_buf_printf(out, "  x%zu", groups[i].count);
        fal_buf_puts(out, "\n");
    }
    if (kinds > MAX_LINES)
        fal_buf_printf(out, "  ... and %zu more kinds (--json shows all)\n", kinds - MAX_LINES);
    fal_free(groups);
}

/* ---- the rest ---- */

static void say_model(const fal_loaded *l, const char *reason, fal_buf *out)
{
    fal_encoder_description d = {0};
    if (reason) {
        fal_buf_printf(out, "opens as    no encoder: %s\n", reason);
        return;
    }
    l->family->describe(l->config, &d);
    fal_buf_printf(out, "opens as    %s %s: %lld layers of %lld channels, %lld heads; %llu parameters in %zu tensors\n",
                   l->family->name, l->size, (long long)d.layers, (long long)d.width, (long long)d.heads,
                   (unsigned long long)fal_loaded_parameters(l), fal_bind_bound_count(l->bind));
}

static void say_file(const fal_checkpoint *ckpt, fal_buf *out)
{
    char bytes[FAL_SIZE_TEXT];
    const char *key = fal_checkpoint_root_key(ckpt);
    fal_buf_printf(out, "container   %s, %s", fal_container_name(fal_checkpoint_container(ckpt)),
                   fal_size_text(bytes, (int64_t)fal_checkpoint_bytes(ckpt)));
    if (fal_checkpoint_file_count(ckpt) > 1)
        fal_buf_printf(out, " in %zu files", fal_checkpoint_file_count(ckpt));
    if (key[0])
        fal_buf_printf(out, "; the weights are at key \"%s\"", key);
    fal_buf_puts(out, "\n");
    for (size_t i = 0; i < fal_checkpoint_metadata_count(ckpt); i++) {
        const char *value, *name = fal_checkpoint_metadata_at(ckpt, i, &value);
        fal_buf_printf(out, "metadata    %.60s = %.*s%s\n", name, MAX_VALUE, value,
                       strlen(value) > MAX_VALUE ? "..." : "");
    }
}

static void say_classes(const fal_checkpoint *ckpt, fal_buf *out)
{
    size_t count = fal_checkpoint_class_count(ckpt), shown = count < MAX_CLASSES ? count : MAX_CLASSES;
    if (count == 0)
        return;
    fal_buf_printf(out, "names       %zu classes and functions that its pickle mentions (none was run):\n", count);
    for (size_t i = 0; i < shown; i++)
        fal_buf_printf(out, "  %.200s\n", fal_checkpoint_class_at(ckpt, i));
    if (count > shown)
        fal_buf_printf(out, "  ... and %zu more\n", count - shown);
}

void fal_info_text(const fal_loaded *loaded, const char *reason, fal_buf *out)
{
    const fal_checkpoint *ckpt = loaded->ckpt;
    fal_buf_printf(out, "%s\n", fal_checkpoint_path(ckpt));
    say_model(loaded, reason, out);
    say_file(ckpt, out);
    say_classes(ckpt, out);
    fal_buf_printf(out, "tensors     %zu\n", fal_checkpoint_count(ckpt));
    say_groups(ckpt, out);
}
