#include "weights/safetensors_write.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/half.h"
#include "core/json.h"

#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 8, LENGTH_BYTES = 8, BUFFER_ELEMENTS = 1 << 18 };

typedef struct writer {
    FILE *file;
    const char *path;
    float *floats;  /* [BUFFER_ELEMENTS or a row of the widest tensor] */
    uint8_t *bytes; /* the same number of elements of up to 8 bytes */
} writer;

static bool is_float(fal_dtype dtype)
{
    return dtype == FAL_F32 || dtype == FAL_F64 || dtype == FAL_F16 || dtype == FAL_BF16;
}

static fal_dtype stored_as(const fal_tensor *t, fal_dtype store)
{
    return is_float(t->dtype) ? store : t->dtype;
}

/* ---- header ---- */

static void put_entry(fal_jw *w, const fal_named_tensor *t, fal_dtype dtype, uint64_t begin, uint64_t end)
{
    fal_jw_key(w, t->name);
    fal_jw_object(w);
    fal_jw_put_string(w, "dtype", fal_dtype_name(dtype));
    fal_jw_key(w, "shape");
    fal_jw_array(w);
    for (int i = 0; i < t->tensor.rank; i++)
        fal_jw_int(w, t->tensor.shape[i]);
    fal_jw_end_array(w);
    fal_jw_key(w, "data_offsets");
    fal_jw_array(w);
    fal_jw_int(w, (int64_t)begin);
    fal_jw_int(w, (int64_t)end);
    fal_jw_end_array(w);
    fal_jw_end_object(w);
}

static void put_metadata(fal_jw *w, const fal_metadata *metadata, size_t count)
{
    if (count == 0)
        return;
    fal_jw_key(w, "__metadata__");
    fal_jw_object(w);
    for (size_t i = 0; i < count; i++) {
        fal_jw_put_string(w, metadata[i].key, metadata[i].value);
    }
    fal_jw_end_object(w);
}

static void make_header(fal_buf *out, const fal_named_tensor *tensors, size_t count, fal_dtype store,
                        const fal_metadata *metadata, size_t metadata_count)
{
    fal_jw w = fal_jw_start(out, true);
    uint64_t at = 0;
    fal_jw_object(&w);
    put_metadata(&w, metadata, metadata_count);
    for (size_t i = 0; i < count; i++) {
        fal_dtype dtype = stored_as(&tensors[i].tensor, store);
        uint64_t bytes = (uint64_t)fal_tensor_count(&tensors[i].tensor) * fal_dtype_size(dtype);
        put_entry(&w, &tensors[i], dtype, at, at + bytes);
        at += bytes;
    }
    fal_jw_end_object(&w);
    while (out->length % ALIGNMENT && !out->failed)
        fal_buf_puts(out, " ");
}

static fal_status write_bytes(const writer *w, const void *bytes, size_t count, fal_error *err)
{
    if (count && fwrite(bytes, 1, count, w->file) != count)
        return fal_fail_errno(err, "%s: cannot write", w->path);
    return FAL_OK;
}

static fal_status write_header(const writer *w, const fal_buf *header, fal_error *err)
{
    fal_status st = FAL_OK;
    uint8_t length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++)
        length[i] = (uint8_t)((uint64_t)header->length >> 8 * i);
    FAL_TRY(write_bytes(w, length, sizeof length, err));
    FAL_TRY(write_bytes(w, header->data, header->length, err));
done:
    return st;
}

/* ---- data ---- */

/* Elements of any view in C order. */
static void gather(const fal_tensor *t, uint8_t *out)
{
    size_t size = fal_dtype_size(t->dtype);
    int64_t index[FAL_MAX_RANK] = {0}, at = 0;
    for (int64_t n = fal_tensor_count(t); n > 0; n--, out += size) {
        memcpy(out, (const uint8_t *)t->data + (size_t)at * size, size);
        for (int i = t->rank - 1; i >= 0; i--) {
            at += t->stride[i];
            if (++index[i] < t->shape[i])
                break;
            at -= index[i] * t->stride[i];
            index[i] = 0;
        }
    }
}

static void convert(const fal_tensor *t, fal_dtype dtype, float *floats, uint8_t *out)
{
    size_t n = (size_t)fal_tensor_count(t);
    if (t->dtype == dtype) {
        gather(t, out);
        return;
    }
    fal_tensor_copy_f32(t, floats);
    if (dtype == FAL_F16)
        fal_f32_to_f16_n(floats, (uint16_t *)(void *)out, n);
    else if (dtype == FAL_BF16)
        fal_f32_to_bf16_n(floats, (uint16_t *)(void *)out, n);
    else
        memcpy(out, floats, n * sizeof *floats);
}

/* Elements of one step along the first axis. */
static int64_t row_elements(const fal_tensor *t)
{
    int64_t n = 1;
    for (int i = 1; i < t->rank; i++)
        n *= t->shape[i];
    return n;
}

static fal_status write_tensor(const writer *w, const fal_tensor *t, fal_dtype dtype, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t size = fal_dtype_size(dtype);
    int64_t row = row_elements(t), rows = t->rank ? t->shape[0] : 1;
    if (fal_tensor_count(t) == 0)
        return FAL_OK;
    if (t->dtype == dtype && fal_tensor_is_contiguous(t))
        return write_bytes(w, t->data, (size_t)fal_tensor_count(t) * size, err);
    int64_t step = row < BUFFER_ELEMENTS ? BUFFER_ELEMENTS / row : 1;
    for (int64_t first = 0; first < rows; first += step) {
        fal_tensor part = *t;
        int64_t n = rows - first < step ? rows - first : step;
        if (t->rank) {
            part.shape[0] = n;
            part.data = (const uint8_t *)t->data + (size_t)(first * t->stride[0]) * fal_dtype_size(t->dtype);
        }
        convert(&part, dtype, w->floats, w->bytes);
        FAL_TRY(write_bytes(w, w->bytes, (size_t)(n * row) * size, err));
    }
done:
    return st;
}

static fal_status make_buffers(writer *w, const fal_named_tensor *tensors, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t widest = BUFFER_ELEMENTS;
    for (size_t i = 0; i < count; i++)
        if (row_elements(&tensors[i].tensor) > widest)
            widest = row_elements(&tensors[i].tensor);
    FAL_ALLOC(w->floats, fal_malloc_array((size_t)widest, sizeof *w->floats));
    FAL_ALLOC(w->bytes, fal_malloc_array((size_t)widest, sizeof(int64_t)));
done:
    return st;
}

fal_status fal_safetensors_write(const char *path, const fal_named_tensor *tensors, size_t count, fal_dtype store,
                                 const fal_metadata *metadata, size_t metadata_count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    fal_buf header = {0};
    writer w = {.path = path};
    if (store != FAL_F32 && store != FAL_F16 && store != FAL_BF16)
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s: weights are stored as F32, F16 or BF16, not %s", path, fal_dtype_name(store));
    make_header(&header, tensors, count, store, metadata, metadata_count);
    if (header.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(make_buffers(&w, tensors, count, err));
    FAL_TRY(fal_atomic_open(path, &file, err));
    w.file = fal_atomic_stream(file);
    FAL_TRY(write_header(&w, &header, err));
    for (size_t i = 0; i < count; i++)
        FAL_TRY(write_tensor(&w, &tensors[i].tensor, stored_as(&tensors[i].tensor, store), err));
    FAL_TRY(fal_atomic_commit(&file, err));
done:
    fal_atomic_abort(&file);
    fal_buf_free(&header);
    fal_free(w.floats);
    fal_free(w.bytes);
    return st;
}
