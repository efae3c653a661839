/* HTTP headers, as servers send them and as they should not. */
#include "support/test.h"

#include "fetch/response.h"
#include "core/size_text.h"

#include <string.h>

static fal_response parse(const char *const *lines)
{
    fal_response r = {.length = -1};
    for (; *lines; lines++)
        fal_response_line(&r, *lines, strlen(*lines));
    return r;
}
#define PARSE(...) parse((const char *const[]){__VA_ARGS__, NULL})

static void test_a_whole_file(void **state)
{
    (void)state;
    fal_response r =
        PARSE("HTTP/1.1 200 OK\r\n", "Content-Length: 1234\r\n", "ETag: \"abc\"\r\n",
              "last-modified:Tue, 15 Nov 1994 12:45:26 GMT\r\n", "CONTENT-TYPE:\t application/zip  \r\n", "\r\n");
    assert_int_equal(r.status, 200);
    assert_int_equal(r.length, 1234);
    assert_false(r.ranged);
    assert_string_equal(r.etag, "\"abc\"");
    assert_string_equal(r.modified, "Tue, 15 Nov 1994 12:45:26 GMT");
    assert_string_equal(r.type, "application/zip");
    assert_string_equal(r.encoding, "");
}

static void test_a_redirect_leaves_nothing_behind(void **state)
{
    (void)state;
    fal_response r = PARSE("HTTP/1.1 302 Found", "Content-Length: 5", "ETag: \"first\"", "Content-Encoding: gzip", "",
                           "HTTP/2 206", "content-range: bytes 10-99/100");
    assert_int_equal(r.status, 206);
    assert_int_equal(r.length, -1);
    assert_string_equal(r.etag, "");
    assert_string_equal(r.encoding, "");
    assert_true(r.ranged && r.first == 10 && r.last == 99 && r.total == 100);
}

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t first, last, total;
    } cases[] = {
        {"bytes 0-0/1", true, 0, 0, 1},
        {"Bytes 5-9/*", true, 5, 9, -1},
        {"bytes */77", true, -1, -1, 77},
        {"bytes 5-4/10", false, 0, 0, 0},
        {"bytes 5-10/10", false, 0, 0, 0},
        {"bytes 5-9", false, 0, 0, 0},
        {"bytes -9/10", false, 0, 0, 0},
        {"bytes 5-9/10 ", true, 5, 9, 10},
        {"bytes 5-9/10x", false, 0, 0, 0},
        {"bytes 5-9/99999999999999999999", false, 0, 0, 0},
        {"pages 5-9/10", false, 0, 0, 0},
        {"bytes ", false, 0, 0, 0},
        {"", false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[80];
        snprintf(line, sizeof line, "Content-Range: %s\r\n", cases[i].text);
        fal_response r = PARSE("HTTP/1.1 206 Partial Content", line);
        if (r.ranged != cases[i].ok)
            fail_msg("\"%s\": got %s, want %s", cases[i].text, r.ranged ? "a range" : "none",
                     cases[i].ok ? "a range" : "none");
        if (r.ranged && (r.first != cases[i].first || r.last != cases[i].last || r.total != cases[i].total))
            fail_msg("\"%s\": got %lld-%lld/%lld", cases[i].text, (long long)r.first, (long long)r.last,
                     (long long)r.total);
    }
}

static void test_damage(void **state)
{
    (void)state;
    char line[2 * FAL_VALIDATOR_BYTES];
    fal_response r = PARSE("HTTP/1.1 200 OK", "Content-Length: 12x", "no colon", ":", "");
    assert_int_equal(r.length, -1);
    assert_int_equal(PARSE("HTTP/1.1 200 OK", "Content-Length: -5").length, -1);
    assert_int_equal(PARSE("HTTP/1.1 200 OK", "Content-Length: 9223372036854775808").length, -1);
    assert_int_equal(PARSE("HTTP/1.1 200 OK", "Content-Length: 9223372036854775807").length, INT64_MAX);
    assert_int_equal(PARSE("HTTP/1.1").status, 0);
    assert_int_equal(PARSE("HTTP/1.1 abc").status, 0);
    assert_int_equal(PARSE("HTTP/1.1 20000").status, 0);
    memset(line, 'e', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    memcpy(line, "ETag: \"", 7);
    assert_string_equal(PARSE("HTTP/1.1 200 OK", line).etag, "");
    assert_string_equal(PARSE("HTTP/1.1 200 OK", "ETag: \"a\x01\"").etag, "");
}

static void test_validators(void **state)
{
    (void)state;
    assert_true(fal_is_strong_etag("\"a\""));
    assert_true(fal_is_strong_etag("\"\""));
    assert_false(fal_is_strong_etag("W/\"a\""));
    assert_false(fal_is_strong_etag("\""));
    assert_false(fal_is_strong_etag(""));
    assert_false(fal_is_strong_etag("\"a\r\nX: y\""));
    assert_true(fal_is_validator("Tue, 15 Nov 1994 12:45:26 GMT"));
    assert_false(fal_is_validator(""));
}

static void test_sizes_for_people(void **state)
{
    (void)state;
    static const struct {
        int64_t bytes;
        const char *want;
    } cases[] = {
        {0, "0 B"},         {999, "999 B"},         {1000, "1.0 kB"},      {5890, "5.9 kB"},
        {123456, "123 kB"}, {1300000000, "1.3 GB"}, {INT64_MAX, "9.2 EB"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FAL_SIZE_TEXT];
        assert_string_equal(fal_size_text(text, cases[i].bytes), cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_file), cmocka_unit_test(test_a_redirect_leaves_nothing_behind),
        cmocka_unit_test(test_ranges),       cmocka_unit_test(test_damage),
        cmocka_unit_test(test_validators),   cmocka_unit_test(test_sizes_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
