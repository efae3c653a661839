/* Addresses: what may be asked, and what may be shown. */
#ifndef FAL_FETCH_URL_H
#define FAL_FETCH_URL_H

#include "core/status.h"

#include <falsetto/fetch.h>

/* The address to ask for `url`: the same, or with $FALSETTO_MIRROR in the place of its scheme and host. Only http and
 * https. *out is the caller's to fal_free. */
fal_status fal_url_to_ask(const char *url, char **out, fal_error *err);

/* `url` for messages and receipts: without name and password, cut where it is too long. */
void fal_url_to_show(const char *url, char out[FAL_FETCH_URL]);

/* Schemes that a redirect from `url` may lead to, as a comma-separated list: never from https to http, where somebody
 * on the way could change the file. */
const char *fal_url_redirect_schemes(const char *url);

#endif
