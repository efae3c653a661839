/* Linear probes: the official checkpoints and results, our own file form, and what is refused. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "feature/feature_set.h"
#include "head/pooling.h"
#include "support/probe_file.h"
#include "support/alloc_fail.h"
#include "support/golden.h"
#include "weights/checkpoint.h"
#include "weights/safetensors_write.h"
#include <falsetto/head.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FRAMES = 256, MAX_DIM = 4096 };

/* ---- heads ---- */

static fal_head *open_head(const char *path)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    return head;
}

/* The same probe in our own file form, with the normalisation asked for. */
static fal_head *resave(const char *checkpoint, bool l2)
{
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    const char *path = fal_temp_path("resaved.safetensors");
    fal_check_ok(fal_checkpoint_open(checkpoint, NULL, &ckpt, &err), &err);
    const fal_tensor *weight = &fal_checkpoint_find(ckpt, "head.weight")->tensor;
    float values[MAX_DIM];
    fal_probe probe = {.dim = weight->shape[1], .weight = values, .l2_normalise = l2};
    assert_true(probe.dim <= MAX_DIM);
    fal_tensor_copy_f32(weight, values);
    fal_tensor_copy_f32(&fal_checkpoint_find(ckpt, "head.bias")->tensor, &probe.bias);
    fal_check_ok(fal_probe_save(path, &probe, &(fal_head_training){.stream = FAL_STREAM_AV}, NULL, &err), &err);
    fal_checkpoint_free(&ckpt);
    return open_head(path);
}

static fal_stream stream_of(const char *input_type)
{
    return fal_str_eq(input_type, "audio")   ? FAL_STREAM_AUDIO
           : fal_str_eq(input_type, "video") ? FAL_STREAM_VIDEO
                                             : FAL_STREAM_AV;
}

/* ---- parity with the official scores ---- */

typedef struct tolerances {
    double frames, video;
} tolerances;

static void check_clip(const char *title, const fal_head *head, const fal_feature_set *set, size_t clip,
                       const float *frames_want, float score_want, tolerances tol)
{
    float logits[MAX_FRAMES];
    double score;
    char name[128];
    fal_error err = {0};
    const fal_clip_features *c = &set->clips[clip];
    assert_true(c->frames <= MAX_FRAMES);
    fal_check_ok(fal_head_score(head, c->rows, c->frames, set->dim, logits, &score, &err), &err);
    snprintf(name, sizeof name, "%s clip %zu frames", title, clip);
    fal_check_close(name, logits, frames_want, (size_t)c->frames, tol.frames, 0);
    snprintf(name, sizeof name, "%s clip %zu score", title, clip);
    fal_check_close(name, &(float){(float)score}, &score_want, 1, tol.video, 0);
}

static fal_feature_set load_set(const char *csv, const char *root, fal_stream stream)
{
    fal_feature_set set = {0};
    fal_error err = {0};
    fal_check_ok(fal_feature_set_load(csv, root, stream, false, NULL, &set, &err), &err);
    return set;
}

static void check_forward_run(const char *name, const fal_json *run)
{
    char title[96];
    const char *type = fal_json_string(fal_json_get(run, "input_type"), "");
    const char *checkpoint = fal_data_path("heads/%s/%s", name, fal_json_string(fal_json_get(run, "checkpoint"), ""));
    bool l2 = fal_json_bool(fal_json_get(run, "apply_l2"), true);
    tolerances tol = {fal_json_real(fal_json_get(fal_json_get(run, "frames"), "suggested_max_abs"), 0),
                      fal_json_real(fal_json_get(fal_json_get(run, "video"), "suggested_max_abs"), 0)};
    fal_npy scores =
        fal_golden_npy(fal_data_path("heads/%s/%s", name, fal_json_string(fal_json_get(run, "scores"), "")));
    fal_npy frames =
        fal_golden_npy(fal_data_path("heads/%s/%s", name, fal_json_string(fal_json_get(run, "frame_scores"), "")));
    fal_feature_set set = load_set(fal_data_path("heads/%s/csv/test_labels.csv", name),
                                   fal_data_path("heads/%s/features/test", name), stream_of(type));
    fal_head *head = l2 ? open_head(checkpoint) : resave(checkpoint, false);
    size_t first = 0;
    assert_int_equal(set.count, scores.count);
    snprintf(title, sizeof title, "%s %s %s", name, type, l2 ? "l2" : "no l2");
    for (size_t i = 0; i < set.count; first += (size_t)set.clips[i++].frames)
        check_clip(title, head, &set, i, fal_npy_f32(&frames) + first, fal_npy_f32(&scores)[i], tol);
    assert_int_equal(first, frames.count);
    fal_head_free(&head);
    fal_feature_set_free(&set);
    fal_npy_free(&scores);
    fal_npy_free(&frames);
}

static void check_forward(const char *name)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_read(fal_data_path("heads/%s/case.json", name), &json, &err), &err);
    const fal_json *runs = fal_json_get(json, "runs");
    assert_int_equal(fal_json_count(runs), 6);
    for (size_t i = 0; i < fal_json_count(runs); i++)
        check_forward_run(name, fal_json_at(runs, i));
    fal_json_free(&json);
}

static void test_forward(void **state)
{
    (void)state;
    check_forward("linear_forward");
}

/* Scores of hundreds: a plain sum of exponentials would overflow float32. */
static void test_forward_big(void **state)
{
    (void)state;
    check_forward("linear_forward_big");
}

static void check_official_run(const char *name, const fal_json *run, bool l2)
{
    const char *mode = l2 ? "l2" : "nol2";
    const fal_json *tol = fal_json_get(fal_json_get(run, "tolerance"), mode);
    tolerances allowed = {fal_json_real(fal_json_get(fal_json_get(tol, "frames"), "suggested_max_abs"), 0),
                          fal_json_real(fal_json_get(fal_json_get(tol, "video"), "suggested_max_abs"), 0)};
    const char *type = fal_json_string(fal_json_get(run, "input_type"), "");
    const char *checkpoint = fal_reference_path("%s", fal_json_string(fal_json_get(run, "checkpoint"), ""));
    char title[96];
    snprintf(title, sizeof title, "official %s %s", name, mode);
    fal_npy scores = fal_golden_npy(fal_golden_path("heads/linear_official/%s/scores_%s.npy", name, mode));
    fal_feature_set set = load_set(fal_golden_path("heads/linear_official/%s/csv/test_labels.csv", name),
                                   fal_golden_path("heads/linear_official/%s", name), stream_of(type));
    fal_head *head = l2 ? open_head(checkpoint) : resave(checkpoint, false);
    assert_int_equal(fal_head_describe(head)->dim, fal_json_int(fal_json_get(run, "dim"), -1));
    if (l2)
        assert_true(fal_head_describe(head)->stream_known && fal_head_describe(head)->stream == stream_of(type));
    assert_int_equal(set.count, scores.count);
    for (size_t i = 0; i < set.count; i++) {
        fal_npy frames =
            fal_golden_npy(fal_golden_path("heads/linear_official/%s/frame_scores_%zu_%s.npy", name, i, mode));
        check_clip(title, head, &set, i, frames.data, fal_npy_f32(&scores)[i], allowed);
        fal_npy_free(&frames);
    }
    fal_head_free(&head);
    fal_feature_set_free(&set);
    fal_npy_free(&scores);
}

static void test_official_checkpoints(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    void *iter = NULL;
    const char *name;
    const fal_json *run;
    fal_skip_without_reference();
    fal_check_ok(fal_json_read(fal_golden_path("heads/linear_official/case.json"), &json, &err), &err);
    while (fal_json_next(fal_json_get(json, "runs"), &iter, &name, &run)) {
        check_official_run(name, run, true);
        check_official_run(name, run, false);
    }
    fal_json_free(&json);
}

/* ---- what a file says about itself ---- */

/* Weights and bias through the public interface: unit rows give w_i + b, a zero row b. */
static void read_weights(const fal_head *head, float *weights, float *bias)
{
    int64_t n = fal_head_describe(head)->dim;
    double score;
    fal_error err = {0};
    float *rows = fal_calloc((size_t)((n + 1) * n), sizeof *rows), logits[MAX_FRAMES];
    assert_non_null(rows);
    assert_true(n < MAX_FRAMES);
    for (int64_t i = 0; i < n; i++)
        rows[i * n + i] = 1;
    fal_check_ok(fal_head_score(head, rows, n + 1, n, logits, &score, &err), &err);
    *bias = logits[n];
    for (int64_t i = 0; i < n; i++)
        weights[i] = logits[i] - *bias;
    fal_free(rows);
}

static void test_complete_lightning_checkpoint(void **state)
{
    (void)state;
    float weights[12], bias;
    fal_head *head = open_head(fal_data_path("heads/linear_train_earlystop/checkpoint/model-epoch=16.ckpt"));
    const fal_head_description *about = fal_head_describe(head);
    fal_npy want = fal_golden_npy(fal_data_path("heads/linear_train_earlystop/epoch_weights.npy"));
    assert_string_equal(about->kind, "probe");
    assert_int_equal(about->dim, 12);
    assert_true(about->stream_known && about->stream == FAL_STREAM_AV);
    assert_false(about->l2_normalise); /* apply_l2 False in its training configuration */
    assert_false(about->calibration.fitted);
    read_weights(head, weights, &bias);
    /* 3e-7: w comes back as (w + b) - b */
    fal_check_close("checkpoint weights", weights, fal_npy_f32(&want) + 16 * 13, 12, 3e-7, 0);
    fal_check_close("checkpoint bias", &bias, fal_npy_f32(&want) + 16 * 13 + 12, 1, 0, 0);
    fal_npy_free(&want);
    fal_head_free(&head);
}

static void test_own_file_round_trip(void **state)
{
    (void)state;
    const char *path = fal_temp_path("own.safetensors");
    float weight[] = {0.25f, -1.5f, 3}, weights[3], bias;
    fal_probe probe = {.dim = 3, .weight = weight, .bias = -0.75f, .l2_normalise = false};
    fal_head_training training = {.stream = FAL_STREAM_VIDEO, .encoder = "self_large.pt", .demonstration = true};
    fal_calibration want = {
        .fitted = true, .slope = 1.0 / 3, .length_slope = -0.125, .offset = 0.1, .low = 0.2, .high = 0.9};
    fal_error err = {0};
    fal_check_ok(fal_probe_save(path, &probe, &training, &want, &err), &err);
    fal_head *head = open_head(path);
    const fal_head_description *about = fal_head_describe(head);
    assert_string_equal(about->kind, "probe");
    assert_string_equal(about->origin, path);
    assert_string_equal(about->encoder, "self_large.pt");
    assert_int_equal(about->dim, 3);
    assert_true(about->stream_known && about->stream == FAL_STREAM_VIDEO);
    assert_true(about->demonstration && !about->l2_normalise && about->calibration.fitted);
    const fal_calibration *got = &about->calibration;
    fal_check_close_f64("calibration", &got->slope, &want.slope, 5, 0, 0); /* text keeps every digit */
    read_weights(head, weights, &bias);
    fal_check_close("own weights", weights, weight, 3, 3e-7, 0);
    assert_true(bias == probe.bias);
    fal_head_free(&head);
}

/* A calibration that cannot be read must not be replaced by another one in silence. */
static void test_damaged_calibration(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "nan", "1,5", "0.5x", "1e999", "[2]"};
    const float weight[] = {1, 2};
    const fal_named_tensor tensor = {"head.weight", fal_tensor_f32(weight, 2, (int64_t[]){1, 2})};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const char *path = fal_temp_path("damaged.safetensors");
        const fal_metadata metadata = {"falsetto.calibration.slope", texts[i]};
        fal_head *head = NULL;
        fal_error err = {0};
        fal_check_ok(fal_safetensors_write(path, &tensor, 1, FAL_F32, &metadata, 1, &err), &err);
        fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "falsetto.calibration.slope", &err);
        assert_null(head);
    }
}

/* A second tensor that a probe does not have: something else, whose part must not be taken for the whole. */
static void test_foreign_tensor(void **state)
{
    (void)state;
    const float weight[] = {1, 2};
    const fal_tensor row = fal_tensor_f32(weight, 2, (int64_t[]){1, 2});
    const fal_named_tensor tensors[] = {{"head.weight", row}, {"head.scale", row}};
    const char *path = fal_temp_path("foreign.safetensors");
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_safetensors_write(path, tensors, 2, FAL_F32, NULL, 0, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_UNSUPPORTED, "holds no head", &err);
}

/* ---- pooling and probability ---- */

static void test_log_sum_exp(void **state)
{
    (void)state;
    const float equal[] = {2, 2, 2, 2}, large[] = {900, -900, 899}, one[] = {-3.5f};
    const double got[] = {fal_log_sum_exp(equal, 4), fal_log_sum_exp(large, 3), fal_log_sum_exp(one, 1)};
    const double want[] = {2 + log(4), 900 + log(1 + exp(-1)), -3.5};
    fal_check_close_f64("log-sum-exp", got, want, 3, 1e-13, 1e-15);
}

static void test_zero_row_counts_as_zeros(void **state)
{
    (void)state;
    fal_head *head = open_head(fal_data_path("heads/linear_forward/checkpoint_audio/model-epoch=03.ckpt"));
    fal_npy bias = fal_golden_npy(fal_data_path("heads/linear_forward/bias_audio.npy"));
    float rows[24] = {0}, logit;
    double score;
    fal_error err = {0};
    fal_check_ok(fal_head_score(head, rows, 1, 24, &logit, &score, &err), &err);
    fal_check_close("zero row", &logit, fal_npy_f32(&bias), 1, 0, 0);
    fal_npy_free(&bias);
    fal_head_free(&head);
}

static void test_probability(void **state)
{
    (void)state;
    const fal_calibration raw = {.slope = 2},
                          fitted = {.fitted = true, .slope = 1.5, .length_slope = -1, .offset = 0.25};
    const double got[] = {fal_head_probability(&raw, 0, 10), fal_head_probability(&raw, 0.7, 10),
                          fal_head_probability(&raw, -1000, 10), fal_head_probability(&raw, 1000, 10),
                          fal_head_probability(&fitted, 2, 50)};
    const double want[] = {0.5, 1 / (1 + exp(-1.4)), 0, 1, 1 / (1 + exp(-(3 - log(50) + 0.25)))};
    fal_check_close_f64("probability", got, want, 5, 1e-15, 1e-15);
}

/* ---- what is refused ---- */

static void test_bad_input_is_refused(void **state)
{
    (void)state;
    fal_head *head = open_head(fal_data_path("heads/linear_forward/checkpoint_audio/model-epoch=03.ckpt"));
    float rows[25] = {0}, logit;
    double score = 77;
    fal_error err;
    fal_check_fails(fal_head_score(head, rows, 1, 25, &logit, &score, &err), FAL_ERR_ARGUMENT,
                    "24 channels, these have 25", &err);
    fal_check_fails(fal_head_score(head, rows, 0, 24, &logit, &score, &err), FAL_ERR_TOO_SHORT, "no frames", &err);
    assert_true(score == 77);
    fal_head_free(&head);
    assert_null(head);
    fal_head_free(&head);
    fal_head_free(NULL);
}

static void write_bytes(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

static void test_other_files_are_named(void **state)
{
    (void)state;
    fal_head *head = NULL;
    fal_error err;
    const char *encoder = fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt");
    fal_check_fails(fal_head_open(encoder, NULL, &head, &err), FAL_ERR_UNSUPPORTED, "holds no head", &err);
    assert_non_null(strstr(err.text, encoder));
    const char *text = fal_temp_path("notes.ckpt");
    write_bytes(text, "these are not weights");
    fal_check_fails(fal_head_open(text, NULL, &head, &err), FAL_ERR_UNSUPPORTED, "notes.ckpt", &err);
    fal_check_fails(fal_head_open(fal_temp_path("absent.ckpt"), NULL, &head, &err), FAL_ERR_NOT_FOUND, "absent.ckpt",
                    &err);
    assert_null(head);
}

/* Two outputs, as a softmax classifier has: near enough to a probe to be confused with one. */
static void test_wrong_shape_is_named(void **state)
{
    (void)state;
    fal_head *head = NULL;
    fal_error err = {0};
    const char *path = fal_temp_path("two.safetensors");
    static const char header[] = "{\"head.weight\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}}";
    char bytes[8 + sizeof header - 1 + 16] = {sizeof header - 1};
    memcpy(bytes + 8, header, sizeof header - 1);
    fal_check_ok(fal_file_write(path, bytes, sizeof bytes, &err), &err);
    fal_check_fails(fal_head_open(path, NULL, &head, &err), FAL_ERR_FORMAT, "head.weight is [2,2]", &err);
}

static fal_status open_and_score(void *path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_head *head = NULL;
    float rows[48] = {1}, logits[2];
    double score;
    FAL_TRY(fal_head_open(path, NULL, &head, err));
    FAL_TRY(fal_head_score(head, rows, 2, 24, logits, &score, err));
done:
    fal_head_free(&head);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("head open", open_and_score,
                             (void *)fal_data_path("heads/linear_forward/checkpoint_audio/model-epoch=03.ckpt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_forward_big),
        cmocka_unit_test(test_official_checkpoints),
        cmocka_unit_test(test_complete_lightning_checkpoint),
        cmocka_unit_test(test_own_file_round_trip),
        cmocka_unit_test(test_damaged_calibration),
        cmocka_unit_test(test_foreign_tensor),
        cmocka_unit_test(test_log_sum_exp),
        cmocka_unit_test(test_zero_row_counts_as_zeros),
        cmocka_unit_test(test_probability),
        cmocka_unit_test(test_bad_input_is_refused),
        cmocka_unit_test(test_other_files_are_named),
        cmocka_unit_test(test_wrong_shape_is_named),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
