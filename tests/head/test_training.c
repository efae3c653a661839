/* Fitting a probe: the official trajectories step by step, gradients, determinism, calibration. */
#include "core/alloc.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/json.h"
#include "core/rng.h"
#include "feature/feature_set.h"
#include "head/head.h"
#include "support/alloc_fail.h"
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_WIDTH = 32, MAX_STEPS = 512, MAX_EPOCHS = 64 };

/* ---- trajectories ---- */

typedef struct trajectory {
    const char *name;
    size_t width; /* dim + 1 */
    size_t steps, epochs;
    float loss[MAX_STEPS], gradients[MAX_STEPS * MAX_WIDTH], weights[MAX_STEPS * MAX_WIDTH]; /* before the step */
    float validation[MAX_EPOCHS], epoch_weights[MAX_EPOCHS * MAX_WIDTH];
} trajectory;

static void note_step(void *user, double loss, const float *gradient, const float *weights)
{
    trajectory *t = user;
    assert_true(t->steps < MAX_STEPS);
    t->loss[t->steps] = (float)loss;
    memcpy(t->gradients + t->steps * t->width, gradient, t->width * sizeof *gradient);
    memcpy(t->weights + t->steps * t->width, weights, t->width * sizeof *weights);
    t->steps++;
}

static void note_epoch(void *user, const fal_fit_epoch *epoch, const float *weights)
{
    trajectory *t = user;
    assert_true(t->epochs < MAX_EPOCHS);
    t->validation[t->epochs] = (float)epoch->validation_loss;
    memcpy(t->epoch_weights + t->epochs * t->width, weights, t->width * sizeof *weights);
    t->epochs++;
}

static fal_feature_set load_set(const char *name, const char *split, fal_stream stream, bool l2)
{
    fal_feature_set set = {0};
    fal_error err = {0};
    fal_check_ok(fal_feature_set_load(fal_data_path("heads/%s/csv/%s_labels.csv", name, split),
                                      fal_data_path("heads/%s/features/%s", name, split), stream, l2, NULL, &set, &err),
                 &err);
    return set;
}

/* The golden's orders count rows of the label list; ours count clips that have features. [epochs, set->count] */
static int64_t *orders_of_clips(const char *name, const fal_feature_set *set)
{
    fal_csv csv = {0};
    fal_error err = {0};
    fal_npy rows = fal_golden_npy_f64(fal_data_path("heads/%s/orders.npy", name));
    fal_check_ok(fal_csv_read(fal_data_path("heads/%s/csv/train_labels.csv", name), &csv, &err), &err);
    int path = fal_csv_column(&csv, "path");
    int64_t *orders = fal_malloc_array(rows.count, sizeof *orders);
    size_t used = 0;
    assert_non_null(orders);
    for (size_t i = 0; i < rows.count; i++)
        for (size_t clip = 0; clip < set->count; clip++)
            if (!strcmp(set->clips[clip].path, fal_csv_cell(&csv, (size_t)((double *)rows.data)[i], path)))
                orders[used++] = (int64_t)clip;
    assert_int_equal(used, rows.shape[0] * set->count);
    fal_csv_free(&csv);
    fal_npy_free(&rows);
    return orders;
}

static void initial_weights(const char *name, float out[MAX_WIDTH])
{
    fal_npy weight = fal_golden_npy(fal_data_path("heads/%s/weight_init.npy", name));
    fal_npy bias = fal_golden_npy(fal_data_path("heads/%s/bias_init.npy", name));
    memcpy(out, weight.data, weight.count * sizeof *out);
    out[weight.count] = fal_npy_f32(&bias)[0];
    fal_npy_free(&weight);
    fal_npy_free(&bias);
}

static void compare(const char *name, const char *what, const char *tolerance, const float *got, size_t count)
{
    char title[96];
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("heads/%s/case.json", name), &json, &err), &err);
    const fal_json *allowed = fal_json_get(fal_json_get(json, "tolerance"), tolerance);
    fal_npy want = fal_golden_npy(fal_data_path("heads/%s/%s.npy", name, what));
    assert_int_equal(count, want.count);
    snprintf(title, sizeof title, "%s %s", name, what);
    fal_check_close(title, got, want.data, count, fal_json_real(fal_json_get(allowed, "suggested_max_abs"), 0), 0);
    fal_npy_free(&want);
    fal_json_free(&json);
}

static void compare_all(const trajectory *t, const float *initial)
{
    compare(t->name, "step_loss", "step_loss", t->loss, t->steps);
    compare(t->name, "step_grads", "step_grads", t->gradients, t->steps * t->width);
    fal_check_close("initial weights", t->weights, initial, t->width, 0, 0);
    /* what a step starts from is what the one before left; the last one's result is the last epoch's */
    static float after[MAX_STEPS * MAX_WIDTH];
    memcpy(after, t->weights + t->width, (t->steps - 1) * t->width * sizeof *after);
    memcpy(after + (t->steps - 1) * t->width, t->epoch_weights + (t->epochs - 1) * t->width, t->width * sizeof *after);
    compare(t->name, "step_weights", "step_weights", after, t->steps * t->width);
    compare(t->name, "val_loss", "val_loss", t->validation, t->epochs);
    compare(t->name, "epoch_weights", "step_weights", t->epoch_weights, t->epochs * t->width);
}

/* A probe on rows of `dim` channels, ready to be fitted. */
static fal_head *make_probe(int64_t dim, const char *pooling)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_head_shape shape = {.parts = 1, .dims = {dim}, .dim = dim};
    fal_head_training training = {.pooling = pooling};
    fal_check_ok(fal_head_create(&fal_head_probe, &shape, NULL, &training, &head, &err), &err);
    return head;
}

static fal_fit_options with_defaults(fal_fit_options o)
{
    const fal_head_recipe *recipe = &fal_head_probe.recipe;
    o.batch = o.batch ? o.batch : recipe->batch;
    o.max_epochs = o.max_epochs ? o.max_epochs : recipe->max_epochs;
    o.patience = o.patience ? o.patience : recipe->patience;
    o.learning_rate = recipe->learning_rate;
    return o;
}

static fal_status fit(fal_head *head, const fal_feature_set *train, const fal_feature_set *validation,
                      fal_fit_options options, fal_fit_report *report, fal_error *err)
{
    options = with_defaults(options);
    return fal_fit(&head->kind->trainable, head->config.bytes, train, validation, &options, &head->params, report, err);
}

static fal_fit_report check_trajectory(const char *name, fal_stream stream, bool l2, fal_fit_options options)
{
    static trajectory t;
    float initial[MAX_WIDTH];
    fal_fit_report report;
    fal_error err = {0};
    fal_feature_set train = load_set(name, "train", stream, l2), validation = load_set(name, "val", stream, l2);
    int64_t *orders = orders_of_clips(name, &train);
    fal_head *head = make_probe(train.dim, NULL);
    initial_weights(name, initial);
    t = (trajectory){.name = name, .width = (size_t)train.dim + 1};
    assert_int_equal(head->params.count, t.width);
    memcpy(head->params.values, initial, t.width * sizeof *initial);
    options.orders = orders;
    options.step = note_step;
    options.epoch = note_epoch;
    options.hook_user = &t;
    fal_check_ok(fit(head, &train, &validation, options, &report, &err), &err);
    compare_all(&t, initial);
    fal_check_close("best weights", head->params.values, t.epoch_weights + (size_t)report.best_epoch * t.width, t.width,
                    0, 0);
    fal_head_free(&head);
    fal_free(orders);
    fal_feature_set_free(&train);
    fal_feature_set_free(&validation);
    return report;
}

static void test_trajectory(void **state)
{
    (void)state;
    fal_fit_report r = check_trajectory("linear_train", FAL_STREAM_VIDEO, true, (fal_fit_options){.max_epochs = 6});
    assert_int_equal(r.epochs_run, 6);
    assert_int_equal(r.best_epoch, 5);
    assert_int_equal(r.train_clips, 12);
    assert_int_equal(r.validation_clips, 5);
}

static void test_trajectory_in_batches(void **state)
{
    (void)state;
    fal_fit_report r =
        check_trajectory("linear_train_batch", FAL_STREAM_AUDIO, true, (fal_fit_options){.max_epochs = 5, .batch = 4});
    assert_int_equal(r.epochs_run, 5);
}

/* A missing file in each list makes no update and no loss; the run stops by itself and keeps an earlier epoch. */
static void test_trajectory_with_early_stopping(void **state)
{
    (void)state;
    fal_fit_report r = check_trajectory("linear_train_earlystop", FAL_STREAM_AV, false,
                                        (fal_fit_options){.max_epochs = 40, .patience = 4});
    assert_int_equal(r.epochs_run, 21);
    assert_int_equal(r.best_epoch, 16);
    fal_check_close_f64("best val_loss", &r.best_validation_loss, &(double){1.6269032955169678}, 1, 3.4e-6, 0);
}

/* ---- gradients ---- */

enum { G_DIM = 6, G_CLIPS = 3, G_FRAMES = 5, G_WIDTH = 2 * G_DIM + 1 };

static double loss_at(const fal_head *head, const float *values, const fal_samples *parts, float *gradient, int threads)
{
    double sum = 0;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    fal_run_begin(run);
    fal_step step = {
        .values = values, .run = run, .parts = parts, .part_count = G_CLIPS, .scale = 1, .gradient = gradient};
    fal_check_ok(head->kind->trainable.loss(head->config.bytes, &step, &sum, &err), &err);
    fal_run_free(&run);
    return sum;
}

static void check_gradient(const char *pooling)
{
    const float step = 0.01f;
    float rows[G_CLIPS * G_FRAMES * G_DIM], values[G_WIDTH], gradient[G_WIDTH] = {0}, again[G_WIDTH] = {0};
    float differences[G_WIDTH];
    fal_clip_features clips[G_CLIPS];
    fal_samples parts[G_CLIPS];
    fal_head *head = make_probe(G_DIM, pooling);
    size_t width = head->params.count;
    fal_rng_fill_normal(7, 1, 0, 0, 1, rows, sizeof rows / sizeof *rows);
    fal_rng_fill_normal(7, 2, 0, 0, 0.5f, values, width);
    for (int i = 0; i < G_CLIPS; i++) {
        clips[i] = (fal_clip_features){
            .path = "clip", .label = i % 2, .frames = G_FRAMES - i, .rows = rows + i * G_FRAMES * G_DIM};
        parts[i] = (fal_samples){&clips[i], 0, 1};
    }
    loss_at(head, values, parts, gradient, 1);
    loss_at(head, values, parts, again, 3);
    assert_memory_equal(gradient, again, width * sizeof *gradient); /* whatever the number of threads */
    for (size_t i = 0; i < width; i++) {
        float kept = values[i];
        values[i] = kept + step;
        double above = loss_at(head, values, parts, NULL, 1);
        values[i] = kept - step;
        double below = loss_at(head, values, parts, NULL, 1);
        values[i] = kept;
        differences[i] = (float)((above - below) / (2 * (double)step));
    }
    /* central differences: step^2 / 6 times the third derivative, and float32 logits divided by the step */
    fal_check_close(pooling, gradient, differences, width, 1.5e-3, 1e-3);
    fal_head_free(&head);
}

static void test_gradients_against_differences(void **state)
{
    (void)state;
    static const char *const poolings[] = {"log-sum-exp", "mean", "max", "attention"};
    for (size_t i = 0; i < sizeof poolings / sizeof *poolings; i++)
        check_gradient(poolings[i]);
}

/* ---- whole runs on made-up data ---- */

enum { CLIPS = 60, DIM = 8, MADE_FRAMES = 12 };

typedef struct made {
    fal_clip_features clips[CLIPS];
    float rows[CLIPS * MADE_FRAMES * DIM];
} made;

/* Fakes are shifted along the first channel. */
static fal_feature_set make_set(made *m, uint64_t seed)
{
    fal_rng_fill_normal(seed, 0, 0, 0, 1, m->rows, sizeof m->rows / sizeof *m->rows);
    for (int i = 0; i < CLIPS; i++) {
        float *rows = m->rows + i * MADE_FRAMES * DIM;
        m->clips[i] = (fal_clip_features){.path = "made", .label = i % 2, .frames = 1 + i % MADE_FRAMES, .rows = rows};
        for (int t = 0; t < MADE_FRAMES; t++)
            rows[t * DIM] += i % 2 ? 1.5f : -1.5f;
    }
    return (fal_feature_set){.dim = DIM, .count = CLIPS, .clips = m->clips};
}

static void test_same_seed_same_weights(void **state)
{
    (void)state;
    static made m, v;
    fal_feature_set train = make_set(&m, 1), validation = make_set(&v, 2);
    fal_head *heads[3];
    fal_error err = {0};
    for (int i = 0; i < 3; i++) {
        fal_training_report report;
        heads[i] = make_probe(DIM, NULL);
        fal_head_training training = {.seed = i < 2 ? 5 : 6, .max_epochs = 4, .batch = 7, .threads = 1 + i};
        fal_check_ok(fal_head_fit(heads[i], &training, &train, &validation, &report, &err), &err);
        assert_int_equal(report.curve_count, 4);
        assert_true(report.curve[3].validation_loss < report.curve[0].validation_loss);
        fal_training_report_free(&report);
    }
    assert_memory_equal(heads[0]->params.values, heads[1]->params.values, (DIM + 1) * sizeof(float));
    assert_true(memcmp(heads[0]->params.values, heads[2]->params.values, DIM * sizeof(float)) != 0);
    for (int i = 0; i < 3; i++)
        fal_head_free(&heads[i]);
}

/* Stopped after every epoch and continued from the file: the bytes of a run that was never stopped. */
static void test_resuming(void **state)
{
    (void)state;
    static made m, v;
    enum { EPOCHS = 5 };
    fal_feature_set train = make_set(&m, 1), validation = make_set(&v, 2);
    fal_head *whole = make_probe(DIM, NULL), *pieces = make_probe(DIM, NULL);
    fal_fit_report report;
    fal_error err = {0};
    const char *path = fal_temp_path("resume.state");
    fal_fit_options options = {.max_epochs = EPOCHS, .batch = 7, .seed = 3};
    fal_params_draw(&whole->params, 3);
    fal_check_ok(fit(whole, &train, &validation, options, &report, &err), &err);
    options.state = path;
    for (options.max_epochs = 1; options.max_epochs <= EPOCHS; options.max_epochs++) {
        fal_params_draw(&pieces->params, 3);
        fal_check_ok(fit(pieces, &train, &validation, options, &report, &err), &err);
        assert_int_equal(report.resumed_from, options.max_epochs - 1);
    }
    assert_memory_equal(whole->params.values, pieces->params.values, (DIM + 1) * sizeof(float));
    fal_params_draw(&pieces->params, 4);
    fal_check_fails(fit(pieces, &train, &validation, options, &report, &err), FAL_ERR_ARGUMENT, "another training run",
                    &err);
    fal_head_free(&whole);
    fal_head_free(&pieces);
}

static void count_epoch(void *user, const fal_fit_epoch *epoch, const float *values)
{
    (void)epoch, (void)values;
    ++*(int *)user;
}

/* Infinite features reach a fit only past the store, but a loss that is not finite must end it at once. */
static void test_loss_that_is_not_finite_stops(void **state)
{
    (void)state;
    static made m, v;
    int epochs = 0;
    fal_feature_set train = make_set(&m, 1), validation = make_set(&v, 2);
    fal_head *head = make_probe(DIM, NULL);
    fal_fit_report report;
    fal_error err = {0};
    v.rows[0] = NAN;
    fal_check_fails(
        fit(head, &train, &validation, (fal_fit_options){.epoch = count_epoch, .hook_user = &epochs}, &report, &err),
        FAL_ERR_ARGUMENT, "not finite in any of 1 epochs", &err);
    assert_int_equal(epochs, 1);
    fal_head_free(&head);
}

static void test_unusable_lists_are_named(void **state)
{
    (void)state;
    static made m, v;
    fal_feature_set train = make_set(&m, 1), validation = make_set(&v, 2), none = {.dim = DIM, .missing = 3};
    fal_head *head = make_probe(DIM, NULL);
    fal_fit_report report;
    fal_error err;
    fal_fit_options one = {.max_epochs = 1};
    fal_check_fails(fit(head, &none, &validation, one, &report, &err), FAL_ERR_ARGUMENT,
                    "training list: no clip with features (3 listed, 3 without a file)", &err);
    fal_check_fails(fit(head, &train, &none, one, &report, &err), FAL_ERR_ARGUMENT, "validation list", &err);
    m.clips[4].label = -1;
    fal_check_fails(fit(head, &train, &validation, one, &report, &err), FAL_ERR_ARGUMENT, "made has no label", &err);
    m.clips[4].label = 0;
    validation.dim = DIM + 1;
    fal_check_fails(fit(head, &train, &validation, one, &report, &err), FAL_ERR_ARGUMENT,
                    "8 channels, validation features 9", &err);
    fal_head_free(&head);
}

static void test_cancel(void **state)
{
    (void)state;
    static made m, v;
    fal_feature_set train = make_set(&m, 1), validation = make_set(&v, 2);
    volatile sig_atomic_t cancel = 1;
    fal_progress progress = {.cancel = &cancel};
    fal_head *head = make_probe(DIM, NULL);
    fal_fit_report report;
    fal_error err;
    fal_check_fails(fit(head, &train, &validation, (fal_fit_options){.progress = &progress}, &report, &err),
                    FAL_ERR_CANCELLED, "stopped", &err);
    fal_head_free(&head);
}

/* ---- calibration ---- */

enum { POINTS = 4000, LONGEST = 60 };

/* Clips whose frames all have the logit x: s - log T = x. */
typedef struct points {
    double scores[POINTS];
    int64_t frames[POINTS];
    uint8_t labels[POINTS];
} points;

static void set_point(points *p, size_t i, double x, int64_t frames, int label)
{
    p->scores[i] = x + log((double)frames);
    p->frames[i] = frames;
    p->labels[i] = (uint8_t)label;
}

static fal_calibration calibrate(const points *p, size_t count)
{
    fal_calibration c;
    fal_error err = {0};
    const fal_labelled_scores clips = {p->scores, p->frames, p->labels, count};
    fal_check_ok(fal_calibrate(&clips, FAL_CALIBRATE_PLATT, &c, &err), &err);
    return c;
}

static void test_calibration_recovers_a_known_model(void **state)
{
    (void)state;
    static points p;
    const double a = 1.5, b = 0.8, c = -2;
    fal_rng rng = fal_rng_make(11, 0);
    for (size_t i = 0; i < POINTS; i++) {
        double x = 2 * fal_rng_normal(&rng);
        int64_t frames = 1 + (int64_t)fal_rng_index(&rng, LONGEST);
        double chance = 1 / (1 + exp(-(a * x + b * log((double)frames) + c)));
        set_point(&p, i, x, frames, fal_rng_uniform(&rng) < chance);
    }
    fal_calibration got = calibrate(&p, POINTS);
    assert_true(got.fitted);
    /* standard errors at 4000 points: 0.05, 0.07 and 0.2 */
    const double found[] = {got.slope, got.length_slope + got.slope, got.offset}, want[] = {a, b, c};
    fal_check_close_f64("calibration slope", &found[0], &want[0], 1, 0.15, 0);
    fal_check_close_f64("calibration length", &found[1], &want[1], 1, 0.2, 0);
    fal_check_close_f64("calibration offset", &found[2], &want[2], 1, 0.6, 0);
    double s = 0.7 + log(30), p_fake = fal_head_probability(&got, s, 30);
    fal_check_close_f64("calibrated P", &p_fake, &(double){1 / (1 + exp(-(a * 0.7 + b * log(30) + c)))}, 1, 0.04, 0);
}

/* Platt's targets for n clips of each class: (n + 1) / (n + 2) and 1 / (n + 2) are what the fit settles at. */
static void test_calibration_of_separable_clips(void **state)
{
    (void)state;
    static points p;
    enum { EACH = 20 };
    const float scales[] = {1e-3f, 1, 1e3f, 1e6f};
    for (size_t k = 0; k < sizeof scales / sizeof *scales; k++) {
        for (size_t i = 0; i < 2 * EACH; i++)
            set_point(&p, i, i % 2 ? scales[k] : -scales[k], 25, i % 2);
        fal_calibration got = calibrate(&p, 2 * EACH);
        assert_true(got.fitted && isfinite(got.slope) && isfinite(got.offset));
        double fake = fal_head_probability(&got, scales[k] + log(25), 25);
        double real = fal_head_probability(&got, -scales[k] + log(25), 25);
        if (scales[k] >= 1) { /* below, the ridge weighs in */
            fal_check_close_f64("separable, fake", &fake, &(double){21.0 / 22}, 1, 1e-3, 0);
            fal_check_close_f64("separable, real", &real, &(double){1.0 / 22}, 1, 1e-3, 0);
        }
        assert_true(fake > 0.5 && real < 0.5);
    }
}

/* A few far outliers saturate P, where undamped Newton steps run away. */
static void test_calibration_with_outliers(void **state)
{
    (void)state;
    static points p;
    fal_rng rng = fal_rng_make(3, 0);
    for (size_t i = 0; i < 200; i++) {
        double x = fal_rng_normal(&rng) * (i % 10 ? 0.1 : 300);
        set_point(&p, i, x, 1 + (int64_t)(i % 50), x + 0.05 * fal_rng_normal(&rng) > 0);
    }
    fal_calibration got = calibrate(&p, 200);
    double far_fake = fal_head_probability(&got, 300, 1), far_real = fal_head_probability(&got, -300, 1);
    print_message("outliers: slope %.4g, length slope %.4g, offset %.4g; P at +-300: %.4f, %.4f\n", got.slope,
                  got.length_slope, got.offset, far_fake, far_real);
    assert_true(got.fitted && isfinite(got.slope) && isfinite(got.length_slope) && isfinite(got.offset));
    /* the smoothed targets of the outliers, about 0.99 and 0.01, hold the slope down */
    assert_true(far_fake > 0.99 && far_real < 0.01);
}

static void test_calibration_needs_both_classes(void **state)
{
    (void)state;
    static points p;
    for (size_t i = 0; i < 10; i++)
        set_point(&p, i, (double)i, 25, 1);
    fal_calibration got = calibrate(&p, 10);
    assert_false(got.fitted);
    assert_true(got.slope == 2 && got.length_slope == 0 && got.offset == 0);
}

/* Scores that rank fakes below reals: a calibration would turn the head around, so there is none. */
static void test_calibration_never_turns_the_head_around(void **state)
{
    (void)state;
    static points p;
    for (size_t i = 0; i < 20; i++)
        set_point(&p, i, i % 2 ? -1.0f : 1.0f, 25, i % 2);
    assert_false(calibrate(&p, 20).fitted);
}

/* ---- allocation ---- */

static fal_status fit_calibrate_save(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_feature_set *sets = user;
    fal_head *head = NULL;
    fal_training_report report = {0};
    fal_head_shape shape = {.parts = 1, .dims = {DIM}, .dim = DIM};
    fal_head_training training = {.max_epochs = 1, .threads = 1, .encoder = "made"};
    FAL_TRY(fal_head_create(&fal_head_probe, &shape, "multimodal", &training, &head, err));
    FAL_TRY(fal_head_fit(head, &training, &sets[0], &sets[1], &report, err));
    FAL_TRY(fal_head_write(head, NULL, 0, fal_temp_path("probe.safetensors"), err));
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
    fal_check_alloc_failures("fit, calibrate, save", fit_calibrate_save, sets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trajectory),
        cmocka_unit_test(test_trajectory_in_batches),
        cmocka_unit_test(test_trajectory_with_early_stopping),
        cmocka_unit_test(test_gradients_against_differences),
        cmocka_unit_test(test_same_seed_same_weights),
        cmocka_unit_test(test_resuming),
        cmocka_unit_test(test_loss_that_is_not_finite_stops),
        cmocka_unit_test(test_unusable_lists_are_named),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_calibration_recovers_a_known_model),
        cmocka_unit_test(test_calibration_of_separable_clips),
        cmocka_unit_test(test_calibration_with_outliers),
        cmocka_unit_test(test_calibration_needs_both_classes),
        cmocka_unit_test(test_calibration_never_turns_the_head_around),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
