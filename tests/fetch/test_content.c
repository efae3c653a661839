/* Something else than the file comes: told apart, and never kept under the file's name. */
#include "fetch/scene.h"

#include <string.h>

static void serve_text(scene *s, const char *text)
{
    s->pages[0].bytes = text;
    s->pages[0].length = strlen(text);
}

static void test_web_page(void **state)
{
    scene *s = *state;
    static const char *const pages[] = {"<!DOCTYPE html><title>Sign in</title>", "\n\t <HTML><body>Virus scan warning",
                                        "<!doctype HTML>"};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
        serve_text(s, pages[i]);
        fetch_fails(s, FAL_ERR_FORMAT, "a web page came instead of the file");
        check_part(s, 0);
    }
    s->pages[0].type = "text/html; charset=utf-8";
    serve_text(s, "Please wait");
    fetch_fails(s, FAL_ERR_FORMAT, "a web page came instead of the file");
    check_part(s, 0);
}

/* A login page in the middle of a download takes nothing of it away. */
static void test_web_page_instead_of_the_rest(void **state)
{
    scene *s = *state;
    s->pages[0].cut_after = CUT;
    s->pages[0].cut_times = 1;
    s->options.attempts = 1;
    fetch_fails(s, FAL_ERR_IO, "after 100 kB");
    s->pages[0].type = "text/html";
    fetch_fails(s, FAL_ERR_FORMAT, "a web page came");
    check_part(s, CUT);
    s->pages[0].type = NULL;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_true(s->result.resumed);
}

static void test_git_lfs_pointer(void **state)
{
    scene *s = *state;
    serve_text(s, "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n");
    fetch_fails(s, FAL_ERR_FORMAT, "a Git LFS pointer came");
    check_part(s, 0);
}

static void test_nothing(void **state)
{
    scene *s = *state;
    serve_text(s, "");
    fetch_fails(s, FAL_ERR_FORMAT, "an empty file");
    check_part(s, 0);
}

static void test_encoded(void **state)
{
    scene *s = *state;
    s->pages[0].encoding = "gzip";
    fetch_fails(s, FAL_ERR_FORMAT, "gzip-encoded although it was asked not to");
    check_part(s, 0);
    s->pages[0].encoding = "identity";
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
}

static void test_wrong_sha256(void **state)
{
    scene *s = *state;
    static const char published[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    s->options.sha256 = published;
    fetch_fails(s, FAL_ERR_FORMAT, published);
    assert_non_null(strstr(s->err.text, s->sha256));
    check_part(s, 0);
    check_bodies(&s->pages[0], "w");
}

static void test_beginning_of_an_md5(void **state)
{
    scene *s = *state;
    char five[6];
    memcpy(five, s->md5, 5);
    five[5] = '\0';
    s->options.md5 = five;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    five[4] = five[4] == '0' ? '1' : '0';
    fetch_fails(s, FAL_ERR_FORMAT, "the MD5 of what came is");
}

/* The other address has the right one. */
static void test_wrong_file_at_the_first_address(void **state)
{
    scene *s = *state;
    const char *urls[] = {s->url, s->mirror};
    s->options.urls = urls;
    s->options.url_count = 2;
    s->options.sha256 = s->sha256;
    s->pages[0].bytes = s->other;
    fetch_ok(s);
    check_arrived(s, s->model, LENGTH);
    assert_string_equal(s->result.url, s->mirror);
    assert_non_null(strstr(s->logged, "SHA-256"));
}

/* ---- Content-Length that lies ---- */

static void test_more_announced_than_sent(void **state)
{
    scene *s = *state;
    s->pages[0].claimed_length = LENGTH + 100;
    s->pages[0].no_ranges = true;
    fetch_fails(s, FAL_ERR_IO, "after 300 kB of 300 kB");
    check_bodies(&s->pages[0], "www");
    check_part(s, LENGTH);
}

/* Nothing gives this away but a checksum. */
static void test_less_announced_than_sent(void **state)
{
    scene *s = *state;
    s->pages[0].claimed_length = LENGTH - 100;
    s->options.sha256 = s->sha256;
    fetch_fails(s, FAL_ERR_FORMAT, "SHA-256");
    check_part(s, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_web_page),
        TEST(test_web_page_instead_of_the_rest),
        TEST(test_git_lfs_pointer),
        TEST(test_nothing),
        TEST(test_encoded),
        TEST(test_wrong_sha256),
        TEST(test_beginning_of_an_md5),
        TEST(test_wrong_file_at_the_first_address),
        TEST(test_more_announced_than_sent),
        TEST(test_less_announced_than_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
