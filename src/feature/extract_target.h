/* One encoder of an extraction: the folder its features go to, what extract.json says there, and its file of one clip.
 * Inside src/feature only. */
#ifndef FAL_FEATURE_EXTRACT_TARGET_H
#define FAL_FEATURE_EXTRACT_TARGET_H

#include "core/json.h"
#include "feature/clip_encode.h"
#include "feature/encoder_pool.h"
#include "feature/fingerprint.h"

#include <falsetto/extract.h>

enum { FAL_EXTRACT_STREAMS = 3 };

typedef struct fal_extract_target {
    const fal_extract_options *options;
    const fal_extract_encoder *wanted;
    const fal_encoder *encoder; /* the pool's */
    const fal_encoder_description *about;
    fal_stream streams[FAL_EXTRACT_STREAMS];
    size_t stream_count;
    const char *model;                      /* its catalogue name, or the name of its file: borrowed */
    char fingerprint[FAL_FINGERPRINT_TEXT]; /* of the weights, "" when they were drawn */
    const char *crop_alignment;             /* of crops that are read in place of clips, else NULL */
    char *label;  /* "clip-video": model, stream where there is only one, feature where one was asked for */
    char *folder; /* where the clips' files go: `out` itself when there is one encoder, else a folder in it */
} fal_extract_target;

/* Opens every encoder of the options and names their folders. *out [encoder_count] */
fal_status fal_extract_targets_open(const fal_extract_options *options, fal_encoder_pool *pool,
                                    fal_extract_target **out, fal_error *err);
void fal_extract_targets_free(fal_extract_target **targets, size_t count);

/* The JSON object of extract.json: everything that the features depend on. */
void fal_extract_put_settings(const fal_extract_target *target, fal_jw *w);

/* The clips are crops below `root`: notes their alignment. FAL_ERR_ARGUMENT when an encoder reads other pictures than
 * mouths. */
fal_status fal_extract_targets_use_crops(fal_extract_target *targets, size_t count, const char *root, fal_error *err);

/* Makes the folders and their extract.json, or finds that they hold features made in the same way. */
fal_status fal_extract_targets_claim(const fal_extract_target *targets, size_t count, fal_error *err);

/* What is wanted of the target's encoder for one clip: [stream_count] of `out`, which has room for three. */
void fal_extract_requests(const fal_extract_target *target, fal_clip_request *out);

/* True when the file is there and holds every array, whole: a run that was stopped left it so or not at all. */
bool fal_extract_is_complete(const fal_extract_target *target, const char *path);

/* Writes one clip's rows, [stream_count] in the order of the requests; start_s: time of the first row, recorded when
 * silence was to be trimmed. */
fal_status fal_extract_write(const fal_extract_target *target, const fal_clip_rows *rows, double start_s,
                             const char *path, fal_error *err);

#endif
