#include "support/test.h"

#include "core/status.h"

#include <errno.h>
#include <string.h>

static void test_every_status_has_a_name(void **state)
{
    (void)state;
    for (fal_status a = FAL_OK; a <= FAL_ERR_INTERNAL; a++) {
        assert_string_not_equal(fal_status_name(a), "unknown");
        for (fal_status b = FAL_OK; b < a; b++)
            assert_string_not_equal(fal_status_name(a), fal_status_name(b));
    }
    assert_string_equal(fal_status_name((fal_status)1000), "unknown");
    assert_string_equal(fal_status_name((fal_status)-1), "unknown");
}

static void test_text_is_filled_and_prefixed(void **state)
{
    (void)state;
    fal_error err = {0};
    assert_int_equal(fal_fail(&err, FAL_ERR_FORMAT, "found %d", 3), FAL_ERR_FORMAT);
    assert_int_equal(err.code, FAL_ERR_FORMAT);
    fal_error_prefix(&err, "clip %s", "a.mp4");
    assert_string_equal(err.text, "clip a.mp4: found 3");
    errno = ENOENT;
    assert_int_equal(fal_fail_errno(&err, "x"), FAL_ERR_IO);
    assert_string_equal(err.text, "x: No such file or directory");
    assert_int_equal(fal_fail(NULL, FAL_ERR_MEMORY, "nobody reads this"), FAL_ERR_MEMORY);
    fal_error_prefix(NULL, "nor this");
}

static void test_long_text_is_cut(void **state)
{
    (void)state;
    char text[3 * FAL_ERROR_TEXT];
    fal_error err = {0};
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    fal_fail(&err, FAL_ERR_IO, "%s", text);
    assert_int_equal(strlen(err.text), FAL_ERROR_TEXT - 1);
    fal_error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.text), FAL_ERROR_TEXT - 1);
    errno = EACCES;
    fal_fail_errno(&err, "%s", text);
    assert_int_equal(strlen(err.text), FAL_ERROR_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_a_name),
        cmocka_unit_test(test_text_is_filled_and_prefixed),
        cmocka_unit_test(test_long_text_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
