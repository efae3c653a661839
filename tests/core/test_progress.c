#include "support/test.h"

#include "core/progress.h"

#include <string.h>

static void check(const char *want, int width, const char *what, double done, double total, double elapsed_s)
{
    char got[256];
    fal_progress_format(got, sizeof got, width, what, done, total, elapsed_s);
    assert_string_equal(got, want);
}

static void test_text(void **state)
{
    (void)state;
    check("encoding  [#####-----]   50%  5.0/s  0:10 left", 46, "encoding", 50, 100, 10);
    check("encoding  [##########]  100%  10.0/s  0:00 left", 47, "encoding", 100, 100, 10);
    check("x  [-----]    0%", 16, "x", 0, 100, 10);
    check("x   99%  0.00/s  1:01:01 left", 29, "x", 99, 100, 3661 * 99);
    check("x   50%  0.03", 13, "x", 99, 198, 3661);
    check("decoding  7  3.5/s  0:02", 80, "decoding", 7, 0, 2);
    check("decoding  0", 80, "decoding", 0, 0, 2);
}

static void test_never_wider_than_asked(void **state)
{
    (void)state;
    static const double amounts[] = {-1, 0, 0.5, 3, 1e9, 1e300};
    for (int width = 0; width < 200; width += 7)
        for (int i = 0; i < 36; i++) {
            char got[300];
            fal_progress_format(got, sizeof got, width, "encoding", amounts[i / 6], amounts[i % 6], 3);
            assert_true((int)strlen(got) <= width);
            fal_progress_format(got, 10, width, "encoding", amounts[i / 6], amounts[i % 6], 0);
            assert_true(strlen(got) < 10);
        }
}

static void count_call(void *user, const char *what, double done, double total)
{
    assert_string_equal(what, "a");
    assert_true(done == 1 && total == 2);
    ++*(int *)user;
}

static void test_report_without_a_listener(void **state)
{
    (void)state;
    int calls = 0;
    fal_progress progress = {.report = count_call, .user = &calls};
    fal_progress_report(&progress, "a", 1, 2);
    fal_progress_report(&(fal_progress){0}, "a", 1, 2);
    fal_progress_report(NULL, "a", 1, 2);
    assert_int_equal(calls, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_never_wider_than_asked),
        cmocka_unit_test(test_report_without_a_listener),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
