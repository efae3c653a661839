#include "support/test.h"
#include "support/alloc_fail.h"

#include "core/file.h"
#include "core/str.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static fal_buf contents(const char *path)
{
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    return text;
}

static void check_contents(const char *path, const char *want)
{
    fal_buf text = contents(path);
    assert_string_equal(text.data ? text.data : "", want);
    fal_buf_free(&text);
}

static int files_in(const char *path)
{
    int count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir))
        count += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
    closedir(dir);
    return count;
}

static void test_write_and_read(void **state)
{
    (void)state;
    const char *path = fal_temp_path("a/b/c/file");
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, "first", 5, &err), &err);
    check_contents(path, "first");
    fal_check_ok(fal_file_write(path, "2nd", 3, &err), &err);
    check_contents(path, "2nd");
    fal_check_ok(fal_file_write(path, NULL, 0, &err), &err);
    check_contents(path, "");
    assert_int_equal(files_in(fal_temp_path("a/b/c")), 1);
}

static void test_reading_appends_or_leaves_as_it_was(void **state)
{
    (void)state;
    const char *path = fal_temp_path("big");
    fal_buf text = {0};
    fal_error err = {0};
    char *block = calloc(1, 200000);
    fal_check_ok(fal_file_write(path, block, 200000, &err), &err);
    fal_buf_puts(&text, "before");
    fal_check_fails(fal_file_read(path, 199999, &text, &err), FAL_ERR_FORMAT, "199999", &err);
    fal_check_fails(fal_file_read(fal_temp_path("missing"), 0, &text, &err), FAL_ERR_NOT_FOUND, "missing", &err);
    fal_check_fails(fal_file_read(fal_temp_path("."), 0, &text, &err), FAL_ERR_IO, "folder", &err);
    fal_check_fails(fal_file_read("/dev/zero", 0, &text, &err), FAL_ERR_IO, "device", &err);
    assert_int_equal(mkfifo(fal_temp_path("pipe"), 0600), 0); /* nobody writes to it: must not wait */
    fal_check_fails(fal_file_read(fal_temp_path("pipe"), 0, &text, &err), FAL_ERR_IO, "pipe", &err);
    assert_string_equal(text.data, "before");
    fal_check_ok(fal_file_read(path, 200000, &text, &err), &err);
    assert_int_equal(text.length, 200006);
    fal_buf_free(&text);
    free(block);
}

static void test_map(void **state)
{
    (void)state;
    const char *path = fal_temp_path("map");
    fal_map map = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, "mapped", 6, &err), &err);
    fal_check_ok(fal_map_open(path, &map, &err), &err);
    assert_int_equal(map.size, 6);
    assert_memory_equal(map.data, "mapped", 6);
    fal_map_close(&map);
    fal_map_close(&map);
    fal_check_ok(fal_file_write(path, "", 0, &err), &err);
    fal_check_ok(fal_map_open(path, &map, &err), &err);
    assert_null(map.data);
    fal_map_close(&map);
    fal_check_fails(fal_map_open(fal_temp_path("missing"), &map, &err), FAL_ERR_NOT_FOUND, "missing", &err);
}

static void test_abort_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = fal_temp_path("abort/file");
    fal_atomic *file = NULL;
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, "old", 3, &err), &err);
    fal_check_ok(fal_atomic_open(path, &file, &err), &err);
    fputs("new", fal_atomic_stream(file));
    assert_int_equal(files_in(fal_temp_path("abort")), 2);
    check_contents(path, "old");
    fal_atomic_abort(&file);
    assert_null(file);
    check_contents(path, "old");
    assert_int_equal(files_in(fal_temp_path("abort")), 1);
}

static void test_writers_that_open_by_name(void **state)
{
    (void)state;
    const char *path = fal_temp_path("named/file");
    fal_atomic *file = NULL;
    fal_error err = {0};
    fal_check_ok(fal_atomic_open(path, &file, &err), &err);
    FILE *other = fopen(fal_atomic_temp_path(file), "w");
    fputs("by name", other);
    fclose(other);
    fal_check_ok(fal_atomic_commit(&file, &err), &err);
    assert_null(file);
    check_contents(path, "by name");
}

static void test_permissions_follow_the_umask(void **state)
{
    (void)state;
    struct stat info;
    fal_error err = {0};
    const char *path = fal_temp_path("mode");
    mode_t before = umask(027);
    fal_check_ok(fal_file_write(path, "x", 1, &err), &err);
    umask(before);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void test_failures_leave_nothing(void **state)
{
    (void)state;
    fal_atomic *file = NULL;
    fal_error err = {0};
    fal_check_ok(fal_file_write(fal_temp_path("plain"), "x", 1, &err), &err);
    fal_check_fails(fal_file_write(fal_temp_path("plain/below"), "x", 1, &err), FAL_ERR_IO, "plain", &err);
    fal_check_fails(fal_file_write(fal_temp_path("."), "x", 1, &err), FAL_ERR_IO, "folder", &err);
    fal_check_ok(fal_atomic_open(fal_temp_path("late/file"), &file, &err), &err);
    assert_int_equal(mkdir(fal_temp_path("late/file"), 0777), 0); /* the rename now fails */
    fal_check_fails(fal_atomic_commit(&file, &err), FAL_ERR_IO, "rename", &err);
    assert_null(file);
    assert_int_equal(files_in(fal_temp_path("late")), 1);
}

static void test_devices_are_written_in_place(void **state)
{
    (void)state;
    struct stat info;
    fal_error err = {0};
    fal_check_ok(fal_file_write("/dev/null", "x", 1, &err), &err);
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    fal_status st = fal_file_write("/dev/full", "x", 1, &err);
    fal_check_fails(st, FAL_ERR_IO, "/dev/full", &err);
}

static void test_make_dirs(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_check_ok(fal_make_dirs(fal_temp_path("x/y//z/"), &err), &err);
    assert_true(fal_path_is_dir(fal_temp_path("x/y/z")));
    fal_check_ok(fal_make_dirs(fal_temp_path("x/y"), &err), &err);
    fal_check_ok(fal_make_dirs("/", &err), &err);
    fal_check_ok(fal_file_write(fal_temp_path("x/f"), "", 0, &err), &err);
    fal_check_fails(fal_make_dirs(fal_temp_path("x/f/g"), &err), FAL_ERR_IO, "x/f", &err);
}

/* In a child: two unfinished files and one finished; cleanup must remove the first two's temporaries only. */
static void test_cleanup_at_a_signal(void **state)
{
    (void)state;
    const char *dir = fal_temp_path("signal"), *paths[3];
    for (int i = 0; i < 3; i++)
        paths[i] = fal_temp_path("signal/%d", i);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        fal_atomic *files[3] = {NULL};
        for (int i = 0; i < 3; i++)
            if (fal_atomic_open(paths[i], &files[i], NULL) != FAL_OK)
                _exit(1);
        if (fal_atomic_commit(&files[1], NULL) != FAL_OK || files_in(dir) != 3)
            _exit(2);
        fal_atomic_cleanup();
        fal_atomic_cleanup();
        _exit(files_in(dir) == 1 ? 0 : 3);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    check_contents(paths[1], "");
}

static void test_many_files_in_turn(void **state)
{
    (void)state;
    fal_error err = {0};
    for (int i = 0; i < 600; i++) { /* more than may be open at once */
        fal_atomic *file = NULL;
        fal_check_ok(fal_atomic_open(fal_temp_path("turn"), &file, &err), &err);
        fal_atomic_abort(&file);
    }
}

static fal_status write_file(void *path, fal_error *err)
{
    fal_buf text = {0};
    fal_status st = fal_file_write(path, "text", 4, err);
    if (st == FAL_OK)
        st = fal_file_read(path, 0, &text, err);
    fal_buf_free(&text);
    return st;
}

static void test_allocation_failure(void **state)
{
    (void)state;
    fal_check_alloc_failures("file write, read", write_file, (void *)fal_temp_path("alloc/a/file"));
    assert_int_equal(files_in(fal_temp_path("alloc/a")), 1);
}

/* ---- several processes ---- */

/* A child that is in the middle of writing `path`; it tells through `ready` that the temporary is there, and waits. */
static pid_t start_writer(const char *path, int ready)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child)
        return child;
    fal_atomic *file;
    if (fal_atomic_open(path, &file, NULL) == FAL_OK && write(ready, "x", 1) == 1)
        pause();
    _exit(1);
}

static void test_sweep_takes_what_dead_writers_left(void **state)
{
    (void)state;
    char sign;
    int status, ready[2];
    fal_error err = {0};
    const char *folder = fal_temp_path("swept");
    fal_check_ok(fal_file_write(fal_temp_path("swept/kept"), "k", 1, &err), &err);
    fal_check_ok(fal_file_write(fal_temp_path("swept/.falsetto-notes"), "k", 1, &err), &err);
    assert_int_equal(pipe(ready), 0);
    pid_t writer = start_writer(fal_temp_path("swept/file"), ready[1]);
    assert_int_equal(read(ready[0], &sign, 1), 1);
    fal_atomic *own;
    fal_check_ok(fal_atomic_open(fal_temp_path("swept/own"), &own, &err), &err);
    fal_atomic_sweep(folder);
    assert_int_equal(files_in(folder), 4); /* both writers live */
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(files_in(folder), 4);
    fal_atomic_sweep(folder);
    assert_int_equal(files_in(folder), 3);
    fal_check_ok(fal_atomic_commit(&own, &err), &err);
    assert_int_equal(files_in(folder), 3);
    fal_atomic_sweep(fal_temp_path("nowhere"));
    close(ready[0]);
    close(ready[1]);
}

static void test_claim(void **state)
{
    (void)state;
    bool mine = false;
    fal_error err = {0};
    const char *path = fal_temp_path("claimed/file");
    fal_check_ok(fal_file_claim(path, "first", 5, &mine, &err), &err);
    assert_true(mine);
    fal_check_ok(fal_file_claim(path, "second", 6, &mine, &err), &err);
    assert_false(mine);
    check_contents(path, "first");
    assert_int_equal(files_in(fal_temp_path("claimed")), 1);
}

/* Each child claims the same hundred files; its exit code is how many it got. */
static void test_one_of_many_claims(void **state)
{
    (void)state;
    enum { CHILDREN = 4, FILES = 100 };
    pid_t children[CHILDREN];
    int status, got = 0;
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        for (int k = 0; children[i] == 0 && k <= FILES; k++) {
            bool mine = false;
            if (k == FILES)
                _exit(got);
            if (fal_file_claim(fal_temp_path("contested/%d", k), &i, sizeof i, &mine, NULL) != FAL_OK)
                _exit(FILES + 1);
            got += mine;
        }
    }
    for (int i = 0; i < CHILDREN; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        got += WEXITSTATUS(status);
    }
    assert_int_equal(got, FILES);
    assert_int_equal(files_in(fal_temp_path("contested")), FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_read),
        cmocka_unit_test(test_reading_appends_or_leaves_as_it_was),
        cmocka_unit_test(test_map),
        cmocka_unit_test(test_abort_leaves_the_old_file),
        cmocka_unit_test(test_writers_that_open_by_name),
        cmocka_unit_test(test_permissions_follow_the_umask),
        cmocka_unit_test(test_failures_leave_nothing),
        cmocka_unit_test(test_devices_are_written_in_place),
        cmocka_unit_test(test_make_dirs),
        cmocka_unit_test(test_cleanup_at_a_signal),
        cmocka_unit_test(test_many_files_in_turn),
        cmocka_unit_test(test_allocation_failure),
        cmocka_unit_test(test_sweep_takes_what_dead_writers_left),
        cmocka_unit_test(test_claim),
        cmocka_unit_test(test_one_of_many_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
