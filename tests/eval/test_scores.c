/* Score files: both spellings, mistakes, joining, the reference's fusion, groups. */
#include "core/csv.h"
#include "core/file.h"
#include "core/json.h"
#include "support/alloc_fail.h"
#include "support/golden.h"
#include <falsetto/compare.h>
#include <falsetto/scores.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MODELS = 5, COMMON = 76 };

static const char *write_file(const char *name, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(fal_temp_path("%s", name), text, strlen(text), &err), &err);
    return fal_temp_path("%s", name);
}

/* ---- reading ---- */

static void test_read(void **state)
{
    (void)state;
    fal_score_table t = {0};
    fal_error err = {0};
    fal_check_ok(
        fal_scores_read(write_file("ours.csv", "path,score,label,frames\nb,-1.5,0,3\n\"a,1\",inf,1,4\nc,2,,1\n"), &t,
                        &err),
        &err);
    assert_int_equal(t.count, 2);
    assert_string_equal(t.paths[1], "a,1");
    assert_true(t.scores[0] == -1.5 && isinf(t.scores[1]) && t.labels[0] == 0 && t.labels[1] == 1);
    assert_int_equal(t.unlabelled, 1);
    assert_string_equal(t.first_unlabelled, "c");
    fal_scores_free(&t);
    fal_check_ok(fal_scores_read(fal_data_path("metrics/fusion/results_m0.csv"), &t, &err), &err);
    assert_true(t.count > COMMON && t.scores[0] == 0.8846539855003357 && t.labels[0] == 0);
    fal_scores_free(&t);
    fal_scores_free(&t);
}

static void refuse(const char *text, const char *part)
{
    fal_score_table t = {0};
    fal_error err = {0};
    fal_check_fails(fal_scores_read(write_file("bad.csv", text), &t, &err), FAL_ERR_FORMAT, part, &err);
    assert_null(t.storage);
}

static void test_bad_files(void **state)
{
    (void)state;
    refuse("path,label\na,1\n", "has no column 'score'");
    refuse("path,score,label\na,1,2\n", "line 2: label is '2'");
    refuse("path,score,label\na,1,real\n", "line 2: label is 'real'");
    refuse("path,score,label\na,1,nan\n", "line 2: label is 'nan'");
    refuse("path,score,label\na,1,0\nb,nan,1\nc,x,1\nd,,0\n", "line 3: the score of b is not a number (3 such of 4)");
    refuse("path,score,label\na,1,0\nb,2,1\na,1,0\n", "line 4: a is there twice (first line 2)");
}

static void test_make(void **state)
{
    (void)state;
    const char *const paths[] = {"x", "y", "z"}, *const twins[] = {"x", "x", "z"};
    const double scores[] = {1, 2, 3}, bad[] = {1, NAN, 3};
    const int labels[] = {0, -1, 1}, all[] = {0, 1, 1};
    fal_score_table t = {0};
    fal_error err;
    fal_check_ok(fal_scores_make("memory", paths, scores, labels, 3, &t, &err), &err);
    assert_true(t.count == 2 && t.scores[1] == 3 && t.labels[1] == 1 && t.unlabelled == 1);
    assert_string_equal(t.first_unlabelled, "y");
    fal_scores_free(&t);
    fal_check_fails(fal_scores_make("memory", twins, scores, all, 3, &t, &err), FAL_ERR_FORMAT, "x is there twice",
                    &err);
    fal_check_fails(fal_scores_make("memory", paths, bad, all, 3, &t, &err), FAL_ERR_FORMAT,
                    "memory: the score of y is not a number (1 such of 3)", &err);
}

static void test_written_scores_come_back(void **state)
{
    (void)state;
    const char *const paths[] = {"b,1", "a"}, *path = fal_temp_path("written.csv");
    const double scores[] = {0.1, -1.0 / 3};
    const uint8_t labels[] = {1, 0};
    fal_score_table t = {0};
    fal_error err = {0};
    fal_check_ok(fal_scores_write(path, paths, scores, labels, 2, &err), &err);
    fal_check_ok(fal_scores_read(path, &t, &err), &err);
    assert_int_equal(t.count, 2);
    assert_string_equal(t.paths[0], "b,1");
    assert_memory_equal(t.scores, scores, sizeof scores);
    assert_memory_equal(t.labels, labels, sizeof labels);
    fal_scores_free(&t);
}

/* ---- joining ---- */

static void load_models(fal_score_table *tables, fal_score_join *join)
{
    fal_error err = {0};
    for (int k = 0; k < MODELS; k++)
        fal_check_ok(fal_scores_read(fal_data_path("metrics/fusion/results_m%d.csv", k), &tables[k], &err), &err);
    fal_check_ok(fal_scores_join(tables, MODELS, join, &err), &err);
}

static void free_models(fal_score_table *tables, fal_score_join *join)
{
    for (int k = 0; k < MODELS; k++)
        fal_scores_free(&tables[k]);
    fal_scores_join_free(join);
}

/* The fused file of the reference: its paths, labels and fused scores must be ours. */
static void check_fused(const fal_score_join *join, fal_fusion fusion, const char *name)
{
    fal_score_table want = {0};
    fal_error err = {0};
    double got[COMMON];
    fal_check_ok(fal_scores_read(fal_data_path("metrics/fusion/fused_%s.csv", name), &want, &err), &err);
    assert_int_equal(want.count, join->count);
    fal_fuse(join->scores, join->models, join->count, fusion, got);
    for (size_t i = 0; i < want.count; i++) {
        assert_string_equal(join->paths[i], want.paths[i]);
        assert_int_equal(join->labels[i], want.labels[i]);
    }
    fal_check_close_f64(name, got, want.scores, want.count, 1e-9, 0);
    fal_scores_free(&want);
}

static void test_fused_files(void **state)
{
    (void)state;
    fal_score_table tables[MODELS];
    fal_score_join join = {0};
    load_models(tables, &join);
    assert_int_equal(join.count, COMMON);
    for (int k = 0; k < MODELS; k++)
        assert_int_equal(join.left_out[k], tables[k].count - COMMON);
    check_fused(&join, FAL_FUSE_SCORES, "mean_score");
    check_fused(&join, FAL_FUSE_PROBABILITIES, "mean_probability");
    free_models(tables, &join);
}

static const double *row_of(const fal_json *matrix, size_t row, double out[MODELS])
{
    for (size_t c = 0; c < MODELS; c++)
        out[c] = fal_json_real(fal_json_at(fal_json_at(matrix, row), c), NAN);
    return out;
}

static void check_matrix(const char *name, const double *got, const fal_json *want)
{
    double expected[MODELS];
    assert_int_equal(fal_json_count(want), MODELS);
    for (size_t r = 0; r < MODELS; r++)
        fal_check_close_f64(name, got + r * MODELS, row_of(want, r, expected), MODELS, 1e-9, 0);
}

static void check_fusion(const fal_score_join *join, const fal_json *json, fal_fusion fusion, const char *name)
{
    char key[64];
    fal_comparison c = {0};
    fal_error err = {0};
    const fal_comparison_options how = {.fusion = fusion};
    fal_check_ok(fal_compare(join, NULL, &how, &c, &err), &err);
    snprintf(key, sizeof key, "fused_auc_%s", name);
    check_matrix(key, c.fused_auc, fal_json_get(json, key));
    snprintf(key, sizeof key, "relative_improvement_percent_%s", name);
    check_matrix(key, c.improvement, fal_json_get(json, key));
    check_matrix("pearson", c.pearson, fal_json_get(json, "pearson"));
    snprintf(key, sizeof key, "all_models_auc_%s", name);
    double want = fal_json_real(fal_json_get(json, key), NAN);
    fal_check_close_f64(key, &c.all_auc[fusion], &want, 1, 1e-9, 0);
    double auc[MODELS], ap[MODELS], wanted[MODELS];
    for (size_t k = 0; k < MODELS; k++) {
        auc[k] = c.models[k].auc;
        ap[k] = c.models[k].ap;
        wanted[k] = fal_json_real(fal_json_at(fal_json_get(json, "auc"), k), NAN);
    }
    fal_check_close_f64("auc", auc, wanted, MODELS, 1e-9, 0);
    for (size_t k = 0; k < MODELS; k++)
        wanted[k] = fal_json_real(fal_json_at(fal_json_get(json, "ap"), k), NAN);
    fal_check_close_f64("ap", ap, wanted, MODELS, 1e-9, 0);
    fal_comparison_free(&c);
}

static void test_fusion_matrices(void **state)
{
    (void)state;
    fal_score_table tables[MODELS];
    fal_score_join join = {0};
    fal_json *json = NULL;
    fal_error err = {0};
    load_models(tables, &join);
    fal_check_ok(fal_json_read(fal_data_path("metrics/fusion/expected.json"), &json, &err), &err);
    check_fusion(&join, json, FAL_FUSE_SCORES, "mean_score");
    check_fusion(&join, json, FAL_FUSE_PROBABILITIES, "mean_probability");
    fal_json_free(&json);
    free_models(tables, &join);
}

static void test_join_refuses(void **state)
{
    (void)state;
    fal_score_table t[2] = {{0}};
    fal_score_join join = {0};
    fal_error err;
    fal_check_ok(fal_scores_read(write_file("one.csv", "path,score,label\na,1,0\nb,2,1\n"), &t[0], &err), &err);
    fal_check_ok(fal_scores_read(write_file("two.csv", "path,score,label\na,1,1\n"), &t[1], &err), &err);
    fal_check_fails(fal_scores_join(t, 2, &join, &err), FAL_ERR_FORMAT, "a: label 0 in", &err);
    fal_scores_free(&t[1]);
    fal_check_ok(fal_scores_read(write_file("three.csv", "path,score,label\nq,1,1\n"), &t[1], &err), &err);
    fal_check_fails(fal_scores_join(t, 2, &join, &err), FAL_ERR_ARGUMENT,
                    "no clip in common; the first clips are a and q", &err);
    fal_check_fails(fal_scores_join(t, 0, &join, &err), FAL_ERR_ARGUMENT, "no scores", &err);
    fal_scores_free(&t[0]);
    fal_scores_free(&t[1]);
}

/* ---- comparison ---- */

static void test_best_subset(void **state)
{
    (void)state;
    /* Two halves that are right together, and one that is noise. */
    enum { N = 40 };
    double half_a[N], half_b[N], noise[N];
    uint8_t labels[N];
    const double *const scores[] = {noise, half_a, half_b};
    const fal_score_join join = {.models = 3, .count = N, .labels = labels, .scores = scores};
    for (int i = 0; i < N; i++) {
        labels[i] = i % 2;
        double signal = labels[i] ? 1 : -1;
        half_a[i] = i < N / 2 ? signal : 0;
        half_b[i] = i < N / 2 ? 0 : signal;
        noise[i] = sin(i * 7.0) / 4;
    }
    for (int greedy = 0; greedy < 2; greedy++) {
        fal_comparison c = {0};
        fal_error err = {0};
        const fal_comparison_options how = {.fusion = FAL_FUSE_SCORES, .exhaustive_up_to = greedy ? 1 : 0};
        fal_check_ok(fal_compare(&join, NULL, &how, &c, &err), &err);
        assert_true(c.best.exhaustive == !greedy && !c.best.on_validation);
        assert_true(!c.best.members[0] && c.best.members[1] && c.best.members[2]);
        assert_true(c.best.auc == 1 && c.best.chosen_auc == 1);
        fal_comparison_free(&c);
    }
}

static void test_subset_from_validation(void **state)
{
    (void)state;
    /* Here the first is right, on validation the second: what is chosen there is reported here. */
    const double right[] = {-1, -2, 3, 4}, wrong[] = {3, -2, 2, -5};
    const uint8_t labels[] = {0, 0, 1, 1};
    const double *const here[] = {right, wrong}, *const there[] = {wrong, right};
    const fal_score_join test = {.models = 2, .count = 4, .labels = labels, .scores = here};
    const fal_score_join validation = {.models = 2, .count = 4, .labels = labels, .scores = there};
    fal_comparison c = {0};
    fal_error err = {0};
    fal_check_ok(fal_compare(&test, &validation, NULL, &c, &err), &err);
    assert_true(c.best.on_validation && !c.best.members[0] && c.best.members[1]);
    assert_true(c.best.chosen_auc == 1 && c.best.auc == c.models[1].auc && c.best.auc < 1);
    fal_comparison_free(&c);
    const fal_score_join one = {.models = 1, .count = 4, .labels = labels, .scores = there};
    fal_check_fails(fal_compare(&test, &one, NULL, &c, &err), FAL_ERR_ARGUMENT, "2 detectors, 1 on validation", &err);
}

static void test_holm(void **state)
{
    (void)state;
    const double p[] = {0.01, 0.04, 0.03, 0.005, NAN, 0.9}, want[] = {0.04, 0.09, 0.09, 0.025, NAN, 0.9};
    double got[6];
    fal_error err = {0};
    fal_check_ok(fal_holm(p, 6, got, &err), &err);
    fal_check_close_f64("Holm", got, want, 6, 1e-15, 0);
}

/* ---- groups ---- */

static void test_breakdown(void **state)
{
    (void)state;
    fal_score_table t = {0};
    fal_breakdown b = {0};
    fal_error err = {0};
    const char *list =
        write_file("list.csv", "path,method,label\nr1,real,0\nr2,real,0\nf1,swap,1\nf2,swap,1\ng1,mix,1\ng2,mix,0\n");
    fal_check_ok(fal_scores_read(
                     write_file("s.csv", "path,score,label\nr1,1,0\nr2,-1,0\nf1,2,1\nf2,0,1\ng1,1,1\ng2,0,0\nu,3,1\n"),
                     &t, &err),
                 &err);
    fal_check_ok(fal_breakdown_make(&t, list, "method", NULL, &b, &err), &err);
    assert_int_equal(b.count, 3);
    assert_int_equal(b.unlisted, 1);
    assert_string_equal(b.first_unlisted, "u");
    const fal_group *mix = &b.groups[0], *real = &b.groups[1], *swap = &b.groups[2];
    assert_string_equal(mix->name, "mix");
    assert_true(mix->rule == FAL_GROUP_BY_ITSELF && mix->fakes == 1 && mix->reals == 1 &&
                mix->evaluation.metrics.auc == 1);
    assert_true(real->rule == FAL_GROUP_REALS_ONLY && real->reals == 2 && real->evaluation.metrics.count == 0);
    /* 2 and 0 against 1, -1 and 0: 3 + 1.5 of 6 pairs */
    assert_true(swap->rule == FAL_GROUP_AGAINST_ALL_REALS && swap->fakes == 2 && swap->reals == 0);
    assert_true(swap->evaluation.metrics.reals == 3 && swap->evaluation.metrics.auc == 0.75);
    fal_breakdown_free(&b);
    fal_check_fails(fal_breakdown_make(&t, list, "colour", NULL, &b, &err), FAL_ERR_FORMAT, "has no column 'colour'",
                    &err);
    fal_scores_free(&t);
}

static fal_status all_of_it(void *user, fal_error *err)
{
    (void)user;
    static const char *const paths[] = {"a", "b", "c", "d"};
    static const double first[] = {1, 2, 3, 4}, second[] = {4, 1, 5, 2};
    static const int labels[] = {0, 1, 1, 0};
    fal_status st = FAL_OK;
    fal_score_table t[2] = {{0}};
    fal_score_join join = {0};
    fal_comparison c = {0};
    fal_breakdown b = {0};
    FAL_TRY(fal_scores_make("one", paths, first, labels, 4, &t[0], err));
    FAL_TRY(fal_scores_make("two", paths, second, labels, 4, &t[1], err));
    FAL_TRY(fal_scores_join(t, 2, &join, err));
    FAL_TRY(fal_compare(&join, NULL, NULL, &c, err));
    FAL_TRY(fal_breakdown_make(&t[0], user, "kind", NULL, &b, err));
done:
    fal_breakdown_free(&b);
    fal_comparison_free(&c);
    fal_scores_join_free(&join);
    fal_scores_free(&t[0]);
    fal_scores_free(&t[1]);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    char *list = strdup(write_file("kinds.csv", "path,kind\na,x\nb,x\nc,y\nd,z\n"));
    fal_check_alloc_failures("score files", all_of_it, list);
    free(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_make),
        cmocka_unit_test(test_written_scores_come_back),
        cmocka_unit_test(test_fused_files),
        cmocka_unit_test(test_fusion_matrices),
        cmocka_unit_test(test_join_refuses),
        cmocka_unit_test(test_best_subset),
        cmocka_unit_test(test_subset_from_validation),
        cmocka_unit_test(test_holm),
        cmocka_unit_test(test_breakdown),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
