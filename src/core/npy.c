/* Types, shapes and elements of .npy arrays. */
#include "core/npy_io.h"

#include "core/alloc.h"
#include "core/file.h"

#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "arrays are written and 'native' dtypes read as little endian"
#endif

static const struct {
    const char *name;
    char letter; /* numpy's */
    uint8_t size;
} types[] = {
    [FAL_NPY_BOOL] = {"bool", 'b', 1},     [FAL_NPY_I8] = {"int8", 'i', 1},       [FAL_NPY_I16] = {"int16", 'i', 2},
    [FAL_NPY_I32] = {"int32", 'i', 4},     [FAL_NPY_I64] = {"int64", 'i', 8},     [FAL_NPY_U8] = {"uint8", 'u', 1},
    [FAL_NPY_U16] = {"uint16", 'u', 2},    [FAL_NPY_U32] = {"uint32", 'u', 4},    [FAL_NPY_U64] = {"uint64", 'u', 8},
    [FAL_NPY_F16] = {"float16", 'f', 2},   [FAL_NPY_F32] = {"float32", 'f', 4},   [FAL_NPY_F64] = {"float64", 'f', 8},
};

size_t fal_npy_type_size(fal_npy_type type)
{
    return types[type].size;
}

const char *fal_npy_type_name(fal_npy_type type)
{
    return types[type].name;
}

char fal_npy_type_letter(fal_npy_type type)
{
    return types[type].letter;
}

void fal_npy_free(fal_npy *array)
{
    fal_free(array->data);
    *array = (fal_npy){0};
}

bool fal_npy_count(fal_npy_type type, int rank, const size_t *shape, size_t *count)
{
    size_t elements = 1, bytes;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        empty = empty || shape[i] == 0;
        if (!fal_mul_ok(elements, shape[i] ? shape[i] : 1, &elements))
            return false;
    }
    if (!fal_mul_ok(elements, fal_npy_type_size(type), &bytes) || bytes > PTRDIFF_MAX)
        return false;
    *count = empty ? 0 : elements;
    return true;
}

static void swap_bytes(uint8_t *data, size_t count, size_t size)
{
    for (size_t i = 0; i < count; i++, data += size)
        for (size_t b = 0; b < size / 2; b++) {
            uint8_t low = data[b];
            data[b] = data[size - 1 - b];
            data[size - 1 - b] = low;
        }
}

/* Copies column-major `src` to row-major `dst`: walks dst in order with an index per axis. */
static void to_row_major(const fal_npy *array, const uint8_t *src, uint8_t *dst)
{
    size_t size = fal_npy_type_size(array->type);
    size_t index[FAL_NPY_MAX_RANK] = {0}, stride[FAL_NPY_MAX_RANK], from = 0;
    size_t step = size;
    for (int i = 0; i < array->rank; i++) {
        stride[i] = step;
        step *= array->shape[i];
    }
    for (size_t n = 0; n < array->count; n++, dst += size) {
        memcpy(dst, src + from, size);
        for (int i = array->rank - 1; i >= 0; i--) {
            from += stride[i];
            if (++index[i] < array->shape[i])
                break;
            from -= stride[i] * array->shape[i];
            index[i] = 0;
        }
    }
}

static fal_status make_row_major(fal_npy *array, fal_error *err)
{
    fal_status st = FAL_OK;
    uint8_t *rows = NULL;
    if (array->rank < 2)
        return FAL_OK;
    FAL_ALLOC(rows, fal_malloc_array(array->count, fal_npy_type_size(array->type)));
    to_row_major(array, array->data, rows);
    fal_free(array->data);
    array->data = rows;
done:
    return st;
}

fal_status fal_npy_load(const fal_npy_source *source, fal_npy *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npy_header h = {0};
    FAL_TRY(fal_npy_read_header(source, &h, err));
    size_t bytes = h.array.count * fal_npy_type_size(h.array.type);
    FAL_ALLOC(h.array.data, fal_malloc(bytes));
    FAL_TRY(source->read(source->user, h.array.data, bytes, err));
    if (h.swapped)
        swap_bytes(h.array.data, h.array.count, fal_npy_type_size(h.array.type));
    if (h.fortran)
        FAL_TRY(make_row_major(&h.array, err));
    *out = h.array;
    h.array.data = NULL;
done:
    fal_free(h.array.data);
    return st;
}

typedef struct memory {
    const uint8_t *at;
} memory;

/* The loader never asks for more than source->length in all. */
static fal_status read_memory(void *user, void *dst, size_t bytes, fal_error *err)
{
    (void)err;
    memory *m = user;
    if (bytes)
        memcpy(dst, m->at, bytes);
    m->at += bytes;
    return FAL_OK;
}

fal_status fal_npy_parse(const void *bytes, size_t length, const char *origin, fal_npy *out, fal_error *err)
{
    memory m = {bytes};
    fal_npy_source source = {.origin = origin, .length = length, .read = read_memory, .user = &m};
    return fal_npy_load(&source, out, err);
}

fal_status fal_npy_read(const char *path, fal_npy *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_map map = {0};
    FAL_TRY(fal_map_open(path, &map, err));
    FAL_TRY(fal_npy_parse(map.data, map.size, path, out, err));
done:
    fal_map_close(&map);
    return st;
}
