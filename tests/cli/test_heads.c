/* Heads on several arrays from the command line: sync and sup on two streams, layers and a sweep over hidden states. */
#include "core/file.h"
#include "core/npy.h"
#include "core/rng.h"
#include "material.h"
#include "program.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLIPS = 8, FRAMES = 10, DIM = 4, ARRAYS = 5 };
static const char *const names[ARRAYS] = {"visual", "audio", "hidden_1", "hidden_2", "hidden_10"};

/* hidden_2 tells fakes (odd clips), and so does the audio. */
static void write_clip(const char *folder, int clip)
{
    static float rows[ARRAYS][FRAMES * DIM];
    fal_npz_member members[ARRAYS];
    fal_error err = {0};
    char path[512];
    for (int a = 0; a < ARRAYS; a++) {
        fal_rng_fill_normal((uint64_t)clip, (uint64_t)a, 0, 0, 1, rows[a], FRAMES * DIM);
        for (int t = 0; t < FRAMES && (a == 1 || a == 3); t++)
            rows[a][t * DIM] += clip % 2 ? 3 : -3;
        members[a] = (fal_npz_member){.name = names[a],
                                      .type = FAL_NPY_F32,
                                      .store = FAL_NPY_F32,
                                      .rank = 2,
                                      .shape = {FRAMES, DIM},
                                      .data = rows[a]};
    }
    snprintf(path, sizeof path, "%s/c%d.npz", folder, clip);
    fal_check_ok(fal_npz_write(path, members, ARRAYS, &err), &err);
}

static const char *features(void)
{
    const char *folder = fal_temp_path("features");
    fal_error err = {0};
    if (access(folder, R_OK) == 0)
        return folder;
    fal_check_ok(fal_make_dirs(folder, &err), &err);
    for (int i = 0; i < CLIPS; i++)
        write_clip(folder, i);
    write_text(fal_temp_path("all.csv"), "path,label\nc0.mp4,0\nc1.mp4,1\nc2.mp4,0\nc3.mp4,1\nc4.mp4,0\nc5.mp4,1\n");
    write_text(fal_temp_path("real.csv"), "path,label\nc0.mp4,0\nc2.mp4,0\nc4.mp4,0\nc6.mp4,0\n");
    return folder;
}

#define TRAIN(kind, list)                                                                                        \
    "train", kind, "-q", "--features", features(), "--train", fal_temp_path(list), "--val", fal_temp_path(list), \
        "--epochs", "2"

static void test_sync(void **state)
{
    (void)state;
    const char *head = fal_temp_path("sync.safetensors");
    expect(run(TRAIN("sync", "real.csv"), "--tau", "2", "-o", head), 0, "4 training and 4 validation clips", NULL);
    expect(run("eval", fal_temp_path("all.csv"), "--head", head, "--features", features()), 0, "AUC", NULL);
}

static void test_sync_refuses_fakes(void **state)
{
    (void)state;
    const char *head = fal_temp_path("never.safetensors");
    expect(run(TRAIN("sync", "all.csv"), "-o", head), 1, NULL, "holds 3 fakes (the first: c1.mp4)");
    assert_int_equal(access(head, F_OK), -1);
    expect(run(TRAIN("sync", "all.csv"), "--allow-fakes", "-o", head), 0, "6 training", NULL);
}

static void test_sup(void **state)
{
    (void)state;
    const char *head = fal_temp_path("sup.safetensors");
    expect(run(TRAIN("sup", "all.csv"), "-o", head), 0, "6 training", NULL);
    expect(run("eval", fal_temp_path("all.csv"), "--head", head, "--features", features()), 0, "AUC", NULL);
    expect(run(TRAIN("sup", "all.csv"), "--variant", "linear", "--arrays", "audio", "--lr", "0.1", "-o", head), 0,
           "6 training", NULL);
    expect(run("eval", fal_temp_path("all.csv"), "--head", head, "--features", features()), 0, "1.0000", NULL);
    expect(run(TRAIN("sup", "all.csv"), "--variant", "deep", "-o", head), 1, NULL, "no variant \"deep\"");
}

static void test_layers(void **state)
{
    (void)state;
    const char *head = fal_temp_path("layers.safetensors");
    expect(run(TRAIN("layers", "all.csv"), "--arrays", "hidden_1+hidden_2+hidden_10", "--lr", "0.1", "-o", head), 0,
           "hidden_2 0.", NULL);
    expect(run("models", "info", head), 0, "hidden_2 0.", NULL);
    expect(run("eval", fal_temp_path("all.csv"), "--head", head, "--features", features()), 0, "AUC", NULL);
    expect(run(TRAIN("layers", "all.csv"), "--arrays", "hidden_1", "-o", head), 1, NULL, "two or more feature arrays");
}

static void test_sweep(void **state)
{
    (void)state;
    const char *folder = fal_temp_path("swept");
    outcome o = run(TRAIN("probe", "all.csv"), "--sweep", "hidden_*", "--lr", "0.1", "-o", folder);
    assert_int_equal(o.code, 0);
    const char *one = strstr(o.out, "hidden_1 "), *two = strstr(o.out, "hidden_2 "), *ten = strstr(o.out, "hidden_10 ");
    assert_true(one && two > one && ten > two);
    assert_true(strstr(two, "1.0000   1.0000  best\n") != NULL);
    outcome_free(&o);
    assert_int_equal(files_in(folder, ".safetensors"), 3);
    expect(run(TRAIN("probe", "all.csv"), "--sweep", "layer*"), 1, NULL, "fits 'layer*'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sync),  cmocka_unit_test(test_sync_refuses_fakes),
        cmocka_unit_test(test_sup),   cmocka_unit_test(test_layers),
        cmocka_unit_test(test_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
