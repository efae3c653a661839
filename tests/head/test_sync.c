/* The sync head: official checkpoints and scores, the official training runs, windows, and what it learns. */
#include "core/alloc.h"
#include "core/json.h"
#include "core/rng.h"
#include "feature/feature_set.h"
#include "head/mlp.h"
#include "head/pooling.h"
#include "state.h"
#include "support/alloc_fail.h"
#include "weights/safetensors_write.h"

#include <math.h>

enum { MAX_FRAMES = 256, MAX_PARAMS = 512, MAX_STEPS = 16 };

/* ---- helpers ---- */

static fal_head *open_head(const char *path)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    return head;
}

static fal_feature_set load_set(const char *csv, const char *root, bool l2)
{
    fal_feature_set set = {0};
    fal_error err = {0};
    fal_feature_query query = {.csv = csv, .root = root, .arrays = "visual+audio", .l2_normalise = l2};
    fal_check_ok(fal_feature_set_read(&query, &set, NULL, &err), &err);
    return set;
}

static double allowed(const fal_json *tolerances, const char *name)
{
    double atol = fal_json_real(fal_json_get(fal_json_get(tolerances, name), "suggested_max_abs"), 0);
    assert_true(atol > 0);
    return atol;
}

static fal_json *read_case(const char *name)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("heads/%s/case.json", name), &json, &err), &err);
    return json;
}

/* ---- official scores ---- */

#define FORWARD "heads/sync_forward"

static void test_official_container(void **state)
{
    (void)state;
    fal_head *head = open_head(fal_data_path(FORWARD "/AVH-Align_AV1M.pt"));
    const fal_head_description *about = fal_head_describe(head);
    assert_string_equal(about->kind, "sync");
    assert_int_equal(about->dim, 44);
    assert_int_equal(about->part_count, 2);
    assert_string_equal(about->parts[0].array, "visual");
    assert_string_equal(about->parts[1].array, "audio");
    assert_int_equal(about->parts[0].dim, 24);
    assert_int_equal(about->parts[1].dim, 20);
    assert_true(about->l2_normalise);
    fal_head_free(&head);
}

static void test_official_scores(void **state)
{
    (void)state;
    float logits[MAX_FRAMES], outputs[MAX_FRAMES], scores[8];
    size_t at = 0;
    fal_error err = {0};
    fal_json *json = read_case("sync_forward");
    const fal_json *tolerance = fal_json_get(json, "tolerance");
    fal_head *head = open_head(fal_data_path(FORWARD "/AVH-Align_AV1M.pt"));
    fal_feature_set set =
        load_set(fal_data_path(FORWARD "/csv/test_metadata.csv"), fal_data_path(FORWARD "/features"), false);
    fal_npy want = fal_golden_npy(fal_data_path(FORWARD "/outputs.npy"));
    fal_npy want_scores = fal_golden_npy(fal_data_path(FORWARD "/scores.npy"));
    assert_int_equal(set.count, want_scores.count);
    for (size_t i = 0; i < set.count; i++) {
        const fal_clip_features *clip = &set.clips[i];
        double score;
        assert_true(at + (size_t)clip->frames <= want.count);
        fal_check_ok(fal_head_score(head, clip->rows, clip->frames, set.dim, logits, &score, &err), &err);
        for (int64_t t = 0; t < clip->frames; t++)
            outputs[at++] = -logits[t]; /* high: in sync */
        scores[i] = (float)score;
    }
    assert_int_equal(at, want.count);
    fal_check_close("sync outputs", outputs, want.data, at, allowed(tolerance, "outputs"), 0);
    fal_check_close("sync scores", scores, want_scores.data, set.count, allowed(tolerance, "scores"), 0);
    fal_npy_free(&want);
    fal_npy_free(&want_scores);
    fal_feature_set_free(&set);
    fal_head_free(&head);
    fal_json_free(&json);
}

static void check_stage(const char *name, const float *got, bool cut)
{
    fal_npy want = fal_golden_npy(fal_data_path(FORWARD "/dbg_%s.npy", name));
    for (size_t i = 0; cut && i < want.count; i++) /* stored before its ReLU */
        ((float *)want.data)[i] = fmaxf(((float *)want.data)[i], 0);
    fal_check_close(name, got, want.data, want.count, 1e-5, 0);
    fal_npy_free(&want);
}

/* 1e-5: that of the outputs, which these lead to. */
static void test_inner_stages(void **state)
{
    (void)state;
    fal_error err = {0};
    fal_run *run = NULL;
    fal_mlp_shape shape;
    fal_mlp_trace trace;
    fal_checkpoint *ckpt = NULL;
    fal_head *head = open_head(fal_data_path(FORWARD "/AVH-Align_AV1M.pt"));
    fal_feature_set set =
        load_set(fal_data_path(FORWARD "/csv/test_metadata.csv"), fal_data_path(FORWARD "/features"), true);
    fal_check_ok(fal_checkpoint_open(fal_data_path(FORWARD "/AVH-Align_AV1M.pt"), NULL, &ckpt, &err), &err);
    fal_check_ok(fal_mlp_read_shape(ckpt, &shape, &err), &err);
    fal_check_ok(fal_run_create(NULL, &run, &err), &err);
    fal_run_begin(run);
    fal_mlp mlp = fal_mlp_use(&shape, head->params.values, run);
    fal_check_ok(fal_mlp_make_trace(&mlp, set.clips[2].frames, true, &trace, &err), &err);
    fal_check_ok(fal_mlp_forward(&mlp, set.clips[2].rows, &trace, &err), &err);
    check_stage("fused", trace.joined, false);
    check_stage("mlp_1", trace.after[0], true);
    check_stage("mlp_5", trace.after[1], false);
    fal_run_free(&run);
    fal_checkpoint_free(&ckpt);
    fal_feature_set_free(&set);
    fal_head_free(&head);
}

/* ---- official training ---- */

#define TRAIN "heads/sync_train"

typedef struct trajectory {
    size_t width, steps, epochs;
    float loss[MAX_STEPS], gradient[MAX_PARAMS], before[(MAX_STEPS + 1) * MAX_PARAMS];
    float train_loss[MAX_STEPS], validation_loss[MAX_STEPS], rate[MAX_STEPS];
} trajectory;

static void note_step(void *user, double loss, const float *gradient, const float *values)
{
    trajectory *t = user;
    assert_true(t->steps < MAX_STEPS && t->width <= MAX_PARAMS);
    if (!t->steps)
        memcpy(t->gradient, gradient, t->width * sizeof *gradient);
    memcpy(t->before + t->steps * t->width, values, t->width * sizeof *values);
    t->loss[t->steps++] = (float)loss;
}

static void note_epoch(void *user, const fal_fit_epoch *epoch, const float *values)
{
    trajectory *t = user;
    memcpy(t->before + t->steps * t->width, values, t->width * sizeof *values); /* after the last step */
    t->train_loss[t->epochs] = (float)epoch->train_loss;
    t->rate[t->epochs] = (float)epoch->learning_rate;
    t->validation_loss[t->epochs++] = (float)epoch->validation_loss;
}

static fal_fit_options options_like(const fal_head_recipe *recipe)
{
    return (fal_fit_options){.batch = recipe->batch,
                             .sum_loss = recipe->sum_loss,
                             .keep_order = recipe->keep_order,
                             .max_epochs = recipe->max_epochs,
                             .patience = recipe->patience,
                             .learning_rate = recipe->learning_rate,
                             .plateau = recipe->plateau,
                             .rules = recipe->rules};
}

static fal_feature_set load_split(const char *split)
{
    return load_set(fal_data_path(TRAIN "/csv/%s_metadata.csv", split), fal_data_path(TRAIN "/features/train"), true);
}

static void compare(const char *what, const char *rate, const float *got, size_t count, double atol)
{
    char title[96];
    fal_npy want = fal_golden_npy(fal_data_path(TRAIN "/%s_lr%s.npy", what, rate));
    snprintf(title, sizeof title, "sync %s at %s", what, rate);
    fal_check_close(title, got, want.data, count < want.count ? count : want.count, atol, 0);
    fal_npy_free(&want);
}

static void compare_run(const trajectory *t, const fal_head *head, const char *rate, const fal_json *tolerance)
{
    size_t known = t->width - 1; /* mlp.9.bias only ever moves by rounding noise: every logit of a window holds it */
    double params = allowed(tolerance, "params_excluding_mlp_9_bias");
    assert_int_equal(t->steps, 12);
    assert_int_equal(t->epochs, 4);
    compare("step_loss", rate, t->loss, t->steps, allowed(tolerance, "step_loss"));
    compare("train_loss", rate, t->train_loss, t->epochs, allowed(tolerance, "step_loss"));
    compare("val_loss", rate, t->validation_loss, t->epochs, allowed(tolerance, "val_loss"));
    compare("params_after_step_1", rate, t->before + t->width, known, params);
    compare("params_after_step_12", rate, t->before + 12 * t->width, known, params);
    fal_head *best = open_head(fal_data_path(TRAIN "/checkpoint_lr%s.pt", rate));
    fal_state_check("official checkpoint", &head->params, head->params.values, best->params.values, 1, params);
    fal_head_free(&best);
}

static void check_training(const fal_json *json, const fal_json *run, const char *rate)
{
    static trajectory t;
    float want[MAX_PARAMS];
    fal_fit_report report;
    fal_error err = {0};
    fal_head *head = open_head(fal_data_path(TRAIN "/checkpoint_lr%s.pt", rate)); /* for its widths and tau */
    fal_feature_set train = load_split("train"), validation = load_split("val");
    fal_fit_options options = options_like(&fal_head_sync.recipe);
    t = (trajectory){.width = head->params.count};
    options.batch = 8;
    options.max_epochs = 4;
    options.learning_rate = fal_json_real(fal_json_get(run, "lr"), 0);
    options.step = note_step;
    options.epoch = note_epoch;
    options.hook_user = &t;
    fal_state_read(fal_data_path(TRAIN "/init_state.npz"), &head->params, head->params.values);
    fal_check_ok(fal_fit(&head->kind->trainable, head->config.bytes, &train, &validation, &options, &head->params,
                         &report, &err),
                 &err);
    fal_state_read(fal_data_path(TRAIN "/grads_batch0.npz"), &head->params, want);
    fal_state_check("sync gradient", &head->params, t.gradient, want, 0,
                    allowed(fal_json_get(json, "tolerance"), "grads"));
    compare_run(&t, head, rate, fal_json_get(run, "tolerance"));
    assert_int_equal(report.best_epoch, fal_json_int(fal_json_get(run, "best_epoch_one_based"), 0) - 1);
    fal_feature_set_free(&train);
    fal_feature_set_free(&validation);
    fal_head_free(&head);
}

static void test_official_training(void **state)
{
    (void)state;
    fal_json *json = read_case("sync_train");
    const fal_json *runs = fal_json_get(json, "runs");
    check_training(json, fal_json_at(runs, 0), "0.001");
    check_training(json, fal_json_at(runs, 1), "1e-05");
    fal_json_free(&json);
}

/* ---- windows ---- */

enum { V_DIM = 5, A_DIM = 4, M_DIM = V_DIM + A_DIM, CLIPS = 4, LONGEST = 12 };
static const int64_t lengths[CLIPS] = {LONGEST, 1, 3, 9};

typedef struct made {
    float rows[CLIPS * LONGEST * M_DIM];
    fal_clip_features clips[CLIPS];
} made;

static void make_clips(made *m)
{
    fal_rng_fill_normal(5, 0, 0, 0, 0.5f, m->rows, sizeof m->rows / sizeof *m->rows);
    for (int i = 0; i < CLIPS; i++)
        m->clips[i] = (fal_clip_features){.path = "made", .frames = lengths[i], .rows = m->rows + i * LONGEST * M_DIM};
}

static fal_head *make_head(int tau)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_head_shape shape = {.parts = 2, .dims = {V_DIM, A_DIM}, .dim = M_DIM};
    fal_head_training training = {.kind = "sync", .tau = tau};
    fal_check_ok(fal_head_create(&fal_head_sync, &shape, "visual+audio", &training, &head, &err), &err);
    fal_params_draw(&head->params, 3);
    return head;
}

static double loss_of(const fal_head *head, const fal_samples *parts, size_t count, int threads, float *gradient)
{
    double sum = 0;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    fal_run_begin(run);
    fal_step step = {.values = head->params.values,
                     .run = run,
                     .parts = parts,
                     .part_count = count,
                     .scale = 1,
                     .gradient = gradient};
    fal_check_ok(head->kind->trainable.loss(head->config.bytes, &step, &sum, &err), &err);
    fal_run_free(&run);
    return sum;
}

/* The definition, pair by pair: every window scored as rows of its own. */
static double plain_loss(const fal_head *head, const fal_clip_features *clip, int tau)
{
    double total = 0;
    fal_run *run = NULL;
    fal_error err = {0};
    float rows[(2 * LONGEST + 1) * M_DIM], out[2 * LONGEST + 1];
    int wide = 2 * tau + 1;
    fal_check_ok(fal_run_create(NULL, &run, &err), &err);
    for (int64_t t = 0; t < clip->frames; t++) {
        double score;
        memset(rows, 0, sizeof rows);
        for (int j = 0; j < wide; j++) {
            int64_t other = t + j - tau;
            memcpy(rows + j * M_DIM, clip->rows + t * M_DIM, V_DIM * sizeof *rows);
            if (other >= 0 && other < clip->frames)
                memcpy(rows + j * M_DIM + V_DIM, clip->rows + other * M_DIM + V_DIM, A_DIM * sizeof *rows);
        }
        fal_run_begin(run);
        fal_head_pass pass = {head->params.values, run, rows, wide, out, &score};
        fal_check_ok(head->kind->score(head->config.bytes, &pass, &err), &err);
        for (int j = 0; j < wide; j++)
            out[j] = -out[j];
        total += fal_log_sum_exp(out, wide) - out[tau];
    }
    fal_run_free(&run);
    return total;
}

static void test_windows_as_defined(void **state)
{
    (void)state;
    static made m;
    make_clips(&m);
    for (int tau = 1; tau <= LONGEST; tau += tau == 4 ? 8 : 3) { /* 1, 4, 12: also wider than every clip */
        fal_head *head = make_head(tau);
        for (int i = 0; i < CLIPS; i++) {
            fal_samples whole = {&m.clips[i], 0, lengths[i]};
            double got = loss_of(head, &whole, 1, 1, NULL), want = plain_loss(head, &m.clips[i], tau);
            fal_check_close_f64("window loss", &got, &want, 1, 2e-5, 1e-6);
        }
        fal_head_free(&head);
    }
}

/* Frames of a clip in several batches, and several clips in one: the same sums. */
static void test_batches_add_up(void **state)
{
    (void)state;
    static made m;
    make_clips(&m);
    fal_head *head = make_head(3);
    size_t n = head->params.count;
    float *one = fal_calloc(n, sizeof *one), *many = fal_calloc(n, sizeof *many);
    fal_samples all[CLIPS], cut[] = {{&m.clips[0], 0, 1}, {&m.clips[0], 1, 10}, {&m.clips[0], 11, 1},
                                     {&m.clips[1], 0, 1}, {&m.clips[2], 0, 3},  {&m.clips[3], 0, 9}};
    for (int i = 0; i < CLIPS; i++)
        all[i] = (fal_samples){&m.clips[i], 0, lengths[i]};
    double got = loss_of(head, all, CLIPS, 2, one), want = 0;
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++)
        want += loss_of(head, &cut[i], 1, 1, many);
    fal_check_close_f64("one batch or six", &got, &want, 1, 1e-4, 0);
    /* about 20 times what float32 sums in another order differ by here */
    fal_check_close("its gradient", one, many, n, 1e-5, 1e-4);
    fal_free(one);
    fal_free(many);
    fal_head_free(&head);
}

static void test_threads_do_not_matter(void **state)
{
    (void)state;
    static made m;
    make_clips(&m);
    fal_head *head = make_head(4);
    size_t n = head->params.count;
    float *one = fal_calloc(n, sizeof *one), *three = fal_calloc(n, sizeof *three);
    fal_samples all[CLIPS];
    for (int i = 0; i < CLIPS; i++)
        all[i] = (fal_samples){&m.clips[i], 0, lengths[i]};
    double a = loss_of(head, all, CLIPS, 1, one), b = loss_of(head, all, CLIPS, 3, three);
    assert_memory_equal(&a, &b, sizeof a);
    assert_memory_equal(one, three, n * sizeof *one);
    fal_free(one);
    fal_free(three);
    fal_head_free(&head);
}

/* ---- what it learns ---- */

enum { L_CLIPS = 12, L_FRAMES = 24, L_DIM = 6, L_TAU = 3 };

typedef struct talking {
    float rows[L_CLIPS * L_FRAMES * 2 * L_DIM];
    fal_clip_features clips[L_CLIPS];
} talking;

/* Both streams show the same random motion, the audio `late` frames later, each with noise of its own. */
static fal_feature_set make_talking(talking *k, uint64_t seed, int late)
{
    float motion[(L_FRAMES + 16) * L_DIM];
    fal_head_shape shape = {.parts = 2, .dims = {L_DIM, L_DIM}, .dim = 2 * L_DIM};
    fal_rng_fill_normal(seed, 1, 0, 0, 0.3f, k->rows, sizeof k->rows / sizeof *k->rows);
    for (uint64_t i = 0; i < L_CLIPS; i++) {
        float *rows = k->rows + i * L_FRAMES * 2 * L_DIM;
        fal_rng_fill_normal(seed, 2 + i, 0, 0, 1, motion, sizeof motion / sizeof *motion);
        for (int t = 0; t < L_FRAMES; t++)
            for (int c = 0; c < L_DIM; c++) {
                rows[(2 * t) * L_DIM + c] += motion[t * L_DIM + c];
                rows[(2 * t + 1) * L_DIM + c] += motion[(t + late) * L_DIM + c];
            }
        fal_head_normalise(&shape, rows, L_FRAMES, rows);
        k->clips[i] = (fal_clip_features){.path = "talking", .label = late != 0, .frames = L_FRAMES, .rows = rows};
    }
    return (fal_feature_set){.dim = 2 * L_DIM, .count = L_CLIPS, .clips = k->clips};
}

static void score_all(const fal_head *head, const fal_feature_set *set, double *scores)
{
    float logits[L_FRAMES];
    fal_error err = {0};
    for (size_t i = 0; i < set->count; i++)
        fal_check_ok(fal_head_score(head, set->clips[i].rows, L_FRAMES, set->dim, logits, &scores[i], &err), &err);
}

/* Trained on clips in sync only, it ranks shifted clips above others in sync. */
static void test_learns_sync_from_real_clips(void **state)
{
    (void)state;
    static talking t, v, real, fake;
    double in_sync[L_CLIPS], shifted[L_CLIPS];
    fal_error err = {0};
    fal_head *head = NULL;
    fal_training_report report;
    fal_head_shape shape = {.parts = 2, .dims = {L_DIM, L_DIM}, .dim = 2 * L_DIM};
    fal_head_training training = {.kind = "sync", .tau = L_TAU, .max_epochs = 12, .batch = 72, .learning_rate = 1e-3};
    fal_feature_set train = make_talking(&t, 1, 0), validation = make_talking(&v, 2, 0);
    fal_feature_set good = make_talking(&real, 3, 0), bad = make_talking(&fake, 4, 2);
    fal_check_ok(fal_head_create(&fal_head_sync, &shape, "visual+audio", &training, &head, &err), &err);
    fal_check_ok(fal_head_fit(head, &training, &train, &validation, &report, &err), &err);
    score_all(head, &good, in_sync);
    score_all(head, &bad, shifted);
    size_t right = 0;
    for (size_t i = 0; i < L_CLIPS; i++)
        for (size_t j = 0; j < L_CLIPS; j++)
            right += shifted[i] > in_sync[j];
    print_message("sync: loss %.3f of log 7 = %.3f, AUC on shifted clips %.3f\n", report.best_validation_loss,
                  log(2 * L_TAU + 1), (double)right / (L_CLIPS * L_CLIPS));
    assert_true(right > 0.9 * L_CLIPS * L_CLIPS);
    assert_false(report.calibration.fitted); /* one class only */
    fal_training_report_free(&report);
    fal_head_free(&head);
}

/* ---- files ---- */

static void test_own_file(void **state)
{
    (void)state;
    static made m;
    const char *path = fal_temp_path("sync.safetensors");
    float logits[2][LONGEST];
    double scores[2];
    fal_error err = {0};
    make_clips(&m);
    fal_head *heads[2] = {make_head(7), NULL};
    fal_check_ok(fal_head_write(heads[0], NULL, 0, path, &err), &err);
    heads[1] = open_head(path);
    assert_string_equal(fal_head_describe(heads[1])->kind, "sync");
    assert_string_equal(fal_head_describe(heads[1])->parts[1].array, "audio");
    assert_memory_equal(heads[0]->config.bytes, heads[1]->config.bytes, fal_head_sync.config_size);
    for (int i = 0; i < 2; i++) {
        fal_check_ok(fal_head_score(heads[i], m.rows, LONGEST, M_DIM, logits[i], &scores[i], &err), &err);
        fal_head_free(&heads[i]);
    }
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_true(scores[0] == scores[1]);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    fal_head *head = NULL;
    fal_error err;
    fal_head_training training = {.kind = "sync"};
    fal_head_shape one = {.parts = 1, .dims = {4}, .dim = 4}, two = {.parts = 2, .dims = {4, 4}, .dim = 8};
    fal_check_fails(fal_head_create(&fal_head_sync, &one, NULL, &training, &head, &err), FAL_ERR_ARGUMENT,
                    "two feature arrays, such as visual+audio; 1 was given", &err);
    training.tau = -1;
    fal_check_fails(fal_head_create(&fal_head_sync, &two, NULL, &training, &head, &err), FAL_ERR_ARGUMENT, "tau is -1",
                    &err);
    assert_null(head);
}

/* Layers that do not follow each other. */
static void test_broken_chain_is_named(void **state)
{
    (void)state;
    const float zeros[64] = {0};
    fal_head *head = NULL;
    fal_error err = {0};
    const char *path = fal_temp_path("chain.safetensors");
#define W(rows, cols) fal_tensor_f32(zeros, 2, (int64_t[]){rows, cols})
    fal_named_tensor tensors[] = {
        {"visual_proj.weight", W(3, 4)}, {"audio_proj.weight", W(3, 5)}, {"mlp.0.weight", W(4, 6)},
        {"mlp.3.weight", W(4, 5)},       {"mlp.6.weight", W(4, 4)},      {"mlp.9.weight", W(1, 4)},
    };
    size_t count = sizeof tensors / sizeof *tensors;
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT,
                    "mlp.3.weight is [4,5], but the layer before it has 4 outputs", &err);
    tensors[3].tensor = W(4, 4);
    tensors[5].tensor = W(2, 4);
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "mlp.9.weight has 2 outputs", &err);
    tensors[5].tensor = W(1, 4);
    fal_check_ok(fal_safetensors_write(path, tensors, count, FAL_F32, NULL, 0, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "visual_proj.bias is missing", &err);
#undef W
}

static fal_status open_and_step(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const made *m = user;
    fal_head *head = NULL;
    fal_run *run = NULL;
    float gradient[MAX_PARAMS] = {0}, logits[LONGEST];
    double sum;
    FAL_TRY(fal_head_open(fal_data_path(TRAIN "/checkpoint_lr0.001.pt"), NULL, &head, err));
    FAL_TRY(fal_run_create(&(fal_run_options){.threads = 1}, &run, err));
    fal_run_begin(run);
    fal_samples part = {&m->clips[0], 0, 5};
    fal_step step = {head->params.values, run, &part, 1, 1, gradient};
    FAL_TRY(head->kind->trainable.loss(head->config.bytes, &step, &sum, err));
    FAL_TRY(fal_head_score(head, m->rows, 5, 11, logits, &sum, err));
done:
    fal_run_free(&run);
    fal_head_free(&head);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    static made m;
    make_clips(&m);
    fal_check_alloc_failures("sync open, step, score", open_and_step, &m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_official_container),
        cmocka_unit_test(test_official_scores),
        cmocka_unit_test(test_inner_stages),
        cmocka_unit_test(test_official_training),
        cmocka_unit_test(test_windows_as_defined),
        cmocka_unit_test(test_batches_add_up),
        cmocka_unit_test(test_threads_do_not_matter),
        cmocka_unit_test(test_learns_sync_from_real_clips),
        cmocka_unit_test(test_own_file),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_broken_chain_is_named),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
