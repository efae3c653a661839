/* Fetching published files: models of the catalogue, the paper's probes, any single file.
 *
 * A download goes to PATH.part with a note of what it is (PATH.part.json: address, ETag or date, size) and gets its
 * name only when it is complete and, where a SHA-256 or MD5 is published, the right one. A download that was stopped
 * goes on where it ended if the server says that it is still the same file, and starts anew if not. Proxies are those
 * of the environment (https_proxy, all_proxy, no_proxy), names and passwords those of ~/.netrc, further certificates
 * those of CURL_CA_BUNDLE or SSL_CERT_FILE.
 * FALSETTO_MIRROR=http://host:port in the environment replaces the scheme and host of every address: for institutes
 * that keep copies, and for tests.
 * In a build without libcurl every download fails with FAL_ERR_UNSUPPORTED and says so. */
#ifndef FALSETTO_FETCH_H
#define FALSETTO_FETCH_H

#include <falsetto/log.h>
#include <falsetto/models.h>
#include <falsetto/progress.h>
#include <falsetto/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { FAL_SHA256_TEXT = 65, FAL_FETCH_URL = 1024 };

/* ---- one file ---------------------------------------------------------------------------------------------------- */

typedef struct fal_fetch_options {
    const char *const *urls; /* http or https addresses of the same file, tried in turn */
    size_t url_count;
    const char *path;    /* where the file goes; an older file there is replaced at the end. Missing folders are made */
    const char *sha256;  /* published SHA-256, 64 hex digits; NULL: none */
    const char *md5;     /* published MD5, all or its first digits; NULL: none */
    int64_t max_bytes;   /* larger files are refused; default 64 GiB */
    int attempts;        /* failures in a row before the next address is tried, an attempt that brought 1 MiB starts
                            the count again; default 5 */
    double retry_wait_s; /* before the second attempt, doubled from one to the next, at most 60; default 1 */
    int stall_s;         /* a connection that brings less than 1 KiB/s for so long is given up; default 30 */
    int connect_s;       /* time to connect; default 30 */
    const fal_progress *progress; /* in megabytes; "NAME (MB)", and "rest of NAME (MB)" when going on */
    const fal_log *log;
} fal_fetch_options;

typedef struct fal_fetch_result {
    int64_t bytes;
    char sha256[FAL_SHA256_TEXT]; /* of the whole file, lower-case hex */
    char url[FAL_FETCH_URL];      /* the address asked, mirror included, name and password left out */
    bool resumed;                 /* a part of an earlier call was used */
} fal_fetch_result;

/* Fails with FAL_ERR_NOT_FOUND when no address has the file (404, 410), FAL_ERR_IO when it could not be fetched or
 * written, FAL_ERR_FORMAT when something else came (web page, Git LFS pointer, wrong checksum), FAL_ERR_CANCELLED. What
 * has arrived stays for the next call, except in the FORMAT case. Two calls never write the same file at once, in one
 * process or in several: the second fails with FAL_ERR_IO. */
FAL_API fal_status fal_fetch_file(const fal_fetch_options *options, fal_fetch_result *result, fal_error *err);

/* ---- models and probes ------------------------------------------------------------------------------------------- */

/* A published linear probe on frozen features. */
typedef struct fal_probe_entry {
    const char *name;    /* as its folder in the official repository: "avh_multimodal" */
    const char *encoder; /* catalogue name of the encoder whose features it was trained on */
    const char *stream;  /* "av", "video", "audio" */
    int64_t dim;         /* of a feature row */
    const char *licence, *source;
    bool non_commercial;
    fal_model_file file;
} fal_probe_entry;
FAL_API size_t fal_probe_count(void);
FAL_API const fal_probe_entry *fal_probe_at(size_t index);
FAL_API const fal_probe_entry *fal_probe_find(const char *name); /* NULL: no such probe */

typedef struct fal_pull_options {
    const char *folder;      /* holds a folder per model (probe); NULL: the model folder (models.h), probes: its sibling
                                "probes" */
    bool force;              /* fetch again what is already there */
    fal_fetch_options fetch; /* attempts, waits, progress, log; addresses, path and checksums are set by the call */
} fal_pull_options;

typedef enum fal_pull_how {
    FAL_PULL_FETCHED,  /* downloaded now */
    FAL_PULL_PRESENT,  /* was there: from an earlier pull, or put there by hand */
    FAL_PULL_LEFT_OUT, /* optional, and not to be had */
    FAL_PULL_BY_HAND   /* has to be downloaded by hand and is not there yet */
} fal_pull_how;

typedef struct fal_pulled_file {
    const char *name;
    fal_pull_how how;
    fal_fetch_result file; /* url is empty for a file put there by hand */
    bool checked;          /* agrees with a published SHA-256 or MD5 */
} fal_pulled_file;

typedef struct fal_pull_report {
    bool complete;         /* false: `steps` says what is left to do by hand */
    bool installed_before; /* there was nothing to do */
    char *folder;          /* where the files are or belong */
    char *path;            /* what to open: the weights file; the folder of a model of several files */
    char *steps;           /* numbered lines for people; NULL when complete */
    fal_pulled_file files[FAL_MODEL_FILES];
    size_t file_count;
} fal_pull_report;

/* Brings a model of the catalogue into the model folder: fetches what is missing, checks what is there against
 * published checksums, opens the model as fal_model_verify_json does, and writes the receipt NAME/pull.json
 * (docs/models.md) last. Files without an address are looked for in the folder; until they are there the call succeeds
 * with `complete` false. A file that is there but is not the published one is an error, unless `force` may
 * replace it. */
FAL_API fal_status fal_model_pull(const char *name, const fal_pull_options *options, fal_pull_report *report,
                                  fal_error *err);
/* The same for a published probe. */
FAL_API fal_status fal_probe_pull(const char *name, const fal_pull_options *options, fal_pull_report *report,
                                  fal_error *err);
FAL_API void fal_pull_report_free(fal_pull_report *report);

#ifdef __cplusplus
}
#endif
#endif
