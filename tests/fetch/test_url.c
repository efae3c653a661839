/* Addresses: mirrors, what is shown, where redirects may lead. */
#include "support/alloc_fail.h"

#include "core/alloc.h"
#include "fetch/url.h"

#include <stdlib.h>
#include <string.h>

static void check_asked(const char *mirror, const char *url, const char *want)
{
    fal_error err = {0};
    char *got = NULL;
    if (mirror)
        setenv("FALSETTO_MIRROR", mirror, 1);
    else
        unsetenv("FALSETTO_MIRROR");
    fal_check_ok(fal_url_to_ask(url, &got, &err), &err);
    assert_string_equal(got, want);
    fal_free(got);
}

static void test_mirror(void **state)
{
    (void)state;
    check_asked(NULL, "https://a.org/b/c?d=e", "https://a.org/b/c?d=e");
    check_asked("", "HTTP://a.org/b", "HTTP://a.org/b");
    check_asked("http://m:81", "https://a.org/b/c?d=e", "http://m:81/b/c?d=e");
    check_asked("https://m/", "http://u:p@a.org:8/b", "https://m/b");
    check_asked("http://m/copies", "https://a.org/b", "http://m/copies/b");
    check_asked("http://m", "https://a.org", "http://m");
    check_asked("http://m", "https://a.org?x", "http://m?x");
}

static void test_schemes(void **state)
{
    (void)state;
    fal_error err = {0};
    char *got = NULL;
    unsetenv("FALSETTO_MIRROR");
    fal_check_fails(fal_url_to_ask("file:///etc/passwd", &got, &err), FAL_ERR_ARGUMENT, "no http or https", &err);
    fal_check_fails(fal_url_to_ask("ftp://a/b", &got, &err), FAL_ERR_ARGUMENT, "ftp://a/b", &err);
    fal_check_fails(fal_url_to_ask("", &got, &err), FAL_ERR_ARGUMENT, NULL, &err);
    setenv("FALSETTO_MIRROR", "m:80", 1);
    fal_check_fails(fal_url_to_ask("https://a/b", &got, &err), FAL_ERR_ARGUMENT, "FALSETTO_MIRROR", &err);
    assert_null(got);
    assert_string_equal(fal_url_redirect_schemes("https://a/b"), "https");
    assert_string_equal(fal_url_redirect_schemes("http://a/b"), "http,https");
}

static void test_shown_without_password(void **state)
{
    (void)state;
    static const struct {
        const char *url, *want;
    } cases[] = {
        {"https://a.org/b@c", "https://a.org/b@c"},
        {"https://me:secret@a.org/b", "https://a.org/b"},
        {"https://me:se@cret@a.org/b@c", "https://a.org/b@c"},
        {"https://me@a.org", "https://a.org"},
        {"https://a.org?x=y@z", "https://a.org?x=y@z"},
    };
    char got[FAL_FETCH_URL], longer[2 * FAL_FETCH_URL];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fal_url_to_show(cases[i].url, got);
        assert_string_equal(got, cases[i].want);
    }
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    fal_url_to_show(longer, got);
    assert_int_equal(strlen(got), FAL_FETCH_URL - 1);
}

static fal_status ask_once(void *user, fal_error *err)
{
    char *got = NULL;
    fal_status st = fal_url_to_ask(user, &got, err);
    fal_free(got);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    unsetenv("FALSETTO_MIRROR");
    fal_check_alloc_failures("fal_url_to_ask", ask_once, "https://a/b");
    setenv("FALSETTO_MIRROR", "http://m", 1);
    fal_check_alloc_failures("fal_url_to_ask, mirror", ask_once, "https://a/b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mirror),
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_shown_without_password),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
