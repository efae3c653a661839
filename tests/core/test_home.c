/* Where models and probes are looked for. */
#include "support/alloc_fail.h"

#include "core/alloc.h"
#include "core/home.h"

#include <stdlib.h>

static void set(const char *name, const char *value)
{
    if (value)
        setenv(name, value, 1);
    else
        unsetenv(name);
}

static void test_order_of_the_variables(void **state)
{
    (void)state;
    static const struct {
        const char *own, *data, *user, *want;
    } cases[] = {
        {"/own", "/data", "/user", "/own/models"},
        {"own", NULL, NULL, "own/models"},
        {NULL, "/data", "/user", "/data/falsetto/models"},
        {"", "/data", "/user", "/data/falsetto/models"},
        {NULL, "data", "/user", "/user/.local/share/falsetto/models"},
        {NULL, "", "/user", "/user/.local/share/falsetto/models"},
        {NULL, NULL, "/user", "/user/.local/share/falsetto/models"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fal_error err = {0};
        char *path = NULL;
        set("FALSETTO_HOME", cases[i].own);
        set("XDG_DATA_HOME", cases[i].data);
        set("HOME", cases[i].user);
        fal_check_ok(fal_home_path("models", &path, &err), &err);
        assert_string_equal(path, cases[i].want);
        fal_free(path);
    }
}

static void test_no_home(void **state)
{
    (void)state;
    fal_error err = {0};
    char *path = NULL;
    set("FALSETTO_HOME", NULL);
    set("XDG_DATA_HOME", NULL);
    set("HOME", NULL);
    fal_check_fails(fal_home_path("probes", &path, &err), FAL_ERR_NOT_FOUND, "folder for probes", &err);
    assert_null(path);
}

static fal_status path_once(void *user, fal_error *err)
{
    (void)user;
    char *path = NULL;
    fal_status st = fal_home_path("models", &path, err);
    fal_free(path);
    return st;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    set("HOME", "/user");
    fal_check_alloc_failures("fal_home_path", path_once, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_of_the_variables),
        cmocka_unit_test(test_no_home),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
