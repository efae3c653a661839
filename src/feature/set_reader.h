/* Reading the clips of a label list one by one: what sets in memory and packed files are made from. */
#ifndef FAL_FEATURE_SET_READER_H
#define FAL_FEATURE_SET_READER_H

#include "core/csv.h"
#include "core/progress.h"
#include "feature/feature_set.h"

typedef struct fal_set_reader fal_set_reader;

/* One listed clip. Without a feature file `missing` says so and rows are NULL. */
typedef struct fal_listed_clip {
    const char *path; /* lasts as long as the reader */
    int label;
    int64_t frames;
    float *rows;      /* [frames, sum of dims], joined and normalised as the query says; the caller's to fal_free */
    size_t zero_rows; /* that normalisation left as zeros */
    fal_feature_parts parts;
    bool missing;
    fal_error why; /* it is missing, or the status below */
    fal_status status;
} fal_listed_clip;

fal_status fal_set_reader_open(const fal_feature_query *query, fal_set_reader **out, fal_error *err);
void fal_set_reader_free(fal_set_reader **reader);
size_t fal_set_reader_count(const fal_set_reader *reader); /* listed clips */

/* Calls take(user, clip) for every listed clip in order; clips are read ahead on query->threads threads. `take` owns
 * clip->rows. Fails at the first clip that is wrong in itself or has other parts than those before; missing ones are
 * named in the log. */
typedef fal_status fal_take_clip(void *user, fal_listed_clip *clip, fal_error *err);
fal_status fal_set_reader_each(const fal_set_reader *reader, const fal_progress *progress, fal_take_clip *take,
                               void *user, fal_error *err);

/* Sixteen hex digits of what a set would be made of: the query, the list, and size and time of every feature file. */
enum { FAL_SOURCES_TEXT = 17 };
fal_status fal_set_reader_fingerprint(const fal_set_reader *reader, char out[FAL_SOURCES_TEXT], fal_error *err);

#endif
