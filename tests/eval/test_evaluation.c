/* Everything at once must be what the parts say; thresholds for other clips; calibration bins. */
#include "core/json.h"
#include "support/alloc_fail.h"
#include "support/golden.h"
#include <falsetto/compare.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CLIPS = 512 };

typedef struct vector {
    fal_npy scores;
    uint8_t labels[MAX_CLIPS];
    size_t count;
} vector;

static vector load(const char *name)
{
    vector v = {.scores = fal_golden_npy_f64(fal_data_path("metrics/binary/%s_scores.npy", name))};
    fal_npy labels = fal_golden_npy_f64(fal_data_path("metrics/binary/%s_labels.npy", name));
    v.count = v.scores.count;
    assert_true(v.count <= MAX_CLIPS && labels.count == v.count);
    for (size_t i = 0; i < v.count; i++)
        v.labels[i] = ((const double *)labels.data)[i] != 0;
    fal_npy_free(&labels);
    return v;
}

static void same(const char *name, double got, double want)
{
    if (!(got == want || (isnan(got) && isnan(want))))
        fail_msg("%s: got %.17g, want %.17g", name, got, want);
}

/* ---- the parts ---- */

static void check_operating_points(const vector *v, const fal_evaluation *e)
{
    fal_roc_point *points = NULL;
    size_t n = 0;
    fal_error err = {0};
    fal_check_ok(fal_roc(v->scores.data, v->labels, v->count, &points, &n, &err), &err);
    same("TPR at 1 %", e->tpr_at_fpr_1, fal_tpr_at_fpr(points, n, 0.01));
    same("TPR at 5 %", e->tpr_at_fpr_5, fal_tpr_at_fpr(points, n, 0.05));
    same("TPR at 10 %", e->tpr_at_fpr_10, fal_tpr_at_fpr(points, n, 0.1));
    fal_roc_free(&points);
}

static void check_intervals(const vector *v, const fal_evaluation *e)
{
    const double *const scores[] = {v->scores.data};
    const fal_bootstrap_options how = {.resamples = 200};
    double auc, variance;
    fal_interval bootstrap;
    fal_error err = {0};
    fal_check_ok(fal_delong(scores, 1, v->labels, v->count, &auc, &variance, &err), &err);
    fal_check_close_f64("variance of the AUC", &e->auc_variance, &variance, 1, 1e-15, 1e-10);
    fal_check_ok(fal_bootstrap_auc(v->scores.data, v->labels, v->count, &how, &bootstrap, &err), &err);
    same("bootstrap, low", e->bootstrap.low, bootstrap.low);
    same("bootstrap, high", e->bootstrap.high, bootstrap.high);
    assert_int_equal(e->resamples, 200);
}

static void check_vector(const char *name)
{
    vector v = load(name);
    fal_metrics m;
    fal_evaluation e;
    fal_confusion c;
    fal_error err = {0};
    double ece, mce;
    const fal_evaluation_options how = {.bins = 15, .resamples = 200, .has_threshold = true, .threshold = 0.25};
    fal_check_ok(fal_evaluate_fully(v.scores.data, v.labels, v.count, &how, &e, &err), &err);
    fal_check_ok(fal_evaluate(v.scores.data, v.labels, v.count, &m, &err), &err);
    fal_check_ok(fal_calibration_error(v.scores.data, v.labels, v.count, 15, &ece, &mce, &err), &err);
    const double got[] = {e.metrics.auc,   e.metrics.ap, e.metrics.eer, e.metrics.log_loss,
                          e.metrics.brier, e.ece,        e.mce};
    const double want[] = {m.auc, m.ap, m.eer, m.log_loss, m.brier, ece, mce};
    for (size_t i = 0; i < sizeof got / sizeof *got; i++)
        same(name, got[i], want[i]);
    fal_confusion_at(v.scores.data, v.labels, v.count, 0.25, &c);
    assert_memory_equal(&c.true_positives, &e.at_threshold.true_positives, 4 * sizeof(size_t));
    if (m.fakes && m.reals) {
        check_operating_points(&v, &e);
        check_intervals(&v, &e);
    } else {
        assert_true(isnan(e.tpr_at_fpr_1) && isnan(e.delong.low) && isnan(e.bootstrap.low) && e.resamples == 0);
    }
    fal_npy_free(&v.scores);
}

static void test_agrees_with_its_parts(void **state)
{
    (void)state;
    static const char *const names[] = {"balanced",     "ties_heavy",   "constant",   "perfect",
                                        "inverted",     "one_positive", "imbalanced", "all_positive",
                                        "all_negative", "one_negative", "two",        "large_scores"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check_vector(names[i]);
}

static void test_refuses(void **state)
{
    (void)state;
    const double bad[] = {0, NAN};
    const uint8_t labels[] = {0, 1};
    fal_evaluation e;
    fal_error err;
    fal_check_fails(fal_evaluate_fully(bad, labels, 0, NULL, &e, &err), FAL_ERR_ARGUMENT, "no scores", &err);
    fal_check_fails(fal_evaluate_fully(bad, labels, 2, NULL, &e, &err), FAL_ERR_ARGUMENT, "score 2 of 2", &err);
}

/* ---- thresholds ---- */

static void test_thresholds(void **state)
{
    (void)state;
    const double scores[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const uint8_t labels[] = {0, 0, 0, 1, 0, 1, 1, 1}, fakes[] = {1, 1, 1, 1, 1, 1, 1, 1};
    double threshold = -1;
    fal_error err = {0};
    fal_check_ok(fal_choose_threshold(scores, labels, 8, FAL_THRESHOLD_YOUDEN, &threshold, &err), &err);
    same("Youden", threshold, 5); /* 0.75 - 0, as good as 1 - 0.25 at 3: the higher one */
    fal_check_ok(fal_choose_threshold(scores, labels, 8, FAL_THRESHOLD_EER, &threshold, &err), &err);
    same("equal error rate", threshold, 4); /* 0.25 and 0.25 */
    fal_check_fails(fal_choose_threshold(scores, fakes, 8, FAL_THRESHOLD_EER, &threshold, &err), FAL_ERR_ARGUMENT,
                    "all 8 are fake", &err);
}

/* ---- calibration ---- */

static void test_reliability(void **state)
{
    (void)state;
    const double scores[] = {-INFINITY, 0, 0.01, INFINITY};
    const uint8_t labels[] = {0, 1, 0, 1};
    fal_reliability_bin bins[4];
    fal_error err = {0};
    fal_check_ok(fal_reliability(scores, labels, 4, 4, bins, &err), &err);
    assert_true(bins[0].count == 1 && bins[1].count == 0 && bins[2].count == 2 && bins[3].count == 1);
    same("mean P", bins[3].probability, 1);
    same("share of fakes", bins[2].fakes, 0.5);
    same("an empty bin", bins[1].probability, 0);
    fal_check_fails(fal_reliability(scores, labels, 4, 0, bins, &err), FAL_ERR_ARGUMENT, "at least one bin", &err);
}

static void test_fused_scores(void **state)
{
    (void)state;
    const double a[] = {0.5, 400, -400}, b[] = {-1, 400, -400};
    const double *const both[] = {a, b};
    double mean[3], scores[3];
    fal_fuse(both, 2, 3, FAL_FUSE_PROBABILITIES, mean);
    fal_fuse_to_scores(both, 2, 3, FAL_FUSE_PROBABILITIES, scores);
    double back = fal_probability(scores[0]);
    fal_check_close_f64("P of the fused score", &back, &mean[0], 1, 1e-15, 0);
    assert_true(scores[1] == INFINITY && scores[2] < -300);
    fal_fuse_to_scores(both, 2, 3, FAL_FUSE_SCORES, scores);
    same("mean of scores", scores[0], -0.25);
}

static fal_status all_of_it(void *user, fal_error *err)
{
    (void)user;
    static const double scores[] = {0, 1, 2, 3};
    static const uint8_t labels[] = {0, 1, 0, 1};
    const fal_evaluation_options how = {.resamples = 10};
    fal_evaluation e;
    double threshold;
    fal_status st = fal_evaluate_fully(scores, labels, 4, &how, &e, err);
    return st == FAL_OK ? fal_choose_threshold(scores, labels, 4, FAL_THRESHOLD_EER, &threshold, err) : st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("evaluation", all_of_it, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_its_parts),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_reliability),
        cmocka_unit_test(test_fused_scores),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
