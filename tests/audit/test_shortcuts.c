/* The statistics behind the findings, on made-up facts. */
#include "audit/detector.h"
#include "audit/shortcuts.h"
#include "core/rng.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Reference values: scipy.stats.chi2.sf. */
static void test_chi_square(void **state)
{
    (void)state;
    const struct {
        double x, freedom, p;
    } cases[] = {{3.841458820694124, 1, 0.05}, {0.5, 1, 0.4795001221869535},       {30, 20, 0.06985366069940986},
                 {10, 40, 0.999999654786418},  {200, 100, 1.1784500720979781e-08}, {1e-3, 2, 0.9995001249791693}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double p = fal_chi_square_p(cases[i].x, cases[i].freedom);
        fal_check_close_f64("chi-square tail", &p, &cases[i].p, 1, 1e-14, 1e-9);
    }
    assert_true(fal_chi_square_p(0, 3) == 1 && fal_chi_square_p(5, 0) == 1);
}

/* scipy.stats.mannwhitneyu(method='asymptotic', use_continuity=False). */
static void test_detector(void **state)
{
    (void)state;
    const double scores[] = {1, 2, 2, 3, 5, 2, 4, 4, 6, 7, 8};
    const uint8_t labels[] = {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1};
    fal_detector_power power;
    fal_error err = {0};
    fal_check_ok(fal_detector_measure(scores, labels, 11, &power, &err), &err);
    double want[] = {25.0 / 30, 0.06476896969888761}, got[] = {power.auc, power.p};
    fal_check_close_f64("AUC and p", got, want, 2, 0, 1e-9);
    const double same[] = {3, 3, 3, 3};
    const uint8_t both[] = {0, 0, 1, 1};
    fal_check_ok(fal_detector_measure(same, both, 4, &power, &err), &err);
    assert_true(power.auc == 0.5 && power.p == 1);
}

/* ---- facts of files that were never there ---- */

enum { FILES = 60 };

typedef struct made_up {
    fal_audit_file files[FILES];
    int labels[FILES];
    fal_collection collection;
    fal_audit_fact facts[FAL_AUDIT_FACTS];
} made_up;

static void begin(made_up *m)
{
    memset(m, 0, sizeof *m);
    m->collection = (fal_collection){.files = m->files, .file_count = FILES};
    for (int i = 0; i < FILES; i++) {
        m->labels[i] = i % 2;
        m->files[i].measured = true;
        for (int f = 0; f < FAL_NUMBER_FACTS; f++)
            m->files[i].facts.numbers[f] = NAN;
    }
}

static const fal_audit_fact *find(made_up *m, int which)
{
    fal_error err = {0};
    fal_check_ok(fal_shortcuts_find(&m->collection, m->labels, m->facts, &err), &err);
    const fal_audit_fact *f = &m->facts[which];
    print_message("  %s: AUC %.3f [%.3f, %.3f] V %.3f p %.3g Holm %.3g %s\n", f->name, f->auc, f->interval.low,
                  f->interval.high, f->cramers_v, f->p, f->p_holm, fal_audit_severity_name(f->severity));
    return f;
}

static void test_perfect_number(void **state)
{
    (void)state;
    static made_up m;
    begin(&m);
    for (int i = 0; i < FILES; i++)
        m.files[i].facts.numbers[FAL_FACT_DURATION] = m.labels[i] ? 3 + i : 1000 + i;
    const fal_audit_fact *f = find(&m, FAL_FACT_DURATION);
    assert_true(f->auc == 1 && !f->higher_is_fake);
    assert_true(f->interval.high == 1 && fabs(f->interval.low - pow(0.025, 1.0 / 30)) < 1e-12);
    assert_int_equal(f->severity, FAL_AUDIT_SEVERE);
    assert_true(f->fake_median == 3 + 30 && f->real_median == 1000 + 29); /* means of the two in the middle */
    assert_true(isnan(m.facts[FAL_FACT_PEAK].auc));
}

static void test_codec_of_fakes(void **state)
{
    (void)state;
    static made_up m;
    begin(&m);
    for (int i = 0; i < FILES; i++)
        strcpy(m.files[i].facts.texts[FAL_FACT_VIDEO_CODEC], m.labels[i] && i > 10 ? "hevc" : "h264");
    const fal_audit_fact *f = find(&m, FAL_NUMBER_FACTS + FAL_FACT_VIDEO_CODEC);
    assert_true(f->auc > 0.85 && f->auc < 0.97);
    assert_string_equal(f->fake_value, "hevc");
    assert_string_equal(f->real_value, "h264");
    assert_int_equal(f->values, 2);
    assert_int_equal(f->severity, FAL_AUDIT_SEVERE);
}

/* Names that occur once separate the classes perfectly if they may vouch for themselves. */
static void test_unique_names_are_no_shortcut(void **state)
{
    (void)state;
    static made_up m;
    begin(&m);
    for (int i = 0; i < FILES; i++)
        snprintf(m.files[i].facts.texts[FAL_FACT_RESOLUTION], FAL_FACT_TEXT, "%dx%d", 100 + i, 200 + i);
    const fal_audit_fact *f = find(&m, FAL_NUMBER_FACTS + FAL_FACT_RESOLUTION);
    assert_true(fabs(f->auc - 0.5) < 1e-12);
    assert_int_equal(f->severity, FAL_AUDIT_CLEAR);
}

static void fill_with_noise(made_up *m, uint64_t seed)
{
    fal_rng rng = fal_rng_make(seed, 0);
    begin(m);
    for (int i = 0; i < FILES; i++) {
        for (int f = 0; f < FAL_NUMBER_FACTS; f++)
            m->files[i].facts.numbers[f] = fal_rng_normal(&rng);
        for (int f = 0; f < FAL_TEXT_FACTS; f++)
            m->files[i].facts.texts[f][0] = (char)('a' + fal_rng_index(&rng, 3));
    }
}

/* Noise in all 20 facts: with Holm's correction at most 5 of 100 datasets may show anything; without it 64 would. */
static void test_noise_finds_nothing(void **state)
{
    (void)state;
    enum { DATASETS = 300 };
    static made_up m;
    fal_error err = {0};
    size_t with_findings = 0;
    for (int d = 0; d < DATASETS; d++) {
        bool any = false;
        fill_with_noise(&m, (uint64_t)d);
        fal_check_ok(fal_shortcuts_find(&m.collection, m.labels, m.facts, &err), &err);
        for (size_t i = 0; i < FAL_AUDIT_FACTS; i++) {
            assert_true(m.facts[i].p_holm >= m.facts[i].p);
            any = any || m.facts[i].severity != FAL_AUDIT_CLEAR;
        }
        with_findings += any;
    }
    print_message("  findings in %zu of %d datasets of noise\n", with_findings, (int)DATASETS);
    assert_in_range(with_findings, 0, 24); /* 15 expected at most, standard deviation 3.8 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chi_square),
        cmocka_unit_test(test_detector),
        cmocka_unit_test(test_perfect_number),
        cmocka_unit_test(test_codec_of_fakes),
        cmocka_unit_test(test_unique_names_are_no_shortcut),
        cmocka_unit_test(test_noise_finds_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
