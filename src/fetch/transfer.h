/* One HTTP request, its answer handed on as it comes. The only user of libcurl. */
#ifndef FAL_FETCH_TRANSFER_H
#define FAL_FETCH_TRANSFER_H

#include "fetch/response.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fal_transfer {
    const char *url;
    int64_t from;         /* > 0: only the bytes from there on are asked for ... */
    const char *if_range; /* ... if the file is still the one with this ETag or date; NULL: unconditionally */
    int stall_s, connect_s;
    const volatile sig_atomic_t *cancel;
    /* Called once, before the first byte and also for an empty body; then for each piece. False ends the transfer. */
    bool (*begin)(void *user, const fal_response *response);
    bool (*body)(void *user, const void *bytes, size_t length);
    void *user;
} fal_transfer;

typedef enum fal_transfer_end {
    FAL_TRANSFER_COMPLETE, /* as much came as was announced */
    FAL_TRANSFER_STOPPED,  /* by begin or body */
    FAL_TRANSFER_CANCELLED,
    FAL_TRANSFER_STATUS,      /* an HTTP status of 400 or more; no body is handed on */
    FAL_TRANSFER_CUT,         /* the connection ended or stalled: worth another attempt */
    FAL_TRANSFER_UNREACHABLE, /* no such host, or nobody listens there */
    FAL_TRANSFER_REFUSED,     /* certificate, redirect or address not acceptable */
    FAL_TRANSFER_MEMORY,
    FAL_TRANSFER_NONE /* this build has no libcurl */
} fal_transfer_end;

typedef struct fal_transfer_outcome {
    fal_transfer_end end;
    int status;            /* HTTP status; 0: none came */
    int64_t retry_after_s; /* what the server asks to wait; 0: nothing said */
    char text[256];        /* what went wrong, for people */
} fal_transfer_outcome;

fal_transfer_outcome fal_transfer_run(const fal_transfer *transfer);

#endif
