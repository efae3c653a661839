/* The checks other tests rely on must be able to fail: each bad comparison below runs in a child process, which has to
 * end with an error. */
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void body(void **state);

static int failures_of(body *fn)
{
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        /* What the failing check prints is wanted by nobody. */
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(100);
        const struct CMUnitTest tests[] = {{.name = "child", .test_func = fn}};
        _exit(cmocka_run_group_tests(tests, NULL, NULL));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void one_element_off(void **state)
{
    (void)state;
    fal_check_close("off", ((float[]){1, 2.1f}), ((float[]){1, 2}), 2, 0.05, 0);
}

static void nan_against_number(void **state)
{
    (void)state;
    fal_check_close("nan", ((float[]){NAN}), ((float[]){0}), 1, 1e30, 0);
}

static void opposite_infinities(void **state)
{
    (void)state;
    fal_check_close_f64("inf", ((double[]){INFINITY}), ((double[]){-INFINITY}), 1, 1e30, 1);
}

static void nothing(void **state)
{
    (void)state;
    fal_check_close("nothing", (float[]){0}, (float[]){0}, 0, 1, 1);
}

static void wrong_shape(void **state)
{
    (void)state;
    fal_npy a = {.rank = 2, .shape = {3, 4}};
    fal_check_shape("a", &a, 2, ((size_t[]){4, 3}));
}

static void wrong_status(void **state)
{
    (void)state;
    fal_error err = {.text = "text"};
    fal_check_fails(FAL_ERR_IO, FAL_ERR_FORMAT, NULL, &err);
}

static void wrong_text(void **state)
{
    (void)state;
    fal_error err = {.text = "text"};
    fal_check_fails(FAL_ERR_IO, FAL_ERR_IO, "other", &err);
}

static void failed_call(void **state)
{
    (void)state;
    fal_check_ok(FAL_ERR_IO, NULL);
}

static void test_bad_values_fail(void **state)
{
    (void)state;
    static body *const bodies[] = {one_element_off, nan_against_number, opposite_infinities, nothing,
                                   wrong_shape,     wrong_status,       wrong_text,          failed_call};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        if (failures_of(bodies[i]) != 1)
            fail_msg("check %zu passes what it should not", i);
}

static void test_good_values_pass(void **state)
{
    (void)state;
    fal_error err = {.text = "some text"};
    fal_check_close("within", ((float[]){1, 2.04f, INFINITY, NAN}), ((float[]){1, 2, INFINITY, NAN}), 4, 0.05, 0);
    fal_check_close("relative", ((float[]){1000.5f}), ((float[]){1000}), 1, 0, 1e-3);
    fal_check_fails(FAL_ERR_IO, FAL_ERR_IO, "some", &err);
    fal_check_ok(FAL_OK, &err);
    fal_check_shape("a", &((fal_npy){.rank = 1, .shape = {3}}), 1, ((size_t[]){3}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_values_fail),
        cmocka_unit_test(test_good_values_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
