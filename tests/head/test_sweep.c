/* One probe per layer: the names that fit, the order, the numbers, the best, the heads that are kept. */
#include "core/file.h"
#include "core/npy.h"
#include "core/rng.h"
#include "head/head.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include <falsetto/sweep.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CLIPS = 24, FRAMES = 4, DIM = 6, ARRAYS = 4 };
static const char *const names[ARRAYS] = {"hidden_10", "hidden_2", "audio", "hidden_9"};

typedef struct lists {
    char root[256], csv[272];
} lists;

/* Only hidden_9 tells fakes. */
static void write_clip(const char *root, int clip)
{
    static float rows[ARRAYS][FRAMES * DIM];
    fal_npz_member members[ARRAYS];
    fal_error err = {0};
    char path[512];
    for (int a = 0; a < ARRAYS; a++) {
        fal_rng_fill_normal((uint64_t)clip, (uint64_t)a, 0, 0, 1, rows[a], FRAMES * DIM);
        members[a] = (fal_npz_member){.name = names[a],
                                      .type = FAL_NPY_F32,
                                      .store = FAL_NPY_F32,
                                      .rank = 2,
                                      .shape = {FRAMES, DIM},
                                      .data = rows[a]};
    }
    for (int t = 0; t < FRAMES; t++)
        rows[3][t * DIM] += clip % 2 ? 3 : -3;
    snprintf(path, sizeof path, "%s/clip%02d.npz", root, clip);
    fal_check_ok(fal_npz_write(path, members, ARRAYS, &err), &err);
}

/* fakes: whether there are any */
static lists write_lists(const char *name, bool fakes)
{
    lists l;
    fal_buf text = {0};
    fal_error err = {0};
    snprintf(l.root, sizeof l.root, "%s", fal_temp_path("%s", name));
    snprintf(l.csv, sizeof l.csv, "%s.csv", l.root);
    fal_check_ok(fal_make_dirs(l.root, &err), &err);
    fal_buf_puts(&text, "path,label\nlost.mp4,1\n"); /* a clip without a file is passed over */
    for (int i = 0; i < CLIPS; i++) {
        write_clip(l.root, i);
        if (fakes || i % 2 == 0)
            fal_buf_printf(&text, "clip%02d.mp4,%d\n", i, i % 2);
    }
    fal_check_ok(fal_file_write(l.csv, text.data, text.length, &err), &err);
    fal_buf_free(&text);
    return l;
}

/* The list cut to two clips. */
static void write_few(const lists *l)
{
    static const char text[] = "path,label\nclip00.mp4,0\nclip01.mp4,1\n";
    fal_error err = {0};
    fal_check_ok(fal_file_write(l->csv, text, sizeof text - 1, &err), &err);
}

static fal_head_training training_on(const lists *l)
{
    return (fal_head_training){.train = {l->csv, l->root},
                               .validation = {l->csv, l->root},
                               .max_epochs = 15,
                               .learning_rate = 0.05,
                               .threads = 1};
}

static void test_layers_in_order_and_the_best(void **state)
{
    (void)state;
    fal_layer_sweep sweep;
    fal_error err = {0};
    lists l = write_lists("sweep", true);
    fal_head_training training = training_on(&l);
    fal_check_ok(fal_layer_sweep_run(&training, "hidden_*", NULL, &sweep, &err), &err);
    assert_int_equal(sweep.count, 3);
    assert_string_equal(sweep.layers[0].array, "hidden_2");
    assert_string_equal(sweep.layers[1].array, "hidden_9");
    assert_string_equal(sweep.layers[2].array, "hidden_10");
    for (size_t i = 0; i < sweep.count; i++)
        print_message("%s: loss %.4f AUC %.3f AP %.3f\n", sweep.layers[i].array, sweep.layers[i].validation_loss,
                      sweep.layers[i].auc, sweep.layers[i].ap);
    assert_int_equal(sweep.best, 1);
    assert_int_equal(sweep.layers[1].dim, DIM);
    assert_true(sweep.layers[1].auc == 1 && sweep.layers[1].ap == 1);
    assert_true(sweep.layers[0].auc < 1 && sweep.layers[0].validation_loss > sweep.layers[1].validation_loss);
    fal_layer_sweep_free(&sweep);
    assert_null(sweep.layers);
}

/* A kept head is the one that was judged. */
static void test_heads_are_kept(void **state)
{
    (void)state;
    fal_layer_sweep sweep;
    fal_head *head = NULL;
    fal_error err = {0};
    lists l = write_lists("kept", true);
    fal_head_training training = training_on(&l);
    const char *folder = fal_temp_path("heads/of/layers");
    fal_check_ok(fal_layer_sweep_run(&training, "audio+hidden_9", folder, &sweep, &err), &err);
    assert_int_equal(sweep.count, 2);
    assert_string_equal(sweep.layers[0].array, "audio");
    fal_check_ok(fal_head_open(fal_temp_path("heads/of/layers/hidden_9.safetensors"), NULL, &head, &err), &err);
    assert_string_equal(fal_head_describe(head)->kind, "probe");
    assert_string_equal(fal_head_describe(head)->parts[0].array, "hidden_9");
    fal_head_free(&head);
    fal_layer_sweep_free(&sweep);
}

static void test_one_class_is_ranked_by_loss(void **state)
{
    (void)state;
    fal_layer_sweep sweep;
    fal_error err = {0};
    lists all = write_lists("both", true), real = write_lists("real", false);
    fal_head_training training = training_on(&all);
    training.validation = (fal_feature_list){real.csv, real.root};
    fal_check_ok(fal_layer_sweep_run(&training, "hidden_2+hidden_9", NULL, &sweep, &err), &err);
    assert_true(isnan(sweep.layers[0].auc) && isnan(sweep.layers[1].ap));
    assert_int_equal(sweep.best, 1);
    fal_layer_sweep_free(&sweep);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    fal_layer_sweep sweep;
    fal_error err;
    lists l = write_lists("wrong", true);
    fal_head_training training = training_on(&l);
    fal_check_fails(fal_layer_sweep_run(&training, "layer_*", NULL, &sweep, &err), FAL_ERR_ARGUMENT, "fits 'layer_*'",
                    &err);
    training.train.root = fal_temp_path("nowhere");
    fal_check_fails(fal_layer_sweep_run(&training, "hidden_*", NULL, &sweep, &err), FAL_ERR_NOT_FOUND,
                    "has a .npz file below", &err);
}

static fal_status sweep_once(void *user, fal_error *err)
{
    fal_layer_sweep sweep = {0};
    fal_status st = fal_layer_sweep_run(user, "hidden_9", fal_temp_path("again"), &sweep, err);
    fal_layer_sweep_free(&sweep);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    lists l = write_lists("few", true);
    write_few(&l);
    fal_head_training training = training_on(&l);
    training.max_epochs = 1; /* every allocation is one more run */
    fal_check_alloc_failures("layer sweep", sweep_once, &training);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_in_order_and_the_best), cmocka_unit_test(test_heads_are_kept),
        cmocka_unit_test(test_one_class_is_ranked_by_loss),  cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
