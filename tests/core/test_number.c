#include "support/test.h"

#include "core/number.h"

#include <locale.h>
#include <math.h>

static void check_real(const char *text, double want)
{
    double got = -7;
    if (!fal_parse_real(text, &got))
        fail_msg("'%s' is refused, expected %.17g", text, want);
    if (!(got == want || (isnan(got) && isnan(want))))
        fail_msg("'%s' read as %.17g, expected %.17g", text, got, want);
}

static void check_refused(bool (*parse)(const char *, double *), const char *text)
{
    double got = -7;
    if (parse(text, &got))
        fail_msg("'%s' read as %.17g, expected to be refused", text, got);
    if (got != -7)
        fail_msg("'%s' is refused but changed the output to %.17g", text, got);
}

static const char *const junk[] = {"", " ", "\t", "1,5", "1.5,", "1 2", "1.5x", "x1.5", "--1", "1e", ".", "\n1", "1\n"};
enum { JUNK = sizeof junk / sizeof *junk };

static void test_numbers(void **state)
{
    (void)state;
    check_real("0", 0);
    check_real("-1.5", -1.5);
    check_real("+.25", .25);
    check_real("1e-3", 1e-3);
    check_real("0.1", 0.1);
    check_real("4.9406564584124654e-324", 0x1p-1074);
    check_real("1e-999", 0);
    check_real("\t 2.5 ", 2.5);
    check_real("inf", INFINITY);
    check_real("-inf", -INFINITY);
    check_real("nan", NAN);
    check_real("1e999", INFINITY);
    for (size_t i = 0; i < JUNK; i++)
        check_refused(fal_parse_real, junk[i]);
}

static void test_finite_numbers(void **state)
{
    (void)state;
    static const char *const endless[] = {"inf", "-infinity", "nan", "NAN", "1e999", "-1e309"};
    double value = 0;
    assert_true(fal_parse_finite("1.7976931348623157e308", &value));
    assert_true(value == 0x1.fffffffffffffp1023);
    for (size_t i = 0; i < sizeof endless / sizeof *endless; i++)
        check_refused(fal_parse_finite, endless[i]);
    for (size_t i = 0; i < JUNK; i++)
        check_refused(fal_parse_finite, junk[i]);
}

static void test_labels(void **state)
{
    (void)state;
    static const char *const reals[] = {"0", "0.0", "-0", " 0 "}, *const fakes[] = {"1", "1.0", "1e0", "+1"};
    static const char *const neither[] = {"", "2", "-1", "0.5", "real", "nan", "inf", "1,0", "0 1"};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        int real = -7, fake = -7;
        assert_true(fal_parse_label(reals[i], &real) && fal_parse_label(fakes[i], &fake));
        assert_int_equal(real, 0);
        assert_int_equal(fake, 1);
    }
    for (size_t i = 0; i < sizeof neither / sizeof *neither; i++) {
        int label = -7;
        if (fal_parse_label(neither[i], &label) || label != -7)
            fail_msg("label '%s' read as %d, expected to be refused", neither[i], label);
    }
}

/* Both ways in which a program can have a decimal comma: its own locale, and that of the thread. */
static void test_a_comma_locale_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "sv_SE.UTF-8"};
    locale_t comma = (locale_t)0;
    size_t i = 0;
    while (!comma && i < sizeof names / sizeof *names)
        comma = newlocale(LC_ALL_MASK, names[i++], (locale_t)0);
    if (!comma) {
        print_message("skipped: no locale with a decimal comma is installed\n");
        skip();
    }
    locale_t before = uselocale(comma);
    check_real("-1234.5", -1234.5);
    check_refused(fal_parse_real, "1,5");
    uselocale(before);
    freelocale(comma);
    assert_non_null(setlocale(LC_ALL, names[i - 1]));
    check_real("-1234.5", -1234.5);
    check_refused(fal_parse_real, "1,5");
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_finite_numbers),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_a_comma_locale_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
