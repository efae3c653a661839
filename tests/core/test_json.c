#include "support/test.h"
#include "support/alloc_fail.h"

#include "core/alloc.h"
#include "core/json.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fal_json *parse(const char *text)
{
    fal_json *document = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(text, strlen(text), "test", &document, &err), &err);
    return document;
}

static void test_values_and_fallbacks(void **state)
{
    (void)state;
    fal_json *d = parse("{\"i\": -7, \"r\": 2.5, \"w\": 3.0, \"s\": \"t\\u00e9\", \"b\": true, \"n\": null, \"a\": "
                        "[1, 2], \"huge\": 1e300}");
    assert_int_equal(fal_json_kind(d), FAL_JSON_OBJECT);
    assert_int_equal(fal_json_count(d), 8);
    assert_int_equal(fal_json_int(fal_json_get(d, "i"), 0), -7);
    assert_int_equal(fal_json_int(fal_json_get(d, "w"), 0), 3);
    assert_int_equal(fal_json_kind(fal_json_get(d, "w")), FAL_JSON_REAL);
    assert_int_equal(fal_json_int(fal_json_get(d, "r"), 9), 9);
    assert_int_equal(fal_json_int(fal_json_get(d, "huge"), 9), 9);
    assert_true(fal_json_real(fal_json_get(d, "i"), 0) == -7);
    assert_true(fal_json_real(fal_json_get(d, "s"), 1.5) == 1.5);
    assert_string_equal(fal_json_string(fal_json_get(d, "s"), ""), "t\xc3\xa9");
    assert_true(fal_json_bool(fal_json_get(d, "b"), false));
    assert_true(fal_json_bool(fal_json_get(d, "i"), true));
    assert_int_equal(fal_json_kind(fal_json_get(d, "n")), FAL_JSON_NULL);
    assert_int_equal(fal_json_count(fal_json_get(d, "a")), 2);
    assert_int_equal(fal_json_int(fal_json_at(fal_json_get(d, "a"), 1), 0), 2);
    assert_null(fal_json_at(fal_json_get(d, "a"), 2));
    fal_json_free(&d);
    assert_null(d);
}

static void test_absent_is_harmless(void **state)
{
    (void)state;
    fal_json *none = NULL;
    void *iter = NULL;
    const char *key;
    const fal_json *value;
    assert_int_equal(fal_json_kind(NULL), FAL_JSON_ABSENT);
    assert_null(fal_json_get(NULL, "a"));
    assert_null(fal_json_at(NULL, 0));
    assert_int_equal(fal_json_count(NULL), 0);
    assert_false(fal_json_next(NULL, &iter, &key, &value));
    assert_string_equal(fal_json_string(NULL, "x"), "x");
    assert_int_equal(fal_json_int(NULL, 4), 4);
    fal_json_free(&none);
}

static void test_objects_keep_their_order(void **state)
{
    (void)state;
    fal_json *d = parse("{\"z\": 1, \"a\": 2, \"m\": 3}");
    void *iter = NULL;
    const char *key;
    const fal_json *value;
    char keys[8] = "";
    while (fal_json_next(d, &iter, &key, &value))
        strcat(keys, key);
    assert_string_equal(keys, "zam");
    fal_json_free(&d);
}

static void test_refused_text(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "{", "[1,]", "{\"a\":1,\"a\":2}", "1 2", "{\"a\" 1}", "[NaN]", "[1e999]", "\"\xff\"", "[\"\\u0000\"]",
        "nul", "[99999999999999999999]",
    };
    fal_json *d = NULL;
    fal_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fal_status got = fal_json_parse(bad[i], strlen(bad[i]), "model/config.json", &d, &err);
        if (got != FAL_ERR_FORMAT || d || !strstr(err.text, "model/config.json"))
            fail_msg("%s: got %s: %s", bad[i], fal_status_name(got), err.text);
    }
}

static void test_depth(void **state)
{
    (void)state;
    char text[200];
    fal_json *d = NULL;
    fal_error err = {0};
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    fal_check_fails(fal_json_parse(text, 130, "deep", &d, &err), FAL_ERR_FORMAT, "64", &err);
    fal_check_ok(fal_json_parse(text + 1, 128, "deep", &d, &err), &err);
    fal_json_free(&d);
    fal_json *brackets = parse("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"]");
    fal_json_free(&brackets);
}

static void write_sample(fal_jw *w)
{
    fal_jw_object(w);
    fal_jw_key(w, "list");
    fal_jw_array(w);
    fal_jw_int(w, 1);
    fal_jw_float(w, 0.1f);
    fal_jw_double(w, 2);
    fal_jw_double(w, NAN);
    fal_jw_float(w, INFINITY);
    fal_jw_bool(w, false);
    fal_jw_end_array(w);
    fal_jw_key(w, "empty");
    fal_jw_object(w);
    fal_jw_end_object(w);
    fal_jw_put_string(w, "text", "a\"\\\n\x01\xc3\xa9\xff");
    fal_jw_put_string(w, "none", NULL);
    fal_jw_put_int(w, "int", -3);
    fal_jw_put_double(w, "real", 0.25);
    fal_jw_put_bool(w, "yes", true);
    fal_jw_end_object(w);
}

static void test_writer_layout(void **state)
{
    (void)state;
    fal_buf out = {0};
    fal_jw w = fal_jw_start(&out, true);
    write_sample(&w);
    assert_string_equal(out.data, "{\"list\":[1,0.1,2.0,null,null,false],\"empty\":{},"
                                  "\"text\":\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\",\"none\":null,"
                                  "\"int\":-3,\"real\":0.25,\"yes\":true}");
    fal_buf_clear(&out);
    w = fal_jw_start(&out, false);
    fal_jw_object(&w);
    fal_jw_key(&w, "a");
    fal_jw_array(&w);
    fal_jw_int(&w, 1);
    fal_jw_int(&w, 2);
    fal_jw_end_array(&w);
    fal_jw_end_object(&w);
    assert_string_equal(out.data, "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
    fal_buf_free(&out);
}

static void test_copied_value_is_the_same_document(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,2.0,-0.0,1e+300,\"x\",true,null],\"b\":{\"c\":{}}}";
    fal_json *d = parse(text);
    fal_buf out = {0};
    fal_jw w = fal_jw_start(&out, true);
    fal_jw_value(&w, d);
    assert_string_equal(out.data, text);
    fal_buf_free(&out);
    fal_json_free(&d);
}

/* Invalid sequences after Unicode's table 3-7, one U+FFFD per bad byte; valid ones pass. */
static void test_utf8(void **state)
{
    (void)state;
    static const struct { const char *text, *want; } cases[] = {
        {"\xc0\x80", "??"}, {"\xe0\x80\x80", "???"}, {"\xed\xa0\x80", "???"}, {"\xf4\x90\x80\x80", "????"},
        {"\xf0\x80\x80\x80", "????"}, {"\xc3", "?"}, {"\xe2\x82", "??"}, {"\xf5", "?"}, {"\x80", "?"},
        {"\xe2\x82\xac", "\xe2\x82\xac"}, {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}, {"\xed\x9f\xbf", "\xed\x9f\xbf"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fal_buf got = {0}, want = {0};
        fal_jw w = fal_jw_start(&got, true);
        fal_jw_string(&w, cases[i].text);
        fal_buf_puts(&want, "\"");
        for (const char *c = cases[i].want; *c; c++)
            fal_buf_append(&want, *c == '?' ? "\xef\xbf\xbd" : c, *c == '?' ? 3 : 1);
        fal_buf_puts(&want, "\"");
        assert_string_equal(got.data, want.data);
        fal_buf_free(&got);
        fal_buf_free(&want);
    }
}

static void check_double(double value, const char *want)
{
    char got[32];
    fal_format_double(got, value);
    assert_string_equal(got, want);
}

static void test_shortest_numbers(void **state)
{
    (void)state;
    char text[32];
    check_double(0.1, "0.1");
    check_double(1.0 / 3, "0.3333333333333333");
    check_double(5e-324, "5e-324");
    check_double(DBL_MAX, "1.7976931348623157e+308");
    check_double(-0.0, "-0");
    check_double(123456789, "123456789");
    check_double(NAN, "nan");
    check_double(-INFINITY, "-inf");
    fal_format_float(text, 0.1f);
    assert_string_equal(text, "0.1");
    fal_format_float(text, 16777216.0f);
    assert_string_equal(text, "16777216");
    fal_format_float(text, 1e-45f);
    assert_string_equal(text, "1e-45");
    for (uint32_t bits = 1; bits < 0x7f800000u; bits += 98765) {
        float value;
        memcpy(&value, &bits, sizeof value);
        fal_format_float(text, value);
        if (strtof(text, NULL) != value)
            fail_msg("%.9g written as %s", (double)value, text);
    }
}

static void test_numbers_ignore_the_locale(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "sv_SE.UTF-8"};
    bool found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = setlocale(LC_NUMERIC, names[i]) != NULL;
    if (!found) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    check_double(-1234.5, "-1234.5");
    check_double(1.5e-7, "1.5e-07");
    fal_json *d = parse("[2.5]");
    assert_true(fal_json_real(fal_json_at(d, 0), 0) == 2.5);
    fal_json_free(&d);
    setlocale(LC_NUMERIC, "C");
}

static fal_status write_document(void *user, fal_error *err)
{
    fal_buf out = {0};
    fal_jw w = fal_jw_start(&out, false);
    (void)user;
    write_sample(&w);
    fal_status st = out.failed ? fal_fail(err, FAL_ERR_MEMORY, "out of memory") : FAL_OK;
    fal_buf_free(&out);
    return st;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    fal_check_alloc_failures("json write", write_document, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_fallbacks),
        cmocka_unit_test(test_absent_is_harmless),
        cmocka_unit_test(test_objects_keep_their_order),
        cmocka_unit_test(test_refused_text),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_writer_layout),
        cmocka_unit_test(test_copied_value_is_the_same_document),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_shortest_numbers),
        cmocka_unit_test(test_numbers_ignore_the_locale),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
