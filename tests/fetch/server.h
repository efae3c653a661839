/* A web server for one test, on the loopback interface and a port of its own, that can misbehave. It serves one
 * connection at a time and closes each after one answer. */
#ifndef FAL_TESTS_FETCH_SERVER_H
#define FAL_TESTS_FETCH_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What one address answers. Zero is a good server: the bytes, ranges and If-Range honoured. */
typedef struct server_page {
    const char *path; /* "/model.pt" */
    const void *bytes;
    size_t length;
    const char *etag, *modified; /* header values; NULL: not sent */
    const char *type;            /* Content-Type; NULL: application/octet-stream */
    const char *encoding;        /* Content-Encoding */
    const char *location;        /* answers 302 to here */

    int status; /* an error status for the first `status_times` requests ... */
    int status_times;
    const char *retry_after; /* ... with this header */

    size_t cut_after; /* sends so many bytes of the body, then closes the connection ... */
    bool stall;       /* ... or sends nothing more until the other side gives up ... */
    int cut_times;    /* ... in the first so many requests that get a body */

    bool no_ranges;        /* always answers with the whole file */
    bool ignores_if_range; /* sends the asked part also of a file that has changed */
    bool no_length;        /* neither Content-Length nor chunks: the end of the connection is the end */
    bool chunked;
    long long claimed_length;  /* Content-Length that is announced (0: the right one) */
    const char *claimed_range; /* Content-Range that is announced */

    int changes_after;       /* from this request on (0: never) the file is ... */
    const void *later_bytes; /* ... this one, of the same length ... */
    const char *later_etag;  /* ... with this ETag */

    /* What was seen. */
    atomic_int requests;
    char request[2048]; /* header of the last one */
    char bodies[8];     /* one letter per request: 'w' whole file, 'p' part of it, 'e' error or redirect */
} server_page;

typedef struct server server;
/* `pages` stays the test's. Anything else is answered with 404. A failure ends the test. */
server *server_start(server_page *pages, size_t count);
void server_stop(server **s);
/* "http://127.0.0.1:PORT" + path; valid for the next 15 calls. */
const char *server_url(const server *s, const char *path);

#endif
