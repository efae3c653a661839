/* AV-Deepfake1M metadata: which stretches of a clip are fake. */
#include "core/alloc.h"
#include "core/arena.h"
#include "core/file.h"
#include "core/str.h"
#include "eval/json_members.h"
#include "eval/path_index.h"

#include <falsetto/localise.h>

#include <errno.h>
#include <fts.h>
#include <math.h>
#include <string.h>

static const char *const fields[] = {"fake_segments", "audio_fake_segments", "visual_fake_segments"};

typedef struct storage {
    fal_arena *arena; /* names and segments */
    fal_true_clip *clips;
    const char **files;
    size_t count, capacity;
    fal_path_index index;
} storage;

static void free_storage(storage *s)
{
    if (!s)
        return;
    fal_path_index_free(&s->index);
    fal_arena_free(&s->arena);
    fal_free(s->clips);
    fal_free(s->files);
    fal_free(s);
}

static fal_status make_storage(storage **out, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(*out, fal_calloc(1, sizeof **out));
    FAL_ALLOC((*out)->arena, fal_arena_create());
done:
    return st;
}

static void hand_out(storage **s, fal_truth *out)
{
    *out = (fal_truth){.count = (*s)->count, .clips = (*s)->clips, .storage = *s};
    *s = NULL;
}

static fal_status make_room(storage *s, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t capacity = s->capacity ? 2 * s->capacity : 64, used = s->capacity * sizeof *s->clips, bytes;
    if (s->count < s->capacity)
        return FAL_OK;
    if (!fal_mul_ok(capacity, sizeof *s->clips, &bytes))
        FAL_FAIL(FAL_ERR_MEMORY, "%zu clips are too many", s->count);
    fal_true_clip *grown;
    FAL_ALLOC(grown, fal_realloc(s->clips, used, bytes));
    s->clips = grown;
    s->capacity = capacity;
done:
    return st;
}

static fal_status take_segments(storage *s, const fal_json *list, const char *origin, const char *file,
                                fal_segment_set *out, fal_error *err)
{
    fal_status st = FAL_OK;
    size_t count = fal_json_count(list);
    fal_segment *items = NULL;
    fal_json_type kind = fal_json_kind(list);
    if (kind != FAL_JSON_ARRAY && kind != FAL_JSON_ABSENT && kind != FAL_JSON_NULL)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: the segments of %s are no list", origin, file);
    FAL_ALLOC(items, fal_arena_alloc(s->arena, count, sizeof *items));
    for (size_t i = 0; i < count; i++) {
        const fal_json *pair = fal_json_at(list, i);
        items[i] = (fal_segment){fal_json_real(fal_json_at(pair, 0), NAN), fal_json_real(fal_json_at(pair, 1), NAN)};
        if (fal_json_count(pair) != 2 || isnan(items[i].begin_s) || isnan(items[i].end_s))
            FAL_FAIL(FAL_ERR_FORMAT, "%s: segment %zu of %s is no pair of seconds", origin, i + 1, file);
    }
    *out = (fal_segment_set){items, count};
done:
    return st;
}

static fal_status take_clip(storage *s, const fal_json *entry, size_t number, const char *origin, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_true_clip clip = {0};
    const char *file = fal_json_string(fal_json_get(entry, "file"), NULL);
    if (!file)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: entry %zu has no \"file\"", origin, number);
    FAL_ALLOC(clip.file, fal_arena_strdup(s->arena, file));
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        FAL_TRY(take_segments(s, fal_json_get(entry, fields[f]), origin, file, &clip.segments[f], err));
    FAL_TRY(make_room(s, err));
    s->clips[s->count++] = clip;
done:
    return st;
}

static fal_status take_entries(storage *s, const char *text, size_t length, const char *origin, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json_members members;
    fal_json *key = NULL, *value = NULL;
    bool more = true;
    FAL_TRY(fal_json_members_begin(text, length, origin, &members, err));
    if (members.close == '}') { /* one clip */
        FAL_TRY(fal_json_parse(text, length, origin, &value, err));
        FAL_TRY(take_clip(s, value, 1, origin, err));
        goto done;
    }
    while (more) {
        fal_json_free(&value);
        FAL_TRY(fal_json_members_next(&members, &more, &key, &value, err));
        if (more)
            FAL_TRY(take_clip(s, value, members.count, origin, err));
    }
done:
    fal_json_free(&value);
    return st;
}

static fal_status index_clips(storage *s, const char *origin, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_ALLOC(s->files, fal_malloc_array(s->count, sizeof *s->files));
    for (size_t i = 0; i < s->count; i++)
        s->files[i] = s->clips[i].file;
    FAL_TRY(fal_path_index_make(s->files, s->count, &s->index, err));
    for (size_t i = 0; i < s->count; i++)
        if (fal_path_index_put(&s->index, i) != FAL_PATH_NONE)
            FAL_FAIL(FAL_ERR_FORMAT, "%s: %s is there twice", origin, s->files[i]);
done:
    return st;
}

/* ---- a text, a file, a folder ---- */

static fal_status take_file(storage *s, const char *path, fal_error *err)
{
    fal_map map = {0};
    fal_status st = fal_map_open(path, &map, err);
    if (st != FAL_OK)
        return st;
    st = take_entries(s, map.data ? (const char *)map.data : "", map.size, path, err);
    fal_map_close(&map);
    return st;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Links are followed; one that leads back to a folder it lies in is passed over (FTS_DC). */
static fal_status take_entry(storage *s, const FTSENT *entry, fal_error *err)
{
    if (entry->fts_info == FTS_F && fal_str_ends(entry->fts_name, ".json"))
        return take_file(s, entry->fts_path, err);
    if (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR) {
        errno = entry->fts_errno;
        return fal_fail_errno(err, "%s", entry->fts_path);
    }
    return FAL_OK;
}

/* AV-Deepfake1M++ has a file for every clip, in the folders of the clips. */
static fal_status take_folder(storage *s, const char *folder, fal_error *err)
{
    fal_status st = FAL_OK;
    FTSENT *entry;
    char *root = fal_strdup(folder), *roots[] = {root, NULL};
    FTS *walk = root ? fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name) : NULL;
    if (!walk)
        FAL_FAIL(FAL_ERR_MEMORY, "out of memory");
    while ((entry = fts_read(walk)))
        FAL_TRY(take_entry(s, entry, err));
    if (!s->count)
        FAL_FAIL(FAL_ERR_FORMAT, "%s holds no .json file with metadata of a clip", folder);
done:
    if (walk)
        fts_close(walk);
    fal_free(root);
    return st;
}

fal_status fal_truth_parse(const char *text, size_t length, const char *origin, fal_truth *out, fal_error *err)
{
    fal_status st = FAL_OK;
    storage *s = NULL;
    FAL_TRY(make_storage(&s, err));
    FAL_TRY(take_entries(s, text, length, origin, err));
    FAL_TRY(index_clips(s, origin, err));
    hand_out(&s, out);
done:
    free_storage(s);
    return st;
}

fal_status fal_truth_read(const char *path, fal_truth *out, fal_error *err)
{
    fal_status st = FAL_OK;
    storage *s = NULL;
    FAL_TRY(make_storage(&s, err));
    FAL_TRY(fal_path_is_dir(path) ? take_folder(s, path, err) : take_file(s, path, err));
    FAL_TRY(index_clips(s, path, err));
    hand_out(&s, out);
done:
    free_storage(s);
    return st;
}

const fal_true_clip *fal_truth_find(const fal_truth *truth, const char *path)
{
    const storage *s = truth->storage;
    while (path) {
        size_t found = fal_path_index_find(&s->index, path);
        if (found != FAL_PATH_NONE)
            return &truth->clips[found];
        path = strchr(path, '/');
        path = path ? path + 1 : NULL;
    }
    return NULL;
}

fal_status fal_truth_select(const fal_truth *truth, const fal_frame_scores *clips, size_t count, fal_truth *out,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    storage *s = NULL;
    bool *wanted = NULL;
    FAL_ALLOC(wanted, fal_calloc(truth->count, sizeof *wanted));
    for (size_t i = 0; i < count; i++) {
        const fal_true_clip *clip = fal_truth_find(truth, clips[i].path);
        if (clip)
            wanted[clip - truth->clips] = true;
    }
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_ALLOC(s->clips, fal_malloc_array(truth->count, sizeof *s->clips));
    for (size_t i = 0; i < truth->count; i++)
        if (wanted[i])
            s->clips[s->count++] = truth->clips[i];
    FAL_TRY(index_clips(s, "the scored clips", err));
    hand_out(&s, out);
done:
    fal_free(wanted);
    free_storage(s);
    return st;
}

void fal_truth_free(fal_truth *truth)
{
    if (!truth)
        return;
    free_storage(truth->storage);
    *truth = (fal_truth){0};
}
