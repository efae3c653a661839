/* One download under way: what the files of this folder that carry it out share. */
#ifndef FAL_FETCH_DOWNLOAD_H
#define FAL_FETCH_DOWNLOAD_H

#include "fetch/part.h"
#include "fetch/transfer.h"

/* What to do after an attempt. */
typedef enum fal_attempt_verdict {
    FAL_ATTEMPT_DONE,  /* the whole file is in the part, and it is the right one */
    FAL_ATTEMPT_RETRY, /* the same address again, a little later, going on where it ended */
    FAL_ATTEMPT_ANEW,  /* the same address again, from the beginning: the part is not of this file */
    FAL_ATTEMPT_NEXT,  /* this address does not have it */
    FAL_ATTEMPT_STOP   /* no address can help: disk, memory, Ctrl-C */
} fal_attempt_verdict;

typedef struct fal_download {
    const fal_fetch_options *options; /* defaults filled in */
    fal_part *part;
    char url[FAL_FETCH_URL];     /* the address being asked, as shown */
    char what[64];               /* phrase for progress */
    int64_t base;                /* bytes there before this attempt */
    bool resumed;                /* the part goes back to an earlier call */
    bool reached;                /* some server has answered */
    fal_attempt_verdict verdict; /* of the attempt; with it, unless DONE: */
    fal_status status;
    fal_error error;
} fal_download;

/* Sets verdict and error; returns false, what a callback says to stop. */
bool fal_download_end(fal_download *d, fal_attempt_verdict verdict, fal_status status, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Drops what has arrived; the verdict becomes STOP if that fails. */
void fal_download_drop(fal_download *d);

/* Counts progress from `base` on. */
void fal_download_from(fal_download *d, int64_t base);

/* Callbacks of the transfer (body.c): judge the header, take the bytes. */
bool fal_body_begin(void *download, const fal_response *response);
bool fal_body_take(void *download, const void *bytes, size_t length);
/* Judges what has arrived when a transfer ended as announced; sets the verdict. */
void fal_body_check(fal_download *d);

/* One request to `url` (as fal_url_to_ask), going on where the part ends if that is safe; sets the verdict. Returns the
 * seconds the server asks to wait, 0 if it does not. */
double fal_attempt(fal_download *d, const char *url);

#endif
