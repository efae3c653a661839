#include "fetch/server.h"

#include "support/test.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER_BYTES = 4096, URLS = 16 };

struct server {
    server_page *pages;
    size_t count;
    int listener, stop[2]; /* a byte in the pipe ends the thread */
    int port;
    pthread_t thread;
};

/* The answer to one request. */
typedef struct answer {
    const char *bytes; /* of the body, from the first that is sent on */
    size_t length;
    const char *etag;
    bool partial;
    size_t from, total;
} answer;

/* ---- sockets ---- */

/* Waits until the socket can be read or the server is stopped; false: stopped. */
static bool readable(const server *s, int fd)
{
    struct pollfd wait[2] = {{.fd = fd, .events = POLLIN}, {.fd = s->stop[0], .events = POLLIN}};
    return poll(wait, 2, -1) > 0 && !wait[1].revents;
}

static bool send_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t sent = send(fd, at, length, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent, length -= (size_t)sent;
    }
    return true;
}

static bool read_request(const server *s, int fd, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    while (!strstr(text, "\r\n\r\n") && used + 1 < size && readable(s, fd)) {
        ssize_t got = recv(fd, text + used, size - 1 - used, 0);
        if (got <= 0)
            return false;
        used += (size_t)got;
        text[used] = '\0';
    }
    return strstr(text, "\r\n\r\n") != NULL;
}

/* ---- what to answer ---- */

static bool header_value(const char *request, const char *name, char *out, size_t size)
{
    for (const char *line = strstr(request, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        size_t length = strlen(name);
        if (strncasecmp(line + 2, name, length) || line[2 + length] != ':')
            continue;
        const char *value = line + 3 + length + strspn(line + 3 + length, " ");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\r"), value);
        return true;
    }
    return false;
}

static answer choose(const server_page *page, int request_number)
{
    char range[64], condition[256];
    bool later = page->changes_after && request_number >= page->changes_after;
    answer a = {.bytes = later ? page->later_bytes : page->bytes,
                .length = page->length,
                .etag = later ? page->later_etag : page->etag,
                .total = page->length};
    bool asked = header_value(page->request, "Range", range, sizeof range);
    if (asked && !page->ignores_if_range && header_value(page->request, "If-Range", condition, sizeof condition))
        asked = (a.etag && !strcmp(condition, a.etag)) || (page->modified && !strcmp(condition, page->modified));
    if (!asked || page->no_ranges || sscanf(range, "bytes=%zu-", &a.from) != 1)
        return a;
    a.partial = true;
    if (a.from < a.total) {
        a.bytes += a.from;
        a.length -= a.from;
    }
    return a;
}

static void add(char *text, const char *name, const char *value)
{
    size_t used = strlen(text);
    if (value)
        snprintf(text + used, HEADER_BYTES - used, "%s: %s\r\n", name, value);
}

static void make_header(const server_page *page, const answer *a, char *text)
{
    char number[64];
    snprintf(text, HEADER_BYTES, "HTTP/1.1 %s\r\n", a->partial ? "206 Partial Content" : "200 OK");
    add(text, "Connection", "close");
    add(text, "ETag", a->etag);
    add(text, "Last-Modified", page->modified);
    add(text, "Content-Type", page->type ? page->type : "application/octet-stream");
    add(text, "Content-Encoding", page->encoding);
    if (page->chunked)
        add(text, "Transfer-Encoding", "chunked");
    snprintf(number, sizeof number, "%lld", page->claimed_length ? page->claimed_length : (long long)a->length);
    if (!page->chunked && !page->no_length)
        add(text, "Content-Length", number);
    snprintf(number, sizeof number, "bytes %zu-%zu/%zu", a->from, a->total - 1, a->total);
    if (a->partial)
        add(text, "Content-Range", page->claimed_range ? page->claimed_range : number);
    strcat(text, "\r\n");
}

/* ---- answering ---- */

static void send_status(int fd, const server_page *page, int status)
{
    static const char body[] = "<html>an error page</html>";
    char text[HEADER_BYTES];
    snprintf(text, sizeof text, "HTTP/1.1 %d Told\r\n", status);
    add(text, "Connection", "close");
    add(text, "Content-Type", "text/html");
    add(text, "Location", page && status < 400 ? page->location : NULL);
    add(text, "Retry-After", page && status >= 400 ? page->retry_after : NULL);
    snprintf(text + strlen(text), sizeof text - strlen(text), "Content-Length: %zu\r\n\r\n%s", sizeof body - 1, body);
    send_all(fd, text, strlen(text));
}

static void send_body(const server *s, int fd, server_page *page, const answer *a)
{
    char chunk[32];
    bool cut = page->cut_times > 0 && page->cut_after < a->length;
    size_t length = cut ? page->cut_after : a->length;
    page->cut_times -= cut;
    snprintf(chunk, sizeof chunk, "%zx\r\n", a->length);
    if (page->chunked && !send_all(fd, chunk, strlen(chunk)))
        return;
    if (!send_all(fd, a->bytes, length))
        return;
    if (page->chunked && !cut)
        send_all(fd, "\r\n0\r\n\r\n", 7);
    if (cut && page->stall)
        readable(s, fd); /* becomes so when the other side hangs up */
}

static void answer_page(const server *s, int fd, server_page *page)
{
    int number = atomic_fetch_add(&page->requests, 1) + 1;
    char *letter = &page->bodies[number <= (int)sizeof page->bodies - 1 ? number - 1 : (int)sizeof page->bodies - 2];
    char text[HEADER_BYTES];
    *letter = 'e';
    if (page->location) {
        send_status(fd, page, 302);
        return;
    }
    if (number <= page->status_times) {
        send_status(fd, page, page->status);
        return;
    }
    answer a = choose(page, number);
    if (a.partial && a.from >= a.total && !page->claimed_range) {
        send_status(fd, page, 416);
        return;
    }
    *letter = a.partial ? 'p' : 'w';
    make_header(page, &a, text);
    if (send_all(fd, text, strlen(text)))
        send_body(s, fd, page, &a);
}

static void answer_one(server *s, int fd)
{
    char text[sizeof s->pages->request], path[256];
    if (!read_request(s, fd, text, sizeof text) || sscanf(text, "GET %255s", path) != 1)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (!strcmp(s->pages[i].path, path)) {
            memcpy(s->pages[i].request, text, sizeof text);
            answer_page(s, fd, &s->pages[i]);
            return;
        }
    send_status(fd, NULL, 404);
}

static void *serve(void *user)
{
    server *s = user;
    while (readable(s, s->listener)) {
        int fd = accept(s->listener, NULL, NULL);
        if (fd < 0)
            continue;
        answer_one(s, fd);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    return NULL;
}

/* ---- the test's side ---- */

server *server_start(server_page *pages, size_t count)
{
    server *s = calloc(1, sizeof *s);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    assert_non_null(s);
    s->pages = pages;
    s->count = count;
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(s->listener >= 0 && pipe(s->stop) == 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 8), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &length), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return s;
}

void server_stop(server **s)
{
    if (!*s)
        return;
    assert_int_equal(write((*s)->stop[1], "", 1), 1);
    pthread_join((*s)->thread, NULL);
    close((*s)->listener);
    close((*s)->stop[0]);
    close((*s)->stop[1]);
    free(*s);
    *s = NULL;
}

const char *server_url(const server *s, const char *path)
{
    static char urls[URLS][256];
    static unsigned next;
    char *url = urls[next++ % URLS];
    snprintf(url, sizeof urls[0], "http://127.0.0.1:%d%s", s->port, path);
    return url;
}
