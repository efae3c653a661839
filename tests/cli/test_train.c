/* train and calibrate through the program: several seeds, test list, curves, packed features, stopping and going on. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/npy.h"
#include "core/rng.h"
#include "core/str.h"
#include "support/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DIM = 48, MOST_CLIPS = 160 };

/* Clips [first, first + count) of a data set whose fakes are shifted along some channels in half of their frames. */
static void make_list(const char *name, int first, int count)
{
    static char text[32 * MOST_CLIPS];
    static float rows[64 * DIM];
    fal_error err = {0};
    strcpy(text, "path,label\n");
    for (int i = first; i < first + count; i++) {
        const size_t frames = 20 + (size_t)i % 40;
        fal_rng_fill_normal(3, (uint64_t)i, 0, 0, 1, rows, frames * DIM);
        for (size_t t = 0; i % 2 && t < frames; t += 2)
            for (int c = 0; c < DIM; c += 4)
                rows[t * DIM + (size_t)c] += 0.9f;
        const fal_npz_member member = {.name = "audio",
                                       .type = FAL_NPY_F32,
                                       .store = FAL_NPY_F32,
                                       .rank = 2,
                                       .shape = {frames, DIM},
                                       .data = rows};
        fal_check_ok(fal_npz_write(fal_temp_path("features/c%03d.npz", i), &member, 1, &err), &err);
        snprintf(text + strlen(text), 32, "c%03d.wav,%d\n", i, i % 2);
    }
    write_text(fal_temp_path("%s.csv", name), text);
}

static int make_lists(void **state)
{
    (void)state;
    make_list("train", 0, 100);
    make_list("val", 100, 60);
    return 0;
}

#define TRAIN(out)                                                                                                  \
    "train", "probe", "-q", "--train", fal_temp_path("train.csv"), "--val", fal_temp_path("val.csv"), "--features", \
        fal_temp_path("features"), "--stream", "audio", "-o", out

static size_t lines_of(const char *path, const char *header)
{
    fal_buf text = {0};
    fal_error err = {0};
    size_t lines = 0;
    fal_check_ok(fal_file_read(path, 0, &text, &err), &err);
    assert_true(fal_str_starts(text.data, header));
    for (const char *c = text.data; *c; c++)
        lines += *c == '\n';
    fal_buf_free(&text);
    return lines;
}

/* ---- seeds, test list, curves ---- */

static void test_several_seeds(void **state)
{
    (void)state;
    const char *out = fal_temp_path("seeds.v1/head.safetensors"), *curve = fal_temp_path("seeds.csv");
    outcome o = run(TRAIN(out), "--seeds", "3", "--epochs", "4", "--lr", "0.02", "--test", fal_temp_path("val.csv"),
                    "--curve", curve);
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "head-3.safetensors: test AUC"));
    assert_non_null(strstr(o.out, "3 seeds, mean +- sample standard deviation"));
    assert_non_null(strstr(o.out, "test AP"));
    expect(o, 0, "head-1.safetensors: best epoch", NULL);
    assert_int_equal(files_in(fal_temp_path("seeds.v1"), ".safetensors"), 3);
    assert_int_equal(lines_of(curve, "epoch,train_loss,validation_loss,learning_rate,seconds,seed"), 3 * 4 + 1);
    expect(run(TRAIN(fal_temp_path("second.safetensors")), "--seed", "44", "--epochs", "4", "--lr", "0.02"), 0, NULL,
           NULL);
    check_same_file(fal_temp_path("second.safetensors"), fal_temp_path("seeds.v1/head-2.safetensors"));
}

static void test_curves_are_drawn(void **state)
{
    (void)state;
    static const char *const endings[] = {"svg", "png", "pdf"};
    for (size_t i = 0; i < 3; i++) {
        const char *curve = fal_temp_path("curve.%s", endings[i]);
        expect(run(TRAIN(fal_temp_path("drawn.safetensors")), "--seeds", "2", "--epochs", "3", "--curve", curve), 0,
               NULL, NULL);
        assert_int_equal(access(curve, R_OK), 0);
    }
}

/* ---- packed ---- */

static void test_fast(void **state)
{
    (void)state;
    const char *cache = fal_temp_path("cache"), *plain = fal_temp_path("plain.csv"), *fast = fal_temp_path("fast.csv");
    expect(run(TRAIN(fal_temp_path("fast.safetensors")), "--fast", "--cache", cache, "--epochs", "60", "--curve", fast),
           0, "calibrated", NULL);
    assert_int_equal(files_in(cache, ".pack"), 2);
    expect(run(TRAIN(fal_temp_path("plain.safetensors")), "--epochs", "60", "--curve", plain), 0, "calibrated", NULL);
    outcome slow = run("eval", fal_temp_path("val.csv"), "--head", fal_temp_path("plain.safetensors"), "--features",
                       fal_temp_path("features")),
            quick = run("eval", fal_temp_path("val.csv"), "--head", fal_temp_path("fast.safetensors"), "--features",
                        fal_temp_path("features"));
    const double auc_slow = strtod(strstr(slow.out, "AUC") + 3, NULL),
                 auc_quick = strtod(strstr(quick.out, "AUC") + 3, NULL);
    print_message("validation AUC: official mode %.4f, fast mode %.4f\n", auc_slow, auc_quick);
    assert_true(auc_quick > auc_slow - 0.02 && auc_quick > 0.8);
    outcome_free(&slow);
    outcome_free(&quick);
}

/* ---- stopping and going on ---- */

static void wait_for(const char *path)
{
    for (int i = 0; i < 60000 && access(path, R_OK) != 0; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_int_equal(access(path, R_OK), 0);
}

#define LONG_RUN "--epochs", "150", "--patience", "150", "--lr", "0.0005"

static void test_killed_run_goes_on(void **state)
{
    (void)state;
    const char *out = fal_temp_path("killed.safetensors"), *whole = fal_temp_path("whole.safetensors"),
               *file = fal_temp_path("killed.state");
    running r = start(TRAIN(out), LONG_RUN, "--state", file);
    wait_for(file);
    kill(r.pid, SIGKILL);
    expect(finish(&r), STOPPED_BY_SIGNAL + SIGKILL, NULL, NULL);
    assert_int_not_equal(access(out, F_OK), 0);
    expect(run(TRAIN(out), LONG_RUN, "--seed", "7", "--state", file), 1, NULL, "another training run");
    expect(run(TRAIN(out), LONG_RUN, "--pooling", "mean", "--state", file), 1, NULL, "another training run");
    expect(run(TRAIN(out), LONG_RUN, "--state", file, "--curve", fal_temp_path("killed.csv")), 0, "went on after",
           NULL);
    assert_int_not_equal(access(file, F_OK), 0);
    assert_int_equal(lines_of(fal_temp_path("killed.csv"), "epoch"), 151);
    expect(run(TRAIN(whole), LONG_RUN), 0, NULL, NULL);
    check_same_file(out, whole);
}

static void test_interrupted_seeds_go_on(void **state)
{
    (void)state;
    const char *out = fal_temp_path("stopped.safetensors"), *file = fal_temp_path("stopped.state");
    running r = start(TRAIN(out), LONG_RUN, "--seeds", "2", "--state", file);
    wait_for(fal_temp_path("stopped-2.state")); /* the first seed is done */
    kill(r.pid, SIGINT);
    expect(finish(&r), 130, NULL, "the same command goes on");
    expect(run(TRAIN(out), LONG_RUN, "--seeds", "2", "--state", file), 0,
           "stopped-1.safetensors: went on after 150 epochs", NULL);
    assert_int_equal(files_in(fal_temp_path("."), ".state"), 0);
}

/* ---- calibrate ---- */

static void test_calibrate(void **state)
{
    (void)state;
    const char *head = fal_temp_path("to-calibrate.safetensors"), *made = fal_temp_path("calibrated.safetensors");
    expect(run(TRAIN(head), "--epochs", "30", "--lr", "0.02"), 0, NULL, NULL);
    outcome o = run("calibrate", head, "-q", "--val", fal_temp_path("train.csv"), "--features",
                    fal_temp_path("features"), "--test", fal_temp_path("val.csv"), "--method", "isotonic", "-o", made);
    print_message("%s", o.out);
    assert_non_null(strstr(o.out, "test, 60 clips: log-loss"));
    expect(o, 0, "fitted to, 100 clips: log-loss", NULL);
    expect(run("models", "info", made), 0, "falsetto.calibration.knots", NULL);
    expect(run("eval", fal_temp_path("val.csv"), "--head", made, "--features", fal_temp_path("features")), 0, "AUC",
           NULL);
}

static void test_calibrate_an_official_checkpoint(void **state)
{
    (void)state;
    const char *list = fal_data_path("heads/linear_train/csv/train_labels.csv"),
               *root = fal_data_path("heads/linear_train/features/train"),
               *head = fal_data_path("heads/linear_train/checkpoint/model-epoch=05.ckpt"),
               *made = fal_temp_path("official.safetensors");
    expect(run("calibrate", head, "-q", "--val", list, "--features", root, "--stream", "video", "-o", made), 0,
           "fitted to, 12 clips", NULL);
    expect(run("models", "info", made), 0, "falsetto.calibration.fitted = true", NULL);
}

static void test_what_is_wrong_is_named(void **state)
{
    (void)state;
    const char *never = fal_temp_path("never.safetensors"), *head = fal_temp_path("wrong.safetensors");
    const char *one = fal_temp_path("one-class.csv");
    write_text(one, "path,label\nc001.wav,1\nc003.wav,1\n");
    expect(run(TRAIN(head), "--epochs", "1"), 0, NULL, NULL);
    expect(run("train", "probe", "-q", "--train", one, "--val", one, "--features", fal_temp_path("features"),
               "--stream", "audio", "-o", never),
           1, NULL, "all 2 clips with features are fake");
    expect(run("calibrate", head, "--val", one, "--features", fal_temp_path("features"), "-o", never), 1, NULL,
           "here are 0 real and 2 fake");
    expect(run("train", "forest", "--train", one), 2, NULL, "no kind 'forest'");
    expect(run(TRAIN(never), "--seeds", "0"), 2, NULL, "--seeds 0");
    expect(run(TRAIN(never), "--cache", "x"), 2, NULL, "--fast");
    expect(run(TRAIN(never), "--curve", fal_temp_path("features/c000.npz/curve.csv"), "--epochs", "1"), 1, NULL,
           "cannot make the folder");
    write_text(fal_temp_path("features/extract.json"), "{\"encoder\": \"one\", \"family\": \"clip\"}");
    expect(run(TRAIN(head), "--epochs", "1"), 0, NULL, NULL);
    write_text(fal_temp_path("features/extract.json"), "{\"encoder\": \"other\", \"family\": \"clip\"}");
    expect(run("eval", fal_temp_path("val.csv"), "--head", head, "--features", fal_temp_path("features")), 0, NULL,
           "was trained on features of one");
    write_text(fal_temp_path("features/extract.json"), "{\"encoder\": \"one\", \"family\": \"wavlm\"}");
    expect(run("eval", fal_temp_path("val.csv"), "--head", head, "--features", fal_temp_path("features")), 1, NULL,
           "was trained on features of clip");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_several_seeds),
        cmocka_unit_test(test_curves_are_drawn),
        cmocka_unit_test(test_fast),
        cmocka_unit_test(test_killed_run_goes_on),
        cmocka_unit_test(test_interrupted_seeds_go_on),
        cmocka_unit_test(test_calibrate),
        cmocka_unit_test(test_calibrate_an_official_checkpoint),
        cmocka_unit_test(test_what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, make_lists, NULL);
}
