#include "invariant.h"

#include "core/npy.h"

static void check_array(const fal_npy *array, size_t file_bytes)
{
    size_t count = 1;
    FAL_INVARIANT(array->rank >= 0 && array->rank <= FAL_NPY_MAX_RANK);
    for (int i = 0; i < array->rank; i++)
        count *= array->shape[i];
    FAL_INVARIANT(array->count == count);
    FAL_INVARIANT(array->data != NULL);
    FAL_INVARIANT(array->count * fal_npy_type_size(array->type) < file_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_npy array = {0};
    fal_error err = {0};
    if (fal_npy_parse(data, size, "fuzz", &array, &err) != FAL_OK) {
        FAL_INVARIANT(array.data == NULL && err.text[0] != '\0');
        return 0;
    }
    check_array(&array, size);
    size_t count = array.count;
    if (fal_npy_to_f64(&array, &err) == FAL_OK)
        FAL_INVARIANT(array.type == FAL_NPY_F64 && array.count == count);
    if (fal_npy_to_f32(&array, &err) == FAL_OK)
        FAL_INVARIANT(array.type == FAL_NPY_F32 && array.count == count);
    fal_npy_free(&array);
    return 0;
}
