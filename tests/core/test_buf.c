#include "support/test.h"

#include "core/alloc.h"
#include "core/buf.h"

#include <string.h>

static void test_grows_and_terminates(void **state)
{
    (void)state;
    fal_buf buf = {0};
    for (int i = 0; i < 1000; i++)
        fal_buf_printf(&buf, "%d,", i);
    assert_false(buf.failed);
    assert_int_equal(buf.length, 10 * 2 + 90 * 3 + 900 * 4);
    assert_int_equal(strlen(buf.data), buf.length);
    assert_string_equal(buf.data + buf.length - 8, "998,999,");
    fal_buf_clear(&buf);
    assert_string_equal(buf.data, "");
    fal_buf_puts(&buf, "x");
    fal_buf_append(&buf, "\0y", 2);
    assert_int_equal(buf.length, 3);
    assert_memory_equal(buf.data, "x\0y", 4);
    fal_buf_free(&buf);
    assert_null(buf.data);
}

static void test_failure_sticks_and_keeps_what_was_there(void **state)
{
    (void)state;
#ifndef FAL_ALLOC_FAIL
    print_message("skipped: allocation failure is not injected in this build\n");
    skip();
#endif
    fal_buf buf = {0};
    char block[100] = {0};
    fal_buf_puts(&buf, "kept");
    fal_alloc_fail_after(0);
    fal_buf_append(&buf, block, sizeof block);
    fal_alloc_fail_after(-1);
    assert_true(buf.failed);
    fal_buf_puts(&buf, "more");
    assert_string_equal(buf.data, "kept");
    fal_buf_free(&buf);
}

static void test_sizes_that_wrap_are_refused(void **state)
{
    (void)state;
    fal_buf buf = {0};
    fal_buf_puts(&buf, "ab");
    fal_buf_append(&buf, "", SIZE_MAX - 1);
    assert_true(buf.failed);
    assert_string_equal(buf.data, "ab");
    fal_buf_free(&buf);
    assert_null(fal_malloc_array(SIZE_MAX / 2, 3));
    assert_null(fal_calloc(SIZE_MAX / 2, 3));
}

static void test_allocations_are_aligned(void **state)
{
    (void)state;
    for (size_t n = 0; n < 200; n += 7) {
        void *p = fal_malloc(n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        fal_free(p);
    }
    char *text = fal_asprintf("%s-%d", "a", 5);
    assert_string_equal(text, "a-5");
    text = fal_realloc(text, 4, 100);
    assert_string_equal(text, "a-5");
    fal_release(&text);
    assert_null(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_and_terminates),
        cmocka_unit_test(test_failure_sticks_and_keeps_what_was_there),
        cmocka_unit_test(test_sizes_that_wrap_are_refused),
        cmocka_unit_test(test_allocations_are_aligned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
