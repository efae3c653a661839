#include "core/npy_io.h"

#include "core/file.h"

void fal_npy_put_header(fal_buf *out, fal_npy_type type, int rank, const size_t *shape)
{
    enum { PREFIX = 10, ALIGNMENT = 64 };
    size_t size = fal_npy_type_size(type), start = out->length;
    fal_buf_append(out, "\x93NUMPY\x01\x00\x00\x00", PREFIX);
    fal_buf_printf(out, "{'descr': '%c%c%zu', 'fortran_order': False, 'shape': (", size > 1 ? '<' : '|',
                   fal_npy_type_letter(type), size);
    for (int i = 0; i < rank; i++)
        fal_buf_printf(out, "%s%zu", i ? ", " : "", shape[i]);
    fal_buf_puts(out, rank == 1 ? ",), }" : "), }");
    while ((out->length - start + 1) % ALIGNMENT != 0 && !out->failed)
        fal_buf_puts(out, " ");
    fal_buf_puts(out, "\n");
    if (out->failed)
        return;
    size_t length = out->length - start - PREFIX;
    out->data[start + 8] = (char)(length & 0xff);
    out->data[start + 9] = (char)(length >> 8);
}

fal_status fal_npy_write(const char *path, fal_npy_type type, int rank, const size_t *shape, const void *data,
                         fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf head = {0};
    fal_atomic *file = NULL;
    size_t count;
    if (rank < 0 || rank > FAL_NPY_MAX_RANK || !fal_npy_count(type, rank, shape, &count))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s: shape of %d dimensions cannot be written", path, rank);
    fal_npy_put_header(&head, type, rank, shape);
    if (head.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory for the header", path);
    FAL_TRY(fal_atomic_open(path, &file, err));
    FILE *stream = fal_atomic_stream(file);
    if (fwrite(head.data, 1, head.length, stream) != head.length ||
        (count && fwrite(data, fal_npy_type_size(type), count, stream) != count)) {
        st = fal_fail_errno(err, "%s: cannot write", path);
        goto done;
    }
    FAL_TRY(fal_atomic_commit(&file, err));
done:
    fal_atomic_abort(&file);
    fal_buf_free(&head);
    return st;
}
