/* The public file calls, on top of npy, csv and atomic writing. */
#include "core/alloc.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/json.h"
#include "core/npy.h"

#include <falsetto/files.h>

#include <string.h>

enum { MAX_RANK = sizeof(((fal_array *)0)->shape) / sizeof(int64_t) };

fal_status fal_array_read(const char *path, fal_array *array, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npy npy = {0};
    fal_array made = {0};
    FAL_TRY(fal_npy_read(path, &npy, err));
    if (npy.rank < 1 || npy.rank > MAX_RANK)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: array of %d axes, expected 1 to %d", path, npy.rank, MAX_RANK);
    if (npy.type != FAL_NPY_U8)
        FAL_TRY(fal_npy_to_f32(&npy, err));
    made.type = npy.type == FAL_NPY_U8 ? FAL_ELEMENT_U8 : FAL_ELEMENT_F32;
    made.rank = npy.rank;
    for (int i = 0; i < npy.rank; i++)
        made.shape[i] = (int64_t)npy.shape[i];
    made.data = npy.data, npy.data = NULL;
    *array = made;
done:
    fal_npy_free(&npy);
    return st;
}

void fal_array_free(fal_array *array)
{
    if (!array)
        return;
    fal_free((void *)array->data);
    *array = (fal_array){0};
}

fal_status fal_arrays_write(const char *path, const fal_named_array *arrays, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npz_member *members = NULL;
    FAL_ALLOC(members, fal_calloc(count, sizeof *members));
    for (size_t i = 0; i < count; i++) {
        const fal_array *a = &arrays[i].array;
        if (a->rank < 1 || a->rank > MAX_RANK)
            FAL_FAIL(FAL_ERR_ARGUMENT, "%s[%s]: array of %d axes, expected 1 to %d", path, arrays[i].name, a->rank,
                     MAX_RANK);
        fal_npy_type type = a->type == FAL_ELEMENT_U8 ? FAL_NPY_U8 : FAL_NPY_F32;
        members[i] = (fal_npz_member){
            .name = arrays[i].name, .type = type, .store = type, .rank = a->rank, .data = a->data};
        for (int k = 0; k < a->rank; k++)
            members[i].shape[k] = (size_t)a->shape[k];
    }
    FAL_TRY(fal_npz_write(path, members, count, err));
done:
    fal_free(members);
    return st;
}

fal_status fal_text_write(const char *path, const char *text, fal_error *err)
{
    return fal_file_write(path, text, strlen(text), err);
}

struct fal_table {
    fal_buf text, line;
};

fal_status fal_table_create(fal_table **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_table *table;
    FAL_ALLOC(table, fal_calloc(1, sizeof *table));
    *out = table;
done:
    return st;
}

void fal_table_header(fal_table *table, const char *const *columns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fal_table_text(table, columns[i]);
    fal_table_end_row(table);
}

void fal_table_text(fal_table *table, const char *field)
{
    fal_csv_put(&table->line, field);
}

void fal_table_float(fal_table *table, double value)
{
    char digits[32];
    fal_format_double(digits, value);
    fal_csv_put(&table->line, digits);
}

void fal_table_end_row(fal_table *table)
{
    fal_buf_puts(&table->line, "\r\n");
    fal_buf_append(&table->text, table->line.data, table->line.length);
    table->text.failed |= table->line.failed;
    fal_buf_clear(&table->line);
}

fal_status fal_table_write(const fal_table *table, const char *path, fal_error *err)
{
    if (table->text.failed)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", path);
    return fal_file_write(path, table->text.data, table->text.length, err);
}

void fal_table_free(fal_table **table)
{
    if (!table || !*table)
        return;
    fal_buf_free(&(*table)->text);
    fal_buf_free(&(*table)->line);
    fal_release(table);
}

void fal_discard_unfinished(void)
{
    fal_atomic_cleanup();
}
