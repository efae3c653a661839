/* torch.save since PyTorch 1.6, and TorchScript archives: a zip with one top folder that holds a pickle, data.pkl, and
 * a member data/<key> for every storage. torch/serialization.py, torch/csrc/jit/serialization/export_module.cpp */
#include "core/str.h"
#include "weights/container.h"
#include "weights/pickle.h"
#include "weights/zip_dir.h"

#include <stdio.h>
#include <string.h>

/* Deflated members appear when somebody repacks a file. What they may grow to is bounded all together, over all files
 * of a checkpoint, by a factor that weights, which hardly compress, never reach. */
enum { DATA_ALIGNMENT = 8, MAX_NAME = 1024, INFLATE_FACTOR = 4, INFLATE_FREE_BYTES = 1 << 26 };

typedef struct reader {
    fal_checkpoint *ckpt;
    const fal_source *source;
    fal_zip zip;
    char prefix[MAX_NAME]; /* "archive/", or "" */
    uint64_t copy_left;    /* bytes that may still be copied for alignment */
} reader;

static bool sniff(const fal_source *source)
{
    return fal_zip_sniff(source->bytes, source->size);
}

/* ---- members ---- */

static fal_zip_member *find(const reader *r, const char *name)
{
    char full[MAX_NAME];
    int length = snprintf(full, sizeof full, "%s%s", r->prefix, name);
    return length >= 0 && (size_t)length < sizeof full ? fal_zip_find(&r->zip, full) : NULL;
}

static fal_status inflate_member(reader *r, fal_zip_member *m, fal_error *err)
{
    fal_status st = FAL_OK;
    uint8_t *data;
    uint64_t most = INFLATE_FREE_BYTES + INFLATE_FACTOR * r->ckpt->bytes;
    if (m->bytes > most || r->ckpt->inflated > most - m->bytes)
        FAL_FAIL(FAL_ERR_UNSUPPORTED,
                 "%s: member %.200s is deflated and would take %llu bytes of memory; save the weights again with "
                 "torch.save, or without compression", r->source->origin, m->name, (unsigned long long)m->bytes);
    r->ckpt->inflated += m->bytes;
    FAL_TRY(fal_checkpoint_block(r->ckpt, (size_t)m->bytes, &data, err));
    FAL_TRY(fal_zip_inflate(&r->zip, m, data, err));
    m->ready = data;
done:
    return st;
}

/* A member's bytes, aligned for any element. Members of a hostile file may all be the same bytes: what is copied is
 * bounded by the size of the file, which an honest one cannot exceed. */
static fal_status member_bytes(reader *r, fal_zip_member *m, const uint8_t **out, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *stored;
    if (!m->ready && m->deflated) {
        FAL_TRY(inflate_member(r, m, err));
    } else if (!m->ready) {
        FAL_TRY(fal_zip_locate(&r->zip, m, &stored, err));
        bool aligned = (uintptr_t)stored % DATA_ALIGNMENT == 0;
        if (!aligned && m->bytes > r->copy_left)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: damaged zip: its members overlap", r->source->origin);
        r->copy_left -= aligned ? 0 : m->bytes;
        FAL_TRY(fal_checkpoint_align(r->ckpt, stored, (size_t)m->bytes, DATA_ALIGNMENT, &m->ready, err));
    }
    *out = m->ready;
done:
    return st;
}

/* ---- layout ---- */

/* The folder that data.pkl is in, at most one level deep. */
static fal_status find_prefix(reader *r, fal_error *err)
{
    static const char wanted[] = "data.pkl";
    const char *found = NULL;
    for (size_t i = 0; i < r->zip.count; i++) {
        const char *name = r->zip.members[i].name, *slash = strchr(name, '/');
        if (strcmp(slash ? slash + 1 : name, wanted) != 0)
            continue;
        if (found)
            return fal_fail(err, FAL_ERR_FORMAT, "%s: a zip file with two pickles, %.100s and %.100s",
                            r->source->origin, found, name);
        found = name;
    }
    if (!found)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s: a zip file without data.pkl, so not PyTorch's%s%.100s",
                        r->source->origin, r->zip.count ? "; it holds " : "",
                        r->zip.count ? r->zip.members[0].name : "");
    size_t length = strlen(found) - strlen(wanted);
    if (length >= MAX_NAME / 2)
        return fal_fail(err, FAL_ERR_FORMAT, "%s: a folder name of %zu bytes", r->source->origin, length);
    memcpy(r->prefix, found, length);
    r->prefix[length] = '\0';
    return FAL_OK;
}

static fal_status check_byte_order(reader *r, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *text;
    fal_zip_member *m = find(r, "byteorder");
    if (!m) /* before PyTorch 2.1 */
        return FAL_OK;
    FAL_TRY(member_bytes(r, m, &text, err));
    if (m->bytes != 6 || memcmp(text, "little", 6) != 0)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: its numbers are not little-endian", r->source->origin);
done:
    return st;
}

static bool is_torchscript(const reader *r)
{
    char code[MAX_NAME];
    size_t length = (size_t)snprintf(code, sizeof code, "%scode/", r->prefix);
    for (size_t i = 0; i < r->zip.count; i++)
        if (strncmp(r->zip.members[i].name, code, length) == 0)
            return true;
    return false;
}

/* ---- tensors ---- */

static fal_status place_storage(reader *r, fal_storage *storage, fal_error *err)
{
    fal_status st = FAL_OK;
    char name[MAX_NAME / 2];
    int length = snprintf(name, sizeof name, "data/%s", storage->key);
    fal_zip_member *m = length >= 0 && (size_t)length < sizeof name ? find(r, name) : NULL;
    if (!m)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: the data of a tensor is missing: %sdata/%.100s", r->source->origin, r->prefix,
                 storage->key);
    if (m->bytes < storage->bytes)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: %.200s has %llu bytes, its tensors need %zu", r->source->origin, m->name,
                 (unsigned long long)m->bytes, storage->bytes);
    FAL_TRY(member_bytes(r, m, &storage->data, err));
done:
    return st;
}

static fal_status read_pickle(reader *r, fal_pickle *pickle, fal_error *err)
{
    fal_status st = FAL_OK;
    const uint8_t *bytes;
    fal_zip_member *m = find(r, "data.pkl");
    if (m->bytes > FAL_PICKLE_MAX_BYTES)
        FAL_FAIL(FAL_ERR_UNSUPPORTED, "%s: a data.pkl of %llu bytes, at most %d are read", r->source->origin,
                 (unsigned long long)m->bytes, FAL_PICKLE_MAX_BYTES);
    FAL_TRY(member_bytes(r, m, &bytes, err));
    FAL_TRY(fal_pickle_read(bytes, (size_t)m->bytes, pickle, err));
    for (fal_storage *s = pickle->storages; s; s = s->next)
        FAL_TRY(place_storage(r, s, err));
    fal_pickle_place_tensors(pickle);
done:
    return st;
}

static fal_status read(fal_checkpoint *ckpt, const fal_source *source, fal_error *err)
{
    fal_status st = FAL_OK;
    reader r = {.ckpt = ckpt, .source = source, .copy_left = source->size};
    r.zip = (fal_zip){.origin = source->origin, .bytes = source->bytes, .size = source->size};
    fal_pickle pickle = {.origin = source->origin, .arena = ckpt->arena};
    FAL_TRY(fal_zip_open(&r.zip, ckpt->arena, err));
    FAL_TRY(find_prefix(&r, err));
    FAL_TRY(check_byte_order(&r, err));
    FAL_TRY(read_pickle(&r, &pickle, err));
    ckpt->container = is_torchscript(&r) ? FAL_CONTAINER_TORCHSCRIPT : FAL_CONTAINER_TORCH_ZIP;
    ckpt->object = pickle.object;
    ckpt->classes = pickle.classes;
    ckpt->class_count = pickle.class_count;
    FAL_TRY(fal_state_dict_read(ckpt, pickle.object, source->origin, err));
done:
    return st;
}

const fal_container_reader fal_reader_torch_zip = {.sniff = sniff, .read = read};
