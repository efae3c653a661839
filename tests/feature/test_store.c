/* Features on disk: every container variant that NumPy and the official code write, label lists, what is refused. */
#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "feature/feature_set.h"
#include "support/probe_file.h"
#include "support/alloc_fail.h"
#include "support/golden.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void write_text(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

/* A label list of one line. */
static const char *write_list(const char *row)
{
    char text[512];
    const char *path = fal_temp_path("list.csv");
    snprintf(text, sizeof text, "path,label\n%s\n", row);
    write_text(path, text);
    return path;
}

static void write_rows(const char *name, size_t frames, size_t dim, const float *rows)
{
    fal_error err = {0};
    fal_check_ok(fal_npy_write(fal_temp_path("%s", name), FAL_NPY_F32, 2, (size_t[]){frames, dim}, rows, &err), &err);
}

/* Log lines of one load, joined. */
typedef struct lines {
    char text[4096];
} lines;

static void keep_line(void *user, fal_log_level level, const char *component, const char *text)
{
    lines *l = user;
    size_t used = strlen(l->text);
    (void)level, (void)component;
    snprintf(l->text + used, sizeof l->text - used, "%s\n", text);
}

/* ---- container variants ---- */

static fal_head *golden_head(void)
{
    fal_npy weight = fal_golden_npy(fal_data_path("heads/feature_files/weight.npy"));
    fal_npy bias = fal_golden_npy(fal_data_path("heads/feature_files/bias.npy"));
    fal_probe probe = {.dim = (int64_t)weight.count, .weight = weight.data, .bias = fal_npy_f32(&bias)[0]};
    const char *path = fal_temp_path("head.safetensors");
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_probe_save(path, &probe, &(fal_head_training){.stream = FAL_STREAM_AV}, NULL, &err), &err);
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    fal_npy_free(&weight);
    fal_npy_free(&bias);
    return head;
}

static fal_stream stream_of(const char *type)
{
    return fal_str_eq(type, "audio") ? FAL_STREAM_AUDIO : fal_str_eq(type, "video") ? FAL_STREAM_VIDEO : FAL_STREAM_AV;
}

static void check_variant(const fal_head *head, const fal_json *entry)
{
    char row[256], title[256];
    const char *clip = fal_json_string(fal_json_get(entry, "csv_path"), "");
    const char *type = fal_json_string(fal_json_get(entry, "input_type"), "");
    bool l2 = fal_json_bool(fal_json_get(entry, "apply_l2"), false);
    double tol = fal_json_real(fal_json_get(entry, "rel_tol"), 0);
    fal_feature_set set = {0};
    float logits[64];
    double score;
    fal_error err = {0};
    snprintf(row, sizeof row, "%s,1", clip);
    fal_check_ok(fal_feature_set_load(write_list(row), fal_data_path("heads/feature_files/features"), stream_of(type),
                                      l2, NULL, &set, &err),
                 &err);
    assert_int_equal(set.count, 1);
    fal_npy want =
        fal_golden_npy(fal_data_path("heads/feature_files/%s", fal_json_string(fal_json_get(entry, "loaded"), "")));
    fal_check_shape(clip, &want, 2, ((size_t[]){(size_t)set.clips[0].frames, (size_t)set.dim}));
    snprintf(title, sizeof title, "%s %s%s", clip, type, l2 ? " l2" : "");
    fal_check_close(title, set.clips[0].rows, want.data, want.count, tol / 20, tol);
    fal_check_ok(fal_head_score(head, set.clips[0].rows, set.clips[0].frames, set.dim, logits, &score, &err), &err);
    double upstream = fal_json_real(fal_json_get(entry, "score_upstream"), NAN);
    fal_check_close_f64("    score", &score, &upstream, 1, 0, tol);
    fal_npy_free(&want);
    fal_feature_set_free(&set);
}

/* The golden head has no L2 of its own: the set is loaded normalised instead. */
static void test_container_variants(void **state)
{
    (void)state;
    fal_json *json = NULL;
    fal_error err = {0};
    fal_head *head = golden_head();
    fal_check_ok(fal_json_read(fal_data_path("heads/feature_files/expected.json"), &json, &err), &err);
    for (size_t i = 0; i < fal_json_count(json); i++)
        check_variant(head, fal_json_at(json, i));
    print_message("%zu variants compared\n", fal_json_count(json));
    assert_true(fal_json_count(json) > 80);
    fal_json_free(&json);
    fal_head_free(&head);
}

static void test_object_arrays_are_refused(void **state)
{
    (void)state;
    fal_feature_rows rows = {0};
    fal_error err;
    const char *bundle = fal_golden_path("heads/feature_files/bundle");
    fal_skip_without(bundle);
    fal_check_fails(fal_features_read(bundle, "audio.mp4", FAL_STREAM_AUDIO, &rows, &err), FAL_ERR_UNSUPPORTED,
                    "object", &err);
    assert_null(rows.rows);
}

/* ---- paths and keys ---- */

static void check_path(const char *clip, const char *want)
{
    char *got = fal_feature_path("root", clip, ".npz");
    assert_non_null(got);
    assert_string_equal(got, want);
    fal_free(got);
}

static void test_exactly_four_characters_are_cut(void **state)
{
    (void)state;
    check_path("a/b.mp4", "root/a/b.npz");
    check_path("a/b.webm", "root/a/b..npz"); /* as the official loader does */
    check_path("noending", "root/noen.npz");
    check_path("a.b.mkv", "root/a.b.npz");
    assert_null(fal_feature_path("root", "mp4", ".npz"));
    fal_feature_rows rows = {0};
    fal_error err;
    fal_check_fails(fal_features_read("root", "mp4", FAL_STREAM_AV, &rows, &err), FAL_ERR_ARGUMENT,
                    "'mp4' is too short", &err);
}

static void test_keys(void **state)
{
    (void)state;
    assert_string_equal(fal_feature_key(FAL_STREAM_AUDIO), "audio");
    assert_string_equal(fal_feature_key(FAL_STREAM_VIDEO), "visual");
    assert_string_equal(fal_feature_key(FAL_STREAM_AV), "multimodal");
    assert_null(fal_feature_key((fal_stream)0));
}

static void test_missing_key_names_those_there(void **state)
{
    (void)state;
    fal_feature_rows rows = {0};
    fal_error err;
    const char *root = fal_data_path("heads/feature_files/features");
    fal_check_fails(fal_features_read(root, "b/key_video.mp4", FAL_STREAM_AUDIO, &rows, &err), FAL_ERR_FORMAT,
                    "no array 'audio'; it has: video", &err);
    fal_check_fails(fal_features_read(root, "b/arr_0.mp4", FAL_STREAM_AV, &rows, &err), FAL_ERR_FORMAT, "multimodal",
                    &err);
    assert_non_null(strstr(err.text, "arr_0"));
}

/* ---- label lists ---- */

static void test_labels_that_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int label;
    } forms[] = {
        {"0", 0}, {"1", 1}, {"0.0", 0}, {"1.0", 1}, {"1e0", 1}, {"-0", 0}, {"\"1\"", 1},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char row[64];
        fal_feature_set set = {0};
        fal_error err = {0};
        snprintf(row, sizeof row, "c/npy_f32.mp4,%s", forms[i].text);
        fal_check_ok(fal_feature_set_load(write_list(row), fal_data_path("heads/feature_files/features"),
                                          FAL_STREAM_AUDIO, true, NULL, &set, &err),
                     &err);
        assert_int_equal(set.clips[0].label, forms[i].label);
        fal_feature_set_free(&set);
    }
}

static void test_labels_that_are_refused(void **state)
{
    (void)state;
    static const char *const forms[] = {"", "2", "-1", "0.5", "nan", "inf", "real", "1x", "1e300"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char row[64];
        fal_feature_set set = {0};
        fal_error err;
        snprintf(row, sizeof row, "c/npy_f32.mp4,%s", forms[i]);
        fal_check_fails(fal_feature_set_load(write_list(row), fal_data_path("heads/feature_files/features"),
                                             FAL_STREAM_AUDIO, true, NULL, &set, &err),
                        FAL_ERR_FORMAT, "list.csv line 2: label is '", &err);
        assert_int_equal(set.count, 0);
    }
}

static void test_columns_are_found_by_name(void **state)
{
    (void)state;
    fal_feature_set set = {0};
    fal_error err = {0};
    const char *path = fal_temp_path("columns.csv"), *root = fal_data_path("heads/feature_files/features");
    write_text(path, "num_frames,label,path\r\n9,1,c/one_frame.mp4\r\n");
    fal_check_ok(fal_feature_set_load(path, root, FAL_STREAM_AUDIO, true, NULL, &set, &err), &err);
    assert_int_equal(set.clips[0].frames, 1); /* the array's, not the column's */
    assert_string_equal(set.clips[0].path, "c/one_frame.mp4");
    fal_feature_set_free(&set);
    write_text(path, "path\nc/one_frame.mp4\n");
    fal_check_fails(fal_feature_set_load(path, root, FAL_STREAM_AUDIO, true, NULL, &set, &err), FAL_ERR_FORMAT,
                    "no column 'label'", &err);
}

static void test_missing_files_are_counted_and_named(void **state)
{
    (void)state;
    lines said = {""};
    fal_log log = {.write = keep_line, .user = &said, .level = FAL_LOG_WARN};
    fal_feature_set set = {0};
    fal_error err = {0};
    fal_check_ok(fal_feature_set_load(fal_data_path("heads/linear_train_earlystop/csv/train_labels.csv"),
                                      fal_data_path("heads/linear_train_earlystop/features/train"), FAL_STREAM_AV,
                                      false, &log, &set, &err),
                 &err);
    assert_int_equal(set.count, 13);
    assert_int_equal(set.missing, 1);
    assert_non_null(strstr(said.text, "no features for"));
    assert_non_null(strstr(said.text, "v003"));
    fal_feature_set_free(&set);
    fal_feature_set_free(&set); /* emptied: may be freed again */
}

static void test_empty_list(void **state)
{
    (void)state;
    const char *path = fal_temp_path("empty.csv");
    fal_feature_set set = {0};
    fal_error err = {0};
    write_text(path, "path,label\n");
    fal_check_ok(fal_feature_set_load(path, ".", FAL_STREAM_AV, true, NULL, &set, &err), &err);
    assert_int_equal(set.count, 0);
    fal_feature_set_free(&set);
}

/* ---- what is in the arrays ---- */

static void test_values_that_are_not_finite_are_refused(void **state)
{
    (void)state;
    float rows[6] = {1, 2, 3, 4, NAN, 6};
    fal_feature_rows out = {0};
    fal_error err;
    const char *root = fal_temp_path(".");
    write_rows("nan.npy", 2, 3, rows);
    fal_check_fails(fal_features_read(root, "nan.mp4", FAL_STREAM_AV, &out, &err), FAL_ERR_FORMAT,
                    "nan.npy: frame 1, channel 1 is not a finite number", &err);
    rows[4] = -INFINITY;
    write_rows("inf.npy", 2, 3, rows);
    fal_check_fails(fal_features_read(root, "inf.mp4", FAL_STREAM_AV, &out, &err), FAL_ERR_FORMAT, "frame 1, channel 1",
                    &err);
    assert_null(out.rows);
}

static void test_one_axis_is_refused(void **state)
{
    (void)state;
    fal_feature_rows out = {0};
    fal_error err = {0};
    fal_check_ok(fal_npy_write(fal_temp_path("flat.npy"), FAL_NPY_F32, 1, (size_t[]){3}, (float[]){1, 2, 3}, &err),
                 &err);
    fal_check_fails(fal_features_read(fal_temp_path("."), "flat.mp4", FAL_STREAM_AV, &out, &err), FAL_ERR_FORMAT,
                    "array of 1 axes, expected [frames, channels]", &err);
}

static void test_rows_that_vanish_are_counted(void **state)
{
    (void)state;
    const char *path = fal_temp_path("rows.csv");
    fal_feature_set set = {0};
    fal_error err = {0};
    write_rows("zero.npy", 2, 2, (float[]){0, 0, 3, 4});
    write_rows("none.npy", 0, 2, (float[]){0});
    write_text(path, "path,label\nzero.mp4,0\nnone.mp4,1\n");
    fal_check_ok(fal_feature_set_load(path, fal_temp_path("."), FAL_STREAM_AV, true, NULL, &set, &err), &err);
    assert_int_equal(set.count, 2);
    assert_int_equal(set.zero_rows, 1);
    assert_int_equal(set.empty, 1);
    assert_int_equal(set.clips[1].frames, 0);
    fal_check_close("normalised", set.clips[0].rows, ((float[]){0, 0, 0.6f, 0.8f}), 4, 1e-7, 0);
    fal_feature_set_free(&set);
}

static void test_widths_must_agree(void **state)
{
    (void)state;
    const char *path = fal_temp_path("widths.csv");
    fal_feature_set set = {0};
    fal_error err;
    write_rows("two.npy", 1, 2, (float[]){1, 2});
    write_rows("three.npy", 1, 3, (float[]){1, 2, 3});
    write_text(path, "path,label\ntwo.mp4,0\nthree.mp4,1\n");
    fal_check_fails(fal_feature_set_load(path, fal_temp_path("."), FAL_STREAM_AV, true, NULL, &set, &err),
                    FAL_ERR_FORMAT, "three.mp4: features of 3 channels, those before have 2", &err);
}

/* Rows are counted, not trusted: a file cut short is an error that names it. */
static void test_truncated_file(void **state)
{
    (void)state;
    fal_buf bytes = {0};
    fal_feature_rows out = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_data_path("heads/feature_files/features/a/savez_f32.npz"), 0, &bytes, &err), &err);
    for (size_t keep = bytes.length / 2; keep < bytes.length; keep += bytes.length / 7) {
        fal_check_ok(fal_file_write(fal_temp_path("cut.npz"), bytes.data, keep, &err), &err);
        fal_check_fails(fal_features_read(fal_temp_path("."), "cut.mp4", FAL_STREAM_AUDIO, &out, &err), FAL_ERR_FORMAT,
                        "cut.npz", &err);
    }
    fal_buf_free(&bytes);
}

static fal_status load_all(void *unused, fal_error *err)
{
    fal_feature_set set = {0};
    (void)unused;
    fal_status st =
        fal_feature_set_load(fal_data_path("heads/linear_train/csv/val_labels.csv"),
                             fal_data_path("heads/linear_train/features/val"), FAL_STREAM_VIDEO, true, NULL, &set, err);
    if (st == FAL_OK)
        fal_feature_set_free(&set);
    return st;
}

static void test_allocation_failures(void **state)
{
    (void)state;
    fal_check_alloc_failures("feature set", load_all, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_container_variants),
        cmocka_unit_test(test_object_arrays_are_refused),
        cmocka_unit_test(test_exactly_four_characters_are_cut),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_missing_key_names_those_there),
        cmocka_unit_test(test_labels_that_are_read),
        cmocka_unit_test(test_labels_that_are_refused),
        cmocka_unit_test(test_columns_are_found_by_name),
        cmocka_unit_test(test_missing_files_are_counted_and_named),
        cmocka_unit_test(test_empty_list),
        cmocka_unit_test(test_values_that_are_not_finite_are_refused),
        cmocka_unit_test(test_one_axis_is_refused),
        cmocka_unit_test(test_rows_that_vanish_are_counted),
        cmocka_unit_test(test_widths_must_agree),
        cmocka_unit_test(test_truncated_file),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
