/* DeLong, correlation and fusion against reference numbers, and the cases without a value. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/sort.h"
#include "support/golden.h"
#include <falsetto/compare.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 5, CLIPS = 512 };

/* Non-finite numbers are spelled out. */
static double number(const fal_json *value)
{
    const char *text = fal_json_string(value, NULL);
    return text ? strtod(strncmp(text, "error", 5) ? text : "nan", NULL) : fal_json_real(value, NAN);
}

static void check(const char *name, double got, const fal_json *want, double atol, double rtol)
{
    double expected = number(want);
    assert_non_null(want);
    fal_check_close_f64(name, &got, &expected, 1, atol, rtol);
}

/* ---- DeLong ---- */

static void check_interval(const char *name, const fal_json *want, fal_interval got)
{
    if (!want) { /* the reference has none there */
        assert_true(isnan(got.low) && isnan(got.high));
        return;
    }
    check(name, got.low, fal_json_at(want, 0), 1e-10, 0);
    check(name, got.high, fal_json_at(want, 1), 1e-10, 0);
}

static void check_models(const char *name, const fal_json *want, const double *auc, const double *cov, size_t models)
{
    for (size_t k = 0; k < models; k++) {
        const fal_json *model = fal_json_at(fal_json_get(want, "models"), k);
        double variance = cov[k * models + k];
        check(name, auc[k], fal_json_get(model, "auc"), 1e-10, 0);
        check_interval(name, fal_json_get(model, "ci95_normal"),
                       fal_auc_interval(auc[k], variance, FAL_INTERVAL_NORMAL));
        check_interval(name, fal_json_get(model, "ci95_logit"), fal_auc_interval(auc[k], variance, FAL_INTERVAL_LOGIT));
        for (size_t c = 0; c < models; c++)
            check(name, cov[k * models + c], fal_json_at(fal_json_at(fal_json_get(want, "cov"), k), c), 1e-10, 0);
    }
}

static void check_pairs(const char *name, const fal_json *pairs, const double *auc, const double *cov, size_t models)
{
    for (size_t p = 0; p < fal_json_count(pairs); p++) {
        const fal_json *pair = fal_json_at(pairs, p);
        size_t i = (size_t)fal_json_int(fal_json_get(pair, "i"), 0), j = (size_t)fal_json_int(fal_json_get(pair, "j"), 0);
        fal_paired_test test = fal_delong_test(auc, cov, models, i, j);
        check(name, test.difference, fal_json_get(pair, "diff"), 1e-10, 0);
        check(name, test.z, fal_json_get(pair, "z"), 0, 1e-8);
        check(name, test.p, fal_json_get(pair, "p"), 0, 1e-8);
    }
}

static void check_delong(const char *name, const fal_json *want)
{
    fal_npy scores = fal_golden_npy_f64(fal_data_path("metrics/delong/%s_scores.npy", name));
    fal_npy labels = fal_golden_npy_f64(fal_data_path("metrics/delong/%s_labels.npy", name));
    size_t models = scores.shape[0], n = scores.shape[1];
    const double *rows[MODELS];
    double auc[MODELS], cov[MODELS * MODELS];
    uint8_t label[CLIPS];
    fal_error err = {0};
    assert_true(models <= MODELS && n <= CLIPS && labels.count == n);
    for (size_t i = 0; i < n; i++)
        label[i] = ((const double *)labels.data)[i] != 0;
    for (size_t k = 0; k < models; k++)
        rows[k] = (const double *)scores.data + k * n;
    fal_check_ok(fal_delong(rows, models, label, n, auc, cov, &err), &err);
    check_models(name, want, auc, cov, models);
    check_pairs(name, fal_json_get(want, "pairs"), auc, cov, models);
    fal_npy_free(&scores);
    fal_npy_free(&labels);
}

static void test_delong(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    void *iter = NULL;
    const char *name;
    const fal_json *want;
    int cases = 0;
    fal_check_ok(fal_json_read(fal_data_path("metrics/delong/expected.json"), &json, &err), &err);
    for (; fal_json_next(json, &iter, &name, &want); cases++)
        check_delong(name, want);
    fal_json_free(&json);
    assert_int_equal(cases, 11);
}

static void test_delong_refuses(void **state)
{
    (void)state;
    const double good[] = {1, 2, 3}, bad[] = {1, NAN, 3};
    const double *const one[] = {good}, *const two[] = {good, bad};
    const uint8_t mixed[] = {0, 1, 1}, fakes[] = {1, 1, 1};
    double auc[2], cov[4];
    fal_error err;
    fal_check_fails(fal_delong(one, 1, fakes, 3, auc, cov, &err), FAL_ERR_ARGUMENT, "all 3 are fake", &err);
    fal_check_fails(fal_delong(two, 2, mixed, 3, auc, cov, &err), FAL_ERR_ARGUMENT, "score 2 of 3 of model 2", &err);
    fal_check_ok(fal_delong(one, 1, mixed, 3, auc, cov, &err), &err);
    assert_true(auc[0] == 1 && isnan(cov[0])); /* one real clip: no variance */
    fal_interval none = fal_auc_interval(auc[0], cov[0], FAL_INTERVAL_NORMAL);
    assert_true(isnan(none.low) && isnan(none.high));
}

/* ---- correlation ---- */

static void test_correlation_matrices(void **state)
{
    (void)state;
    fal_npy scores = fal_golden_npy_f64(fal_data_path("metrics/correlation/scores.npy"));
    fal_npy pearson = fal_golden_npy_f64(fal_data_path("metrics/correlation/pearson.npy"));
    fal_npy spearman = fal_golden_npy_f64(fal_data_path("metrics/correlation/spearman.npy"));
    size_t models = scores.shape[0], n = scores.shape[1];
    double p[MODELS * MODELS], s[MODELS * MODELS];
    fal_error err = {0};
    assert_int_equal(models, MODELS);
    for (size_t i = 0; i < models; i++)
        for (size_t j = 0; j < models; j++) {
            const double *a = (const double *)scores.data + i * n, *b = (const double *)scores.data + j * n;
            p[i * models + j] = fal_pearson(a, b, n);
            fal_check_ok(fal_spearman(a, b, n, &s[i * models + j], &err), &err);
        }
    fal_check_close_f64("pearson", p, pearson.data, pearson.count, 1e-12, 0);
    fal_check_close_f64("spearman", s, spearman.data, spearman.count, 1e-12, 0);
    fal_npy_free(&scores), fal_npy_free(&pearson), fal_npy_free(&spearman);
}

static void test_correlation_edges(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("metrics/correlation/edge_cases.json"), &json, &err), &err);
    for (size_t c = 0; c < fal_json_count(json); c++) {
        const fal_json *item = fal_json_at(json, c), *x = fal_json_get(item, "x"), *y = fal_json_get(item, "y");
        size_t n = fal_json_count(x);
        double a[8], b[8], s = 0;
        assert_true(n <= 8);
        for (size_t i = 0; i < n; i++) {
            a[i] = number(fal_json_at(x, i));
            b[i] = number(fal_json_at(y, i));
        }
        fal_check_ok(fal_spearman(a, b, n, &s, &err), &err);
        check("pearson", fal_pearson(a, b, n), fal_json_get(item, "pearson"), 1e-12, 0);
        check("spearman", s, fal_json_get(item, "spearman"), 1e-12, 0);
    }
    fal_json_free(&json);
}

/* ---- fusion ---- */

static void test_fusion(void **state)
{
    (void)state;
    const double a[] = {0, 2, -400}, b[] = {1, -2, 400};
    const double *const both[] = {a, b};
    double out[3];
    fal_fuse(both, 2, 3, FAL_FUSE_SCORES, out);
    assert_true(out[0] == 0.5 && out[1] == 0 && out[2] == 0);
    fal_fuse(both, 2, 3, FAL_FUSE_PROBABILITIES, out);
    const double want[] = {(0.5 + 1 / (1 + exp(-2.0))) / 2, 0.5, 0.5};
    fal_check_close_f64("mean of probabilities", out, want, 3, 1e-15, 0);
    assert_true(fal_relative_improvement(0.8, 0.9) > 12.49 && fal_relative_improvement(0.8, 0.9) < 12.51);
}

/* ---- sorting ---- */

static void test_order(void **state)
{
    (void)state;
    const double values[] = {3, -1, 0.0, -0.0, INFINITY, -INFINITY, 3, 1e-310, -1e300, 2};
    const size_t want[] = {5, 8, 1, 2, 3, 7, 9, 0, 6, 4};
    size_t order[10];
    fal_error err = {0};
    fal_check_ok(fal_order_f64(values, 10, order, &err), &err);
    assert_memory_equal(order, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_delong),      cmocka_unit_test(test_delong_refuses),
        cmocka_unit_test(test_fusion),      cmocka_unit_test(test_correlation_matrices),
        cmocka_unit_test(test_order),       cmocka_unit_test(test_correlation_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
