/* An unfinished download on disk: PATH.part, and the note PATH.part.json that says what the bytes are part of. The note
 * is what keeps two different files from being glued together: bytes without a readable note are dropped. */
#ifndef FAL_FETCH_PART_H
#define FAL_FETCH_PART_H

#include "core/digest.h"
#include "core/progress.h"
#include "core/status.h"
#include "fetch/response.h"

#include <falsetto/fetch.h>

/* What a server said about the file when it sent its first byte. */
typedef struct fal_part_origin {
    char url[FAL_FETCH_URL];        /* as fal_url_to_show; empty: nothing is known */
    char etag[FAL_VALIDATOR_BYTES]; /* empty: none */
    char modified[FAL_VALIDATOR_BYTES];
    int64_t total; /* bytes of the whole file; -1: not said */
} fal_part_origin;

typedef struct fal_part {
    char *target, *path, *note;
    int fd;        /* locked for this download alone */
    int64_t bytes; /* on disk so far */
    fal_part_origin origin;
    fal_digest sha256, md5; /* of the bytes so far, once `digested` */
    bool digested, with_md5;
} fal_part;

/* Opens what is there, or an empty part; missing folders are made. Fails with FAL_ERR_IO when another download, of this
 * process or another, has it. Without `with_md5` the MD5 is not computed. */
fal_status fal_part_open(const char *target, bool with_md5, fal_part **out, fal_error *err);
/* Keeps the bytes for a later call; removes the files when there are none. */
void fal_part_close(fal_part **part);

/* Drops the bytes and what is known of them. */
fal_status fal_part_empty(fal_part *part, fal_error *err);
/* Writes the note; the part must be empty. */
fal_status fal_part_begin(fal_part *part, const fal_part_origin *origin, fal_error *err);
fal_status fal_part_append(fal_part *part, const void *bytes, size_t length, fal_error *err);

/* Reads what is on disk into the digests, unless they have it. `what` as in fal_digest_file. */
fal_status fal_part_digest(fal_part *part, const char *what, const fal_progress *progress, fal_error *err);
/* The first bytes, for a look at what came; returns how many. */
size_t fal_part_head(const fal_part *part, char *out, size_t size);

/* Gives the complete file its name. The part is empty afterwards. */
fal_status fal_part_finish(fal_part *part, fal_error *err);

/* Free space where the part lies; -1: not known. */
int64_t fal_part_room(const fal_part *part);

#endif
