/* Arrays and tables on disk, for programs that exchange data with NumPy and spreadsheets. */
#ifndef FALSETTO_FILES_H
#define FALSETTO_FILES_H

#include <falsetto/encoder.h>
#include <falsetto/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Reads a .npy file of 1 to 6 axes: uint8 as it is, every other type of number converted to float32. array->data is the
 * caller's, freed with fal_array_free. */
FAL_API fal_status fal_array_read(const char *path, fal_array *array, fal_error *err);
FAL_API void fal_array_free(fal_array *array);

typedef struct fal_named_array { const char *name; fal_array array; } fal_named_array;
/* Writes arrays as one .npz (numpy.load reads it). Atomic. */
FAL_API fal_status fal_arrays_write(const char *path, const fal_named_array *arrays, size_t count, fal_error *err);

/* Writes text to a file, atomically. */
FAL_API fal_status fal_text_write(const char *path, const char *text, fal_error *err);

/* A CSV line builder: fields are quoted where RFC 4180 wants it; floats get the digits that read back exactly. */
typedef struct fal_table fal_table;
FAL_API fal_status fal_table_create(fal_table **out, fal_error *err);
FAL_API void fal_table_header(fal_table *table, const char *const *columns, size_t count); /* a row of texts */
FAL_API void fal_table_text(fal_table *table, const char *field);
FAL_API void fal_table_float(fal_table *table, double value);
FAL_API void fal_table_end_row(fal_table *table);
FAL_API fal_status fal_table_write(const fal_table *table, const char *path, fal_error *err);
FAL_API void fal_table_free(fal_table **table);

/* Removes temporaries of writes that have not been completed: safe in a signal handler. */
FAL_API void fal_discard_unfinished(void);

#ifdef __cplusplus
}
#endif
#endif
