/* A CSV that grows by rows: interruptions at every byte, other files, files that cannot be written. */
#include "support/alloc_fail.h"
#include "support/test.h"

#include "core/csv_log.h"
#include "core/file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char header[] = "path,note\r\n";

static void write_text(const char *path, const char *text, size_t length)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, length, &err), &err);
}

static void check_text(const char *path, const char *want)
{
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    assert_string_equal(text.data ? text.data : "", want);
    fal_buf_free(&text);
}

static fal_status add(const fal_csv_log *log, const char *path, const char *note, fal_error *err)
{
    fal_buf row = {0};
    fal_csv_put(&row, path);
    fal_csv_put(&row, note);
    fal_buf_puts(&row, "\r\n");
    fal_status st = fal_csv_log_add(log, &row, err);
    fal_buf_free(&row);
    return st;
}

/* Opens, adds one row, closes; returns how many rows were known. */
static size_t add_one(const char *path, const char *name, const char *note)
{
    fal_csv known = {0};
    fal_csv_log *log = NULL;
    fal_error err = {0};
    fal_check_ok(fal_csv_log_open(path, header, "list of notes", &known, &log, &err), &err);
    fal_check_ok(add(log, name, note, &err), &err);
    fal_csv_log_close(&log);
    assert_null(log);
    size_t rows = known.rows;
    fal_csv_free(&known);
    return rows;
}

static void test_grows_over_runs(void **state)
{
    (void)state;
    const char *path = fal_temp_path("grows.csv");
    assert_int_equal(add_one(path, "a", "first"), 0);
    assert_int_equal(add_one(path, "b", "second, \"quoted\"\nin two lines"), 1);
    assert_int_equal(add_one(path, "c", ""), 2);
    check_text(path, "path,note\r\na,first\r\nb,\"second, \"\"quoted\"\"\nin two lines\"\r\nc,\r\n");
}

/* However much of the file an interruption left, whole rows count and the next one stands on a line of its own. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    static const char text[] = "path,note\r\na,1\r\nb,\"x\r\ny\"\"z\"\r\nc,3\r\n";
    static const char *const whole[] = {"path,note\r\n", "path,note\r\na,1\r\n",
                                        "path,note\r\na,1\r\nb,\"x\r\ny\"\"z\"\r\n", text};
    const char *path = fal_temp_path("cut.csv");
    for (size_t length = 0; length < sizeof text; length++) {
        char want[sizeof text + 16];
        size_t rows = 0;
        while (rows < 3 && length >= strlen(whole[rows + 1]))
            rows++;
        write_text(path, text, length);
        assert_int_equal(add_one(path, "d", "4"), rows);
        snprintf(want, sizeof want, "%sd,4\r\n", whole[rows]);
        check_text(path, want);
    }
}

static void check_open_fails(const char *path, fal_status want, const char *part)
{
    fal_csv known = {0};
    fal_csv_log *log = NULL;
    fal_error err = {0};
    fal_check_fails(fal_csv_log_open(path, header, "list of notes", &known, &log, &err), want, part, &err);
    assert_null(log);
    assert_null(known.cells);
}

static void test_other_files_are_refused_and_kept(void **state)
{
    (void)state;
    static const char *const others[] = {"path,notes\r\na,1\r\n", "something", "path,note\na,1\n", "path;",
                                         "path,note\r\na,1,2\r\nb"};
    const char *path = fal_temp_path("other.csv");
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        write_text(path, others[i], strlen(others[i]));
        check_open_fails(path, FAL_ERR_FORMAT, i < 4 ? "is no list of notes: name another file" : "3 fields");
        check_text(path, others[i]);
    }
    check_open_fails(fal_temp_path("."), FAL_ERR_IO, "is a folder");
}

static void test_what_cannot_be_written(void **state)
{
    (void)state;
    const char *path = fal_temp_path("read_only.csv");
    if (geteuid() == 0) {
        print_message("the superuser may write to read-only files: not tried\n");
    } else {
        write_text(path, header, strlen(header));
        assert_int_equal(chmod(path, 0444), 0);
        check_open_fails(path, FAL_ERR_IO, "read_only.csv: cannot write");
    }
    check_open_fails(fal_temp_path("no/such/folder.csv"), FAL_ERR_IO, "folder.csv: cannot write");
}

static void test_row_without_memory(void **state)
{
    (void)state;
    const char *path = fal_temp_path("memory.csv");
    const fal_buf failed = {.failed = true};
    fal_csv known = {0};
    fal_csv_log *log = NULL;
    fal_error err = {0};
    fal_check_ok(fal_csv_log_open(path, header, "list of notes", &known, &log, &err), &err);
    fal_check_fails(fal_csv_log_add(log, &failed, &err), FAL_ERR_MEMORY, "memory.csv", &err);
    fal_csv_log_close(&log);
    fal_csv_log_close(&log);
    check_text(path, header);
}

static fal_status open_and_add(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_csv known = {0};
    fal_csv_log *log = NULL;
    FAL_TRY(fal_csv_log_open(user, header, "list of notes", &known, &log, err));
    FAL_TRY(add(log, "a", "1", err));
done:
    fal_csv_free(&known);
    fal_csv_log_close(&log);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("csv log", open_and_add, (void *)fal_temp_path("failing.csv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_over_runs),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_other_files_are_refused_and_kept),
        cmocka_unit_test(test_what_cannot_be_written),
        cmocka_unit_test(test_row_without_memory),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
