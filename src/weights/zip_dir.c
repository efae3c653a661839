#include "weights/zip_dir.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Record sizes and signatures: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3. */
enum {
    LOCAL_BYTES = 30, ENTRY_BYTES = 46, END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, MAX_COMMENT = 65535,
    MAX_MEMBERS = 1 << 17, /* the largest models have some ten thousand tensors */
    LOCAL_MAGIC = 0x04034b50, ENTRY_MAGIC = 0x02014b50, END_MAGIC = 0x06054b50, END64_MAGIC = 0x06064b50,
    LOCATOR_MAGIC = 0x07064b50, ZIP64_FIELD = 1, FLAG_ENCRYPTED = 1, STORED = 0, DEFLATED = 8
};

static uint16_t u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static uint32_t u32(const uint8_t *p) { return u16(p) | (uint32_t)u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

bool fal_zip_sniff(const uint8_t *bytes, size_t size)
{
    return size >= 4 && u32(bytes) == LOCAL_MAGIC;
}

/* ---- end of central directory ---- */

typedef struct directory {
    uint64_t at, bytes, count;
    uint64_t end; /* where the record after the directory stands */
} directory;

static fal_status find_end(const fal_zip *zip, size_t *out, fal_error *err)
{
    size_t last = zip->size >= END_BYTES ? zip->size - END_BYTES : 0;
    size_t first = last > MAX_COMMENT ? last - MAX_COMMENT : 0;
    for (size_t at = last + 1; zip->size >= END_BYTES && at-- > first;)
        if (u32(zip->bytes + at) == END_MAGIC && at + END_BYTES + u16(zip->bytes + at + 20) <= zip->size) {
            *out = at;
            return FAL_OK;
        }
    return fal_fail(err, FAL_ERR_FORMAT,
                    "%s: a zip file without its end (%zu bytes): it was probably downloaded only in part", zip->origin,
                    zip->size);
}

static bool has_locator(const fal_zip *zip, size_t end)
{
    return end >= LOCATOR_BYTES && u32(zip->bytes + end - LOCATOR_BYTES) == LOCATOR_MAGIC;
}

static fal_status read_end64(const fal_zip *zip, size_t end, directory *dir, fal_error *err)
{
    uint64_t behind = (uint64_t)end - LOCATOR_BYTES, at = u64(zip->bytes + behind + 8);
    if (behind < END64_BYTES || at > behind - END64_BYTES || u32(zip->bytes + at) != END64_MAGIC)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: no zip64 end record", zip->origin);
    const uint8_t *p = zip->bytes + at;
    *dir = (directory){.count = u64(p + 32), .bytes = u64(p + 40), .at = u64(p + 48), .end = at};
    if (u32(p + 16) || u32(p + 20))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: a zip file in several parts", zip->origin);
    return FAL_OK;
}

static fal_status read_end(const fal_zip *zip, directory *dir, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t end = 0;
    FAL_TRY(find_end(zip, &end, err));
    const uint8_t *p = zip->bytes + end;
    *dir = (directory){.count = u16(p + 10), .bytes = u32(p + 12), .at = u32(p + 16), .end = end};
    if (has_locator(zip, end)) /* PyTorch writes it whether needed or not */
        FAL_TRY(read_end64(zip, end, dir, err));
    else if (u16(p + 4) || u16(p + 6))
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: a zip file in several parts", zip->origin);
    if (dir->at > dir->end || dir->bytes > dir->end - dir->at || dir->count > dir->bytes / ENTRY_BYTES)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged zip: a directory of %llu members in %llu bytes at byte %llu, before %llu",
                 zip->origin, (unsigned long long)dir->count, (unsigned long long)dir->bytes,
                 (unsigned long long)dir->at, (unsigned long long)dir->end);
done:
    return st;
}

/* ---- entries ---- */

/* Fields that are all ones in the entry are in the zip64 extra field, in this order. */
static bool read_zip64(const uint8_t *extra, size_t length, fal_zip_member *m)
{
    while (length >= 4) {
        size_t id = u16(extra), bytes = u16(extra + 2);
        if (bytes > length - 4)
            return false;
        extra += 4;
        length -= 4;
        if (id == ZIP64_FIELD) {
            uint64_t *fields[] = {&m->bytes, &m->stored_bytes, &m->header_at};
            for (size_t i = 0; i < 3; i++) {
                if (*fields[i] != UINT32_MAX)
                    continue;
                if (bytes < 8)
                    return false;
                *fields[i] = u64(extra);
                extra += 8;
                bytes -= 8;
            }
            return true;
        }
        extra += bytes;
        length -= bytes;
    }
    return true;
}

static fal_status read_entry(const fal_zip *zip, const uint8_t *p, const uint8_t *end, char **name, fal_zip_member *m,
                             fal_error *err)
{
    size_t left = (size_t)(end - p);
    size_t name_bytes = left >= ENTRY_BYTES ? u16(p + 28) : 0, extra = left >= ENTRY_BYTES ? u16(p + 30) : 0;
    size_t comment = left >= ENTRY_BYTES ? u16(p + 32) : 0;
    if (left < ENTRY_BYTES || u32(p) != ENTRY_MAGIC || ENTRY_BYTES + name_bytes + extra + comment > left)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: its directory is cut short", zip->origin);
    unsigned flags = u16(p + 8), method = u16(p + 10);
    *m = (fal_zip_member){.stored_bytes = u32(p + 20), .bytes = u32(p + 24), .header_at = u32(p + 42), .name = *name};
    memcpy(*name, p + ENTRY_BYTES, name_bytes);
    (*name)[name_bytes] = '\0';
    *name += name_bytes + 1;
    if (memchr(m->name, '\0', name_bytes))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: a member name with a NUL in it", zip->origin);
    if (flags & FLAG_ENCRYPTED || (method != STORED && method != DEFLATED))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: member %.200s is %s (method %u); stored and deflated are known",
                        zip->origin, m->name, flags & FLAG_ENCRYPTED ? "encrypted" : "packed", method);
    m->deflated = method == DEFLATED;
    m->crc = u32(p + 16);
    if (!read_zip64(p + ENTRY_BYTES + name_bytes, extra, m) || (!m->deflated && m->bytes != m->stored_bytes))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: member %.200s has contradictory sizes", zip->origin,
                        m->name);
    return FAL_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const fal_zip_member *)a)->name, ((const fal_zip_member *)b)->name);
}

static fal_status check_unique(const fal_zip *zip, fal_error *err)
{
    for (size_t i = 1; i < zip->count; i++)
        if (strcmp(zip->members[i - 1].name, zip->members[i].name) == 0)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: two members are called %.200s", zip->origin,
                            zip->members[i].name);
    return FAL_OK;
}

fal_status fal_zip_open(fal_zip *zip, fal_arena *arena, fal_error *err)
{
    fal_status st = FAL_OK;
    directory dir;
    FAL_TRY(read_end(zip, &dir, err));
    if (dir.count > MAX_MEMBERS)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: a zip file of %llu members, at most %d are read", zip->origin,
                 (unsigned long long)dir.count, MAX_MEMBERS);
    const uint8_t *p = zip->bytes + dir.at, *end = p + dir.bytes;
    char *name; /* the names together are shorter than the directory: an entry is longer than its name and a NUL */
    FAL_ALLOC(zip->members, fal_arena_alloc(arena, (size_t)dir.count, sizeof *zip->members));
    FAL_ALLOC(name, fal_arena_alloc(arena, (size_t)dir.bytes, 1));
    zip->data_end = dir.at;
    zip->count = (size_t)dir.count;
    for (size_t i = 0; i < zip->count; i++) {
        FAL_TRY(read_entry(zip, p, end, &name, &zip->members[i], err));
        p += ENTRY_BYTES + u16(p + 28) + u16(p + 30) + u16(p + 32);
    }
    qsort(zip->members, zip->count, sizeof *zip->members, by_name);
    FAL_TRY(check_unique(zip, err));
done:
    return st;
}

/* ---- members ---- */

fal_zip_member *fal_zip_find(const fal_zip *zip, const char *name)
{
    fal_zip_member key = {.name = name};
    return zip->count ? bsearch(&key, zip->members, zip->count, sizeof key, by_name) : NULL;
}

fal_status fal_zip_locate(const fal_zip *zip, const fal_zip_member *m, const uint8_t **out, fal_error *err)
{
    bool fits = m->header_at < zip->data_end && zip->data_end - m->header_at >= LOCAL_BYTES;
    const uint8_t *p = zip->bytes + (fits ? m->header_at : 0);
    if (!fits || u32(p) != LOCAL_MAGIC || u16(p + 26) != strlen(m->name) ||
        zip->data_end - m->header_at - LOCAL_BYTES < u16(p + 26) || memcmp(p + LOCAL_BYTES, m->name, u16(p + 26)))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: member %.200s is not at byte %llu", zip->origin,
                        m->name, (unsigned long long)m->header_at);
    uint64_t at = m->header_at + LOCAL_BYTES + u16(p + 26) + u16(p + 28);
    if (at > zip->data_end || m->stored_bytes > zip->data_end - at)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged zip: member %.200s of %llu bytes at byte %llu leaves the "
                        "file", zip->origin, m->name, (unsigned long long)m->stored_bytes, (unsigned long long)at);
    *out = zip->bytes + at;
    return FAL_OK;
}

fal_status fal_zip_inflate(const fal_zip *zip, const fal_zip_member *m, uint8_t *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *stored;
    z_stream stream = {0};
    int result = Z_OK;
    FAL_TRY(fal_zip_locate(zip, m, &stored, err));
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory while inflating %.200s", zip->origin, m->name);
    uint64_t left = m->stored_bytes, room = m->bytes;
    stream.next_in = (Bytef *)stored;
    stream.next_out = out;
    while (result == Z_OK) { /* zlib counts in 32 bits */
        uInt in = left > UINT32_MAX ? UINT32_MAX : (uInt)left, space = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
        stream.avail_in = in;
        stream.avail_out = space;
        result = inflate(&stream, Z_NO_FLUSH);
        left -= in - stream.avail_in;
        room -= space - stream.avail_out;
    }
    inflateEnd(&stream);
    if (result != Z_STREAM_END || room)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged zip: member %.200s does not inflate to its %llu bytes", zip->origin,
                 m->name, (unsigned long long)m->bytes);
done:
    return st;
}
