/* Reading .npz. Sizes and offsets come from the central directory (libzip's business): numpy writes zip64 local headers
 * and, for outputs that cannot seek, data descriptors. */
#include "core/npy_io.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

enum {
    MAX_MEMBERS = 1 << 14, /* names are compared pairwise */
    DEFLATE_MAX_RATIO = 1032 /* deflate cannot do better: 258 bytes from 2 bits (zlib's technical notes) */
};
static const uint64_t max_inflated_bytes = UINT64_C(16) << 30;

typedef struct member {
    char *name; /* without ".npy" */
    zip_uint64_t index;
} member;

struct fal_npz {
    zip_t *zip;
    char *origin;
    uint64_t archive_bytes;
    member *members;
    size_t count;
};

void fal_npz_free(fal_npz **npz)
{
    fal_npz *n = *npz;
    if (!n)
        return;
    for (size_t i = 0; i < n->count; i++)
        fal_free(n->members[i].name);
    fal_free(n->members);
    fal_free(n->origin);
    if (n->zip)
        zip_discard(n->zip);
    fal_release(npz);
}

static fal_status add_member(fal_npz *npz, zip_uint64_t index, fal_error *err)
{
    fal_status st = FAL_OK;
    char *name = NULL;
    const char *file = zip_get_name(npz->zip, index, 0);
    if (!file)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: zip member %llu has no readable name", npz->origin, (unsigned long long)index);
    if (!fal_str_ends(file, ".npy"))
        goto done;
    FAL_ALLOC(name, fal_strndup(file, strlen(file) - strlen(".npy")));
    if (fal_npz_has(npz, name))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: array \"%s\" is there twice", npz->origin, name);
    npz->members[npz->count++] = (member){.name = name, .index = index};
    name = NULL;
done:
    fal_free(name);
    return st;
}

static fal_status list_members(fal_npz *npz, fal_error *err)
{
    fal_status st = FAL_OK;
    zip_int64_t entries = zip_get_num_entries(npz->zip, 0);
    if (entries < 0 || entries > MAX_MEMBERS)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %lld zip members, at most %d are read", npz->origin, (long long)entries,
                 MAX_MEMBERS);
    FAL_ALLOC(npz->members, fal_calloc((size_t)entries, sizeof *npz->members));
    for (zip_int64_t i = 0; i < entries; i++)
        FAL_TRY(add_member(npz, (zip_uint64_t)i, err));
done:
    return st;
}

/* Takes over `source`. */
static fal_status open_source(zip_source_t *source, uint64_t bytes, const char *origin, fal_npz **out, fal_error *err)
{
    fal_status st = FAL_OK;
    zip_error_t why;
    fal_npz *npz = NULL;
    zip_error_init(&why);
    FAL_ALLOC(npz, fal_calloc(1, sizeof *npz));
    FAL_ALLOC(npz->origin, fal_strdup(origin));
    npz->archive_bytes = bytes;
    if (!(npz->zip = zip_open_from_source(source, ZIP_RDONLY, &why)))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: not a readable .npz (zip) file: %s", origin, zip_error_strerror(&why));
    source = NULL;
    FAL_TRY(list_members(npz, err));
    *out = npz;
    npz = NULL;
done:
    zip_error_fini(&why);
    zip_source_free(source);
    fal_npz_free(&npz);
    return st;
}

fal_status fal_npz_parse(const void *bytes, size_t length, const char *origin, fal_npz **out, fal_error *err)
{
    zip_source_t *source = zip_source_buffer_create(bytes, length, 0, NULL);
    if (!source)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", origin);
    return open_source(source, length, origin, out, err);
}

fal_status fal_npz_open(const char *path, fal_npz **out, fal_error *err)
{
    struct stat info;
    if (stat(path, &info) != 0)
        return errno == ENOENT || errno == ENOTDIR ? fal_fail(err, FAL_ERR_NOT_FOUND, "%s: no such file", path)
                                                   : fal_fail_errno(err, "%s: cannot stat", path);
    if (!S_ISREG(info.st_mode))
        return fal_fail(err, FAL_ERR_IO, "%s: not a regular file", path);
    zip_source_t *source = zip_source_file_create(path, 0, -1, NULL);
    if (!source)
        return fal_fail(err, FAL_ERR_MEMORY, "%s: out of memory", path);
    return open_source(source, (uint64_t)info.st_size, path, out, err);
}

size_t fal_npz_count(const fal_npz *npz)
{
    return npz->count;
}

const char *fal_npz_name(const fal_npz *npz, size_t index)
{
    return npz->members[index].name;
}

static const member *find(const fal_npz *npz, const char *name)
{
    for (size_t i = 0; i < npz->count; i++)
        if (strcmp(npz->members[i].name, name) == 0)
            return &npz->members[i];
    return NULL;
}

bool fal_npz_has(const fal_npz *npz, const char *name)
{
    return find(npz, name) != NULL;
}

/* What the directory says must be possible before memory is taken for it. */
static fal_status check_stat(const fal_npz *npz, const zip_stat_t *info, const char *origin, fal_error *err)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((info->valid & needed) != needed)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: incomplete zip directory entry", origin);
    if (info->encryption_method != ZIP_EM_NONE)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: encrypted", origin);
    bool stored = info->comp_method == ZIP_CM_STORE;
    if (!stored && info->comp_method != ZIP_CM_DEFLATE)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: zip compression method %d; stored and deflated are known",
                        origin, info->comp_method);
    uint64_t limit = stored ? info->comp_size : info->comp_size * DEFLATE_MAX_RATIO;
    if (info->comp_size > npz->archive_bytes || info->size > limit || (!stored && info->size > max_inflated_bytes))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: %llu bytes packed into %llu of a file of %llu cannot be", origin,
                        (unsigned long long)info->size, (unsigned long long)info->comp_size,
                        (unsigned long long)npz->archive_bytes);
    return FAL_OK;
}

typedef struct reader {
    zip_file_t *file;
    const char *origin;
} reader;

static fal_status read_member(void *user, void *dst, size_t bytes, fal_error *err)
{
    reader *r = user;
    for (char *at = dst; bytes > 0;) {
        zip_int64_t got = zip_fread(r->file, at, bytes);
        if (got < 0)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged: %s", r->origin, zip_file_strerror(r->file));
        if (got == 0)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: ends %zu bytes early", r->origin, bytes);
        at += got;
        bytes -= (size_t)got;
    }
    return FAL_OK;
}

/* Reading on at the end is what makes libzip compare the checksum. */
static fal_status check_end(reader *r, fal_error *err)
{
    char beyond;
    zip_int64_t got = zip_fread(r->file, &beyond, 1);
    if (got == 0)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_FORMAT, "%s: damaged: %s", r->origin,
                    got < 0 ? zip_file_strerror(r->file) : "longer than its directory entry says");
}

static fal_status not_found(const fal_npz *npz, const char *name, fal_error *err)
{
    fal_buf names = {0};
    for (size_t i = 0; i < npz->count && names.length < FAL_ERROR_TEXT; i++)
        fal_buf_printf(&names, "%s\"%s\"", i ? ", " : "", npz->members[i].name);
    fal_status st = fal_fail(err, FAL_ERR_NOT_FOUND, "%s: no array \"%s\"; there are: %s", npz->origin, name,
                             names.data ? names.data : "none");
    fal_buf_free(&names);
    return st;
}

fal_status fal_npz_get(fal_npz *npz, const char *name, fal_npy *out, fal_error *err)
{
    fal_status st = FAL_OK;
    zip_stat_t info;
    reader r = {0};
    char *origin = NULL;
    fal_npy array = {0};
    const member *m = find(npz, name);
    if (!m)
        return not_found(npz, name, err);
    FAL_ALLOC(origin, fal_asprintf("%s[%s]", npz->origin, name));
    r.origin = origin;
    if (zip_stat_index(npz->zip, m->index, 0, &info) != 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %s", origin, zip_strerror(npz->zip));
    FAL_TRY(check_stat(npz, &info, origin, err));
    if (!(r.file = zip_fopen_index(npz->zip, m->index, 0)))
        FAL_FAIL(FAL_ERR_FORMAT, "%s: cannot be opened: %s", origin, zip_strerror(npz->zip));
    fal_npy_source source = {.origin = origin, .length = info.size, .read = read_member, .user = &r};
    FAL_TRY(fal_npy_load(&source, &array, err));
    FAL_TRY(check_end(&r, err));
    *out = array;
    array = (fal_npy){0};
done:
    fal_npy_free(&array);
    if (r.file)
        zip_fclose(r.file);
    fal_free(origin);
    return st;
}
