/* Loading reference arrays. A file that cannot be read fails the current test with the reader's own text; what is
 * returned is freed with fal_npy_free. */
#ifndef FAL_TESTS_SUPPORT_GOLDEN_H
#define FAL_TESTS_SUPPORT_GOLDEN_H

#include "core/npy.h"
#include "support/test.h"

/* fal_npy want = fal_golden_npy(fal_data_path("braven/%s/features.npy", name)); */
fal_npy fal_golden_npy(const char *path);                       /* as float32 */
fal_npy fal_golden_npy_f64(const char *path);                   /* as float64 */
fal_npy fal_golden_npy_raw(const char *path);                   /* as stored */
fal_npy fal_golden_npz(const char *path, const char *member);   /* one member of a .npz, as float32 */

/* The array must have exactly this shape: fal_check_shape("features", &a, 2, (size_t[]){11, 48}). */
#define fal_check_shape(name, array, rank, shape) \
    fal_check_shape_at((name), (array), (rank), (shape), __FILE__, __LINE__)
void fal_check_shape_at(const char *name, const fal_npy *array, int rank, const size_t *shape, const char *file,
                        int line);

#endif
