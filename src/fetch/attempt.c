/* One request, and what to make of how it ended. */
#include "fetch/download.h"

#include "core/str.h"
#include "core/size_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fal_download_end(fal_download *d, fal_attempt_verdict verdict, fal_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(d->error.text, sizeof d->error.text, fmt, ap);
    va_end(ap);
    d->error.code = d->status = status;
    d->verdict = verdict;
    return false;
}

void fal_download_drop(fal_download *d)
{
    fal_error err = {0};
    fal_status st = fal_part_empty(d->part, &err);
    d->resumed = false;
    if (st != FAL_OK)
        fal_download_end(d, FAL_ATTEMPT_STOP, st, "%s", err.text);
}

/* ---- may the part be gone on with? ---- */

/* What makes the server send the rest only of the same file; NULL: there is nothing. */
static const char *validator(const fal_part_origin *origin)
{
    if (fal_is_strong_etag(origin->etag))
        return origin->etag;
    return origin->modified[0] ? origin->modified : NULL;
}

/* Without a validator the rest might be another file's; where a SHA-256 is published that would be found out. */
static bool can_go_on(const fal_download *d)
{
    const fal_part *part = d->part;
    return part->bytes > 0 && fal_str_eq(part->origin.url, d->url) &&
           (validator(&part->origin) || d->options->sha256 || part->bytes == part->origin.total);
}

void fal_download_from(fal_download *d, int64_t base)
{
    enum { MAX_NAME = 40 };
    const char *name = fal_path_base(d->options->path);
    size_t length = strlen(name);
    bool cut = length > MAX_NAME;
    snprintf(d->what, sizeof d->what, "%s%s%s (MB)", base > 0 ? "rest of " : "", cut ? "..." : "",
             name + (cut ? length - MAX_NAME + 3 : 0));
    d->base = base;
}

/* ---- how it ended ---- */

static void judge_status(fal_download *d, int status)
{
    if (status == 404 || status == 410)
        fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_NOT_FOUND, "%s: the file is not there (HTTP %d)", d->url, status);
    else if (status == 401 || status == 403 || status == 407)
        fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_IO,
                         "%s: the server asks who you are (HTTP %d); put name and password in ~/.netrc, or download it "
                         "with a browser",
                         d->url, status);
    else if (status == 416)
        fal_download_end(d, FAL_ATTEMPT_ANEW, FAL_ERR_IO, "%s: the file is shorter than what has arrived (HTTP 416)",
                         d->url);
    else if (status == 408 || status == 429 || status >= 500)
        fal_download_end(d, FAL_ATTEMPT_RETRY, FAL_ERR_IO, "%s: the server is busy or broken (HTTP %d)", d->url,
                         status);
    else
        fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_IO, "%s: the server refuses (HTTP %d)", d->url, status);
}

static void judge_cut(fal_download *d, const char *text)
{
    char came[FAL_SIZE_TEXT], all[FAL_SIZE_TEXT];
    const fal_part *part = d->part;
    fal_size_text(came, part->bytes);
    if (part->origin.total >= 0)
        fal_download_end(d, FAL_ATTEMPT_RETRY, FAL_ERR_IO, "%s: %s, after %s of %s", d->url, text, came,
                         fal_size_text(all, part->origin.total));
    else
        fal_download_end(d, FAL_ATTEMPT_RETRY, FAL_ERR_IO, "%s: %s, after %s", d->url, text, came);
}

static void judge(fal_download *d, const fal_transfer_outcome *o)
{
    switch (o->end) {
    case FAL_TRANSFER_COMPLETE: fal_body_check(d); break;
    case FAL_TRANSFER_STOPPED: break; /* by a callback, which has said why */
    case FAL_TRANSFER_STATUS: judge_status(d, o->status); break;
    case FAL_TRANSFER_CUT: judge_cut(d, o->text); break;
    case FAL_TRANSFER_CANCELLED:
        fal_download_end(d, FAL_ATTEMPT_STOP, FAL_ERR_CANCELLED,
                         "%s: stopped; what has arrived is kept for the next time", d->options->path);
        break;
    case FAL_TRANSFER_UNREACHABLE:
        fal_download_end(d, d->reached ? FAL_ATTEMPT_RETRY : FAL_ATTEMPT_NEXT, FAL_ERR_IO,
                         "%s: %s; is this machine online, or does it need a proxy (https_proxy)?", d->url, o->text);
        break;
    case FAL_TRANSFER_REFUSED: fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_IO, "%s: %s", d->url, o->text); break;
    case FAL_TRANSFER_MEMORY: fal_download_end(d, FAL_ATTEMPT_STOP, FAL_ERR_MEMORY, "%s: out of memory", d->url); break;
    case FAL_TRANSFER_NONE:
        fal_download_end(d, FAL_ATTEMPT_STOP, FAL_ERR_UNSUPPORTED, "%s; download %s by hand and put it at %s", o->text,
                         d->url, d->options->path);
        break;
    }
}

double fal_attempt(fal_download *d, const char *url)
{
    const fal_fetch_options *o = d->options;
    bool go_on = can_go_on(d);
    fal_download_from(d, go_on ? d->part->bytes : 0);
    fal_status st = go_on ? fal_part_digest(d->part, d->what, o->progress, &d->error) : FAL_OK;
    if (st != FAL_OK) {
        d->status = st;
        d->verdict = FAL_ATTEMPT_STOP;
        return 0;
    }
    if (go_on && d->part->bytes == d->part->origin.total) {
        fal_body_check(d);
        return 0;
    }
    const fal_transfer transfer = {.url = url,
                                   .from = d->base,
                                   .if_range = go_on ? validator(&d->part->origin) : NULL,
                                   .stall_s = o->stall_s,
                                   .connect_s = o->connect_s,
                                   .cancel = o->progress ? o->progress->cancel : NULL,
                                   .begin = fal_body_begin,
                                   .body = fal_body_take,
                                   .user = d};
    fal_transfer_outcome outcome = fal_transfer_run(&transfer);
    judge(d, &outcome);
    return (double)outcome.retry_after_s;
}
