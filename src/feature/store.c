#include "feature/store.h"

#include "core/alloc.h"
#include "core/arena.h"
#include "core/csv.h"
#include "core/json.h"
#include "core/str.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

#define FAL_LOG_COMPONENT "features"

enum { MAX_KEYS = 3 };

static const struct {
    fal_stream stream;
    const char *keys[MAX_KEYS + 1]; /* the first is the one written */
} stream_keys[] = {
    {FAL_STREAM_AUDIO, {"audio", "arr_0", NULL}},
    {FAL_STREAM_VIDEO, {"visual", "video", "arr_0", NULL}},
    {FAL_STREAM_AV, {"multimodal", NULL}},
};

static const char *const *keys_of(fal_stream stream)
{
    for (size_t i = 0; i < sizeof stream_keys / sizeof *stream_keys; i++)
        if (stream_keys[i].stream == stream)
            return stream_keys[i].keys;
    return NULL;
}

const char *fal_feature_key(fal_stream stream)
{
    const char *const *keys = keys_of(stream);
    return keys ? keys[0] : NULL;
}

char *fal_feature_path(const char *root, const char *path, const char *ext)
{
    size_t length = strlen(path);
    if (length < FAL_FEATURE_CUT)
        return NULL;
    return fal_asprintf("%s/%.*s%s", root, (int)(length - FAL_FEATURE_CUT), path, ext);
}

static fal_status no_usable_key(const char *path, const fal_npz *npz, fal_stream stream, fal_error *err)
{
    fal_buf have = {0};
    for (size_t i = 0; i < fal_npz_count(npz); i++)
        fal_buf_printf(&have, "%s%s", i ? ", " : "", fal_npz_name(npz, i));
    fal_fail(err, FAL_ERR_FORMAT, "%s has no array '%s' (%s stream); it has: %s", path, fal_feature_key(stream),
             fal_stream_name(stream), have.data ? have.data : "nothing");
    fal_buf_free(&have);
    return FAL_ERR_FORMAT;
}

static fal_status read_npz(const char *path, fal_stream stream, fal_npy *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npz *npz = NULL;
    const char *const *key = keys_of(stream);
    FAL_TRY(fal_npz_open(path, &npz, err));
    while (*key && !fal_npz_has(npz, *key))
        key++;
    if (!*key) {
        st = no_usable_key(path, npz, stream, err);
        goto done;
    }
    FAL_TRY(fal_npz_get(npz, *key, out, err));
done:
    fal_npz_free(&npz);
    return st;
}

static fal_status check_finite(const char *path, const float *rows, size_t count, int64_t dim, fal_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(rows[i]))
            return fal_fail(err, FAL_ERR_FORMAT, "%s: frame %lld, channel %lld is not a finite number", path,
                            (long long)(i / (size_t)dim), (long long)(i % (size_t)dim));
    return FAL_OK;
}

static fal_status to_rows(const char *path, fal_npy *array, fal_feature_rows *out, fal_error *err)
{
    fal_status st = FAL_OK;
    if (array->rank < 2 || array->shape[array->rank - 1] == 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: array of %d axes, expected [frames, channels]", path, array->rank);
    FAL_TRY(fal_npy_to_f32(array, err));
    int64_t dim = (int64_t)array->shape[array->rank - 1];
    FAL_TRY(check_finite(path, array->data, array->count, dim, err));
    *out = (fal_feature_rows){(int64_t)array->count / dim, dim, array->data};
    array->data = NULL;
done:
    return st;
}

fal_status fal_features_read(const char *root, const char *clip_path, fal_stream stream, fal_feature_rows *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npy array = {0};
    char *npz = NULL, *npy = NULL;
    if (strlen(clip_path) < FAL_FEATURE_CUT)
        FAL_FAIL(FAL_ERR_ARGUMENT, "'%s' is too short for a clip path, expected a name with a four-character ending",
                 clip_path);
    FAL_ALLOC(npz, fal_feature_path(root, clip_path, ".npz"));
    FAL_ALLOC(npy, fal_feature_path(root, clip_path, ".npy"));
    if (!keys_of(stream))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s: stream %d is none of audio, video, av", clip_path, (int)stream);
    bool zipped = fal_path_exists(npz);
    if (!zipped && !fal_path_exists(npy))
        FAL_FAIL(FAL_ERR_NOT_FOUND, "no features for %s: neither %s nor .npy exists", clip_path, npz);
    FAL_TRY(zipped ? read_npz(npz, stream, &array, err) : fal_npy_read(npy, &array, err));
    FAL_TRY(to_rows(zipped ? npz : npy, &array, out, err));
done:
    fal_npy_free(&array);
    fal_free(npz);
    fal_free(npy);
    return st;
}

typedef struct loader {
    fal_csv csv;
    int path_column, label_column;
    const char *csv_path, *root;
    fal_stream stream;
    bool l2_normalise;
    const fal_log *log;
    fal_arena *arena;
} loader;

/* Parsed as JSON, because strtod reads what the locale says; upstream truncates 0.5 to real: more likely a mistake. */
static fal_status parse_label(const loader *from, size_t row, int *label, fal_error *err)
{
    const char *text = fal_csv_cell(&from->csv, row, from->label_column);
    fal_json *number = NULL;
    double value = -1;
    if (fal_json_parse(text, strlen(text), "label", &number, NULL) == FAL_OK)
        value = fal_json_real(number, -1);
    fal_json_free(&number);
    if (value != 0 && value != 1)
        return fal_fail(err, FAL_ERR_FORMAT, "%s line %zu: label is '%s', expected 0 (real) or 1 (fake)",
                        from->csv_path, from->csv.lines[row], text);
    *label = (int)value;
    return FAL_OK;
}

static fal_status keep_clip(loader *from, const char *path, int label, const fal_feature_rows *rows,
                            fal_feature_set *set, fal_error *err)
{
    fal_status st = FAL_OK;
    float *kept = NULL;
    char *name = NULL;
    if (set->count && rows->dim != set->dim)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: features of %lld channels, those before have %lld", path, (long long)rows->dim,
                 (long long)set->dim);
    FAL_ALLOC(name, fal_arena_strdup(from->arena, path));
    FAL_ALLOC(kept, fal_arena_alloc(from->arena, (size_t)(rows->frames * rows->dim), sizeof *kept));
    if (from->l2_normalise)
        set->zero_rows += (size_t)fal_l2_normalise_rows(rows->rows, rows->frames, rows->dim, kept);
    else
        memcpy(kept, rows->rows, (size_t)(rows->frames * rows->dim) * sizeof *kept);
    set->dim = rows->dim;
    set->empty += rows->frames == 0;
    set->clips[set->count++] = (fal_clip_features){name, label, rows->frames, kept};
done:
    return st;
}

static fal_status load_row(loader *from, size_t row, fal_feature_set *set, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_error missing;
    fal_feature_rows rows = {0};
    int label;
    const char *path = fal_csv_cell(&from->csv, row, from->path_column);
    FAL_TRY(parse_label(from, row, &label, err));
    fal_status found = fal_features_read(from->root, path, from->stream, &rows, &missing);
    if (found == FAL_ERR_NOT_FOUND) {
        set->missing++;
        fal_log_warn(from->log, "%s", missing.text);
        goto done;
    }
    if (found != FAL_OK)
        FAL_FAIL(found, "%s", missing.text);
    FAL_TRY(keep_clip(from, path, label, &rows, set, err));
done:
    fal_free(rows.rows);
    return st;
}

static fal_status open_list(loader *from, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(fal_csv_read(from->csv_path, &from->csv, err));
    from->path_column = fal_csv_column(&from->csv, "path");
    from->label_column = fal_csv_column(&from->csv, "label");
    if (from->path_column < 0 || from->label_column < 0)
        FAL_FAIL(FAL_ERR_FORMAT, "%s has no column '%s'; a label list needs path and label", from->csv_path,
                 from->path_column < 0 ? "path" : "label");
    FAL_ALLOC(from->arena, fal_arena_create());
done:
    return st;
}

fal_status fal_feature_set_load(const char *csv_path, const char *root, fal_stream stream, bool l2_normalise,
                                const fal_log *log, fal_feature_set *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set set = {0};
    loader from = {.csv_path = csv_path, .root = root, .stream = stream, .l2_normalise = l2_normalise, .log = log};
    FAL_TRY(open_list(&from, err));
    FAL_ALLOC(set.clips, fal_arena_alloc(from.arena, from.csv.rows + 1, sizeof *set.clips));
    for (size_t row = 0; row < from.csv.rows; row++)
        FAL_TRY(load_row(&from, row, &set, err));
    set.storage = from.arena, from.arena = NULL;
    *out = set;
done:
    fal_csv_free(&from.csv);
    fal_arena_free(&from.arena);
    return st;
}

void fal_feature_set_free(fal_feature_set *set)
{
    fal_arena *arena = set->storage;
    fal_arena_free(&arena);
    *set = (fal_feature_set){0};
}
