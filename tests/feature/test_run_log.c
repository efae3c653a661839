/* What runs of extract leave on record beside the features: run.jsonl and failed.csv. */
#include "core/file.h"
#include "core/str.h"
#include "feature/failure_list.h"
#include "feature/run_log.h"
#include "support/alloc_fail.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_text(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

static void check_contents(const char *path, const char *want)
{
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    assert_string_equal(text.data ? text.data : "", want);
    fal_buf_free(&text);
}

/* ---- run.jsonl ---- */

static fal_status append(const char *path, const char *record, fal_error *err)
{
    fal_run_log *log = NULL;
    fal_buf text = {0};
    fal_status st = fal_run_log_open(path, &log, err);
    fal_buf_puts(&text, record);
    if (st == FAL_OK)
        st = fal_run_log_append(log, &text, err);
    fal_run_log_close(&log);
    fal_buf_free(&text);
    return st;
}

static void test_lines_are_appended(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *path = fal_temp_path("lines.jsonl");
    fal_check_ok(append(path, "{\"a\": 1}", &err), &err);
    fal_check_ok(append(path, "{\"b\": 2}", &err), &err);
    check_contents(path, "{\"a\": 1}\n{\"b\": 2}\n");
}

static void test_unfinished_line_is_cut_off(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *path = fal_temp_path("torn.jsonl");
    static char torn[10001]; /* longer than what is read at a time */
    memset(torn, 'x', sizeof torn - 1);
    write_text(path, torn);
    fal_check_ok(append(path, "1", &err), &err);
    check_contents(path, "1\n");
    write_text(path, "1\n{\"event\":\"cl");
    fal_check_ok(append(path, "2", &err), &err);
    check_contents(path, "1\n2\n");
    /* One that appears while the file is open: another process died. */
    fal_run_log *log = NULL;
    fal_buf record = {0};
    fal_buf_puts(&record, "3");
    fal_check_ok(fal_run_log_open(path, &log, &err), &err);
    FILE *other = fopen(path, "ab");
    assert_non_null(other);
    fputs(torn, other);
    fclose(other);
    fal_check_ok(fal_run_log_append(log, &record, &err), &err);
    check_contents(path, "1\n2\n3\n");
    fal_buf_free(&record);
    fal_run_log_close(&log);
}

enum { WRITERS = 4, LINES = 200 };

static void write_many(const char *path, int writer)
{
    fal_run_log *log = NULL;
    fal_status st = fal_run_log_open(path, &log, NULL);
    for (int i = 0; i < LINES && st == FAL_OK; i++) {
        fal_buf record = {0};
        fal_buf_printf(&record, "%d %d %*s", writer, i, 50 * writer + i, "end");
        st = fal_run_log_append(log, &record, NULL);
        fal_buf_free(&record);
    }
    _exit(st == FAL_OK ? 0 : 1);
}

/* Lines of several processes are whole, none is lost, and each process's are in its order. */
static void test_processes_share_a_log(void **state)
{
    (void)state;
    int next[WRITERS] = {0}, status;
    const char *path = fal_temp_path("shared.jsonl");
    fal_buf text = {0};
    fal_error err = {0};
    for (int i = 0; i < WRITERS; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (!child)
            write_many(path, i);
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    for (char *at = text.data, *end; (end = strchr(at, '\n')); at = end + 1) {
        int writer = -1, number = -1;
        *end = '\0';
        assert_int_equal(sscanf(at, "%d %d", &writer, &number), 2);
        assert_in_range(writer, 0, WRITERS - 1);
        assert_int_equal(number, next[writer]++);
        assert_true(fal_str_ends(at, "end"));
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(next[i], LINES);
    fal_buf_free(&text);
}

static void test_log_that_cannot_be_written(void **state)
{
    (void)state;
    fal_error err = {0};
    assert_int_equal(append(fal_temp_path("absent/run.jsonl"), "1", &err), FAL_ERR_IO);
    assert_non_null(strstr(err.text, "absent/run.jsonl: cannot write"));
    assert_int_equal(append("/dev/full", "1", &err), FAL_ERR_IO);
    assert_non_null(strstr(err.text, "/dev/full: cannot write: No space left"));
}

static fal_status append_one(void *user, fal_error *err)
{
    return append(user, "{}", err);
}

static void test_log_out_of_memory(void **state)
{
    (void)state;
    fal_check_alloc_failures("append", append_one, (void *)fal_temp_path("memory.jsonl"));
}

/* ---- failed.csv ---- */

#define HEADER "path,encoder,reason\r\n"

/* This run has tried every clip of folder b with encoder x. */
static bool tried(const void *user, const char *path, const char *encoder)
{
    (void)user;
    return fal_str_starts(path, "b/") && fal_str_eq(encoder, "x");
}

static fal_status update(const char *path, const char *rows, fal_error *err)
{
    fal_buf text = {0};
    fal_buf_puts(&text, rows);
    fal_status st = fal_failure_list_update(path, &text, tried, NULL, NULL, err);
    fal_buf_free(&text);
    return st;
}

static void test_failures_are_merged(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *path = fal_temp_path("failed.csv");
    fal_check_ok(update(path, "", &err), &err);
    check_contents(path, HEADER);
    write_text(path, HEADER "b/1,x,mended since\r\nb/1,y,of another encoder\r\na/1,x,of another part\r\n");
    fal_check_ok(update(path, "b/3,x,\"one, \"\"two\"\"\"\r\nb/2,x,\"two\nlines\"\r\n", &err), &err);
    check_contents(path, HEADER "a/1,x,of another part\r\nb/1,y,of another encoder\r\nb/2,x,\"two\nlines\"\r\n"
                                "b/3,x,\"one, \"\"two\"\"\"\r\n");
}

static void test_foreign_list_is_replaced(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *path = fal_temp_path("foreign.csv");
    static const char *const foreign[] = {"", "path,reason\r\na,b\r\n", "path,encoder,reason\r\na,b\r\n", "\"open"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        write_text(path, foreign[i]);
        fal_check_ok(update(path, "b/1,x,why\r\n", &err), &err);
        check_contents(path, HEADER "b/1,x,why\r\n");
    }
    assert_int_equal(update(fal_temp_path("."), "", &err), FAL_ERR_IO); /* a folder */
}

static fal_status update_one(void *user, fal_error *err)
{
    return update(user, "b/1,x,why\r\n", err);
}

static void test_failures_out_of_memory(void **state)
{
    (void)state;
    const char *path = fal_temp_path("memory.csv");
    write_text(path, HEADER "a/1,x,why\r\n");
    fal_check_alloc_failures("update", update_one, (void *)path);
    check_contents(path, HEADER "a/1,x,why\r\nb/1,x,why\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_appended),
        cmocka_unit_test(test_unfinished_line_is_cut_off),
        cmocka_unit_test(test_processes_share_a_log),
        cmocka_unit_test(test_log_that_cannot_be_written),
        cmocka_unit_test(test_log_out_of_memory),
        cmocka_unit_test(test_failures_are_merged),
        cmocka_unit_test(test_foreign_list_is_replaced),
        cmocka_unit_test(test_failures_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
