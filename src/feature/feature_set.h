/* Labelled clips with their rows in memory: what heads train on and score. */
#ifndef FAL_FEATURE_FEATURE_SET_H
#define FAL_FEATURE_FEATURE_SET_H

#include "core/arena.h"
#include "core/feature_set.h"
#include "core/file.h"
#include "core/log.h"
#include "feature/store.h"

typedef struct fal_feature_query {
    const char *csv;    /* label list: columns path and label; label 0 or 1, also written 0.0 or 1.0 */
    const char *root;   /* of the feature files */
    fal_stream stream;  /* which array, when `arrays` is NULL */
    const char *arrays; /* names with '+' between: their rows side by side, cut to the shortest */
    bool l2_normalise;  /* every array's row is divided by its Euclidean norm */
    int threads;        /* that read files; 0: all available */
    const fal_log *log;
} fal_feature_query;

enum { FAL_QUERY_PARTS = 64 };

/* How the rows of a loaded set are made up; dims[0] alone when one array was asked for. */
typedef struct fal_feature_parts {
    size_t count;
    int64_t dims[FAL_QUERY_PARTS];
} fal_feature_parts;

/* What the rows and names of a set lie in. */
typedef struct fal_set_storage {
    fal_arena *arena;
    fal_map map; /* packed sets */
} fal_set_storage;

/* Clips without a file are counted in `missing`, named in the log, and left out. Clips whose arrays have other numbers
 * of channels than the first clip's are an error. parts may be NULL. */
fal_status fal_feature_set_read(const fal_feature_query *query, fal_feature_set *out, fal_feature_parts *parts,
                                fal_error *err);
/* The same for one array. */
fal_status fal_feature_set_load(const char *csv_path, const char *root, fal_stream stream, bool l2_normalise,
                                const fal_log *log, fal_feature_set *out, fal_error *err);
void fal_feature_set_free(fal_feature_set *set);

#endif
