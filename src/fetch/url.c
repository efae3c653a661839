#include "fetch/url.h"

#include "core/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_https(const char *url)
{
    return strncasecmp(url, "https://", 8) == 0;
}

static bool is_http(const char *url)
{
    return strncasecmp(url, "http://", 7) == 0;
}

/* What follows scheme and host: "/path?query", "" when there is nothing. */
static const char *path_of(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    return host + strcspn(host, "/?#");
}

fal_status fal_url_to_ask(const char *url, char **out, fal_error *err)
{
    fal_status st = FAL_OK;
    char *made = NULL;
    const char *mirror = getenv("FALSETTO_MIRROR");
    if (!is_http(url) && !is_https(url))
        FAL_FAIL(FAL_ERR_ARGUMENT, "%s: is no http or https address", url);
    if (!mirror || !mirror[0]) {
        FAL_ALLOC(made, fal_strdup(url));
    } else {
        size_t length = strlen(mirror);
        if (!is_http(mirror) && !is_https(mirror))
            FAL_FAIL(FAL_ERR_ARGUMENT, "FALSETTO_MIRROR is \"%s\", expected http://host or https://host", mirror);
        while (length > 0 && mirror[length - 1] == '/')
            length--;
        FAL_ALLOC(made, fal_asprintf("%.*s%s", (int)length, mirror, path_of(url)));
    }
    *out = made;
done:
    return st;
}

void fal_url_to_show(const char *url, char out[FAL_FETCH_URL])
{
    const char *host = strstr(url, "://");
    host = host ? host + 3 : url;
    const char *at = memchr(host, '@', strcspn(host, "/?#"));
    for (const char *next = at; next; next = memchr(next + 1, '@', strcspn(next + 1, "/?#")))
        at = next;
    snprintf(out, FAL_FETCH_URL, "%.*s%s", (int)(host - url), url, at ? at + 1 : host);
}

const char *fal_url_redirect_schemes(const char *url)
{
    return is_https(url) ? "https" : "http,https";
}
