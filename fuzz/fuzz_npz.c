#include "invariant.h"

#include "core/npy.h"

static void check_member(fal_npz *npz, const char *name)
{
    fal_npy array = {0};
    fal_error err = {0};
    FAL_INVARIANT(name != NULL && fal_npz_has(npz, name));
    if (fal_npz_get(npz, name, &array, &err) != FAL_OK) {
        FAL_INVARIANT(array.data == NULL && err.text[0] != '\0');
        return;
    }
    FAL_INVARIANT(array.data != NULL && array.rank <= FAL_NPY_MAX_RANK);
    /* Every byte that was announced is there to be read. */
    const volatile uint8_t *bytes = array.data;
    size_t length = array.count * fal_npy_type_size(array.type);
    if (length > 0)
        (void)bytes[length - 1];
    fal_npy_free(&array);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fal_npz *npz = NULL;
    fal_error err = {0};
    if (fal_npz_parse(data, size, "fuzz", &npz, &err) != FAL_OK) {
        FAL_INVARIANT(npz == NULL && err.text[0] != '\0');
        return 0;
    }
    for (size_t i = 0; i < fal_npz_count(npz) && i < 16; i++)
        check_member(npz, fal_npz_name(npz, i));
    fal_npz_free(&npz);
    return 0;
}
