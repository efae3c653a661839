/* eval and compare as a user sees them: score files, heads on features, groups, thresholds, frames and segments. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/json.h"
#include "core/npy.h"
#include "core/rng.h"
#include "core/str.h"
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIPS = 12, FRAMES = 40 };

static const char *write_file(const char *name, const char *text)
{
    write_text(fal_temp_path("%s", name), text);
    return fal_temp_path("%s", name);
}

static const char *model(int k)
{
    return fal_data_path("metrics/fusion/results_m%d.csv", k);
}

static double metric(const char *out, const char *name)
{
    const char *at = strstr(out, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void expect_near(double got, double want, double tolerance)
{
    if (!(fabs(got - want) <= tolerance))
        fail_msg("got %.6f, want %.6f", got, want);
}

static void expect_file(const char *path, const char *start)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(path, 0, &bytes, &err), &err);
    if (!fal_str_starts(bytes.data, start))
        fail_msg("%s begins with %.60s, want %s", path, bytes.data, start);
    fal_buf_free(&bytes);
}

static fal_json *parse(const char *text)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(text, strlen(text), "output", &json, &err), &err);
    return json;
}

/* ---- score files ---- */

static void test_scores(void **state)
{
    (void)state;
    outcome o = run("eval", "--scores", model(0), "--plot", fal_temp_path("roc.svg"), "--det", fal_temp_path("det.pdf"),
                    "--reliability", fal_temp_path("reliability.png"));
    print_message("%s", o.out);
    expect_near(metric(o.out, "AUC"), 0.9567, 5e-5);
    expect_near(metric(o.out, "AP"), 0.9761, 5e-5);
    expect(o, 0, "clips     80 (51 fake, 29 real)", NULL);
    expect_file(fal_temp_path("roc.svg"), "<?xml");
    expect_file(fal_temp_path("det.pdf"), "%PDF");
    expect_file(fal_temp_path("reliability.png"), "\x89PNG");
}

static void test_threshold_from_validation(void **state)
{
    (void)state;
    const char *val = write_file("val.csv", "path,score,label\na,0,0\nb,1,0\nc,2,1\nd,3,1\n");
    const char *test = write_file("test.csv", "path,score,label\na,1.5,0\nb,2.5,0\nc,2,1\nd,1,1\n");
    expect(run("eval", "--scores", test, "--val", val), 0, "accuracy  0.5000   at score 2.0000, chosen on", NULL);
    expect(run("eval", "--scores", test, "--val", val, "--threshold-rule", "eer"), 0,
           "(equal error rate): 1 of 2 fakes found", NULL);
    expect(run("eval", "--scores", test, "--val", write_file("one.csv", "path,score,label\na,1,1\n")), 1, NULL,
           "needs real and fake clips");
}

static void test_several_rows(void **state)
{
    (void)state;
    outcome o = run("eval", "--scores", model(0), "--scores", model(4), "--bootstrap", "0");
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "results_m0.csv        80    0.9567  [0.9189, 0.9946]"));
    expect(o, 0, "results_m4.csv        78    0.4979", NULL);
}

static void test_json(void **state)
{
    (void)state;
    outcome o = run("eval", "--scores", model(0), "--json", "--val", model(1), "--bootstrap", "50");
    assert_int_equal(o.code, 0);
    fal_json *json = parse(o.out);
    assert_string_equal(fal_json_string(fal_json_get(json, "format"), ""), "falsetto-evaluation-1");
    const fal_json *row = fal_json_at(fal_json_get(json, "rows"), 0);
    expect_near(fal_json_real(fal_json_get(row, "auc"), 0), 0.95672, 1e-4);
    assert_int_equal(fal_json_int(fal_json_get(row, "bootstrap_resamples"), 0), 50);
    assert_int_equal(fal_json_count(fal_json_get(row, "auc_delong_95")), 2);
    const fal_json *at = fal_json_get(row, "at_threshold");
    assert_int_equal(
        fal_json_int(fal_json_get(at, "true_positives"), 0) + fal_json_int(fal_json_get(at, "false_negatives"), 0), 51);
    fal_json_free(&json);
    outcome_free(&o);
}

static void test_groups(void **state)
{
    (void)state;
    const char *scores =
        write_file("s.csv", "path,score,label\nr1,-1,0\nr2,1,0\na1,2,1\na2,0,1\nm1,3,1\nm2,-3,0\nu,0,1\n");
    const char *list = write_file("l.csv", "path,method\nr1,none\nr2,none\na1,swap\na2,swap\nm1,mix\nm2,mix\n");
    outcome o = run("eval", "--scores", scores, "--by", "method", "--list", list);
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "none          0/2  (reals only"));
    assert_non_null(strstr(o.out, "swap         2/0*    0.8333"));
    assert_non_null(strstr(o.out, "mix           1/1    1.0000"));
    assert_non_null(strstr(o.out, "* fakes only: told from all reals of the list"));
    expect(o, 0, NULL, "1 clips are in no group, as the list does not hold them (the first: u)");
    expect(run("eval", "--scores", scores, "--by", "colour", "--list", list), 1, NULL, "has no column 'colour'");
}

static void test_gaps_are_named(void **state)
{
    (void)state;
    expect(run("eval", "--scores", write_file("fakes.csv", "path,score,label\na,1,1\nb,2,1\n")), 0, "AUC       -",
           "all 2 clips are fake; what needs both kinds has no value");
    expect(run("eval", "--scores", write_file("some.csv", "path,score,label\na,1,1\nb,2,0\nc,3,\n")), 0,
           "clips     2 (", "1 clips without a label were left out (the first: c)");
    expect(run("eval", "--scores", write_file("nan.csv", "path,score,label\na,nan,1\nb,2,0\n")), 1, NULL,
           "line 2: the score of a is not a number (1 such of 2)");
    expect(run("eval", "--scores", write_file("twice.csv", "path,score,label\na,1,1\na,2,0\n")), 1, NULL,
           "a is there twice");
    expect(run("eval", "--scores", "absent.csv"), 1, NULL, "absent.csv");
    expect(run("eval", "--scores", model(0), "--plot", fal_temp_path("x.gif")), 1, NULL, ".svg, .pdf or .png");
}

static void test_eval_misuse(void **state)
{
    (void)state;
    expect(run("eval"), 2, NULL, "a list with --head and --features is needed, or --scores");
    expect(run("eval", "list.csv"), 2, NULL, "a list needs --head and --features");
    expect(run("eval", "list.csv", "--head", "h", "--features", "f", "--scores", "s"), 2, NULL,
           "either lists or --scores");
    expect(run("eval", "--scores", "s", "--head", "h"), 2, NULL, "--head goes with a list");
    expect(run("eval", "--scores", "s", "--localise", "m"), 2, NULL, "--localise needs frame scores");
    expect(run("eval", "--scores", "s", "--scores", "t", "-o", "o"), 2, NULL, "-o and --write-proposals take one list");
    expect(run("eval", "--proposals", "p"), 2, NULL, "--proposals is measured with --localise alone");
}

/* ---- a head on features ---- */

/* Rows whose direction is the probe's own for fake frames and its opposite for real ones: every clip is 40 frames,
 * fakes have frames 10 to 19 fake; the first clip was trimmed by five frames. */
static void write_features(void)
{
    float probe[TINY_DIM], rows[FRAMES * TINY_DIM];
    char list[2048] = "path,label,method\n", truth[4096] = "[";
    fal_error err = {0};
    fal_rng_fill_normal(9, 0, 0, 0, 2, probe, TINY_DIM);
    for (int i = 0; i < CLIPS; i++) {
        char name[32];
        int64_t offset = i == 1 ? 5 : 0;
        snprintf(name, sizeof name, "%s/c%02d", i % 2 ? "fake" : "real", i);
        for (int t = 0; t < FRAMES; t++)
            for (int d = 0; d < TINY_DIM; d++)
                rows[t * TINY_DIM + d] = (i % 2 && t + offset >= 10 && t + offset < 20 ? 1.0f : -1.0f) * probe[d];
        const fal_npz_member members[] = {
            {"arr_0", FAL_NPY_F32, FAL_NPY_F32, 2, {FRAMES, TINY_DIM}, rows},
            {"offset", FAL_NPY_I64, FAL_NPY_I64, 0, {0}, &offset},
        };
        fal_check_ok(fal_npz_write(fal_temp_path("feats/%s.npz", name), members, i == 1 ? 2 : 1, &err), &err);
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s.mp4,%d,%s\n", name, i % 2, i % 2 ? "swap" : "");
        snprintf(truth + strlen(truth), sizeof truth - strlen(truth),
                 "%s{\"file\": \"%s.mp4\", \"fake_segments\": [%s]}", i ? ", " : "", name, i % 2 ? "[0.4, 0.8]" : "");
    }
    strcat(truth, ", {\"file\": \"other.mp4\", \"fake_segments\": [[1, 2]]}]");
    write_text(fal_temp_path("feats.csv"), list);
    write_text(fal_temp_path("truth.json"), truth);
    write_probe(fal_temp_path("probe.safetensors"));
}

#define SCORED "--head", fal_temp_path("probe.safetensors"), "--features", fal_temp_path("feats")

static void test_head_on_features(void **state)
{
    (void)state;
    write_features();
    outcome o = run("eval", fal_temp_path("feats.csv"), SCORED, "--by", "method", "-o", fal_temp_path("out.csv"));
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "(empty)       0/6  (reals only"));
    assert_non_null(strstr(o.out, "swap         6/0*    1.0000"));
    expect(o, 0, "clips     12 (6 fake, 6 real)", NULL);
    expect_file(fal_temp_path("out.csv"), "path,score,label,p_fake,frames\r\nreal/c00.mp4,");
    expect(run("eval", "--scores", fal_temp_path("out.csv")), 0, "AUC       1.0000", NULL);
}

static void test_localise(void **state)
{
    (void)state;
    if (access(fal_temp_path("truth.json"), R_OK) != 0)
        write_features();
    outcome o = run("eval", fal_temp_path("feats.csv"), SCORED, "--localise", fal_temp_path("truth.json"),
                    "--write-proposals", fal_temp_path("proposals.json"));
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "frames    240 of 6 clips, 60 of them fake"));
    assert_non_null(strstr(o.out, "mean of 6 clips with both kinds: 1.0000"));
    assert_non_null(strstr(o.out, "segments  6 true ones, 6 proposed"));
    assert_non_null(strstr(o.out, "AP@0.95   0.8333")); /* the official measure loses the first of six */
    expect(o, 0, "AR@5      1.0000", "1 of 13 clips of");
    expect_file(fal_temp_path("proposals.json"), "{\"real/c00.mp4\":");
}

/* What `extract --trim-silence` leaves out is recorded for those who look for frames. */
static void test_trimmed_start_is_recorded(void **state)
{
    (void)state;
    enum { HEADER = 44, SILENT = 8000 };
    fal_buf wav = {0};
    fal_error err = {0};
    write_sound(fal_temp_path("quiet/a.wav"), 2, 300, 1);
    fal_check_ok(fal_file_read(fal_temp_path("quiet/a.wav"), 0, &wav, &err), &err);
    memset(wav.data + HEADER, 0, 2 * SILENT);
    fal_check_ok(fal_file_write(fal_temp_path("quiet/a.wav"), wav.data, wav.length, &err), &err);
    fal_buf_free(&wav);
    expect(run("extract", write_file("quiet.csv", "path,label\na.wav,0\n"), "--root", fal_temp_path("quiet"), "-q",
               "-e", tiny_encoder(), "--trim-silence", "-o", fal_temp_path("trimmed")),
           0, "1 written", NULL);
    fal_npy offset = fal_golden_npz(fal_temp_path("trimmed/a.npz"), "offset");
    assert_int_equal(offset.count, 1);
    assert_true(fal_npy_f32(&offset)[0] == 13); /* int(0.5 * 25) + 1 */
    fal_npy_free(&offset);
}

static void test_proposals_alone(void **state)
{
    (void)state;
    const char *labels = fal_data_path("metrics/ap_ar/frames_fps25_labels.json");
    const char *proposals = fal_data_path("metrics/ap_ar/frames_fps25_proposals.json");
    expect(run("eval", "--localise", labels, "--proposals", proposals, "--rate", "25"), 0, "AP@0.5    0.4830", NULL);
    expect(run("eval", "--localise", labels, "--proposals", proposals, "--rate", "25", "--json"), 0,
           "\"format\": \"falsetto-segments-1\"", NULL);
    expect(run("eval", "--localise", labels, "--proposals", fal_data_path("metrics/ap_ar/nothing_proposals.json")), 1,
           NULL, "there are no proposals for");
}

/* ---- compare ---- */

static void test_compare(void **state)
{
    (void)state;
    outcome o = run("compare", model(0), model(1), model(2), model(3), model(4), "--names", "A,B,C,D,E", "--plot",
                    fal_temp_path("map.svg"), "-o", fal_temp_path("fused.csv"));
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, " 1  A           0.9531  [0.9123, 0.9940]"));
    assert_non_null(strstr(o.out, "all 5 fused: AUC 0.9673 (mean of P(fake)), 0.9695 (mean of scores)"));
    assert_non_null(strstr(o.out, "best subset: A + B + C + D: AUC 0.9911 (every subset tried)"));
    assert_non_null(strstr(o.out, "so this AUC is optimistic"));
    expect(o, 0, "76 clips in all files (48 fake, 28 real)", "4 of 80 clips are not in all files");
    expect_file(fal_temp_path("map.svg"), "<?xml");
    o = run("eval", "--scores", fal_temp_path("fused.csv"));
    expect_near(metric(o.out, "AUC"), 0.9673, 5e-5);
    outcome_free(&o);
}

static void test_compare_json(void **state)
{
    (void)state;
    outcome o =
        run("compare", model(0), model(4), "--fusion", "scores", "--val", model(0), "--val", model(4), "--json");
    assert_int_equal(o.code, 0);
    fal_json *json = parse(o.out);
    const fal_json *best = fal_json_get(json, "best_subset");
    assert_string_equal(fal_json_string(fal_json_get(json, "fusion"), ""), "mean_score");
    assert_true(fal_json_bool(fal_json_get(best, "chosen_on_validation"), false));
    assert_string_equal(fal_json_string(fal_json_at(fal_json_get(best, "members"), 0), ""), "results_m0");
    assert_int_equal(fal_json_count(fal_json_get(json, "relative_improvement_percent")), 2);
    fal_json_free(&json);
    outcome_free(&o);
}

static void test_compare_mistakes(void **state)
{
    (void)state;
    expect(run("compare", model(0)), 2, NULL, "two score files or more");
    expect(run("compare", model(0), model(1), "--val", model(0)), 2, NULL, "1 --val for 2 score files");
    expect(run("compare", model(0), model(1), "--names", "A"), 2, NULL, "does not name 2 detectors");
    expect(run("compare", model(0), model(1), "--names", "A,B,C"), 2, NULL, "names more than 2 detectors");
    expect(run("compare", model(0), write_file("q.csv", "path,score,label\nq,1,1\n")), 1, NULL, "no clip in common");
    expect(run("compare", write_file("p.csv", "path,score,label\nq,1,0\n"), fal_temp_path("q.csv")), 1, NULL,
           "q: label 0 in");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scores),          cmocka_unit_test(test_threshold_from_validation),
        cmocka_unit_test(test_several_rows),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_groups),          cmocka_unit_test(test_gaps_are_named),
        cmocka_unit_test(test_eval_misuse),     cmocka_unit_test(test_head_on_features),
        cmocka_unit_test(test_localise),        cmocka_unit_test(test_trimmed_start_is_recorded),
        cmocka_unit_test(test_proposals_alone), cmocka_unit_test(test_compare),
        cmocka_unit_test(test_compare_json),    cmocka_unit_test(test_compare_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
