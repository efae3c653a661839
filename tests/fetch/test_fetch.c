/* fal_fetch_file: whole files, redirects, servers that fail, mirrors, the environment. */
#include "fetch/scene.h"
#include "support/alloc_fail.h"

#include "core/file.h"
#include "core/str.h"
#include "fetch/part.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_a_file(void **state)
{
    scene *s = *state;
    s->options.sha256 = s->sha256;
    s->options.md5 = s->md5;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_int_equal(s->result.bytes, LENGTH);
    assert_string_equal(s->result.sha256, s->sha256);
    assert_string_equal(s->result.url, s->url);
    assert_false(s->result.resumed);
    assert_string_equal(s->logged, "");
    check_bodies(&s->pages[0], "w");
    check_requested(&s->pages[0], "User-Agent: falsetto/" FAL_VERSION "\r\n");
    check_requested(&s->pages[0], "Accept-Encoding: identity\r\n");
    assert_null(strstr(s->pages[0].request, "Range"));
}

static void test_an_older_file_is_replaced(void **state)
{
    scene *s = *state;
    fal_check_ok(fal_file_write(s->target, "old", 3, &s->err), &s->err);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
}

static void test_length_not_announced(void **state)
{
    scene *s = *state;
    s->pages[0].chunked = true;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    s->pages[0].chunked = false;
    s->pages[0].no_length = true;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
}

/* A chunked body that ends early is known to be cut although its length was never said. */
static void test_chunks_cut(void **state)
{
    scene *s = *state;
    s->pages[0].chunked = true;
    s->pages[0].cut_after = CUT;
    s->pages[0].cut_times = 9;
    s->pages[0].no_ranges = true;
    fetch_fails(s, FAL_ERR_IO, "after 100 kB");
    check_part(s, CUT);
    check_bodies(&s->pages[0], "www");
}

/* ---- redirects ---- */

static void test_redirect(void **state)
{
    scene *s = *state;
    s->pages[2].location = s->url;
    s->url = server_url(s->web, "/third");
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_string_equal(s->result.url, s->url);
}

static void test_redirects_in_a_circle(void **state)
{
    scene *s = *state;
    s->pages[0].location = "/model.pt";
    fetch_fails(s, FAL_ERR_IO, "redirects");
    check_part(s, 0);
    assert_int_equal(s->pages[0].requests, 11);
}

static void test_redirect_to_a_local_file(void **state)
{
    scene *s = *state;
    s->pages[0].location = "file:///etc/passwd";
    fetch_fails(s, FAL_ERR_IO, "redirects to an address that is not allowed");
    check_part(s, 0);
    assert_int_equal(s->pages[0].requests, 1);
}

/* ---- servers that fail ---- */

static void test_not_there(void **state)
{
    scene *s = *state;
    s->url = server_url(s->web, "/gone");
    fetch_fails(s, FAL_ERR_NOT_FOUND, "/gone: the file is not there (HTTP 404)");
    check_part(s, 0);
}

static void test_login_wanted(void **state)
{
    scene *s = *state;
    s->pages[0].status = 403;
    s->pages[0].status_times = 9;
    fetch_fails(s, FAL_ERR_IO, "asks who you are (HTTP 403)");
    check_bodies(&s->pages[0], "e");
}

static void test_broken_twice_then_well(void **state)
{
    scene *s = *state;
    s->pages[0].status = 500;
    s->pages[0].status_times = 2;
    fetch_ok(s);
    check_bodies(&s->pages[0], "eew");
    assert_non_null(strstr(s->logged, "(HTTP 500); trying again in 0.01 s"));
    assert_non_null(strstr(s->logged, "(HTTP 500); trying again in 0.02 s"));
}

static void test_broken_for_good(void **state)
{
    scene *s = *state;
    s->pages[0].status = 503;
    s->pages[0].status_times = 9;
    fetch_fails(s, FAL_ERR_IO, "the server is busy or broken (HTTP 503)");
    check_bodies(&s->pages[0], "eee");
}

static void test_told_to_wait(void **state)
{
    scene *s = *state;
    s->pages[0].status = 429;
    s->pages[0].status_times = 1;
    s->pages[0].retry_after = "1";
    fetch_ok(s);
    assert_non_null(strstr(s->logged, "(HTTP 429); trying again in 1 s"));
}

static int closed_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void test_nobody_there(void **state)
{
    scene *s = *state;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/model.pt", closed_port());
    s->url = url;
    fetch_fails(s, FAL_ERR_IO, "is this machine online");
    assert_string_equal(s->logged, "");
}

/* ---- mirrors and the environment ---- */

static void test_second_address(void **state)
{
    scene *s = *state;
    const char *urls[] = {server_url(s->web, "/gone"), s->mirror};
    s->options.urls = urls;
    s->options.url_count = 2;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_string_equal(s->result.url, s->mirror);
    assert_non_null(strstr(s->logged, "trying the next address"));
}

static void test_no_address_has_it(void **state)
{
    scene *s = *state;
    const char *urls[] = {server_url(s->web, "/gone"), server_url(s->web, "/away")};
    s->options.urls = urls;
    s->options.url_count = 2;
    fetch_fails(s, FAL_ERR_NOT_FOUND, "/gone: the file is not there (HTTP 404); http");
    assert_non_null(strstr(s->err.text, "/away: the file"));
    urls[0] = s->url;
    s->pages[0].status = 400, s->pages[0].status_times = 1;
    fetch_fails(s, FAL_ERR_IO, "refuses (HTTP 400)");
}

static void test_mirror_of_the_environment(void **state)
{
    scene *s = *state;
    char at[256];
    snprintf(at, sizeof at, "http://me:secret@%s", server_url(s->web, "") + strlen("http://"));
    setenv("FALSETTO_MIRROR", at, 1);
    s->url = "https://models.example.invalid/model.pt?download=1";
    s->pages[0].path = "/model.pt?download=1";
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_string_equal(s->result.url, server_url(s->web, "/model.pt?download=1"));
    check_requested(&s->pages[0], "Authorization: Basic bWU6c2VjcmV0\r\n");
}

static void test_proxy(void **state)
{
    scene *s = *state;
    setenv("http_proxy", server_url(s->web, ""), 1);
    s->url = s->pages[0].path = "http://models.example.invalid/model.pt";
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
}

static void test_netrc(void **state)
{
    scene *s = *state;
    static const char text[] = "machine 127.0.0.1 login me password secret\n";
    const char *home = getenv("HOME"), *path = fal_temp_path("home/.netrc");
    char before[256];
    snprintf(before, sizeof before, "%s", home ? home : "");
    fal_check_ok(fal_file_write(path, text, strlen(text), &s->err), &s->err);
    setenv("HOME", fal_temp_path("home"), 1);
    fetch_ok(s);
    setenv("HOME", before, 1);
    check_requested(&s->pages[0], "Authorization: Basic bWU6c2VjcmV0\r\n");
}

/* ---- this side ---- */

static void test_one_download_at_a_time(void **state)
{
    scene *s = *state;
    fal_part *part = NULL;
    fal_check_ok(fal_part_open(s->target, false, &part, &s->err), &s->err);
    fetch_fails(s, FAL_ERR_IO, "another download of this file is under way");
    fal_part_close(&part);
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
}

static void test_too_large(void **state)
{
    scene *s = *state;
    s->options.max_bytes = LENGTH - 1;
    fetch_fails(s, FAL_ERR_FORMAT, "300 kB, more than the 300 kB allowed");
    check_part(s, 0);
    s->pages[0].no_length = true;
    fetch_fails(s, FAL_ERR_FORMAT, "more than the 299999 bytes allowed");
    s->options.max_bytes = LENGTH;
    fetch_ok(s);
}

static void test_no_room(void **state)
{
    scene *s = *state;
    s->options.max_bytes = INT64_MAX;
    s->pages[0].claimed_length = 4000000000000000000;
    fetch_fails(s, FAL_ERR_IO, "needs 4.0 EB more, and ");
    check_part(s, 0);
}

/* The disk refuses: what has been written stays, the reason is told. */
static void test_write_error(void **state)
{
    scene *s = *state;
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = CUT;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    s->logged[0] = '\0';
    fal_status st = fal_fetch_file(&s->options, &s->result, &s->err);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    fal_check_fails(st, FAL_ERR_IO, "model.pt.part: cannot write", &s->err);
    check_part(s, CUT);
    fetch_ok(s);
    assert_true(s->result.resumed);
    check_arrived(s, s->model, LENGTH);
}

static void test_target_that_cannot_be(void **state)
{
    scene *s = *state;
    fal_check_ok(fal_make_dirs(s->target, &s->err), &s->err);
    fetch_fails(s, FAL_ERR_IO, "is a folder");
    s->options.path = fal_temp_path("file/model.pt");
    fal_check_ok(fal_file_write(fal_temp_path("file"), "x", 1, &s->err), &s->err);
    fetch_fails(s, FAL_ERR_IO, "file: cannot make the folder");
}

static void test_wrong_options(void **state)
{
    scene *s = *state;
    fal_fetch_options good = s->options;
    s->options.url_count = 0;
    fetch_fails(s, FAL_ERR_ARGUMENT, "needs an address");
    s->options = good, s->options.path = NULL;
    fetch_fails(s, FAL_ERR_ARGUMENT, "and a path");
    s->options = good, s->options.sha256 = "abc";
    fetch_fails(s, FAL_ERR_ARGUMENT, "SHA-256 \"abc\" is not 64 hex digits");
    s->options = good, s->options.md5 = "xyz";
    fetch_fails(s, FAL_ERR_ARGUMENT, "MD5 \"xyz\" is not");
    s->options = good, s->url = "ftp://a/b";
    fetch_fails(s, FAL_ERR_ARGUMENT, "ftp://a/b: is no http or https address");
    check_part(s, 0);
}

static fal_status fetch_once(void *user, fal_error *err)
{
    scene *s = user;
    s->pages[0].cut_after = CUT;
    s->pages[0].cut_times = 1;
    return fal_fetch_file(&s->options, &s->result, err);
}

static void test_out_of_memory(void **state)
{
    scene *s = *state;
    s->options.sha256 = s->sha256;
    fal_check_alloc_failures("fal_fetch_file", fetch_once, s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_file),
        TEST(test_an_older_file_is_replaced),
        TEST(test_length_not_announced),
        TEST(test_chunks_cut),
        TEST(test_redirect),
        TEST(test_redirects_in_a_circle),
        TEST(test_redirect_to_a_local_file),
        TEST(test_not_there),
        TEST(test_login_wanted),
        TEST(test_broken_twice_then_well),
        TEST(test_broken_for_good),
        TEST(test_told_to_wait),
        TEST(test_nobody_there),
        TEST(test_second_address),
        TEST(test_no_address_has_it),
        TEST(test_mirror_of_the_environment),
        TEST(test_proxy),
        TEST(test_netrc),
        TEST(test_one_download_at_a_time),
        TEST(test_too_large),
        TEST(test_no_room),
        TEST(test_write_error),
        TEST(test_target_that_cannot_be),
        TEST(test_wrong_options),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
