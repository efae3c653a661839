/* Shared by the npy and npz files: reading one .npy from any source of bytes, and making a .npy header. */
#ifndef FAL_CORE_NPY_IO_H
#define FAL_CORE_NPY_IO_H

#include "core/buf.h"
#include "core/npy.h"

/* A source of exactly `length` bytes. `read` delivers `bytes` of them or fills err. */
typedef struct fal_npy_source {
    const char *origin; /* for error text */
    uint64_t length;
    fal_status (*read)(void *user, void *dst, size_t bytes, fal_error *err);
    void *user;
} fal_npy_source;

/* What a .npy header says. */
typedef struct fal_npy_header {
    fal_npy array; /* without data; count * type size is what is left in the source */
    bool swapped, fortran;
} fal_npy_header;

fal_status fal_npy_read_header(const fal_npy_source *source, fal_npy_header *out, fal_error *err);

/* Header and elements. The array must fill the source exactly: allocation is bounded by source->length. */
fal_status fal_npy_load(const fal_npy_source *source, fal_npy *out, fal_error *err);

char fal_npy_type_letter(fal_npy_type type); /* numpy's: 'b', 'i', 'u', 'f' */

/* Elements of a shape. Fails when the product of the non-zero dimensions, times the element size, does not fit. */
bool fal_npy_count(fal_npy_type type, int rank, const size_t *shape, size_t *count);

/* Format 1.0 header for a little-endian array in C order, padded so that the data starts at a multiple of 64. */
void fal_npy_put_header(fal_buf *out, fal_npy_type type, int rank, const size_t *shape);

#endif
