/* A dataset from clips to metrics: extract, train, eval. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/str.h"
#include "support/golden.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CLIPS = 24 };

/* Reals hum at 200 Hz, fakes at 1500 Hz. */
static const char *dataset(void)
{
    char text[4096] = "path,label\n";
    if (access(fal_temp_path("data/list.csv"), R_OK) == 0)
        return fal_temp_path("data/list.csv");
    for (int i = 0; i < CLIPS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/c%02d.wav", i % 2 ? "fake" : "real", i);
        write_sound(fal_temp_path("data/%s", name), 0.6 + 0.05 * i, i % 2 ? 1500 : 200, (uint64_t)i);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,%d\n", name, i % 2);
    }
    write_text(fal_temp_path("data/list.csv"), text);
    return fal_temp_path("data/list.csv"); /* anew: a path lasts for 31 more */
}

#define EXTRACT "extract", "-q", "-j", "1", "-e", tiny_encoder()

static size_t feature_count(const char *folder)
{
    return files_in(fal_temp_path("%s/real", folder), ".npz") + files_in(fal_temp_path("%s/fake", folder), ".npz");
}

static const char *features(void)
{
    if (access(fal_temp_path("features"), R_OK) != 0)
        expect(run(EXTRACT, dataset(), "-o", fal_temp_path("features")), 0,
               "24 clips, 24 written, 0 already there, 0 failed", NULL);
    return fal_temp_path("features");
}

/* ---- extract ---- */

static void test_extract(void **state)
{
    (void)state;
    features();
    assert_int_equal(feature_count("features"), CLIPS);
    fal_npy rows = fal_golden_npz(fal_temp_path("features/fake/c01.npz"), "arr_0");
    assert_int_equal(rows.rank, 2);
    assert_int_equal(rows.shape[1], TINY_DIM);
    assert_in_range(rows.shape[0], 15, 17); /* 0.65 s at 25 Hz */
    fal_npy_free(&rows);
    fal_buf failed = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_temp_path("features/failed.csv"), 0, &failed, &err), &err);
    assert_string_equal(failed.data, "path,encoder,reason\r\n");
    fal_buf_free(&failed);
    assert_int_equal(access(fal_temp_path("features/extract.json"), R_OK), 0);
}

static void test_extract_again_keeps_what_is_there(void **state)
{
    (void)state;
    expect(run(EXTRACT, dataset(), "-o", features()), 0, "0 written, 24 already there", NULL);
    const char *cut = fal_temp_path("features/real/c02.npz");
    assert_int_equal(truncate(cut, 500), 0);
    assert_int_equal(unlink(fal_temp_path("features/fake/c03.npz")), 0);
    expect(run(EXTRACT, dataset(), "-o", features()), 0, "2 written, 22 already there", NULL);
    fal_npy rows = fal_golden_npz(cut, "arr_0");
    fal_npy_free(&rows);
}

static void test_extract_refuses_other_options_in_one_folder(void **state)
{
    (void)state;
    expect(run(EXTRACT, dataset(), "-o", features(), "--dtype", "f16"), 1, NULL, "other settings");
    expect(run("extract", "-q", "-e", fal_data_path("wav2vec2/w2v2-base-fp16/model"), dataset(), "-o", features()), 1,
           NULL, "use another folder");
    expect(run(EXTRACT, dataset(), "-o", features()), 0, "24 already there", NULL); /* nothing was touched */
}

static void test_extract_half_precision(void **state)
{
    (void)state;
    expect(run(EXTRACT, dataset(), "-o", fal_temp_path("half"), "--dtype", "f16"), 0, "24 written", NULL);
    fal_npy half = fal_golden_npz(fal_temp_path("half/real/c00.npz"), "arr_0");
    features();
    fal_npy full = fal_golden_npz(fal_temp_path("features/real/c00.npz"), "arr_0");
    assert_int_equal(half.count, full.count);
    fal_check_close("float16 features", half.data, full.data, full.count, 1e-7, 1.0 / 2048);
    fal_npy_free(&half);
    fal_npy_free(&full);
}

static void test_extract_lists_failures(void **state)
{
    (void)state;
    const char *csv = fal_temp_path("damaged/list.csv"), *out = fal_temp_path("damaged-features");
    write_sound(fal_temp_path("damaged/good.wav"), 1, 300, 1);
    write_text(fal_temp_path("damaged/bad.wav"), "no sound at all");
    write_text(csv, "label,path\n0,good.wav\n1,bad.wav\n1,\"absent, really.wav\"\n0,xyz\n0,a/../good.wav\n"
                    "0,twin.wav\n1,twin.mp4\n0,twin.wav\n");
    expect(run(EXTRACT, csv, "-o", out), 1, "8 clips, 1 written, 0 already there, 7 failed", "failed.csv tells why");
    fal_buf failed = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_temp_path("damaged-features/failed.csv"), 0, &failed, &err), &err);
    assert_non_null(strstr(failed.data, "bad.wav,"));
    assert_non_null(strstr(failed.data, "\"absent, really.wav\","));
    assert_non_null(strstr(failed.data, "xyz,"));
    assert_non_null(strstr(failed.data, "a/../good.wav,"));
    assert_non_null(
        strstr(failed.data, "twin.wav,model-audio,'twin.wav' would share its feature file with 'twin.mp4'"));
    assert_non_null(
        strstr(failed.data, "twin.mp4,model-audio,'twin.mp4' would share its feature file with 'twin.wav'"));
    fal_buf_free(&failed);
    assert_int_equal(files_in(out, ".npz"), 1);
    write_sound(fal_temp_path("damaged/bad.wav"), 1, 300, 2); /* repaired */
    expect(run(EXTRACT, csv, "-o", out), 1, "1 written, 1 already there, 6 failed", NULL);
}

static void test_extract_names_a_bad_list(void **state)
{
    (void)state;
    const char *csv = fal_temp_path("columns.csv");
    char lips[512];
    snprintf(lips, sizeof lips, "%s:video", tiny_encoder());
    write_text(csv, "file,label\na.wav,0\n");
    expect(run(EXTRACT, csv, "-o", fal_temp_path("never")), 1, NULL, "no column 'path'");
    expect(run(EXTRACT, "absent.csv", "-o", fal_temp_path("never")), 1, NULL, "absent.csv");
    expect(run(EXTRACT, "-e", "no-such", dataset(), "-o", fal_temp_path("never")), 1, NULL, "no-such");
    expect(run(EXTRACT, "-e", lips, dataset(), "-o", fal_temp_path("never")), 1, NULL, "has no video stream");
    assert_int_not_equal(access(fal_temp_path("never"), F_OK), 0);
}

/* ---- train and eval ---- */

#define TRAIN(out)                                                                                                   \
    "train", "probe", "-q", "--train", dataset(), "--val", dataset(), "--features", features(), "--stream", "audio", \
        "--epochs", "40", "-o", out

static const char *trained(void)
{
    if (access(fal_temp_path("trained.safetensors"), R_OK) != 0)
        expect(run(TRAIN(fal_temp_path("trained.safetensors")), "--lr", "0.05"), 0,
               "24 training and 24 validation clips, calibrated", NULL);
    return fal_temp_path("trained.safetensors");
}

static double metric(const char *out, const char *name)
{
    const char *at = strstr(out, name);
    assert_non_null(at);
    return strtod(at + strlen(name), NULL);
}

static void test_train_and_eval(void **state)
{
    (void)state;
    outcome o =
        run("eval", dataset(), "--head", trained(), "--features", features(), "-o", fal_temp_path("scores.csv"));
    print_message("%s", o.out);
    assert_true(metric(o.out, "AUC") > 0.95); /* the two tones are easily told apart, even by random features */
    assert_true(metric(o.out, "accuracy") > 0.7);
    expect(o, 0, "24 (12 fake, 12 real)", NULL);
    fal_buf scores = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_temp_path("scores.csv"), 0, &scores, &err), &err);
    assert_true(fal_str_starts(scores.data, "path,score,label,p_fake,frames"));
    assert_non_null(strstr(scores.data, "\nfake/c01.wav,"));
    size_t lines = 0;
    for (const char *c = scores.data; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, CLIPS + 1);
    fal_buf_free(&scores);
}

static void test_training_is_repeatable(void **state)
{
    (void)state;
    fal_buf a = {0}, b = {0};
    fal_error err = {0};
    const char *again = fal_temp_path("again.safetensors");
    expect(run(TRAIN(again), "--lr", "0.05"), 0, NULL, NULL);
    fal_check_ok(fal_file_read(trained(), 0, &a, &err), &err);
    fal_check_ok(fal_file_read(again, 0, &b, &err), &err);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.data, b.data, a.length);
    fal_buf_free(&a);
    fal_buf_free(&b);
}

static void test_trained_head_judges(void **state)
{
    (void)state;
    outcome o = run("detect", "-q", "-e", tiny_encoder(), "-p", trained(), fal_temp_path("data/fake/c21.wav"),
                    fal_temp_path("data/real/c20.wav"));
    print_message("%s", o.out);
    assert_null(strstr(o.out, "uncalibrated"));
    assert_null(strstr(o.out, "encoder-mismatch")); /* what extract recorded names this encoder */
    expect(o, 0, "c21.wav: ", NULL);
}

static void test_eval_reads_an_official_checkpoint(void **state)
{
    (void)state;
    expect(run("eval", fal_data_path("heads/linear_forward/csv/test_labels.csv"), "--head",
               fal_data_path("heads/linear_forward/checkpoint_multimodal/model-epoch=07.ckpt"), "--features",
               fal_data_path("heads/linear_forward/features/test")),
           0, "clips     6 (", NULL);
}

static void test_train_and_eval_name_what_is_wrong(void **state)
{
    (void)state;
    const char *never = fal_temp_path("never.safetensors");
    expect(run("train", "probe", "--train", "absent.csv", "--val", dataset(), "--features", features(), "-o", never), 1,
           NULL, "absent.csv");
    expect(run("train", "probe", "--train", dataset(), "--val", dataset(), "--features", fal_temp_path("data"),
               "--stream", "audio", "-o", never),
           1, NULL, "no clip with features (24 listed, 24 without a file)");
    expect(run("train", "probe", "--train", dataset(), "--val", dataset(), "--features", features(), "--stream", "av",
               "-o", never),
           1, NULL, "no array 'multimodal'");
    assert_int_not_equal(access(never, F_OK), 0);
    expect(run("eval", dataset(), "--head", "absent.ckpt", "--features", features()), 1, NULL, "absent.ckpt");
    expect(run("eval", dataset(), "--head", fal_data_path("heads/linear_forward/checkpoint_audio/model-epoch=03.ckpt"),
               "--features", features()),
           1, NULL, "24 channels, these have 64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_extract),
        cmocka_unit_test(test_extract_again_keeps_what_is_there),
        cmocka_unit_test(test_extract_refuses_other_options_in_one_folder),
        cmocka_unit_test(test_extract_half_precision),
        cmocka_unit_test(test_extract_lists_failures),
        cmocka_unit_test(test_extract_names_a_bad_list),
        cmocka_unit_test(test_train_and_eval),
        cmocka_unit_test(test_training_is_repeatable),
        cmocka_unit_test(test_trained_head_judges),
        cmocka_unit_test(test_eval_reads_an_official_checkpoint),
        cmocka_unit_test(test_train_and_eval_name_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
