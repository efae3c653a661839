#include "support/test.h"

#include "core/suggest.h"

static const char *name_at(size_t index)
{
    static const char *const names[] = {"wav2vec2", "wav2vec2-base", "hubert", "avhubert", "clip"};
    return names[index];
}

static void check(const char *wanted, const char *want)
{
    fal_buf out = {0};
    fal_suggest(wanted, 5, name_at, &out);
    assert_string_equal(out.data ? out.data : "", want);
    fal_buf_free(&out);
}

static void test_suggestions(void **state)
{
    (void)state;
    check("clip", "; did you mean clip?");
    check("CLPI", "; did you mean clip?");
    check("wav2vec2-bsae", "; did you mean wav2vec2-base?");
    check("wav", "; did you mean wav2vec2 or wav2vec2-base?"); /* a beginning is near */
    check("ahubert", "; did you mean hubert or avhubert?");
    check("nothing like it", "");
    check("", "");
    check("a name that is longer than any name is and would not fit into a row of the table of distances", "");
}

static void test_few_and_nearest_first(void **state)
{
    (void)state;
    fal_buf out = {0};
    fal_suggest("hubert", 5, name_at, &out);
    assert_string_equal(out.data, "; did you mean hubert or avhubert?");
    fal_buf_clear(&out);
    fal_suggest("hubert", 0, name_at, &out);
    assert_int_equal(out.length, 0);
    fal_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suggestions),
        cmocka_unit_test(test_few_and_nearest_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
