/* NumPy arrays on disk: .npy (format 1.0, 2.0, 3.0) and .npz (a zip of .npy members, stored or deflated).
 *
 * Read: bool, i1 i2 i4 i8, u1 u2 u4 u8, f2 f4 f8, little or big endian, C or Fortran order; an array of dtype object is
 * refused (it is a pickle). What is returned is native-endian and C-contiguous. Written files open with numpy.load. */
#ifndef FAL_CORE_NPY_H
#define FAL_CORE_NPY_H

#include "core/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fal_npy_type {
    FAL_NPY_BOOL, FAL_NPY_I8, FAL_NPY_I16, FAL_NPY_I32, FAL_NPY_I64, FAL_NPY_U8, FAL_NPY_U16, FAL_NPY_U32, FAL_NPY_U64,
    FAL_NPY_F16, FAL_NPY_F32, FAL_NPY_F64
} fal_npy_type;

enum { FAL_NPY_MAX_RANK = 8 };

typedef struct fal_npy {
    fal_npy_type type;
    int rank;
    size_t shape[FAL_NPY_MAX_RANK];
    size_t count; /* elements */
    void *data;   /* owned; fal_npy_free */
} fal_npy;

size_t fal_npy_type_size(fal_npy_type type);
const char *fal_npy_type_name(fal_npy_type type); /* "float32", ... */

fal_status fal_npy_parse(const void *bytes, size_t length, const char *origin, fal_npy *out, fal_error *err);
fal_status fal_npy_read(const char *path, fal_npy *out, fal_error *err);
void fal_npy_free(fal_npy *array);

/* Converts in place to float32 (any type) or float64. */
fal_status fal_npy_to_f32(fal_npy *array, fal_error *err);
fal_status fal_npy_to_f64(fal_npy *array, fal_error *err);
static inline const float *fal_npy_f32(const fal_npy *a) { return (const float *)a->data; }

/* One .npy file, written atomically, C order, little endian. */
fal_status fal_npy_write(const char *path, fal_npy_type type, int rank, const size_t *shape, const void *data,
                         fal_error *err);

/* .npz reading: members by name without the ".npy" ending. Members are only inflated when asked for; a member's size is
 * bounded by the size of the archive, what deflate can do and its own .npy header; its checksum is verified. Members
 * that are not .npy are passed over. One thread at a time per fal_npz. */
typedef struct fal_npz fal_npz;
fal_status fal_npz_open(const char *path, fal_npz **out, fal_error *err);
/* `bytes` must outlive *out. */
fal_status fal_npz_parse(const void *bytes, size_t length, const char *origin, fal_npz **out, fal_error *err);
void fal_npz_free(fal_npz **npz);
size_t fal_npz_count(const fal_npz *npz);
const char *fal_npz_name(const fal_npz *npz, size_t index);
bool fal_npz_has(const fal_npz *npz, const char *name);
fal_status fal_npz_get(fal_npz *npz, const char *name, fal_npy *out, fal_error *err);

/* .npz writing: stored members (as numpy.savez), atomic. f16 output is converted from the f32 data given. */
typedef struct fal_npz_member {
    const char *name;
    fal_npy_type type;   /* of `data` */
    fal_npy_type store;  /* type on disk: same as `type`, or FAL_NPY_F16 for FAL_NPY_F32 data */
    int rank;
    size_t shape[FAL_NPY_MAX_RANK];
    const void *data;
} fal_npz_member;
fal_status fal_npz_write(const char *path, const fal_npz_member *members, size_t count, fal_error *err);

#endif
