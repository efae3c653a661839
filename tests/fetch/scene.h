/* What the download tests share: a server with three pages of the same file, and a place to put it. */
#ifndef FAL_TESTS_FETCH_SCENE_H
#define FAL_TESTS_FETCH_SCENE_H

#include "fetch/server.h"
#include "support/test.h"

#include "core/digest.h"

#include <falsetto/fetch.h>

enum { LENGTH = 300000, CUT = 100000, PAGES = 3 };

typedef struct scene {
    uint8_t model[LENGTH], other[LENGTH];          /* two files of the same length */
    char sha256[FAL_SHA256_HEX], md5[FAL_MD5_HEX]; /* of `model` */
    server *web;
    server_page pages[PAGES];  /* "/model.pt" with an ETag, "/mirror/model.pt", "/third" */
    const char *url, *mirror;  /* of the first two */
    char target[256];          /* where the file goes; a folder of its own */
    char logged[4096];         /* warnings of the last download */
    fal_fetch_options options; /* one address: `url`; three attempts, short waits */
    fal_fetch_result result;
    fal_error err;
} scene;

/* cmocka fixtures; *state is the scene. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

/* Downloads with the scene's options. */
void fetch_ok(scene *s);
void fetch_fails(scene *s, fal_status want, const char *text);

/* The file must be there with these bytes, and nothing else beside it. */
void check_arrived(const scene *s, const uint8_t *bytes, size_t length);
/* There must be a part with so many bytes (0: none), and no file. */
void check_part(const scene *s, size_t bytes);
/* The pages' record of what kinds of bodies were sent. */
void check_bodies(const server_page *page, const char *want);
/* The last request must have this header line. */
void check_requested(const server_page *page, const char *line);
/* A part with these bytes and this note; NULL: no note. */
void leave_part(const scene *s, const void *bytes, size_t length, const char *note);

#endif
