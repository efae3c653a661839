#include "support/golden.h"

#include <stdio.h>

fal_npy fal_golden_npy_raw(const char *path)
{
    fal_npy array = {0};
    fal_error err = {0};
    fal_check_ok(fal_npy_read(path, &array, &err), &err);
    return array;
}

fal_npy fal_golden_npy(const char *path)
{
    fal_npy array = fal_golden_npy_raw(path);
    fal_error err = {0};
    fal_check_ok(fal_npy_to_f32(&array, &err), &err);
    return array;
}

fal_npy fal_golden_npy_f64(const char *path)
{
    fal_npy array = fal_golden_npy_raw(path);
    fal_error err = {0};
    fal_check_ok(fal_npy_to_f64(&array, &err), &err);
    return array;
}

fal_npy fal_golden_npz(const char *path, const char *member)
{
    fal_npz *npz = NULL;
    fal_npy array = {0};
    fal_error err = {0};
    fal_check_ok(fal_npz_open(path, &npz, &err), &err);
    fal_check_ok(fal_npz_get(npz, member, &array, &err), &err);
    fal_npz_free(&npz);
    fal_check_ok(fal_npy_to_f32(&array, &err), &err);
    return array;
}

static void shape_text(char *out, size_t size, int rank, const size_t *shape)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < rank && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%zu", i ? "," : "", shape[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

void fal_check_shape_at(const char *name, const fal_npy *array, int rank, const size_t *shape, const char *file,
                        int line)
{
    bool same = array->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = array->shape[i] == shape[i];
    if (same)
        return;
    char got[200], want[200];
    shape_text(got, sizeof got, array->rank, array->shape);
    shape_text(want, sizeof want, rank, shape);
    print_error("%s: shape %s, want %s\n", name, got, want);
    _fail(file, line);
}
