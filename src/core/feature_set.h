/* Labelled clips with their feature rows in memory: what the feature store loads and heads train on. Plain data;
 * whoever made it frees it. */
#ifndef FAL_CORE_FEATURE_SET_H
#define FAL_CORE_FEATURE_SET_H

#include <stddef.h>
#include <stdint.h>

typedef struct fal_clip_features {
    const char *path;     /* as the label list writes it */
    int label;            /* 0 real, 1 fake, -1 unknown */
    int64_t frames;       /* may be 0 */
    const float *rows;    /* [frames, dim]; NULL when they are float16 */
    const uint16_t *half; /* the same as float16, in packed sets; else NULL */
} fal_clip_features;

/* Rows [first, first + count) as float32: in place, or widened into `scratch` [count, dim], which only clips with
 * `half` need. */
const float *fal_clip_rows(const fal_clip_features *clip, int64_t dim, int64_t first, int64_t count, float *scratch);

typedef struct fal_feature_set {
    int64_t dim;
    size_t count;
    fal_clip_features *clips;
    size_t missing;   /* listed clips without a feature file, not among `clips` */
    size_t empty;     /* clips of zero frames, among `clips` */
    size_t zero_rows; /* rows that L2 normalisation left as zeros */
    void *storage;
} fal_feature_set;

#endif
