/* Is what the server sends the file that was asked for? */
#include "fetch/download.h"

#include "core/str.h"
#include "core/size_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* ---- the header ---- */

static bool is_web_page_type(const char *type)
{
    return strncasecmp(type, "text/html", 9) == 0 || strncasecmp(type, "application/xhtml", 17) == 0;
}

static bool web_page(fal_download *d)
{
    return fal_download_end(
        d, FAL_ATTEMPT_NEXT, FAL_ERR_FORMAT,
        "%s: a web page came instead of the file (a login, licence or confirmation page?); open it in a browser",
        d->url);
}

static int64_t announced_total(const fal_response *r)
{
    return r->status == 206 ? r->total : r->length;
}

/* A partial answer must be the rest of the file whose beginning is in the part. */
static bool continues(const fal_download *d, const fal_response *r)
{
    const fal_part_origin *had = &d->part->origin;
    return r->ranged && r->first == d->part->bytes && (had->total < 0 || r->total < 0 || r->total == had->total) &&
           (!had->etag[0] || !r->etag[0] || fal_str_eq(had->etag, r->etag));
}

static bool fits(fal_download *d, int64_t total)
{
    char size[FAL_SIZE_TEXT], limit[FAL_SIZE_TEXT];
    int64_t room = fal_part_room(d->part), needed = total - d->part->bytes;
    if (total > d->options->max_bytes)
        return fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_FORMAT, "%s: %s, more than the %s allowed here", d->url,
                                fal_size_text(size, total), fal_size_text(limit, d->options->max_bytes));
    if (room >= 0 && needed > room)
        return fal_download_end(d, FAL_ATTEMPT_STOP, FAL_ERR_IO, "%s: needs %s more, and %s are free on this disk",
                                d->part->path, fal_size_text(size, needed), fal_size_text(limit, room));
    return true;
}

/* Everything from the first byte on: also the answer of a server that knows no ranges, or whose file has changed. */
static bool begin_anew(fal_download *d, const fal_response *r)
{
    fal_part_origin origin = {.total = announced_total(r)};
    memcpy(origin.url, d->url, sizeof origin.url);
    memcpy(origin.etag, r->etag, sizeof origin.etag);
    memcpy(origin.modified, r->modified, sizeof origin.modified);
    fal_error err = {0};
    fal_status st = fal_part_empty(d->part, &err);
    if (st == FAL_OK)
        st = fal_part_begin(d->part, &origin, &err);
    if (st != FAL_OK)
        return fal_download_end(d, FAL_ATTEMPT_STOP, st, "%s", err.text);
    fal_download_from(d, 0);
    d->resumed = false;
    return true;
}

bool fal_body_begin(void *download, const fal_response *r)
{
    fal_download *d = download;
    d->reached = true;
    if (is_web_page_type(r->type))
        return web_page(d);
    if (r->encoding[0] && strcasecmp(r->encoding, "identity") != 0)
        return fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_FORMAT,
                                "%s: the server sends the file %s-encoded although it was asked not to", d->url,
                                r->encoding);
    if (r->status != 200 && r->status != 206)
        return fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_IO, "%s: the server answers with status %d and no file",
                                d->url, r->status);
    if (r->status == 206 && !continues(d, r))
        return fal_download_end(d, FAL_ATTEMPT_ANEW, FAL_ERR_IO,
                                "%s: the server sends another part of the file than the one asked for", d->url);
    if (r->status == 200 && !begin_anew(d, r))
        return false;
    return fits(d, announced_total(r));
}

/* ---- the bytes ---- */

bool fal_body_take(void *download, const void *bytes, size_t length)
{
    fal_download *d = download;
    fal_part *part = d->part;
    fal_error err = {0};
    int64_t total = part->origin.total, limit = total >= 0 ? total : d->options->max_bytes;
    if ((int64_t)length > limit - part->bytes)
        return fal_download_end(d, total >= 0 ? FAL_ATTEMPT_ANEW : FAL_ATTEMPT_NEXT, FAL_ERR_FORMAT,
                                "%s: the server sends more than the %lld bytes %s", d->url, (long long)limit,
                                total >= 0 ? "it announced" : "allowed here");
    fal_status st = fal_part_append(part, bytes, length, &err);
    if (st != FAL_OK)
        return fal_download_end(d, FAL_ATTEMPT_STOP, st, "%s", err.text);
    fal_progress_report(d->options->progress, d->what, 1e-6 * (double)(part->bytes - d->base),
                        total < 0 ? 0 : 1e-6 * (double)(total - d->base));
    return true;
}

/* ---- the whole ---- */

static bool begins_with_any_case(const char *text, size_t length, const char *wanted)
{
    return length >= strlen(wanted) && strncasecmp(text, wanted, strlen(wanted)) == 0;
}

/* Servers that call everything a plain file send their login pages as one, too. */
static bool looks_wrong(fal_download *d)
{
    static const char lfs[] = "version https://git-lfs.github.com/spec/";
    char head[256];
    size_t length = fal_part_head(d->part, head, sizeof head), at = 0;
    if (begins_with_any_case(head, length, lfs))
        return !fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_FORMAT,
                                 "%s: a Git LFS pointer came instead of the file it stands for", d->url);
    while (at < length && isspace((unsigned char)head[at]))
        at++;
    if (begins_with_any_case(head + at, length - at, "<!doctype html") ||
        begins_with_any_case(head + at, length - at, "<html"))
        return !web_page(d);
    return false;
}

/* A wrong checksum after a resume may come from a part that was damaged since: worth one download from the start. */
static bool is_published(fal_download *d)
{
    const fal_fetch_options *o = d->options;
    char sha256[FAL_SHA256_HEX], md5[FAL_MD5_HEX] = "";
    fal_sha256_text(&d->part->sha256, sha256);
    if (o->md5)
        fal_md5_text(&d->part->md5, md5);
    fal_attempt_verdict verdict = d->base > 0 ? FAL_ATTEMPT_ANEW : FAL_ATTEMPT_NEXT;
    if (o->sha256 && !fal_digest_agrees(sha256, o->sha256))
        return fal_download_end(d, verdict, FAL_ERR_FORMAT,
                                "%s: the SHA-256 of what came is %s, published is %s: it is another file, or was "
                                "changed on the way; nothing of it is kept",
                                d->url, sha256, o->sha256);
    if (o->md5 && !fal_digest_agrees(md5, o->md5))
        return fal_download_end(d, verdict, FAL_ERR_FORMAT,
                                "%s: the MD5 of what came is %s, published is %s: it is another file, or was changed "
                                "on the way; nothing of it is kept",
                                d->url, md5, o->md5);
    return true;
}

void fal_body_check(fal_download *d)
{
    fal_part *part = d->part;
    if (part->bytes > 0 && part->bytes < part->origin.total) {
        fal_download_end(d, FAL_ATTEMPT_RETRY, FAL_ERR_IO, "%s: %lld of %lld bytes came", d->url,
                         (long long)part->bytes, (long long)part->origin.total);
        return;
    }
    if (part->bytes > 0 && !looks_wrong(d) && is_published(d)) {
        d->verdict = FAL_ATTEMPT_DONE;
        return;
    }
    if (part->bytes == 0)
        fal_download_end(d, FAL_ATTEMPT_NEXT, FAL_ERR_FORMAT, "%s: the server sends an empty file", d->url);
    fal_download_drop(d);
}
