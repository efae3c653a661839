/* The training loop's decisions on prescribed validation losses: which epoch is kept, when the rate falls, when it
 * stops; and that a run stopped after any epoch and continued is the run that was never stopped. */
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "head/fit.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_EPOCHS = 64 };

/* ---- a kind whose losses are prescribed ---- */

/* Training moves its one parameter by about the learning rate per epoch; validation takes the next loss of the script,
 * the last one again and again. */
typedef struct script {
    double losses[MAX_EPOCHS];
    size_t count;
    size_t *epoch; /* how many validations there were */
} script;

static int64_t one_sample(const void *config, int64_t frames)
{
    (void)config;
    return frames > 0;
}

static fal_status scripted_loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    const script *s = config;
    (void)err;
    *sum = 1;
    if (step->gradient)
        step->gradient[0] += 1 + 0.1f * step->values[0];
    else
        *sum = s->losses[*s->epoch < s->count ? (*s->epoch)++ : s->count - 1];
    return FAL_OK;
}

static const fal_trainable scripted = {.kind = "scripted", .samples = one_sample, .loss = scripted_loss};

/* ---- a run and what was seen of it ---- */

typedef struct history {
    size_t epochs;
    double rates[MAX_EPOCHS];
    float values[MAX_EPOCHS]; /* of the parameter after every epoch */
    fal_fit_report report;
    float kept; /* the parameter the run returns */
    fal_status status;
} history;

static void note_epoch(void *user, const fal_fit_epoch *epoch, const float *values)
{
    history *h = user;
    assert_true(epoch->epoch < MAX_EPOCHS);
    h->rates[epoch->epoch] = epoch->learning_rate;
    h->values[epoch->epoch] = values[0];
    h->epochs++;
}

/* Epochs `done` were run by an earlier call. */
static history run(const script *s, fal_fit_options options, size_t done)
{
    history h = {0};
    fal_error err = {0};
    fal_params params = {0};
    float row = 1;
    size_t epoch = done;
    script own = *s;
    fal_clip_features clip = {.path = "clip", .frames = 1, .rows = &row};
    fal_feature_set set = {.dim = 1, .count = 1, .clips = &clip};
    const fal_init half = FAL_INIT_CONST(0.5);
    own.epoch = &epoch;
    fal_check_ok(fal_params_add(&params, "value", 1, (int64_t[]){1}, half, NULL, &err), &err);
    fal_check_ok(fal_params_allocate(&params, &err), &err);
    fal_params_draw(&params, 1);
    options.batch = 1;
    options.threads = 1;
    options.epoch = note_epoch;
    options.hook_user = &h;
    h.status = fal_fit(&scripted, &own, &set, &set, &options, &params, &h.report, &err);
    h.kept = params.values[0];
    fal_params_free(&params);
    return h;
}

/* ---- reference decisions ---- */

static double number(const fal_json *value)
{
    const char *word = fal_json_string(value, "");
    return fal_str_eq(word, "nan")    ? NAN
           : fal_str_eq(word, "inf")  ? INFINITY
           : fal_str_eq(word, "-inf") ? -INFINITY
                                      : fal_json_real(value, NAN);
}

static script read_script(const fal_json *json)
{
    script s = {.count = fal_json_count(json)};
    assert_true(s.count > 0 && s.count <= MAX_EPOCHS);
    for (size_t i = 0; i < s.count; i++)
        s.losses[i] = number(fal_json_at(json, i));
    return s;
}

static fal_json *read_cases(const char *name)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("heads/early_stopping/%s.json", name), &json, &err), &err);
    assert_true(fal_json_count(json) > 10);
    return json;
}

static int64_t integer(const fal_json *json, const char *key)
{
    return fal_json_int(fal_json_get(json, key), -1);
}

static fal_fit_options lightning_options(const fal_json *json)
{
    return (fal_fit_options){.max_epochs = (int)integer(json, "max_epochs"),
                             .patience = (int)integer(json, "patience"),
                             .learning_rate = 1e-3};
}

static fal_fit_options avh_align_options(const fal_json *json)
{
    return (fal_fit_options){.max_epochs = (int)integer(json, "epochs"),
                             .patience = (int)integer(json, "early_stopping_patience"),
                             .learning_rate = fal_json_real(fal_json_get(json, "learning_rate"), 0),
                             .rules = FAL_FIT_AVH_ALIGN,
                             .plateau = {.factor = 0.1,
                                         .patience = (int)integer(json, "scheduler_patience"),
                                         .threshold = 1e-4,
                                         .least_change = 1e-8}};
}

static void check_lightning(const fal_json *json)
{
    int best = -1;
    script s = read_script(fal_json_get(json, "val_loss"));
    history h = run(&s, lightning_options(json), 0);
    sscanf(fal_json_string(fal_json_get(json, "best_checkpoint"), ""), "model-epoch=%d.ckpt", &best);
    assert_int_equal(h.epochs, integer(json, "epochs_run"));
    double score = number(fal_json_get(json, "best_score"));
    if (!isfinite(score)) { /* upstream keeps the file of an epoch that judged nothing; here it is an error */
        assert_int_equal(h.status, FAL_ERR_ARGUMENT);
        return;
    }
    assert_int_equal(h.status, FAL_OK);
    assert_int_equal(h.report.best_epoch, best);
    fal_check_close_f64("lightning best loss", &h.report.best_validation_loss, &score, 1, 0, 0);
    fal_check_close("lightning kept", &h.kept, &h.values[best], 1, 0, 0);
}

static void check_avh_align(const fal_json *json)
{
    script s = read_script(fal_json_get(json, "val_loss"));
    history h = run(&s, avh_align_options(json), 0);
    const fal_json *rates = fal_json_get(json, "lr_used_in_epoch");
    double want[MAX_EPOCHS];
    int best = (int)integer(json, "saved_epoch_one_based") - 1;
    assert_int_equal(h.status, FAL_OK);
    assert_int_equal(h.epochs, integer(json, "epochs_run"));
    assert_int_equal(fal_json_count(rates), h.epochs);
    for (size_t i = 0; i < h.epochs; i++)
        want[i] = number(fal_json_at(rates, i));
    fal_check_close_f64("plateau rates", h.rates, want, h.epochs, 0, 0);
    assert_int_equal(h.report.best_epoch, best);
    fal_check_close("plateau kept", &h.kept, &h.values[best], 1, 0, 0);
}

static void test_lightning_decisions(void **state)
{
    (void)state;
    fal_json *json = read_cases("lightning");
    for (size_t i = 0; i < fal_json_count(json); i++)
        check_lightning(fal_json_at(json, i));
    fal_json_free(&json);
}

static void test_avh_align_decisions(void **state)
{
    (void)state;
    fal_json *json = read_cases("sync_plateau");
    for (size_t i = 0; i < fal_json_count(json); i++)
        check_avh_align(fal_json_at(json, i));
    fal_json_free(&json);
}

/* ---- resuming ---- */

/* Stopped after `first` epochs, then continued: everything the whole run came to. */
static void check_resumed(const script *s, fal_fit_options options, const history *whole, size_t first)
{
    const char *path = fal_temp_path("fit.state");
    int most = options.max_epochs;
    options.state = path;
    options.max_epochs = (int)first;
    history before = run(s, options, 0);
    options.max_epochs = most;
    history after = run(s, options, first);
    assert_int_equal(before.epochs, first);
    assert_int_equal(after.status, whole->status);
    assert_int_equal(first + after.epochs, whole->epochs);
    fal_check_close_f64("resumed rates", after.rates + first, whole->rates + first, after.epochs, 0, 0);
    assert_memory_equal(after.values + first, whole->values + first, after.epochs * sizeof(float));
    if (whole->status != FAL_OK)
        goto done;
    assert_int_equal(after.report.resumed_from, first);
    assert_int_equal(after.report.epochs_run, whole->report.epochs_run);
    assert_int_equal(after.report.best_epoch, whole->report.best_epoch);
    assert_true(after.report.best_validation_loss == whole->report.best_validation_loss);
    assert_memory_equal(&after.kept, &whole->kept, sizeof whole->kept);
done:
    remove(path);
}

static void check_resuming(const char *name, fal_fit_options (*options_of)(const fal_json *))
{
    fal_json *json = read_cases(name);
    size_t stops = 0;
    for (size_t i = 0; i < fal_json_count(json); i++) {
        script s = read_script(fal_json_get(fal_json_at(json, i), "val_loss"));
        fal_fit_options options = options_of(fal_json_at(json, i));
        history whole = run(&s, options, 0);
        for (size_t first = 1; first < whole.epochs; first++, stops++)
            check_resumed(&s, options, &whole, first);
    }
    print_message("%s: stopped and continued %d times\n", name, (int)stops);
    fal_json_free(&json);
}

static void test_resuming_lightning(void **state)
{
    (void)state;
    check_resuming("lightning", lightning_options);
}

static void test_resuming_avh_align(void **state)
{
    (void)state;
    check_resuming("sync_plateau", avh_align_options);
}

/* A run that early stopping has ended does not go on when it is asked again. */
static void test_a_finished_run_stays_finished(void **state)
{
    (void)state;
    const script s = {.losses = {1, 2}, .count = 2};
    fal_fit_options options = {
        .max_epochs = 30, .patience = 3, .learning_rate = 1e-3, .state = fal_temp_path("done.state")};
    history first = run(&s, options, 0), again = run(&s, options, first.epochs);
    assert_int_equal(first.epochs, 4);
    assert_int_equal(again.epochs, 0);
    assert_int_equal(again.report.epochs_run, 4);
    assert_memory_equal(&again.kept, &first.kept, sizeof first.kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lightning_decisions),
        cmocka_unit_test(test_avh_align_decisions),
        cmocka_unit_test(test_resuming_lightning),
        cmocka_unit_test(test_resuming_avh_align),
        cmocka_unit_test(test_a_finished_run_stays_finished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
