/* AVH-Align/sup heads: official training runs of both forms, complete Lightning checkpoints, gradients. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/rng.h"
#include "core/str.h"
#include "feature/feature_set.h"
#include "state.h"
#include "support/alloc_fail.h"
#include "weights/checkpoint.h"
#include "weights/safetensors_write.h"

#include <math.h>

enum { MAX_PARAMS = 2100, MAX_STEPS = 16, MAX_FRAMES = 64, MAX_CLIPS = 8 };

/* ---- helpers ---- */

static fal_head *open_head(const char *path)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    return head;
}

/* "both" as the official code calls it, in array names. */
static const char *arrays_of(const char *input)
{
    return fal_str_eq(input, "both") ? "visual+audio" : fal_str_eq(input, "video") ? "visual" : "audio";
}

static fal_feature_set load_set(const char *name, const char *split, const char *input)
{
    fal_feature_set set = {0};
    fal_error err = {0};
    fal_feature_query query = {.csv = fal_data_path("heads/%s/csv/%s_labels.csv", name, split),
                               .root = fal_data_path("heads/%s/features/%s", name, split),
                               .arrays = arrays_of(input),
                               .l2_normalise = true};
    fal_check_ok(fal_feature_set_read(&query, &set, NULL, &err), &err);
    return set;
}

/* Widths as the initial parameters have them, which are given as a safetensors file: what the official mlp runs have
 * only for "both". */
static fal_head *head_like(const char *name, const char *type, const char *input)
{
    fal_npz *npz = NULL;
    fal_npy arrays[24];
    fal_named_tensor tensors[24];
    char config[64];
    fal_error err = {0};
    const char *path = fal_temp_path("like.safetensors");
    fal_check_ok(fal_npz_open(fal_data_path("heads/%s/%s_init_state.npz", name, input), &npz, &err), &err);
    size_t count = fal_npz_count(npz);
    assert_true(count <= 24);
    for (size_t i = 0; i < count; i++) {
        int64_t shape[FAL_MAX_RANK];
        fal_check_ok(fal_npz_get(npz, fal_npz_name(npz, i), &arrays[i], &err), &err);
        for (int axis = 0; axis < arrays[i].rank; axis++)
            shape[axis] = (int64_t)arrays[i].shape[axis];
        tensors[i] = (fal_named_tensor){fal_npz_name(npz, i), fal_tensor_f32(arrays[i].data, arrays[i].rank, shape)};
    }
    snprintf(config, sizeof config, "{\"model_type\":\"%s\",\"input_type\":\"%s\"}", type, input);
    const fal_metadata metadata[] = {{"falsetto.kind", "sup"}, {"falsetto.config", config}};
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, metadata, 2, &err), &err);
    for (size_t i = 0; i < count; i++)
        fal_npy_free(&arrays[i]);
    fal_npz_free(&npz);
    return open_head(path);
}

/* ---- official runs ---- */

typedef struct trajectory {
    size_t width, steps, epochs;
    float loss[MAX_STEPS], validation[MAX_STEPS], gradient[MAX_PARAMS];
} trajectory;

static void note_step(void *user, double loss, const float *gradient, const float *values)
{
    trajectory *t = user;
    (void)values;
    assert_true(t->steps < MAX_STEPS && t->width <= MAX_PARAMS);
    if (!t->steps)
        memcpy(t->gradient, gradient, t->width * sizeof *gradient);
    t->loss[t->steps++] = (float)loss;
}

static void note_epoch(void *user, const fal_fit_epoch *epoch, const float *values)
{
    trajectory *t = user;
    (void)values;
    t->validation[t->epochs++] = (float)epoch->validation_loss;
}

typedef struct official {
    const char *name, *type, *input;
    const fal_json *run, *tolerance;
} official;

static double allowed(const official *o, const char *name)
{
    double atol = fal_json_real(fal_json_get(fal_json_get(o->tolerance, name), "suggested_max_abs"), 0);
    assert_true(atol > 0);
    return atol;
}

static void compare(const official *o, const char *what, const float *got, size_t count, double atol)
{
    char title[96];
    fal_npy want = fal_golden_npy(fal_data_path("heads/%s/%s_%s.npy", o->name, o->input, what));
    assert_int_equal(want.count, count);
    snprintf(title, sizeof title, "sup %s %s %s", o->type, o->input, what);
    fal_check_close(title, got, want.data, count, atol, 0);
    fal_npy_free(&want);
}

static void compare_state(const official *o, const char *what, const fal_params *params, const float *got, double atol)
{
    char title[96];
    float want[MAX_PARAMS];
    fal_state_read(fal_data_path("heads/%s/%s_%s.npz", o->name, o->input, what), params, want);
    snprintf(title, sizeof title, "sup %s %s %s", o->type, o->input, what);
    fal_state_check(title, params, got, want, 0, atol);
}

static void check_scores(const official *o, const fal_head *head, const fal_feature_set *set)
{
    float logits[MAX_FRAMES], scores[MAX_CLIPS];
    fal_error err = {0};
    assert_true(set->count <= MAX_CLIPS);
    for (size_t i = 0; i < set->count; i++) {
        double score;
        const fal_clip_features *clip = &set->clips[i];
        assert_true(clip->frames <= MAX_FRAMES);
        fal_check_ok(fal_head_score(head, clip->rows, clip->frames, set->dim, logits, &score, &err), &err);
        scores[i] = (float)score;
    }
    compare(o, "init_scores", scores, set->count, allowed(o, "init_scores"));
}

static fal_fit_report fit_like_official(const official *o, fal_head *head, const fal_feature_set *train,
                                        const fal_feature_set *validation, trajectory *t)
{
    int64_t orders[2 * MAX_CLIPS];
    fal_fit_report report;
    fal_error err = {0};
    fal_npy rows = fal_golden_npy_f64(fal_data_path("heads/%s/orders.npy", o->name));
    assert_int_equal(rows.count, 2 * train->count);
    for (size_t i = 0; i < rows.count; i++)
        orders[i] = (int64_t)((double *)rows.data)[i];
    const fal_head_recipe *recipe = &fal_head_sup.recipe;
    fal_fit_options options = {.batch = recipe->batch,
                               .max_epochs = 2,
                               .patience = recipe->patience,
                               .learning_rate = recipe->learning_rate,
                               .orders = orders,
                               .step = note_step,
                               .epoch = note_epoch,
                               .hook_user = t};
    fal_check_ok(
        fal_fit(&head->kind->trainable, head->config.bytes, train, validation, &options, &head->params, &report, &err),
        &err);
    fal_npy_free(&rows);
    return report;
}

static void check_run(const official *o)
{
    static trajectory t;
    fal_head *head = head_like(o->name, o->type, o->input);
    fal_feature_set train = load_set(o->name, "train", o->input), validation = load_set(o->name, "val", o->input);
    t = (trajectory){.width = head->params.count};
    assert_string_equal(fal_head_describe(head)->kind, "sup");
    assert_string_equal(fal_head_describe(head)->parts[0].array, fal_str_eq(o->input, "audio") ? "audio" : "visual");
    check_scores(o, head, &train);
    fal_fit_report report = fit_like_official(o, head, &train, &validation, &t);
    compare_state(o, "grads_step0", &head->params, t.gradient, allowed(o, "grads"));
    compare(o, "step_loss", t.loss, t.steps, allowed(o, "step_loss"));
    compare(o, "val_loss", t.validation, t.epochs, allowed(o, "step_loss"));
    /* 1e-5: an update of Adam turns gradient noise into steps of up to the rate, 1e-3, where gradients are tiny */
    compare_state(o, "best_state", &head->params, head->params.values, 1e-5);
    assert_int_equal(report.best_epoch, fal_json_int(fal_json_get(o->run, "best_epoch_zero_based"), -1));
    fal_feature_set_free(&train);
    fal_feature_set_free(&validation);
    fal_head_free(&head);
}

static void check_case(const char *name)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("heads/%s/case.json", name), &json, &err), &err);
    const fal_json *runs = fal_json_get(json, "runs");
    assert_int_equal(fal_json_count(runs), 3);
    for (size_t i = 0; i < 3; i++) {
        const fal_json *run = fal_json_at(runs, i);
        official o = {name, fal_json_string(fal_json_get(run, "model_type"), ""),
                      fal_json_string(fal_json_get(run, "input_type"), ""), run, fal_json_get(run, "tolerance")};
        check_run(&o);
    }
    fal_json_free(&json);
}

static void test_official_linear_runs(void **state)
{
    (void)state;
    check_case("sup_linear");
}

static void test_official_mlp_runs(void **state)
{
    (void)state;
    check_case("sup_mlp");
}

/* ---- Lightning checkpoints ---- */

/* The same tensors as a probe's or a sync model's: only the hyper-parameters tell. */
static void check_lightning(const char *path, const char *best, const char *arrays, int64_t dim)
{
    float want[MAX_PARAMS];
    fal_head *head = open_head(path);
    const fal_head_description *about = fal_head_describe(head);
    assert_string_equal(about->kind, "sup");
    assert_int_equal(about->dim, dim);
    assert_true(about->l2_normalise);
    assert_int_equal(about->part_count, strchr(arrays, '+') ? 2 : 1);
    assert_true(strncmp(arrays, about->parts[0].array, strlen(about->parts[0].array)) == 0);
    fal_state_read(best, &head->params, want);
    fal_state_check("lightning", &head->params, head->params.values, want, 0, 0);
    fal_head_free(&head);
}

static void test_lightning_checkpoints(void **state)
{
    (void)state;
    static const char *const inputs[] = {"both", "audio", "video"};
    for (int i = 0; i < 3; i++)
        check_lightning(fal_data_path("heads/sup_linear/checkpoint_%s/model-epoch=00.ckpt", inputs[i]),
                        fal_data_path("heads/sup_linear/%s_best_state.npz", inputs[i]), arrays_of(inputs[i]),
                        i ? 1024 : 2048);
    check_lightning(fal_data_path("heads/sup_mlp/checkpoint_both/model-epoch=01.ckpt"),
                    fal_data_path("heads/sup_mlp/both_best_state.npz"), "visual+audio", 16);
}

static void test_probes_stay_probes(void **state)
{
    (void)state;
    fal_head *head = open_head(fal_data_path("heads/linear_train_earlystop/checkpoint/model-epoch=16.ckpt"));
    assert_string_equal(fal_head_describe(head)->kind, "probe");
    fal_head_free(&head);
}

/* ---- made-up data ---- */

enum { V_DIM = 6, A_DIM = 4, M_DIM = V_DIM + A_DIM, CLIPS = 3, FRAMES = 7 };

typedef struct made {
    float rows[CLIPS * FRAMES * M_DIM];
    fal_clip_features clips[CLIPS];
    fal_samples parts[CLIPS];
} made;

static void make_clips(made *m)
{
    fal_rng_fill_normal(5, 0, 0, 0, 0.5f, m->rows, sizeof m->rows / sizeof *m->rows);
    for (int i = 0; i < CLIPS; i++) {
        m->clips[i] = (fal_clip_features){
            .path = "made", .label = i % 2, .frames = FRAMES - 3 * i, .rows = m->rows + i * FRAMES * M_DIM};
        m->parts[i] = (fal_samples){&m->clips[i], 0, 1};
    }
}

static fal_head *make_head(const char *variant)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_head_shape shape = {.parts = 2, .dims = {V_DIM, A_DIM}, .dim = M_DIM};
    fal_head_training training = {.kind = "sup", .variant = variant};
    fal_check_ok(fal_head_create(&fal_head_sup, &shape, "visual+audio", &training, &head, &err), &err);
    fal_params_draw(&head->params, 3);
    return head;
}

static double loss_of(const fal_head *head, const made *m, int threads, float *gradient)
{
    double sum = 0;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    fal_run_begin(run);
    fal_step step = {head->params.values, run, m->parts, CLIPS, 1, gradient};
    fal_check_ok(head->kind->trainable.loss(head->config.bytes, &step, &sum, &err), &err);
    fal_run_free(&run);
    return sum;
}

static void check_gradient(const char *variant)
{
    static made m;
    float got[8], want[8];
    make_clips(&m);
    fal_head *head = make_head(variant);
    size_t n = head->params.count;
    float *one = fal_calloc(n, sizeof *one), *three = fal_calloc(n, sizeof *three);
    loss_of(head, &m, 1, one);
    loss_of(head, &m, 3, three);
    assert_memory_equal(one, three, n * sizeof *one); /* whatever the number of threads */
    for (size_t i = 0; i < 8; i++) {
        size_t at = i * (n - 1) / 7;
        float kept = head->params.values[at], step = 0.02f;
        head->params.values[at] = kept + step;
        double above = loss_of(head, &m, 2, NULL);
        head->params.values[at] = kept - step;
        double below = loss_of(head, &m, 2, NULL);
        head->params.values[at] = kept;
        want[i] = (float)((above - below) / (2 * (double)step));
        got[i] = one[at];
    }
    /* central differences: step^2 / 6 times the third derivative, and float32 logits divided by the step */
    fal_check_close(variant, got, want, 8, 2e-3, 5e-3);
    fal_free(one);
    fal_free(three);
    fal_head_free(&head);
}

static void test_gradients_against_differences(void **state)
{
    (void)state;
    check_gradient("linear");
    check_gradient("mlp");
}

static fal_head *make_single(const char *variant)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_head_shape shape = {.parts = 1, .dims = {M_DIM}, .dim = M_DIM};
    fal_head_training training = {.kind = "sup", .variant = variant};
    fal_check_ok(fal_head_create(&fal_head_sup, &shape, "audio", &training, &head, &err), &err);
    fal_params_draw(&head->params, 3);
    return head;
}

static void check_own_file(fal_head *made_here, int64_t first_dim)
{
    static made m;
    const char *path = fal_temp_path("sup.safetensors");
    float logits[2][FRAMES];
    double scores[2];
    fal_error err = {0};
    make_clips(&m);
    fal_head *heads[2] = {made_here, NULL};
    fal_check_ok(fal_head_write(heads[0], NULL, 0, path, &err), &err);
    heads[1] = open_head(path);
    assert_string_equal(fal_head_describe(heads[1])->kind, "sup");
    assert_int_equal(fal_head_describe(heads[1])->part_count, first_dim == M_DIM ? 1 : 2);
    assert_int_equal(fal_head_describe(heads[1])->parts[0].dim, first_dim);
    for (int i = 0; i < 2; i++) {
        fal_check_ok(fal_head_score(heads[i], m.rows, FRAMES, M_DIM, logits[i], &scores[i], &err), &err);
        fal_head_free(&heads[i]);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_true(scores[0] == scores[1]);
}

static void test_own_files(void **state)
{
    (void)state;
    check_own_file(make_head("linear"), V_DIM);
    check_own_file(make_head("mlp"), V_DIM);
    check_own_file(make_single("linear"), M_DIM);
    check_own_file(make_single("mlp"), M_DIM);
}

/* More frames than are scored at a time: the same logits as frame by frame. */
static void test_long_clips(void **state)
{
    (void)state;
    enum { LONG = 2100 };
    fal_head *head = make_head("mlp");
    float *rows = fal_malloc_array(LONG * M_DIM, sizeof *rows), *got = fal_malloc_array(LONG, sizeof *got), want[4];
    const int64_t some[4] = {0, 1023, 1024, LONG - 1};
    double score;
    fal_error err = {0};
    fal_rng_fill_normal(9, 0, 0, 0, 1, rows, LONG * M_DIM);
    fal_check_ok(fal_head_score(head, rows, LONG, M_DIM, got, &score, &err), &err);
    for (int i = 0; i < 4; i++) {
        fal_check_ok(fal_head_score(head, rows + some[i] * M_DIM, 1, M_DIM, &want[i], &score, &err), &err);
        got[i] = got[some[i]];
    }
    fal_check_close("long clip", got, want, 4, 1e-5, 0);
    fal_free(rows);
    fal_free(got);
    fal_head_free(&head);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    fal_head *head = NULL;
    fal_error err;
    fal_head_shape three = {.parts = 3, .dims = {2, 2, 2}, .dim = 6}, two = {.parts = 2, .dims = {2, 2}, .dim = 4};
    fal_check_fails(fal_head_create(&fal_head_sup, &three, NULL, &(fal_head_training){0}, &head, &err),
                    FAL_ERR_ARGUMENT, "visual+audio, or one of the two, not 3 arrays", &err);
    fal_check_fails(fal_head_create(&fal_head_sup, &two, NULL, &(fal_head_training){.variant = "deep"}, &head, &err),
                    FAL_ERR_ARGUMENT, "no variant \"deep\"", &err);
    assert_null(head);
}

/* A split that the weight has no room for. */
static void test_impossible_split_is_named(void **state)
{
    (void)state;
    const float zeros[4] = {0};
    const fal_named_tensor tensors[] = {{"head.weight", fal_tensor_f32(zeros, 2, (int64_t[]){1, 4})},
                                        {"head.bias", fal_tensor_f32(zeros, 1, (int64_t[]){1})}};
    static const char *const dims[] = {"4", "0", "-3", "9223372036854775807"};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        char config[96];
        fal_head *head = NULL;
        fal_error err = {0};
        const char *path = fal_temp_path("split.safetensors");
        snprintf(config, sizeof config, "{\"model_type\":\"linear\",\"input_type\":\"both\",\"visual_dim\":%s}",
                 dims[i]);
        const fal_metadata metadata[] = {{"falsetto.kind", "sup"}, {"falsetto.config", config}};
        fal_check_ok(fal_safetensors_write(path, tensors, 2, FAL_F32, metadata, 2, &err), &err);
        fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "head.weight is [1,4]", &err);
    }
}

static fal_status open_and_step(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_head *head = NULL;
    fal_run *run = NULL;
    float rows[16] = {1}, gradient[MAX_PARAMS] = {0}, logit;
    double sum;
    (void)user;
    FAL_TRY(fal_head_open(fal_data_path("heads/sup_mlp/checkpoint_both/model-epoch=01.ckpt"), NULL, &head, err));
    FAL_TRY(fal_run_create(&(fal_run_options){.threads = 1}, &run, err));
    fal_run_begin(run);
    fal_clip_features clip = {.path = "clip", .label = 1, .frames = 1, .rows = rows};
    fal_samples part = {&clip, 0, 1};
    fal_step step = {head->params.values, run, &part, 1, 1, gradient};
    FAL_TRY(head->kind->trainable.loss(head->config.bytes, &step, &sum, err));
    FAL_TRY(fal_head_score(head, rows, 1, 16, &logit, &sum, err));
done:
    fal_run_free(&run);
    fal_head_free(&head);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("sup open, step, score", open_and_step, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official_linear_runs),
        cmocka_unit_test(test_official_mlp_runs),
        cmocka_unit_test(test_lightning_checkpoints),
        cmocka_unit_test(test_probes_stay_probes),
        cmocka_unit_test(test_gradients_against_differences),
        cmocka_unit_test(test_own_files),
        cmocka_unit_test(test_long_clips),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_impossible_split_is_named),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
