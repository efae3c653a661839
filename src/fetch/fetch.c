/* Attempts and mirrors: fal_fetch_file. */
#include "fetch/download.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/str.h"
#include "fetch/url.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#define FAL_LOG_COMPONENT "fetch"

enum { ATTEMPTS = 5, RESTARTS = 2, STALL_S = 30, CONNECT_S = 30, LONGEST_WAIT_S = 60, GOOD_BYTES = 1 << 20 };

static fal_fetch_options with_defaults(const fal_fetch_options *options)
{
    fal_fetch_options o = *options;
    o.max_bytes = o.max_bytes > 0 ? o.max_bytes : (int64_t)64 << 30;
    o.attempts = o.attempts > 0 ? o.attempts : ATTEMPTS;
    o.retry_wait_s = o.retry_wait_s > 0 ? o.retry_wait_s : 1;
    o.stall_s = o.stall_s > 0 ? o.stall_s : STALL_S;
    o.connect_s = o.connect_s > 0 ? o.connect_s : CONNECT_S;
    return o;
}

static bool is_hex(const char *text, size_t least, size_t most)
{
    size_t length = strlen(text), i = 0;
    while (i < length && isxdigit((unsigned char)text[i]))
        i++;
    return i == length && length >= least && length <= most;
}

static fal_status check_options(const fal_fetch_options *o, fal_error *err)
{
    if (!o->path || !o->path[0] || !o->urls || o->url_count == 0)
        return fal_fail(err, FAL_ERR_ARGUMENT, "a download needs an address and a path");
    if (o->sha256 && !is_hex(o->sha256, FAL_SHA256_HEX - 1, FAL_SHA256_HEX - 1))
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: SHA-256 \"%s\" is not 64 hex digits", o->path, o->sha256);
    if (o->md5 && !is_hex(o->md5, 1, FAL_MD5_HEX - 1))
        return fal_fail(err, FAL_ERR_ARGUMENT, "%s: MD5 \"%s\" is not 1 to 32 hex digits", o->path, o->md5);
    return FAL_OK;
}

/* ---- one address ---- */

static bool cancelled(const fal_download *d)
{
    return fal_progress_cancelled(d->options->progress);
}

static void wait_s(const fal_download *d, double seconds)
{
    const struct timespec step = {.tv_nsec = 20000000};
    double end = fal_now_s() + seconds;
    while (!cancelled(d) && fal_now_s() < end)
        nanosleep(&step, NULL);
}

/* How patient to be with one address. Every attempt either ends the matter, or counts as a failure, or has brought the
 * file 1 MiB further than any before: so the loop ends. */
typedef struct patience {
    int failures, restarts;
    int64_t furthest;
    double wait_s;
} patience;

/* After a RETRY: false when there have been enough of them. */
static bool try_again(fal_download *d, patience *p, double asked_s)
{
    if (d->part->bytes >= p->furthest + GOOD_BYTES) {
        p->furthest = d->part->bytes;
        p->failures = 0;
        p->wait_s = d->options->retry_wait_s;
    }
    if (++p->failures >= d->options->attempts)
        return false;
    double seconds = asked_s > p->wait_s ? asked_s : p->wait_s;
    seconds = seconds < LONGEST_WAIT_S ? seconds : LONGEST_WAIT_S;
    fal_log_warn(d->options->log, "%s; trying again in %.3g s", d->error.text, seconds);
    wait_s(d, seconds);
    p->wait_s *= 2;
    return true;
}

/* After an ANEW. */
static bool start_anew(fal_download *d, patience *p)
{
    fal_log_warn(d->options->log, "%s; starting from the beginning", d->error.text);
    fal_download_drop(d);
    return d->verdict == FAL_ATTEMPT_ANEW && ++p->restarts <= RESTARTS;
}

/* Ends with DONE, NEXT or STOP. */
static void fetch_from(fal_download *d, const char *url)
{
    patience p = {.furthest = d->part->bytes, .wait_s = d->options->retry_wait_s};
    bool again = true;
    fal_url_to_show(url, d->url);
    while (again) {
        double asked_s = fal_attempt(d, url);
        again = (d->verdict == FAL_ATTEMPT_RETRY && try_again(d, &p, asked_s)) ||
                (d->verdict == FAL_ATTEMPT_ANEW && start_anew(d, &p));
    }
    if (d->verdict == FAL_ATTEMPT_RETRY || d->verdict == FAL_ATTEMPT_ANEW)
        d->verdict = FAL_ATTEMPT_NEXT;
}

/* ---- all addresses ---- */

typedef struct failures {
    fal_buf texts;
    fal_status status; /* NOT_FOUND only if every address says so */
} failures;

static void note_failure(failures *f, const fal_download *d)
{
    fal_buf_printf(&f->texts, "%s%s", f->texts.length ? "; " : "", d->error.text);
    if (f->status == FAL_OK || f->status == FAL_ERR_NOT_FOUND)
        f->status = d->status;
}

/* The addresses to ask, that of the part first: only there it can be gone on with. */
static fal_status addresses(const fal_fetch_options *o, const char *part_url, char **urls, fal_error *err)
{
    fal_status st = FAL_OK;
    char shown[FAL_FETCH_URL];
    for (size_t i = 0; i < o->url_count; i++) {
        FAL_TRY(fal_url_to_ask(o->urls[i], &urls[i], err));
        fal_url_to_show(urls[i], shown);
        if (fal_str_eq(shown, part_url)) {
            char *first = urls[i];
            memmove(urls + 1, urls, i * sizeof *urls);
            urls[0] = first;
        }
    }
done:
    return st;
}

static fal_status fetch_any(fal_download *d, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_fetch_options *o = d->options;
    failures failed = {.status = FAL_OK};
    char **urls = NULL;
    FAL_ALLOC(urls, fal_calloc(o->url_count, sizeof *urls));
    FAL_TRY(addresses(o, d->part->origin.url, urls, err));
    d->verdict = FAL_ATTEMPT_NEXT;
    for (size_t i = 0; i < o->url_count && d->verdict == FAL_ATTEMPT_NEXT; i++) {
        fetch_from(d, urls[i]);
        if (d->verdict == FAL_ATTEMPT_NEXT) {
            note_failure(&failed, d);
            if (i + 1 < o->url_count)
                fal_log_warn(o->log, "%s; trying the next address", d->error.text);
        }
    }
    if (d->verdict == FAL_ATTEMPT_STOP)
        FAL_FAIL(d->status, "%s", d->error.text);
    if (d->verdict != FAL_ATTEMPT_DONE)
        FAL_FAIL(failed.status, "%s", failed.texts.data ? failed.texts.data : "out of memory");
done:
    for (size_t i = 0; urls && i < o->url_count; i++)
        fal_free(urls[i]);
    fal_free(urls);
    fal_buf_free(&failed.texts);
    return st;
}

fal_status fal_fetch_file(const fal_fetch_options *options, fal_fetch_result *result, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_download d = {0};
    fal_fetch_result made = {0};
    fal_fetch_options filled = with_defaults(options);
    FAL_TRY(check_options(&filled, err));
    FAL_TRY(fal_part_open(filled.path, filled.md5 != NULL, &d.part, err));
    d.options = &filled;
    d.resumed = d.part->bytes > 0;
    FAL_TRY(fetch_any(&d, err));
    made.bytes = d.part->bytes;
    made.resumed = d.resumed;
    fal_sha256_text(&d.part->sha256, made.sha256);
    memcpy(made.url, d.url, sizeof made.url);
    FAL_TRY(fal_part_finish(d.part, err));
    *result = made;
done:
    fal_part_close(&d.part);
    return st;
}
