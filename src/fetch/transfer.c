#include "fetch/transfer.h"

#include "core/str.h"
#include "fetch/url.h"

#include <curl/curl.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_REDIRECTS = 10, SLOW_BYTES_PER_S = 1024, BUFFER_BYTES = 1 << 18, HEADER_BYTES = FAL_VALIDATOR_BYTES + 16 };

typedef struct run {
    const fal_transfer *asked;
    fal_response response;
    bool begun;
    char text[CURL_ERROR_SIZE];
} run;

/* ---- libcurl's callbacks ---- */

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    run *r = user;
    fal_response_line(&r->response, data, size * count);
    return size * count;
}

static bool begin_once(run *r)
{
    if (r->begun)
        return true;
    r->begun = true;
    return r->asked->begin(r->asked->user, &r->response);
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    run *r = user;
    bool go_on = begin_once(r) && r->asked->body(r->asked->user, data, size * count);
    return go_on ? size * count : CURL_WRITEFUNC_ERROR;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    const run *r = user;
    (void)down_total, (void)down, (void)up_total, (void)up;
    return r->asked->cancel && *r->asked->cancel;
}

/* ---- the request ---- */

static bool add_line(struct curl_slist **lines, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*lines, line);
    *lines = longer ? longer : *lines;
    return longer != NULL;
}

/* Encoded bodies cannot be resumed and have another length than the file, so none is asked for. */
static bool make_lines(const fal_transfer *t, struct curl_slist **lines)
{
    char line[HEADER_BYTES];
    bool ok = add_line(lines, "Accept-Encoding: identity");
    if (t->from > 0 && t->if_range) {
        snprintf(line, sizeof line, "If-Range: %s", t->if_range);
        ok = ok && add_line(lines, line);
    }
    return ok;
}

#define SET(option, value) (curl_easy_setopt(curl, (option), (value)) == CURLE_OK)

/* Certificates beside the system's, as the curl program and OpenSSL look for them. */
static bool set_certificates(CURL *curl)
{
    const char *file = getenv("CURL_CA_BUNDLE");
    file = file && file[0] ? file : getenv("SSL_CERT_FILE");
    return !file || !file[0] || SET(CURLOPT_CAINFO, file);
}

static bool set_limits(CURL *curl, const fal_transfer *t)
{
    return SET(CURLOPT_PROTOCOLS_STR, "http,https") &&
           SET(CURLOPT_REDIR_PROTOCOLS_STR, fal_url_redirect_schemes(t->url)) && SET(CURLOPT_FOLLOWLOCATION, 1L) &&
           SET(CURLOPT_MAXREDIRS, (long)MAX_REDIRECTS) && SET(CURLOPT_CONNECTTIMEOUT, (long)t->connect_s) &&
           SET(CURLOPT_LOW_SPEED_LIMIT, (long)SLOW_BYTES_PER_S) && SET(CURLOPT_LOW_SPEED_TIME, (long)t->stall_s) &&
           SET(CURLOPT_NOSIGNAL, 1L) && SET(CURLOPT_FAILONERROR, 1L);
}

static bool set_request(CURL *curl, run *r, const struct curl_slist *lines)
{
    const fal_transfer *t = r->asked;
    char range[32];
    snprintf(range, sizeof range, "%lld-", (long long)t->from);
    return SET(CURLOPT_URL, t->url) && SET(CURLOPT_HTTPHEADER, lines) &&
           SET(CURLOPT_USERAGENT, "falsetto/" FAL_VERSION) && SET(CURLOPT_NETRC, (long)CURL_NETRC_OPTIONAL) &&
           SET(CURLOPT_BUFFERSIZE, (long)BUFFER_BYTES) && (t->from == 0 || SET(CURLOPT_RANGE, range)) &&
           SET(CURLOPT_ERRORBUFFER, r->text) && SET(CURLOPT_HEADERFUNCTION, on_header) && SET(CURLOPT_HEADERDATA, r) &&
           SET(CURLOPT_WRITEFUNCTION, on_body) && SET(CURLOPT_WRITEDATA, r) && SET(CURLOPT_NOPROGRESS, 0L) &&
           SET(CURLOPT_XFERINFOFUNCTION, on_progress) && SET(CURLOPT_XFERINFODATA, r) && set_limits(curl, t) &&
           set_certificates(curl);
}

/* Writing to a connection that the other side has closed raises SIGPIPE inside the TLS library. The process's handlers
 * are not ours to change: the signal is held back for this thread and, if it came, taken away. */
static CURLcode perform_without_sigpipe(CURL *curl)
{
    sigset_t pipe_only, before, pending;
    static const struct timespec at_once = {0};
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    CURLcode code = curl_easy_perform(curl);
    if (!sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe_only, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

/* ---- what came of it ---- */

static fal_transfer_end end_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK: return FAL_TRANSFER_COMPLETE;
    case CURLE_WRITE_ERROR: return FAL_TRANSFER_STOPPED;
    case CURLE_ABORTED_BY_CALLBACK: return FAL_TRANSFER_CANCELLED;
    case CURLE_HTTP_RETURNED_ERROR: return FAL_TRANSFER_STATUS;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return FAL_TRANSFER_UNREACHABLE;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_TOO_MANY_REDIRECTS:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM: return FAL_TRANSFER_REFUSED;
    case CURLE_OUT_OF_MEMORY: return FAL_TRANSFER_MEMORY;
    default: return FAL_TRANSFER_CUT;
    }
}

static const char *explain(const run *r, CURLcode code)
{
    /* The address asked was http or https, so it is one that the server sent. */
    if (code == CURLE_UNSUPPORTED_PROTOCOL)
        return "redirects to an address that is not allowed (another scheme, or from https to http)";
    if (code == CURLE_OPERATION_TIMEDOUT && r->response.status)
        return "the transfer stalled";
    return r->text[0] ? r->text : curl_easy_strerror(code);
}

static fal_transfer_outcome outcome_of(CURL *curl, run *r, CURLcode code)
{
    fal_transfer_outcome out = {.end = end_of(code), .status = r->response.status};
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
    out.retry_after_s = retry_after_s;
    if (code == CURLE_OK && !begin_once(r))
        out.end = FAL_TRANSFER_STOPPED;
    else if (code != CURLE_OK)
        snprintf(out.text, sizeof out.text, "%s", explain(r, code));
    fal_str_tame(out.text); /* libcurl quotes servers in places */
    return out;
}

fal_transfer_outcome fal_transfer_run(const fal_transfer *transfer)
{
    fal_transfer_outcome out = {.end = FAL_TRANSFER_MEMORY};
    run r = {.asked = transfer, .response = {.length = -1}};
    struct curl_slist *lines = NULL;
    CURL *curl = curl_easy_init();
    if (curl && make_lines(transfer, &lines) && set_request(curl, &r, lines))
        out = outcome_of(curl, &r, perform_without_sigpipe(curl));
    curl_slist_free_all(lines);
    curl_easy_cleanup(curl);
    return out;
}
