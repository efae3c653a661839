/* Where in its clip a feature file begins. */
#include "core/alloc.h"
#include "core/str.h"
#include "feature/store.h"

#include <falsetto/head.h>

#include <math.h>

static fal_status read_offset(const char *path, int64_t *frames, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npz *npz = NULL;
    fal_npy array = {0};
    double value = 0;
    FAL_TRY(fal_npz_open(path, &npz, err));
    if (fal_npz_has(npz, FAL_OFFSET_KEY)) {
        FAL_TRY(fal_npz_get(npz, FAL_OFFSET_KEY, &array, err));
        FAL_TRY(fal_npy_to_f64(&array, err));
        value = array.count == 1 ? *(const double *)array.data : NAN;
        if (!(value >= 0 && value < 1e9 && value == floor(value)))
            FAL_FAIL(FAL_ERR_FORMAT, "%s: \"%s\" is no number of frames", path, FAL_OFFSET_KEY);
    }
    *frames = (int64_t)value;
done:
    fal_npy_free(&array);
    fal_npz_free(&npz);
    return st;
}

fal_status fal_feature_offset(const char *root, const char *clip_path, int64_t *frames, fal_error *err)
{
    char *path = fal_feature_path(root, clip_path, ".npz");
    if (!path)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory, or no name of a clip", clip_path);
    fal_status st = FAL_OK;
    if (fal_path_exists(path))
        st = read_offset(path, frames, err);
    else
        *frames = 0; /* a bare .npy records nothing */
    fal_free(path);
    return st;
}
