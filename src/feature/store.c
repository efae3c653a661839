#include "feature/store.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/str.h"

#include <math.h>
#include <string.h>

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

bool fal_feature_path_fits(const char *path)
{
    for (const char *part = path; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (fal_str_starts(part, "..") && (part[2] == '/' || !part[2]))
            return false;
    }
    return strlen(path) >= FAL_FEATURE_CUT;
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

static fal_status no_usable_key(const char *path, const fal_npz *npz, const char *wanted, fal_error *err)
{
    fal_buf have = {0};
    for (size_t i = 0; i < fal_npz_count(npz); i++)
        fal_buf_printf(&have, "%s%s", i ? ", " : "", fal_npz_name(npz, i));
    fal_fail(err, FAL_ERR_FORMAT, "%s has no array '%s'; it has: %s", path, wanted, have.data ? have.data : "nothing");
    fal_buf_free(&have);
    return FAL_ERR_FORMAT;
}

/* The first of the keys (NULL-terminated) that is there. */
static fal_status read_npz(const char *path, const char *const *keys, fal_npy *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npz *npz = NULL;
    const char *const *key = keys;
    FAL_TRY(fal_npz_open(path, &npz, err));
    while (*key && !fal_npz_has(npz, *key))
        key++;
    if (!*key) {
        st = no_usable_key(path, npz, keys[0], err);
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

fal_status fal_feature_file(const char *root, const char *clip_path, char **path, fal_error *err)
{
    fal_status st = FAL_OK;
    char *npz = NULL, *npy = NULL;
    if (strlen(clip_path) < FAL_FEATURE_CUT)
        FAL_FAIL(FAL_ERR_ARGUMENT, "'%s' is too short for a clip path, expected a name with a four-character ending",
                 clip_path);
    FAL_ALLOC(npz, fal_feature_path(root, clip_path, ".npz"));
    FAL_ALLOC(npy, fal_feature_path(root, clip_path, ".npy"));
    if (!fal_path_exists(npz) && !fal_path_exists(npy))
        FAL_FAIL(FAL_ERR_NOT_FOUND, "no features for %s: neither %s nor .npy exists", clip_path, npz);
    char **found = fal_path_exists(npz) ? &npz : &npy;
    *path = *found;
    *found = NULL;
done:
    fal_free(npz);
    fal_free(npy);
    return st;
}

fal_status fal_features_read(const char *root, const char *clip_path, fal_stream stream, fal_feature_rows *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npy array = {0};
    char *path = NULL;
    if (!keys_of(stream))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s: stream %d is none of audio, video, av", clip_path, (int)stream);
    FAL_TRY(fal_feature_file(root, clip_path, &path, err));
    FAL_TRY(fal_str_ends(path, ".npz") ? read_npz(path, keys_of(stream), &array, err) : fal_npy_read(path, &array, err));
    FAL_TRY(to_rows(path, &array, out, err));
done:
    fal_npy_free(&array);
    fal_free(path);
    return st;
}

fal_status fal_features_read_array(const char *root, const char *clip_path, const char *name, fal_feature_rows *out,
                                   fal_error *err)
{
    fal_status st = FAL_OK;
    fal_npy array = {0};
    char *path = NULL;
    const char *const keys[] = {name, NULL};
    FAL_TRY(fal_feature_file(root, clip_path, &path, err));
    if (!fal_str_ends(path, ".npz"))
        FAL_FAIL(FAL_ERR_FORMAT, "%s holds one array without a name, and '%s' is wanted", path, name);
    FAL_TRY(read_npz(path, keys, &array, err));
    FAL_TRY(to_rows(path, &array, out, err));
done:
    fal_npy_free(&array);
    fal_free(path);
    return st;
}
