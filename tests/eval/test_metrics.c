/* Metrics against scikit-learn's numbers: one score vector per trap (ties, constant, inverted, one class, infinite). */
#include "core/json.h"
#include "support/golden.h"
#include <falsetto/eval.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double TOLERANCE = 1e-10; /* the goldens' own: both sides compute in double */

typedef struct vector {
    const char *name;
    const fal_json *expected;
    fal_npy scores;
    uint8_t labels[512];
    size_t count;
} vector;

static vector load(const char *name, const fal_json *expected)
{
    vector v = {.name = name, .expected = expected};
    v.scores = fal_golden_npy_f64(fal_data_path("metrics/binary/%s_scores.npy", name));
    fal_npy labels = fal_golden_npy_f64(fal_data_path("metrics/binary/%s_labels.npy", name));
    v.count = v.scores.count;
    assert_int_equal(labels.count, v.count);
    assert_true(v.count <= sizeof v.labels);
    for (size_t i = 0; i < v.count; i++)
        v.labels[i] = (uint8_t)((const double *)labels.data)[i];
    fal_npy_free(&labels);
    return v;
}

/* Non-finite numbers are spelled out in the file; "error: ..." is our NaN: the metric has no value. */
static double expected_number(const fal_json *value)
{
    const char *text = fal_json_string(value, NULL);
    if (!text)
        return fal_json_real(value, NAN);
    return strncmp(text, "error", 5) == 0 ? NAN : strtod(text, NULL);
}

static void check_numbers(const vector *v)
{
    static const char *const names[] = {"auc", "ap", "eer", "eer_threshold", "accuracy", "log_loss", "brier"};
    enum { METRICS = sizeof names / sizeof *names };
    fal_metrics m;
    fal_error err = {0};
    fal_check_ok(fal_evaluate(v->scores.data, v->labels, v->count, &m, &err), &err);
    assert_int_equal(m.count, fal_json_int(fal_json_get(v->expected, "n"), -1));
    assert_int_equal(m.fakes, fal_json_int(fal_json_get(v->expected, "n_pos"), -1));
    assert_int_equal(m.reals, fal_json_int(fal_json_get(v->expected, "n_neg"), -1));
    const double got[METRICS] = {m.auc, m.ap, m.eer, m.eer_threshold, m.accuracy, m.log_loss, m.brier};
    for (int i = 0; i < METRICS; i++) {
        char title[96];
        double want = expected_number(fal_json_get(v->expected, names[i]));
        snprintf(title, sizeof title, "%s %s", v->name, names[i]);
        fal_check_close_f64(title, &got[i], &want, 1, TOLERANCE, 0);
    }
}

static void check_roc(const vector *v)
{
    const char *path = fal_data_path("metrics/binary/%s_roc.npy", v->name);
    fal_roc_point *points = NULL;
    size_t count = 0;
    fal_error err = {0};
    char title[96];
    if (access(path, R_OK) != 0)
        return; /* stored for five of the vectors */
    fal_npy want = fal_golden_npy_f64(path);
    fal_check_ok(fal_roc(v->scores.data, v->labels, v->count, &points, &count, &err), &err);
    fal_check_shape(v->name, &want, 2, ((size_t[]){count, 3}));
    snprintf(title, sizeof title, "%s roc", v->name);
    fal_check_close_f64(title, &points[0].fpr, want.data, 3 * count, TOLERANCE, 0);
    fal_roc_free(&points);
    assert_null(points);
    fal_npy_free(&want);
}

static void test_goldens(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    void *iter = NULL;
    const char *name;
    const fal_json *expected;
    int vectors = 0;
    fal_check_ok(fal_json_read(fal_data_path("metrics/binary/expected.json"), &json, &err), &err);
    while (fal_json_next(json, &iter, &name, &expected)) {
        vector v = load(name, expected);
        if (fal_json_get(expected, "error")) {
            fal_metrics m;
            fal_check_fails(fal_evaluate(v.scores.data, v.labels, v.count, &m, &err), FAL_ERR_ARGUMENT, "not a number",
                            &err);
        } else {
            check_numbers(&v);
            check_roc(&v);
        }
        fal_npy_free(&v.scores);
        vectors++;
    }
    fal_json_free(&json);
    print_message("%d score vectors compared\n", vectors);
    assert_true(vectors >= 20);
}

/* ---- what is refused, and what has no value ---- */

static void test_nan_is_named(void **state)
{
    (void)state;
    const double scores[] = {0.5, 1, NAN, NAN};
    const uint8_t labels[] = {0, 1, 0, 1};
    fal_metrics m = {.count = 77};
    fal_error err;
    fal_check_fails(fal_evaluate(scores, labels, 4, &m, &err), FAL_ERR_ARGUMENT, "score 3 of 4", &err);
    assert_int_equal(m.count, 77); /* untouched on failure */
}

static void test_bad_label_is_named(void **state)
{
    (void)state;
    const double scores[] = {0.5, 1};
    const uint8_t labels[] = {0, 2};
    fal_metrics m;
    fal_error err;
    fal_check_fails(fal_evaluate(scores, labels, 2, &m, &err), FAL_ERR_ARGUMENT, "label 2 of 2 is 2", &err);
}

static void test_empty(void **state)
{
    (void)state;
    fal_metrics m;
    fal_roc_point *points = NULL;
    size_t count;
    fal_error err;
    fal_check_fails(fal_evaluate(NULL, NULL, 0, &m, &err), FAL_ERR_ARGUMENT, "no scores", &err);
    fal_check_fails(fal_roc(NULL, NULL, 0, &points, &count, &err), FAL_ERR_ARGUMENT, "no scores", &err);
    assert_null(points);
}

static void test_single_class(void **state)
{
    (void)state;
    const double scores[] = {-1, 2, 3};
    const uint8_t fakes[] = {1, 1, 1}, reals[] = {0, 0, 0};
    fal_roc_point *points = NULL;
    size_t count;
    fal_metrics m;
    fal_error err = {0};
    fal_check_ok(fal_evaluate(scores, fakes, 3, &m, &err), &err);
    assert_true(isnan(m.auc) && isnan(m.eer) && m.ap == 1);
    assert_true(fabs(m.accuracy - 2.0 / 3) < 1e-15);
    fal_check_ok(fal_evaluate(scores, reals, 3, &m, &err), &err);
    assert_true(isnan(m.auc) && isnan(m.ap) && isnan(m.eer) && isfinite(m.brier));
    fal_check_fails(fal_roc(scores, fakes, 3, &points, &count, &err), FAL_ERR_ARGUMENT, "all 3 are fake", &err);
    fal_check_fails(fal_roc(scores, reals, 3, &points, &count, &err), FAL_ERR_ARGUMENT, "all 3 are real", &err);
}

static void test_infinite_scores_rank(void **state)
{
    (void)state;
    const double scores[] = {-INFINITY, 0, INFINITY, INFINITY};
    const uint8_t labels[] = {0, 0, 1, 1};
    fal_metrics m;
    fal_error err = {0};
    fal_check_ok(fal_evaluate(scores, labels, 4, &m, &err), &err);
    assert_true(m.auc == 1 && m.ap == 1 && m.eer == 0);
    assert_true(isnan(m.log_loss));
}

static void test_probability(void **state)
{
    (void)state;
    const double logits[] = {0, 1, -1, 400, -400, INFINITY, -INFINITY};
    const double want[] = {0.5, 1 / (1 + exp(-2.0)), 1 / (1 + exp(2.0)), 1, exp(-800.0), 1, 0};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        double got = fal_probability(logits[i]);
        fal_check_close_f64("probability", &got, &want[i], 1, 0, 1e-15);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_nan_is_named),
        cmocka_unit_test(test_bad_label_is_named),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_single_class),
        cmocka_unit_test(test_infinite_scores_rank),
        cmocka_unit_test(test_probability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
