#include "support/test.h"
#include "support/alloc_fail.h"

#include "core/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static fal_csv parse(const char *text)
{
    fal_csv table = {0};
    fal_error err = {0};
    fal_check_ok(fal_csv_parse(text, strlen(text), "test.csv", &table, &err), &err);
    return table;
}

static void test_rfc_4180(void **state)
{
    (void)state;
    fal_csv t = parse("\xef\xbb\xbfpath,label,\"a \"\"note\"\"\"\r\n"
                      "a.mp4,1,\"x, y\"\r\n"
                      "\r\n"
                      "\"two\nlines\",0,\n"
                      "last,,\"\"");
    assert_int_equal(t.columns, 3);
    assert_int_equal(t.rows, 3);
    assert_int_equal(fal_csv_column(&t, "path"), 0);
    assert_int_equal(fal_csv_column(&t, "a \"note\""), 2);
    assert_int_equal(fal_csv_column(&t, "Path"), -1);
    assert_string_equal(fal_csv_cell(&t, 0, 2), "x, y");
    assert_string_equal(fal_csv_cell(&t, 1, 0), "two\nlines");
    assert_string_equal(fal_csv_cell(&t, 1, 2), "");
    assert_string_equal(fal_csv_cell(&t, 2, 0), "last");
    assert_int_equal(t.lines[0], 2);
    assert_int_equal(t.lines[1], 4);
    assert_int_equal(t.lines[2], 6);
    fal_csv_free(&t);
    fal_csv_free(&t);
}

static void test_header_alone(void **state)
{
    (void)state;
    fal_csv t = parse("path");
    assert_int_equal(t.rows, 0);
    assert_int_equal(t.columns, 1);
    fal_csv_free(&t);
}

static void test_errors_name_the_line(void **state)
{
    (void)state;
    static const struct { const char *text, *part; } bad[] = {
        {"", "empty"}, {"\n\n", "empty"}, {"a,b\n1,2\n\n1,2,3\n", "test.csv:4: 3 fields, the header has 2"},
        {"a,b\n1\n", "test.csv:2: 1 fields"}, {"a\n\"x\n\n", "test.csv:2: quoted field is never closed"},
        {"a\n\"x\"y\n", "test.csv:2: text after"}, {"a,b,a\n", "\"a\""}, {"a\n\"", "never closed"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        fal_csv t = {0};
        fal_error err = {0};
        fal_check_fails(fal_csv_parse(bad[i].text, strlen(bad[i].text), "test.csv", &t, &err), FAL_ERR_FORMAT,
                        bad[i].part, &err);
        assert_null(t.storage);
    }
    fal_csv t = {0};
    fal_error err = {0};
    fal_check_fails(fal_csv_parse("a\n\0", 3, "test.csv", &t, &err), FAL_ERR_FORMAT, "zero byte", &err);
}

static void test_limits(void **state)
{
    (void)state;
    enum { FIELD = (1 << 20) + 1 };
    fal_csv t = {0};
    fal_error err = {0};
    fal_buf text = {0};
    for (int i = 0; i < 1025; i++)
        fal_buf_puts(&text, ",");
    fal_check_fails(fal_csv_parse(text.data, text.length, "wide", &t, &err), FAL_ERR_FORMAT, "1024", &err);
    fal_buf_clear(&text);
    char *field = malloc(FIELD);
    memset(field, 'a', FIELD);
    fal_buf_append(&text, field, FIELD);
    fal_check_fails(fal_csv_parse(text.data, text.length, "long", &t, &err), FAL_ERR_FORMAT, "1048577", &err);
    fal_check_ok(fal_csv_parse(text.data, text.length - 1, "long", &t, &err), &err);
    fal_csv_free(&t);
    fal_buf_free(&text);
    free(field);
}

static void test_written_fields_come_back(void **state)
{
    (void)state;
    static const char *const fields[2][3] = {{"", "plain", "a,b"}, {"q\"q", "line\nbreak\r", ""}};
    fal_buf text = {0};
    fal_buf_puts(&text, "x,y,z\n");
    for (int r = 0; r < 2; r++) {
        for (int c = 0; c < 3; c++)
            fal_csv_put(&text, fields[r][c]);
        fal_buf_puts(&text, "\n");
    }
    assert_string_equal(text.data, "x,y,z\n\"\",plain,\"a,b\"\n\"q\"\"q\",\"line\nbreak\r\",\n");
    fal_csv t = parse(text.data);
    for (size_t r = 0; r < 2; r++)
        for (int c = 0; c < 3; c++)
            assert_string_equal(fal_csv_cell(&t, r, c), fields[r][c]);
    fal_csv_free(&t);
    fal_buf_free(&text);
}

static fal_status parse_many(void *text, fal_error *err)
{
    fal_csv t = {0};
    fal_status st = fal_csv_read(text, &t, err);
    fal_csv_free(&t);
    return st;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    const char *path = fal_temp_path("many.csv");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 500; i++)
        fprintf(file, "%d,%d\n", i, -i - 1);
    fclose(file);
    fal_check_alloc_failures("csv read", parse_many, (void *)path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_4180),
        cmocka_unit_test(test_header_alone),
        cmocka_unit_test(test_errors_name_the_line),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_written_fields_come_back),
        cmocka_unit_test(test_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
