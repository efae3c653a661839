/* Writing .npz: a zip whose members are all stored, so that a plain sequential writer is enough and the bytes depend on
 * nothing but the arrays (libzip would add the time, and a second temporary file). Layout after PKWARE's APPNOTE 6.3.
 * */
#include "core/npy_io.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/half.h"

#include <string.h>
#include <zlib.h>

enum {
    LOCAL_MAGIC = 0x04034b50, CENTRAL_MAGIC = 0x02014b50, END_MAGIC = 0x06054b50,
    END64_MAGIC = 0x06064b50, LOCATOR64_MAGIC = 0x07064b50,
    VERSION = 45,                       /* of the specification: the first with zip64 */
    FLAG_UTF8 = 1 << 11,
    DOS_DATE_1980 = 1 << 5 | 1,         /* 1 January 1980, the zero of the format */
    ZIP64_TAG = 1,
    CHUNK = 1 << 14                     /* elements converted at a time */
};
static const uint32_t in_zip64 = UINT32_MAX; /* "see the zip64 field" */

typedef struct entry {
    const fal_npz_member *member;
    fal_buf head; /* .npy header */
    size_t count; /* elements */
    uint64_t bytes, offset;
    uint32_t crc;
} entry;

typedef struct writer {
    const char *path;
    FILE *stream;
    uint64_t at; /* bytes written */
    fal_buf directory;
} writer;

static void put16(fal_buf *out, unsigned value)
{
    fal_buf_append(out, (uint8_t[]){(uint8_t)value, (uint8_t)(value >> 8)}, 2);
}

static void put32(fal_buf *out, uint32_t value)
{
    put16(out, value & 0xffff);
    put16(out, value >> 16);
}

static void put64(fal_buf *out, uint64_t value)
{
    put32(out, (uint32_t)value);
    put32(out, (uint32_t)(value >> 32));
}

static fal_status emit(writer *w, const void *bytes, size_t length, fal_error *err)
{
    if (length && fwrite(bytes, 1, length, w->stream) != length)
        return fal_fail_errno(err, "%s: cannot write", w->path);
    w->at += length;
    return FAL_OK;
}

static fal_status emit_buf(writer *w, const fal_buf *buf, fal_error *err)
{
    if (buf->failed)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory while writing", w->path);
    return emit(w, buf->data, buf->length, err);
}

/* Elements [first, first + n) of a member as they go to disk; `half` is room for CHUNK converted ones. */
static const void *disk_chunk(const fal_npz_member *m, size_t first, size_t n, uint16_t *half)
{
    const char *data = m->data;
    if (m->store == m->type)
        return data + first * fal_npy_type_size(m->type);
    fal_f32_to_f16_n((const float *)m->data + first, half, n);
    return half;
}

/* The checksum stands before the data, hence two passes over it. */
static void compute_crc(entry *e)
{
    uint16_t half[CHUNK];
    size_t size = fal_npy_type_size(e->member->store);
    uLong crc = crc32_z(crc32_z(0, NULL, 0), (const Bytef *)e->head.data, e->head.length);
    for (size_t i = 0; i < e->count; i += CHUNK) {
        size_t n = e->count - i < CHUNK ? e->count - i : CHUNK;
        crc = crc32_z(crc, disk_chunk(e->member, i, n, half), n * size);
    }
    e->crc = (uint32_t)crc;
}

static fal_status emit_data(writer *w, const entry *e, fal_error *err)
{
    fal_status st = FAL_OK;
    uint16_t half[CHUNK];
    size_t size = fal_npy_type_size(e->member->store);
    FAL_TRY(emit_buf(w, &e->head, err));
    for (size_t i = 0; i < e->count; i += CHUNK) {
        size_t n = e->count - i < CHUNK ? e->count - i : CHUNK;
        FAL_TRY(emit(w, disk_chunk(e->member, i, n, half), n * size, err));
    }
done:
    return st;
}

/* The fields that local and central headers share, from "version needed" to the length of the extra field. Sizes are
 * always given in the zip64 field, as numpy does. */
static void put_common(fal_buf *out, const entry *e, unsigned extra_bytes)
{
    put16(out, VERSION);
    put16(out, FLAG_UTF8);
    put16(out, 0); /* stored */
    put16(out, 0); /* midnight */
    put16(out, DOS_DATE_1980);
    put32(out, e->crc);
    put32(out, in_zip64);
    put32(out, in_zip64);
    put16(out, (unsigned)(strlen(e->member->name) + strlen(".npy")));
    put16(out, extra_bytes);
}

static void put_name(fal_buf *out, const entry *e)
{
    fal_buf_puts(out, e->member->name);
    fal_buf_puts(out, ".npy");
}

static fal_status emit_local(writer *w, entry *e, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_buf head = {0};
    e->offset = w->at;
    put32(&head, LOCAL_MAGIC);
    put_common(&head, e, 20);
    put_name(&head, e);
    put16(&head, ZIP64_TAG);
    put16(&head, 16);
    put64(&head, e->bytes);
    put64(&head, e->bytes);
    FAL_TRY(emit_buf(w, &head, err));
    FAL_TRY(emit_data(w, e, err));
done:
    fal_buf_free(&head);
    return st;
}

static void put_central(fal_buf *out, const entry *e)
{
    put32(out, CENTRAL_MAGIC);
    put16(out, VERSION);
    put_common(out, e, 28);
    put16(out, 0); /* no comment */
    put16(out, 0); /* disk */
    put16(out, 0); /* internal attributes */
    put32(out, 0); /* external attributes */
    put32(out, in_zip64);
    put_name(out, e);
    put16(out, ZIP64_TAG);
    put16(out, 24);
    put64(out, e->bytes);
    put64(out, e->bytes);
    put64(out, e->offset);
}

static fal_status emit_directory(writer *w, size_t count, fal_error *err)
{
    uint64_t start = w->at, size = w->directory.length;
    fal_buf *out = &w->directory;
    put32(out, END64_MAGIC);
    put64(out, 44); /* bytes of this record after this field */
    put16(out, VERSION);
    put16(out, VERSION);
    put32(out, 0); /* this disk, disk of the directory */
    put32(out, 0);
    put64(out, count);
    put64(out, count);
    put64(out, size);
    put64(out, start);
    put32(out, LOCATOR64_MAGIC);
    put32(out, 0);
    put64(out, start + size);
    put32(out, 1); /* disks in all */
    put32(out, END_MAGIC);
    put32(out, 0); /* this disk, disk of the directory (16 bits each) */
    put16(out, 0xffff);
    put16(out, 0xffff);
    put32(out, in_zip64);
    put32(out, in_zip64);
    put16(out, 0); /* no comment */
    return emit_buf(w, out, err);
}

static fal_status prepare(const char *path, const fal_npz_member *members, size_t i, entry *e, fal_error *err)
{
    const fal_npz_member *m = &members[i];
    bool to_half = m->type == FAL_NPY_F32 && m->store == FAL_NPY_F16;
    if (m->store != m->type && !to_half)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s[%s]: %s cannot be stored as %s", path, m->name,
                        fal_npy_type_name(m->type), fal_npy_type_name(m->store));
    if (m->rank < 0 || m->rank > FAL_NPY_MAX_RANK || !fal_npy_count(m->type, m->rank, m->shape, &e->count))
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s[%s]: shape of %d dimensions cannot be written", path, m->name,
                        m->rank);
    if (strlen(m->name) > 1024)
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: array name of %zu bytes", path, strlen(m->name));
    for (size_t k = 0; k < i; k++)
        if (strcmp(members[k].name, m->name) == 0)
            return fal_fail(err, FAL_ERR_ARGUMENT, "%s: array \"%s\" given twice", path, m->name);
    e->member = m;
    fal_npy_put_header(&e->head, m->store, m->rank, m->shape);
    e->bytes = e->head.length + (uint64_t)e->count * fal_npy_type_size(m->store);
    return e->head.failed ? fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory for a header", path) : FAL_OK;
}

static fal_status write_members(writer *w, const fal_npz_member *members, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    entry e = {0};
    for (size_t i = 0; i < count; i++) {
        FAL_TRY(prepare(w->path, members, i, &e, err));
        compute_crc(&e);
        FAL_TRY(emit_local(w, &e, err));
        put_central(&w->directory, &e);
        fal_buf_free(&e.head);
    }
    FAL_TRY(emit_directory(w, count, err));
done:
    fal_buf_free(&e.head);
    return st;
}

fal_status fal_npz_write(const char *path, const fal_npz_member *members, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_atomic *file = NULL;
    writer w = {.path = path};
    FAL_TRY(fal_atomic_open(path, &file, err));
    w.stream = fal_atomic_stream(file);
    FAL_TRY(write_members(&w, members, count, err));
    FAL_TRY(fal_atomic_commit(&file, err));
done:
    fal_atomic_abort(&file);
    fal_buf_free(&w.directory);
    return st;
}
