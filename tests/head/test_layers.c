/* The multi-layer probe: the formula, gradients, what it learns, files. */
#include "core/rng.h"
#include "head/head.h"
#include "head/pooling.h"
#include "support/alloc_fail.h"
#include "support/test.h"
#include "weights/safetensors_write.h"

#include <math.h>
#include <string.h>

enum { LAYERS = 4, DIM = 5, JOINED = LAYERS * DIM, CLIPS = 40, FRAMES = 9, WIDTH = LAYERS + DIM + 1, LOUD = 2 };

/* ---- made-up data ---- */

typedef struct made {
    float rows[CLIPS * FRAMES * JOINED];
    fal_clip_features clips[CLIPS];
} made;

/* Only layer LOUD tells fakes, along its first channel; every layer has length 1. */
static fal_feature_set make_set(made *m, uint64_t seed)
{
    const fal_head_shape shape = {.parts = LAYERS, .dims = {DIM, DIM, DIM, DIM}, .dim = JOINED};
    fal_rng_fill_normal(seed, 0, 0, 0, 1, m->rows, sizeof m->rows / sizeof *m->rows);
    for (int i = 0; i < CLIPS; i++) {
        float *rows = m->rows + i * FRAMES * JOINED;
        m->clips[i] = (fal_clip_features){.path = "made", .label = i % 2, .frames = 1 + i % FRAMES, .rows = rows};
        for (int t = 0; t < FRAMES; t++)
            rows[t * JOINED + LOUD * DIM] += i % 2 ? 2 : -2;
        fal_head_normalise(&shape, rows, FRAMES, rows);
    }
    return (fal_feature_set){.dim = JOINED, .count = CLIPS, .clips = m->clips};
}

static fal_status create(const int64_t *dims, size_t parts, fal_head **out, fal_error *err)
{
    fal_head_shape shape = {.parts = parts};
    for (size_t i = 0; i < parts; i++)
        shape.dim += shape.dims[i] = dims[i];
    return fal_head_create(&fal_head_layers, &shape, parts == LAYERS ? "hidden_3+hidden_6+hidden_9+hidden_12" : NULL,
                           &(fal_head_training){.kind = "layers"}, out, err);
}

static fal_head *make_head(void)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(create((int64_t[]){DIM, DIM, DIM, DIM}, LAYERS, &head, &err), &err);
    fal_rng_fill_normal(4, 0, 0, 0, 1, head->params.values, head->params.count);
    return head;
}

/* ---- the formula ---- */

static void test_formula(void **state)
{
    (void)state;
    static made m;
    make_set(&m, 1);
    fal_head *head = make_head();
    const float *a = head->params.values, *w = a + LAYERS;
    float got[FRAMES], want[FRAMES];
    double score, sum = 0;
    fal_error err = {0};
    assert_int_equal(head->params.count, WIDTH);
    for (int l = 0; l < LAYERS; l++)
        sum += exp(a[l]);
    for (int t = 0; t < FRAMES; t++) {
        double f = w[DIM];
        for (int l = 0; l < LAYERS; l++)
            for (int c = 0; c < DIM; c++)
                f += exp(a[l]) / sum * w[c] * m.rows[t * JOINED + l * DIM + c];
        want[t] = (float)f;
    }
    fal_check_ok(fal_head_score(head, m.rows, FRAMES, JOINED, got, &score, &err), &err);
    double expected = fal_log_sum_exp(want, FRAMES);
    fal_check_close("frame logits", got, want, FRAMES, 2e-6, 0);
    fal_check_close_f64("clip logit", &score, &expected, 1, 2e-6, 0);
    fal_head_free(&head);
}

/* ---- gradients ---- */

enum { PARTS = 5 };

static double loss_of(const fal_head *head, const fal_samples *parts, int threads, float *gradient)
{
    double sum = 0;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    fal_run_begin(run);
    fal_step step = {head->params.values, run, parts, PARTS, 0.5, gradient};
    fal_check_ok(head->kind->trainable.loss(head->config.bytes, &step, &sum, &err), &err);
    fal_run_free(&run);
    return sum;
}

static void test_gradient_against_differences(void **state)
{
    (void)state;
    static made m;
    fal_samples parts[PARTS];
    float one[WIDTH] = {0}, three[WIDTH] = {0}, want[WIDTH];
    const float step = 0.02f;
    make_set(&m, 2);
    fal_head *head = make_head();
    for (int i = 0; i < PARTS; i++)
        parts[i] = (fal_samples){&m.clips[3 * i], 0, 1};
    loss_of(head, parts, 1, one);
    loss_of(head, parts, 3, three);
    assert_memory_equal(one, three, sizeof one); /* whatever the number of threads */
    for (size_t i = 0; i < WIDTH; i++) {
        float *value = head->params.values + i, kept = *value;
        *value = kept + step;
        double above = loss_of(head, parts, 1, NULL);
        *value = kept - step;
        double below = loss_of(head, parts, 1, NULL);
        *value = kept;
        want[i] = (float)(0.5 * (above - below) / (2 * (double)step)); /* scale 0.5 */
    }
    /* central differences: step^2 / 6 times the third derivative, and float32 logits divided by the step */
    fal_check_close("layers gradient", one, want, WIDTH, 1e-3, 1e-3);
    fal_head_free(&head);
}

/* ---- what it learns ---- */

static void test_finds_the_layer_that_tells(void **state)
{
    (void)state;
    static made t, v;
    fal_head *head = NULL;
    fal_error err = {0};
    fal_training_report report;
    fal_feature_set train = make_set(&t, 1), validation = make_set(&v, 2);
    fal_head_training training = {.kind = "layers", .max_epochs = 60, .learning_rate = 0.02};
    fal_check_ok(create((int64_t[]){DIM, DIM, DIM, DIM}, LAYERS, &head, &err), &err);
    fal_check_ok(fal_head_fit(head, &training, &train, &validation, &report, &err), &err);
    print_message("layers: %s; loss %.3f\n", report.summary, report.best_validation_loss);
    assert_true(report.curve[0].validation_loss > 2 * report.best_validation_loss);
    assert_true(strncmp(report.summary, "hidden_9 0.", 11) == 0);
    for (int l = 0; l < LAYERS; l++)
        assert_true(l == LOUD || head->params.values[l] < head->params.values[LOUD] - 1);
    fal_training_report_free(&report);
    fal_head_free(&head);
}

/* ---- files ---- */

static void test_own_file(void **state)
{
    (void)state;
    static made m;
    make_set(&m, 1);
    const char *path = fal_temp_path("layers.safetensors");
    float logits[2][FRAMES];
    double scores[2];
    fal_error err = {0};
    fal_checkpoint *ckpt = NULL;
    fal_head *heads[2] = {make_head(), NULL};
    const float mix[LAYERS] = {0, 1, 3, -2}; /* softmax: 0.042 0.114 0.839 0.006 */
    memcpy(heads[0]->params.values, mix, sizeof mix);
    fal_check_ok(fal_head_write(heads[0], NULL, 0, path, &err), &err);
    fal_check_ok(fal_head_open(path, NULL, &heads[1], &err), &err);
    const fal_head_description *about = fal_head_describe(heads[1]);
    assert_string_equal(about->kind, "layers");
    assert_int_equal(about->part_count, LAYERS);
    assert_string_equal(about->parts[3].array, "hidden_12");
    for (int i = 0; i < 2; i++) {
        fal_check_ok(fal_head_score(heads[i], m.rows, FRAMES, JOINED, logits[i], &scores[i], &err), &err);
        fal_head_free(&heads[i]);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_true(scores[0] == scores[1]);
    fal_check_ok(fal_checkpoint_open(path, NULL, &ckpt, &err), &err);
    assert_string_equal(fal_checkpoint_metadata(ckpt, "falsetto.summary"),
                        "hidden_9 0.839, hidden_6 0.114, hidden_3 0.042, hidden_12 0.006");
    fal_checkpoint_free(&ckpt);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    fal_head *head = NULL;
    fal_error err;
    fal_check_fails(create((int64_t[]){4}, 1, &head, &err), FAL_ERR_ARGUMENT, "two or more feature arrays", &err);
    fal_check_fails(create((int64_t[]){4, 4, 6}, 3, &head, &err), FAL_ERR_ARGUMENT,
                    "the first has 4 channels, number 3 has 6", &err);
    assert_null(head);
}

static void test_odd_files_are_named(void **state)
{
    (void)state;
    static const float zeros[100] = {0};
    fal_head *head = NULL;
    fal_error err;
    const char *path = fal_temp_path("odd.safetensors");
    fal_named_tensor tensors[] = {{"mix.weight", fal_tensor_f32(zeros, 1, (int64_t[]){FAL_HEAD_PARTS + 1})},
                                  {"head.weight", fal_tensor_f32(zeros, 2, (int64_t[]){1, DIM})},
                                  {"head.bias", fal_tensor_f32(zeros, 1, (int64_t[]){1})}};
    fal_check_ok(fal_safetensors_write(path, tensors, 3, FAL_F32, NULL, 0, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "mix.weight is [65]", &err);
    tensors[0].tensor = fal_tensor_f32(zeros, 1, (int64_t[]){3});
    tensors[1].tensor = fal_tensor_f32(zeros, 2, (int64_t[]){2, DIM});
    fal_check_ok(fal_safetensors_write(path, tensors, 3, FAL_F32, NULL, 0, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "head.weight is [2,5]", &err);
    assert_null(head);
}

static fal_status fit_and_write(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set *sets = user;
    fal_head *head = NULL;
    fal_training_report report = {0};
    fal_head_training training = {.kind = "layers", .max_epochs = 1, .threads = 1};
    FAL_TRY(create((int64_t[]){DIM, DIM, DIM, DIM}, LAYERS, &head, err));
    FAL_TRY(fal_head_fit(head, &training, &sets[0], &sets[1], &report, err));
    FAL_TRY(fal_head_write(head, NULL, 0, fal_temp_path("layers.safetensors"), err));
done:
    fal_training_report_free(&report);
    fal_head_free(&head);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    static made m, v;
    fal_feature_set sets[] = {make_set(&m, 1), make_set(&v, 2)};
    sets[0].count = 2; /* every allocation is one more run */
    sets[1].count = 2;
    fal_check_alloc_failures("layers fit, write", fit_and_write, sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula),
        cmocka_unit_test(test_gradient_against_differences),
        cmocka_unit_test(test_finds_the_layer_that_tells),
        cmocka_unit_test(test_own_file),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_odd_files_are_named),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
