#include "stack_case.h"

#include "core/alloc.h"
#include "core/rng.h"
#include "head/adam.h"
#include "tensor/ops.h"
#include "support/alloc_fail.h"
#include "weights/safetensors_write.h"

#include <math.h>

enum { DEBUG_CLIP = 3, MAX_FRAMES = 64, STEPS = 20, MAX_BATCH = 8 };

static double allowed(const fal_json *tolerance)
{
    double atol = fal_json_real(fal_json_get(tolerance, "suggested_max_abs"), 0);
    assert_true(atol > 0);
    return atol;
}

static const char *case_path(const stack_case *c, const char *file)
{
    return fal_data_path("heads/%s/%s", c->name, file);
}

/* ---- opening ---- */

static int config_int(const stack_case *c, const char *key)
{
    return (int)fal_json_int(fal_json_get(fal_json_get(c->json, "config"), key), 0);
}

stack_case stack_case_open(const char *name, const fal_head_kind *kind, const char *arrays)
{
    stack_case c = {.name = name};
    fal_error err = {0};
    fal_feature_parts parts;
    fal_check_ok(fal_json_read(case_path(&c, "case.json"), &c.json, &err), &err);
    fal_feature_query query = {.csv = case_path(&c, "csv/labels.csv"),
                               .root = case_path(&c, "features"),
                               .arrays = arrays,
                               .l2_normalise = true};
    fal_check_ok(fal_feature_set_read(&query, &c.set, &parts, &err), &err);
    assert_int_equal(c.set.dim, config_int(&c, "feats_dim"));
    fal_head_shape shape = {.parts = parts.count, .dim = c.set.dim};
    memcpy(shape.dims, parts.dims, sizeof parts.dims);
    fal_head_training training = {.width = config_int(&c, "width"),
                                  .layers = config_int(&c, "layers"),
                                  .heads = config_int(&c, "heads"),
                                  .ffn = config_int(&c, "ffn")};
    fal_check_ok(fal_head_create(kind, &shape, arrays, &training, &c.head, &err), &err);
    fal_state_read(case_path(&c, "init_state.npz"), &c.head->params, c.head->params.values);
    return c;
}

void stack_case_close(stack_case *c)
{
    fal_head_free(&c->head);
    fal_feature_set_free(&c->set);
    fal_json_free(&c->json);
}

/* ---- forward ---- */

static void score_rows(const fal_head *head, const fal_clip_features *clip, fal_stage_fn *stage, void *user,
                       float *frames, double *score)
{
    fal_run *run = NULL;
    fal_error err = {0};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 2, .stage = stage, .stage_user = user}, &run, &err),
                 &err);
    fal_run_begin(run);
    fal_head_pass pass = {.values = head->params.values,
                          .run = run,
                          .rows = clip->rows,
                          .frames = clip->frames,
                          .frame_logits = frames,
                          .clip_logit = score};
    fal_check_ok(head->kind->score(head->config.bytes, &pass, &err), &err);
    fal_run_free(&run);
}

typedef struct stages {
    const stack_case *c;
    int checked;
} stages;

static void check_stage(void *user, const char *stage, const fal_tensor *value)
{
    stages *s = user;
    char file[64], title[128];
    snprintf(file, sizeof file, "dbg_%s.npy", stage);
    bool prediction = !strcmp(stage, "prediction");
    const char *path = case_path(s->c, prediction ? "pred_3.npy" : file);
    FILE *there = fopen(path, "rb");
    if (!there)
        return; /* the case keeps the first and the last layer */
    fclose(there);
    fal_npy want = fal_golden_npy(path);
    fal_check_shape(stage, &want, 2, ((size_t[]){(size_t)value->shape[0], (size_t)value->shape[1]}));
    snprintf(title, sizeof title, "%s %s", s->c->name, stage);
    /* numbers up to 5 after additions in another order: 20 times the 6e-7 that predictions differ by */
    fal_check_close(title, value->data, want.data, want.count, 1.2e-5, 0);
    fal_npy_free(&want);
    s->checked++;
}

void stack_case_check_stages(const stack_case *c)
{
    const fal_clip_features *clip = &c->set.clips[DEBUG_CLIP];
    fal_npy input = fal_golden_npy(case_path(c, "dbg_input.npy"));
    stages s = {.c = c};
    float frames[MAX_FRAMES];
    double score;
    fal_check_close("input", clip->rows, input.data, input.count, 1e-7, 1e-6);
    score_rows(c->head, clip, check_stage, &s, frames, &score);
    assert_true(s.checked >= 5);
    fal_npy_free(&input);
}

void stack_case_check_scores(const stack_case *c, const fal_head *head, const char *frames, const char *tolerance,
                             int64_t first)
{
    const fal_json *forward = fal_json_get(fal_json_get(c->json, "tolerance"), "forward");
    fal_npy scores = fal_golden_npy(case_path(c, "scores.npy"));
    char file[64], title[128];
    float got[MAX_FRAMES], all[MAX_BATCH];
    assert_int_equal(scores.count, c->set.count);
    for (size_t i = 0; i < c->set.count; i++) {
        double score;
        snprintf(file, sizeof file, "%s_%zu.npy", frames, i);
        snprintf(title, sizeof title, "%s %s", c->name, file);
        fal_npy want = fal_golden_npy(case_path(c, file));
        assert_int_equal(want.count + (size_t)first, c->set.clips[i].frames);
        score_rows(head, &c->set.clips[i], NULL, NULL, got, &score);
        for (int64_t t = 0; t < first; t++)
            assert_true(got[t] == 0);
        fal_check_close(title, got + first, want.data, want.count, allowed(fal_json_get(forward, tolerance)), 0);
        all[i] = (float)score;
        fal_npy_free(&want);
    }
    snprintf(title, sizeof title, "%s scores", c->name);
    fal_check_close(title, all, scores.data, scores.count, allowed(fal_json_get(forward, "scores")), 0);
    fal_npy_free(&scores);
}

/* ---- gradients ---- */

double stack_loss(const fal_head *head, const fal_samples *parts, size_t count, double scale, int threads,
                  float *gradient)
{
    double sum = 0;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = threads}, &run, &err), &err);
    fal_run_begin(run);
    if (gradient)
        memset(gradient, 0, head->params.count * sizeof *gradient);
    fal_step step = {.values = head->params.values,
                     .run = run,
                     .parts = parts,
                     .part_count = count,
                     .scale = scale,
                     .gradient = gradient};
    fal_check_ok(head->kind->trainable.loss(head->config.bytes, &step, &sum, &err), &err);
    fal_run_free(&run);
    return sum;
}

static float *make_numbers(const fal_head *head)
{
    float *numbers = fal_calloc(head->params.count, sizeof *numbers);
    assert_non_null(numbers);
    return numbers;
}

static void check_gradient(const stack_case *c, const char *which)
{
    const fal_json *about = fal_json_get(fal_json_get(fal_json_get(c->json, "tolerance"), "gradients"), which);
    const fal_json *videos = fal_json_get(about, "videos");
    size_t count = fal_json_count(videos);
    fal_samples parts[MAX_BATCH];
    char file[64], title[128];
    float *got = make_numbers(c->head), *again = make_numbers(c->head), *want = make_numbers(c->head);
    for (size_t i = 0; i < count; i++)
        parts[i] = (fal_samples){&c->set.clips[fal_json_int(fal_json_at(videos, i), -1)], 0, 1};
    double sum = stack_loss(c->head, parts, count, 1 / (double)count, 1, got);
    assert_true(stack_loss(c->head, parts, count, 1 / (double)count, 3, again) == sum);
    assert_memory_equal(got, again, c->head->params.count * sizeof *got);
    assert_true(stack_loss(c->head, parts, count, 1, 2, NULL) == sum);
    snprintf(file, sizeof file, "loss_%s.npy", which);
    fal_npy loss = fal_golden_npy(case_path(c, file));
    fal_check_close(file, &(float){(float)(sum / (double)count)}, loss.data, 1, allowed(fal_json_get(about, "loss")),
                    0);
    fal_npy_free(&loss);
    snprintf(file, sizeof file, "grads_%s.npz", which);
    snprintf(title, sizeof title, "%s gradient of %s", c->name, which);
    fal_state_read(case_path(c, file), &c->head->params, want);
    fal_state_check(title, &c->head->params, got, want, 0, allowed(fal_json_get(about, "grads")));
    fal_free(got), fal_free(again), fal_free(want);
}

void stack_case_check_gradients(const stack_case *c)
{
    check_gradient(c, "one");
    check_gradient(c, "batch");
}

/* ---- training ---- */

/* The key part of in_proj_bias has no gradient but rounding noise, of which Adam makes steps of the learning rate. */
static void forget_key_biases(const fal_params *params, float *values)
{
    for (size_t i = 0; i < params->list_count; i++) {
        const fal_param *p = &params->list[i];
        if (strstr(p->name, "in_proj_bias"))
            memset(values + p->offset + p->count / 3, 0, p->count / 3 * sizeof *values);
    }
}

static void check_parameters(const stack_case *c, int step)
{
    const fal_params *params = &c->head->params;
    float *got = make_numbers(c->head), *want = make_numbers(c->head);
    char file[64], key[8], title[128];
    snprintf(file, sizeof file, "params_step%02d.npz", step);
    snprintf(key, sizeof key, "%d", step);
    snprintf(title, sizeof title, "%s step %d", c->name, step);
    memcpy(got, params->values, params->count * sizeof *got);
    fal_state_read(case_path(c, file), params, want);
    forget_key_biases(params, got);
    forget_key_biases(params, want);
    const fal_json *tolerance = fal_json_get(fal_json_get(fal_json_get(c->json, "tolerance"), "params"), key);
    fal_state_check(title, params, got, want, 0, allowed(tolerance));
    fal_free(got), fal_free(want);
}

void stack_case_check_training(stack_case *c)
{
    fal_adam adam = {0};
    fal_error err = {0};
    float *gradient = make_numbers(c->head), losses[STEPS];
    fal_npy order = fal_golden_npy_f64(case_path(c, "train_order.npy"));
    double rate = fal_json_real(fal_json_get(fal_json_get(c->json, "config"), "lr"), 0);
    assert_int_equal(order.count, STEPS);
    fal_check_ok(fal_adam_init(&adam, c->head->params.count, rate, &err), &err);
    for (int step = 0; step < STEPS; step++) {
        fal_samples part = {&c->set.clips[(size_t)((double *)order.data)[step]], 0, 1};
        losses[step] = (float)stack_loss(c->head, &part, 1, 1, 2, gradient);
        fal_adam_update(&adam, gradient, c->head->params.values);
        if (step == 0 || step == 4 || step == STEPS - 1)
            check_parameters(c, step + 1);
    }
    fal_npy want = fal_golden_npy(case_path(c, "step_loss.npy"));
    fal_check_close("step losses", losses, want.data, STEPS,
                    allowed(fal_json_get(fal_json_get(c->json, "tolerance"), "step_loss")), 0);
    fal_npy_free(&want);
    fal_npy_free(&order);
    fal_adam_free(&adam);
    fal_free(gradient);
}

/* ---- made-up clips ---- */

fal_feature_set stack_make_clips(stack_clips *m, uint64_t seed, bool real_only)
{
    fal_rng_fill_normal(seed, 0, 0, 0, 1, m->rows, sizeof m->rows / sizeof *m->rows);
    for (int i = 0; i < STACK_CLIPS; i++) {
        float *rows = m->rows + i * STACK_FRAMES * STACK_DIM;
        bool fake = i % 2 && !real_only;
        m->clips[i] = (fal_clip_features){.path = "made", .label = fake, .frames = 1 + i % STACK_FRAMES, .rows = rows};
        for (int k = STACK_DIM; k < STACK_FRAMES * STACK_DIM && !fake; k++)
            rows[k] = rows[k - STACK_DIM] + 0.1f * rows[k];
        fal_l2_normalise_rows(rows, STACK_FRAMES, STACK_DIM, rows);
    }
    return (fal_feature_set){.dim = STACK_DIM, .count = STACK_CLIPS, .clips = m->clips};
}

fal_head_training stack_training(void)
{
    return (fal_head_training){.width = 8, .layers = 2, .heads = 2, .ffn = 12, .max_epochs = 3, .learning_rate = 1e-3};
}

fal_head *stack_make_head(const fal_head_kind *kind)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_head_shape shape = {.parts = 2, .dims = {2, STACK_DIM - 2}, .dim = STACK_DIM};
    fal_head_training training = stack_training();
    fal_check_ok(fal_head_create(kind, &shape, "visual+audio", &training, &head, &err), &err);
    fal_params_draw(&head->params, 1);
    return head;
}

static float *copy_values(const fal_head *head)
{
    float *copy = make_numbers(head);
    memcpy(copy, head->params.values, head->params.count * sizeof *copy);
    return copy;
}

/* Every array of parameters in a direction of its own. */
void stack_check_differences(const fal_head_kind *kind)
{
    static stack_clips made;
    const double step = 0.0025;
    fal_feature_set set = stack_make_clips(&made, 4, false);
    fal_head *head = stack_make_head(kind);
    fal_samples parts[] = {{&set.clips[5], 0, 1}, {&set.clips[8], 0, 1}};
    float *gradient = make_numbers(head), *kept = copy_values(head), *direction = make_numbers(head);
    stack_loss(head, parts, 2, 1, 1, gradient);
    for (size_t i = 0; i < head->params.list_count; i++) {
        const fal_param *p = &head->params.list[i];
        float *values = head->params.values + p->offset, *along = direction + p->offset;
        double loss[2], slope = 0;
        fal_rng_fill_normal(9, i, 0, 0, 1, along, p->count);
        for (size_t k = 0; k < p->count; k++)
            slope += (double)gradient[p->offset + k] * along[k];
        for (int side = 0; side < 2; side++) {
            for (size_t k = 0; k < p->count; k++)
                values[k] = kept[p->offset + k] + (float)(side ? step : -step) * along[k];
            loss[side] = stack_loss(head, parts, 2, 1, 1, NULL);
        }
        memcpy(values, kept + p->offset, p->count * sizeof *values);
        double difference = (loss[1] - loss[0]) / (2 * step);
        /* step^2 / 6 times a third derivative of the order of the slopes, and losses of float32 divided by the step */
        fal_check_close_f64(p->name, &slope, &difference, 1, 3e-4, 5e-3);
    }
    fal_free(gradient), fal_free(kept), fal_free(direction);
    fal_head_free(&head);
}

/* ---- whole runs ---- */

static fal_head *fit_in_pieces(const fal_head_kind *kind, bool real_only, const char *state, int threads)
{
    static stack_clips made[2];
    fal_feature_set train = stack_make_clips(&made[0], 1, real_only),
                    validation = stack_make_clips(&made[1], 2, real_only);
    fal_head *head = stack_make_head(kind);
    fal_head_training training = stack_training();
    fal_training_report report;
    fal_error err = {0};
    training.state = state;
    training.threads = threads;
    training.seed = 7;
    for (training.max_epochs = state ? 1 : 3; training.max_epochs <= 3; training.max_epochs++) {
        fal_check_ok(fal_head_fit(head, &training, &train, &validation, &report, &err), &err);
        assert_true(isfinite(report.best_validation_loss));
        fal_training_report_free(&report);
    }
    return head;
}

static void check_reopened(const fal_head *head, const fal_clip_features *clip)
{
    const char *path = fal_temp_path("%s.safetensors", head->kind->name);
    fal_head *opened = NULL;
    fal_error err = {0};
    float frames[2][STACK_FRAMES];
    double scores[2];
    fal_check_ok(fal_head_write(head, NULL, 0, path, &err), &err);
    fal_check_ok(fal_head_open(path, NULL, &opened, &err), &err);
    const fal_head_description *about = fal_head_describe(opened);
    assert_string_equal(about->kind, head->kind->name);
    assert_int_equal(about->part_count, 2);
    assert_string_equal(about->parts[1].array, "audio");
    assert_int_equal(about->parts[0].dim, 2);
    assert_int_equal(about->parts[1].dim, STACK_DIM - 2);
    assert_true(about->l2_normalise);
    fal_check_ok(fal_head_score(head, clip->rows, clip->frames, STACK_DIM, frames[0], &scores[0], &err), &err);
    fal_check_ok(fal_head_score(opened, clip->rows, clip->frames, STACK_DIM, frames[1], &scores[1], &err), &err);
    assert_memory_equal(frames[0], frames[1], (size_t)clip->frames * sizeof **frames);
    assert_true(scores[0] == scores[1]);
    fal_head_free(&opened);
}

void stack_check_whole_run(const fal_head_kind *kind, bool real_only)
{
    static stack_clips made;
    fal_feature_set set = stack_make_clips(&made, 3, real_only);
    fal_head *whole = fit_in_pieces(kind, real_only, NULL, 1);
    fal_head *pieces = fit_in_pieces(kind, real_only, fal_temp_path("%s.state", kind->name), 3);
    assert_memory_equal(whole->params.values, pieces->params.values, whole->params.count * sizeof(float));
    check_reopened(whole, &set.clips[6]);
    fal_head_free(&whole);
    fal_head_free(&pieces);
}

/* ---- bad files ---- */

typedef struct damage {
    const char *config;     /* falsetto.config; NULL: as written */
    const char *rename_to;  /* of the tensor at `index`; NULL: as it is */
    size_t index, left_out; /* left_out: tensors missing at the end */
    const char *dims;       /* falsetto.dims; NULL: none */
    const char *part;       /* of the message */
} damage;

static void check_damage(const fal_head *head, const damage *d)
{
    const char *path = fal_temp_path("damaged.safetensors");
    fal_named_tensor tensors[64];
    fal_metadata notes[] = {{"falsetto.kind", head->kind->name},
                            {"falsetto.config", d->config ? d->config : "{\"heads\":2}"},
                            {"falsetto.dims", d->dims}};
    fal_head *opened = NULL;
    fal_error err = {0};
    assert_true(head->params.list_count <= 64);
    fal_params_tensors(&head->params, tensors);
    if (d->rename_to)
        tensors[d->index].name = d->rename_to;
    fal_check_ok(fal_safetensors_write(path, tensors, head->params.list_count - d->left_out, FAL_F32, notes,
                                       d->dims ? 3 : 2, &err),
                 &err);
    fal_check_fails(fal_head_open(path, NULL, &opened, &err), FAL_ERR_FORMAT, d->part, &err);
    assert_non_null(strstr(err.text, "damaged.safetensors"));
    assert_null(opened);
}

void stack_check_bad_files(const fal_head_kind *kind)
{
    static const damage all[] = {
        {.config = "{\"heads\":3}", .part = "width of 8 cannot be split into 3 heads"},
        {.config = "{\"heads\":-1}", .part = "-1 heads"},
        {.rename_to = "encoder.layers.1.norm3.weight", .index = 22, .part = "encoder.layers.1.norm1.weight is missing"},
        {.rename_to = "encoder.layers.7.linear1.weight",
         .index = 6,
         .part = "encoder.layers.0.linear1.weight is missing"},
        {.rename_to = "encoder.layers.5.linear1.weight", .index = 18, .part = "30 tensors, expected 18 for 1 layers"},
        {.left_out = 1, .part = "29 tensors, expected 30"},
        {.dims = "3+4", .part = "falsetto.dims is \"3+4\""},
        {.dims = "6+", .part = "falsetto.dims is \"6+\""},
        {.dims = "-2+8", .part = "falsetto.dims"},
        {.dims = "", .part = "falsetto.dims"},
    };
    fal_head *head = stack_make_head(kind);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        check_damage(head, &all[i]);
    fal_head_free(&head);
}

/* ---- allocation ---- */

typedef struct fit_case {
    const fal_head_kind *kind;
    fal_feature_set set;
} fit_case;

static fal_status fit_write_open(void *user, fal_error *err)
{
    fal_status st = FAL_OK;
    const fit_case *c = user;
    fal_head *head = NULL, *opened = NULL;
    fal_training_report report = {0};
    fal_head_shape shape = {.parts = 2, .dims = {2, STACK_DIM - 2}, .dim = STACK_DIM};
    fal_head_training training = stack_training();
    const char *path = fal_temp_path("allocated.safetensors");
    float frames[STACK_FRAMES];
    double score;
    training.max_epochs = training.threads = training.layers = 1;
    FAL_TRY(fal_head_create(c->kind, &shape, "visual+audio", &training, &head, err));
    FAL_TRY(fal_head_fit(head, &training, &c->set, &c->set, &report, err));
    FAL_TRY(fal_head_write(head, NULL, 0, path, err));
    FAL_TRY(fal_head_open(path, NULL, &opened, err));
    FAL_TRY(fal_head_score(opened, c->set.clips[1].rows, 2, STACK_DIM, frames, &score, err));
done:
    fal_training_report_free(&report);
    fal_head_free(&head);
    fal_head_free(&opened);
    return st;
}

void stack_check_alloc_failures(const fal_head_kind *kind, bool real_only)
{
    static stack_clips made;
    fit_case c = {kind, stack_make_clips(&made, 1, real_only)};
    c.set.count = 3;
    fal_check_alloc_failures("fit, write, open, score", fit_write_open, &c);
}
