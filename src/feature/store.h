/* Features on disk: one .npz (or .npy) per clip, mirroring the dataset's paths, with the keys the official extractors
 * write. Any float width, byte order or memory order that NumPy writes is read; rows come back as float32
 * [frames, dim]. */
#ifndef FAL_FEATURE_STORE_H
#define FAL_FEATURE_STORE_H

#include "core/npy.h"
#include "core/status.h"

#include <falsetto/encoder.h>

#include <stdbool.h>

enum { FAL_FEATURE_CUT = 4 }; /* characters of a clip's path that its feature file's name drops */

/* root/<path without its last four characters><ext>: exactly four are cut, whatever the clip's extension, as the
 * official loader does. The caller's to fal_free; NULL when out of memory or when `path` is shorter than that. */
char *fal_feature_path(const char *root, const char *path, const char *ext);

/* Whether a listed path can be mirrored under a folder: long enough, and nowhere "..", which could lead anywhere. */
bool fal_feature_path_fits(const char *path);

/* The key an array of AV-HuBERT is written under: "audio", "visual", "multimodal". */
const char *fal_feature_key(fal_stream stream);

/* Whichever of the clip's two possible files is there; *path is the caller's to fal_free. FAL_ERR_NOT_FOUND. */
fal_status fal_feature_file(const char *root, const char *clip_path, char **path, fal_error *err);

/* Key of the number of frames (at 25 per second) that a clip has before its first row, beside the arrays of files made
 * with trimmed silence: a scalar. */
#define FAL_OFFSET_KEY "offset"

typedef struct fal_feature_rows {
    int64_t frames, dim;
    float *rows; /* the caller's to fal_free */
} fal_feature_rows;

/* Reads <base>.npz, else <base>.npy: the first key present of audio/arr_0, visual/video/arr_0 or multimodal. More than
 * two axes are folded into rows. FAL_ERR_NOT_FOUND when neither file exists; a .npz without a usable key names those it
 * has; a value that is not finite is an error naming its place. */
fal_status fal_features_read(const char *root, const char *clip_path, fal_stream stream, fal_feature_rows *out,
                             fal_error *err);

/* The array of one name ("visual", "hidden_7") from <base>.npz. */
fal_status fal_features_read_array(const char *root, const char *clip_path, const char *name, fal_feature_rows *out,
                                   fal_error *err);

#endif
