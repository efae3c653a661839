#include "support/test.h"

#include "core/alloc.h"
#include "core/str.h"

#include <stdio.h>
#include <string.h>

static void check_owned(char *got, const char *want)
{
    assert_non_null(got);
    assert_string_equal(got, want);
    fal_free(got);
}

static void test_prefix_suffix_equality(void **state)
{
    (void)state;
    assert_true(fal_str_starts("blocks.3", "blocks."));
    assert_false(fal_str_starts("bl", "blocks."));
    assert_true(fal_str_ends("a.npz", ".npz"));
    assert_false(fal_str_ends("npz", ".npz"));
    assert_true(fal_str_eq(NULL, NULL));
    assert_false(fal_str_eq("a", NULL));
    assert_true(fal_str_eq("a", "a"));
}

static void test_glob(void **state)
{
    (void)state;
    static const struct { const char *pattern, *text; bool match; } cases[] = {
        {"*", "", true}, {"*", "abc", true}, {"?", "", false}, {"a?c", "abc", true}, {"a*c", "ac", true},
        {"a*c", "abcbc", true}, {"a*c", "abcb", false}, {"*.weight", "enc.0.weight", true}, {"**a**", "a", true},
        {"", "", true}, {"", "a", false}, {"a*b*c", "a-b-b-c", true}, {"*ab", "aab", true}, {"[a]", "a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (fal_str_glob(cases[i].pattern, cases[i].text) != cases[i].match)
            fail_msg("glob \"%s\" on \"%s\": want %d", cases[i].pattern, cases[i].text, cases[i].match);
    /* A pattern that costs exponential time with naive backtracking. */
    char text[2001];
    memset(text, 'a', 2000);
    text[2000] = '\0';
    assert_false(fal_str_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", text));
}

static void test_paths(void **state)
{
    (void)state;
    check_owned(fal_path_join("a", "b"), "a/b");
    check_owned(fal_path_join("a/", "b"), "a/b");
    check_owned(fal_path_join("a", "/b"), "/b");
    check_owned(fal_path_join("", "b"), "b");
    check_owned(fal_path_dir("a/b.c"), "a");
    check_owned(fal_path_dir("b.c"), ".");
    check_owned(fal_path_dir("/b"), "/");
    check_owned(fal_path_dir("a//b"), "a");
    assert_string_equal(fal_path_base("a/b.c"), "b.c");
    assert_string_equal(fal_path_base("b.c"), "b.c");
    check_owned(fal_path_with_ext("a/b.mp4", ".npz"), "a/b.npz");
    check_owned(fal_path_with_ext("a.d/b", ".npz"), "a.d/b.npz");
    check_owned(fal_path_with_ext("a/.hidden", ".npz"), "a/.hidden.npz");
    check_owned(fal_path_with_ext("a/b.tar.gz", ".x"), "a/b.tar.x");
}

static void test_what_is_there(void **state)
{
    (void)state;
    const char *file = fal_temp_path("file");
    fclose(fopen(file, "w"));
    assert_true(fal_path_exists(file));
    assert_false(fal_path_is_dir(file));
    assert_true(fal_path_is_dir(fal_temp_path(".")));
    assert_false(fal_path_exists(fal_temp_path("missing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prefix_suffix_equality),
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
