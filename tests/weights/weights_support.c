#include "weights_support.h"

#include "core/alloc.h"
#include "core/json.h"

#include <math.h>
#include <string.h>

fal_checkpoint *open_checkpoint(const char *path)
{
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    fal_check_ok(fal_checkpoint_open(path, NULL, &ckpt, &err), &err);
    return ckpt;
}

static float *values_of(const fal_tensor *t, size_t *count)
{
    *count = (size_t)fal_tensor_count(t);
    float *values = fal_malloc_array(*count, sizeof *values);
    assert_non_null(values);
    fal_tensor_copy_f32(t, values);
    return values;
}

float *tensor_values(const fal_checkpoint *ckpt, const char *name, size_t *count)
{
    const fal_named_tensor *found = fal_checkpoint_find(ckpt, name);
    if (!found)
        fail_msg("%s has no tensor %s", fal_checkpoint_path(ckpt), name);
    return values_of(&found->tensor, count);
}

void check_values(const fal_checkpoint *ckpt, const char *name, const float *want, size_t count)
{
    size_t n;
    float *got = tensor_values(ckpt, name, &n);
    assert_int_equal(n, count);
    fal_check_close(name, got, want, n, 0, 0);
    fal_free(got);
}

/* "float32" in the list, "F32" here. */
static const char *numpy_name(fal_dtype dtype)
{
    switch (dtype) {
    case FAL_F32: return "float32";
    case FAL_F16: return "float16";
    case FAL_I64: return "int64";
    default: return fal_dtype_name(dtype);
    }
}

static void check_sum(const char *name, const char *what, double got, double want, double scale)
{
    /* The list's sums were made in float64 of the same float32 values: they differ by the order of summation only. */
    if (fabs(got - want) > 1e-9 * (1 + scale))
        fail_msg("%s: %s is %.12g, want %.12g", name, what, got, want);
}

static void check_entry(const fal_named_tensor *t, const fal_json *entry)
{
    const fal_json *shape = fal_json_get(entry, "shape");
    size_t count;
    double sum = 0, magnitude = 0;
    assert_string_equal(t->name, fal_json_string(fal_json_get(entry, "name"), ""));
    assert_string_equal(numpy_name(t->tensor.dtype), fal_json_string(fal_json_get(entry, "dtype"), ""));
    assert_int_equal(t->tensor.rank, fal_json_count(shape));
    for (int i = 0; i < t->tensor.rank; i++)
        assert_int_equal(t->tensor.shape[i], fal_json_int(fal_json_at(shape, (size_t)i), -1));
    float *values = values_of(&t->tensor, &count);
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        magnitude += fabs((double)values[i]);
    }
    fal_free(values);
    double want = fal_json_real(fal_json_get(entry, "abs_sum"), -1);
    check_sum(t->name, "sum of magnitudes", magnitude, want, want);
    check_sum(t->name, "sum", sum, fal_json_real(fal_json_get(entry, "sum"), -1), want);
}

void check_tensor_list(const char *checkpoint, const char *list)
{
    fal_checkpoint *ckpt = open_checkpoint(checkpoint);
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(list, &json, &err), &err);
    assert_int_equal(fal_checkpoint_count(ckpt), fal_json_count(json));
    for (size_t i = 0; i < fal_json_count(json); i++)
        check_entry(fal_checkpoint_at(ckpt, i), fal_json_at(json, i));
    print_message("%s: %zu tensors as listed\n", checkpoint, fal_checkpoint_count(ckpt));
    fal_json_free(&json);
    fal_checkpoint_free(&ckpt);
}
