/* Operating points, calibration errors and the bootstrap against reference numbers and known shapes. */
#include "core/json.h"
#include "core/rng.h"
#include "support/golden.h"
#include <falsetto/compare.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLIPS = 512 };

typedef struct vector {
    const char *name;
    const fal_json *expected;
    double scores[CLIPS];
    uint8_t labels[CLIPS];
    size_t count;
} vector;

static void load(const char *name, const fal_json *expected, vector *v)
{
    fal_npy scores = fal_golden_npy_f64(fal_data_path("metrics/binary/%s_scores.npy", name));
    fal_npy labels = fal_golden_npy_f64(fal_data_path("metrics/binary/%s_labels.npy", name));
    *v = (vector){.name = name, .expected = expected, .count = scores.count};
    assert_true(v->count <= CLIPS && labels.count == v->count);
    memcpy(v->scores, scores.data, v->count * sizeof *v->scores);
    for (size_t i = 0; i < v->count; i++)
        v->labels[i] = (uint8_t)((const double *)labels.data)[i];
    fal_npy_free(&scores);
    fal_npy_free(&labels);
}

/* Compares where the reference has a number; returns 1 if it had. */
static int check(const vector *v, const char *metric, double got)
{
    char title[96];
    const fal_json *value = fal_json_get(v->expected, metric);
    const char *text = fal_json_string(value, NULL);
    if (!value || (text && strncmp(text, "error", 5) == 0))
        return 0;
    double want = text ? strtod(text, NULL) : fal_json_real(value, NAN);
    snprintf(title, sizeof title, "%s %s", v->name, metric);
    fal_check_close_f64(title, &got, &want, 1, 1e-10, 0);
    return 1;
}

static int check_points(const vector *v)
{
    static const double rates[] = {0, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5}, hits[] = {0.8, 0.9, 0.95, 1};
    fal_roc_point *points = NULL;
    size_t count = 0;
    char metric[64];
    int compared = 0;
    if (fal_roc(v->scores, v->labels, v->count, &points, &count, NULL) != FAL_OK)
        return 0; /* a single class */
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        snprintf(metric, sizeof metric, "tpr_at_fpr_%g", rates[i]);
        compared += check(v, metric, fal_tpr_at_fpr(points, count, rates[i]));
        snprintf(metric, sizeof metric, "tpr_at_fpr_interp_%g", rates[i]);
        compared += check(v, metric, fal_tpr_at_fpr_interpolated(points, count, rates[i]));
    }
    for (size_t i = 0; i < sizeof hits / sizeof *hits; i++) {
        snprintf(metric, sizeof metric, "fpr_at_tpr_%g", hits[i]);
        compared += check(v, metric, fal_fpr_at_tpr(points, count, hits[i]));
    }
    fal_roc_free(&points);
    return compared;
}

static int check_confusion(const vector *v)
{
    fal_confusion c;
    fal_confusion_at(v->scores, v->labels, v->count, 0, &c);
    return check(v, "tp", (double)c.true_positives) + check(v, "fp", (double)c.false_positives) +
           check(v, "fn", (double)c.false_negatives) + check(v, "tn", (double)c.true_negatives) +
           check(v, "accuracy", c.accuracy) + check(v, "precision", c.precision) + check(v, "recall", c.recall) +
           check(v, "f1", c.f1) + check(v, "balanced_accuracy", c.balanced_accuracy);
}

static int check_calibration(const vector *v)
{
    static const int bins[] = {10, 15};
    char metric[32];
    int compared = 0;
    for (size_t i = 0; i < 2; i++) {
        double ece = NAN, mce = NAN;
        fal_error err = {0};
        fal_check_ok(fal_calibration_error(v->scores, v->labels, v->count, bins[i], &ece, &mce, &err), &err);
        snprintf(metric, sizeof metric, "ece_%d", bins[i]);
        compared += check(v, metric, ece);
        snprintf(metric, sizeof metric, "mce_%d", bins[i]);
        compared += check(v, metric, mce);
    }
    return compared;
}

static void test_goldens(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    void *iter = NULL;
    const char *name;
    const fal_json *expected;
    static vector v;
    int compared = 0;
    fal_check_ok(fal_json_read(fal_data_path("metrics/binary/expected.json"), &json, &err), &err);
    while (fal_json_next(json, &iter, &name, &expected)) {
        load(name, expected, &v);
        if (!fal_json_get(expected, "error"))
            compared += check_points(&v) + check_confusion(&v) + check_calibration(&v);
    }
    fal_json_free(&json);
    print_message("%d numbers compared\n", compared);
    assert_true(compared > 400);
}

static void test_best_threshold(void **state)
{
    (void)state;
    const double scores[] = {-3, -1, 0.5, 1, 2};
    const uint8_t labels[] = {0, 0, 1, 0, 1};
    fal_roc_point *points = NULL;
    size_t count = 0;
    fal_error err = {0};
    fal_check_ok(fal_roc(scores, labels, 5, &points, &count, &err), &err);
    assert_true(fal_best_threshold(points, count) == 0.5); /* both fakes, one of three reals */
    fal_roc_free(&points);
}

/* On many clips the bootstrap's interval must lie where DeLong's is. */
static void test_bootstrap(void **state)
{
    (void)state;
    static double scores[400];
    static uint8_t labels[400];
    const double *const one[] = {scores};
    double auc, variance;
    fal_interval a, b, c;
    fal_error err = {0};
    fal_rng rng = fal_rng_make(7, 0);
    for (int i = 0; i < 400; i++) {
        labels[i] = i % 3 == 0;
        scores[i] = fal_rng_normal(&rng) + labels[i];
    }
    fal_check_ok(fal_bootstrap_auc(scores, labels, 400, NULL, &a, &err), &err);
    fal_check_ok(fal_bootstrap_auc(scores, labels, 400, &(fal_bootstrap_options){.seed = 1}, &b, &err), &err);
    assert_memory_equal(&a, &b, sizeof a); /* seeded */
    fal_check_ok(fal_bootstrap_auc(scores, labels, 400, &(fal_bootstrap_options){.seed = 2, .level = 0.5}, &c, &err),
                 &err);
    assert_true(c.low > a.low && c.high < a.high);
    fal_check_ok(fal_delong(one, 1, labels, 400, &auc, &variance, &err), &err);
    fal_interval delong = fal_auc_interval(auc, variance, FAL_INTERVAL_NORMAL);
    const double got[] = {a.low, a.high}, want[] = {delong.low, delong.high};
    fal_check_close_f64("bootstrap and DeLong", got, want, 2, 0.01, 0);
}

static void test_refused(void **state)
{
    (void)state;
    const double scores[] = {1, NAN};
    const uint8_t labels[] = {1, 1};
    double ece = 5, mce = 5;
    fal_interval interval;
    fal_error err;
    fal_check_fails(fal_calibration_error(scores, labels, 2, 10, &ece, &mce, &err), FAL_ERR_ARGUMENT, "score 2", &err);
    fal_check_fails(fal_calibration_error(scores, labels, 1, 0, &ece, &mce, &err), FAL_ERR_ARGUMENT, "bin", &err);
    assert_true(ece == 5 && mce == 5);
    fal_check_fails(fal_bootstrap_auc(scores, labels, 1, NULL, &interval, &err), FAL_ERR_ARGUMENT, "all are fake", &err);
    fal_check_fails(fal_bootstrap_auc(scores, labels, 0, NULL, &interval, &err), FAL_ERR_ARGUMENT, "needs scores", &err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),
        cmocka_unit_test(test_best_threshold),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
