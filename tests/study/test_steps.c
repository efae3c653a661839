/* A step is done once, and again when its inputs or its output are others. */
#include "support/test.h"

#include "core/file.h"
#include "study/steps.h"

#include <stdio.h>

typedef struct work {
    const char *path;
    int runs;
    bool fails;
} work;

static fal_status make(void *user, fal_error *err)
{
    work *w = user;
    w->runs++;
    if (w->fails)
        return fal_fail(err, FAL_ERR_FORMAT, "made of cheese");
    return fal_file_write(w->path, "result", 6, err);
}

typedef struct bench {
    char folder[256], output[256], input[256];
    work w;
    fal_step_key key;
} bench;

static void set_up(bench *b, const char *name)
{
    fal_error err;
    *b = (bench){0};
    snprintf(b->folder, sizeof b->folder, "%s", fal_temp_path("%s/steps", name));
    snprintf(b->output, sizeof b->output, "%s", fal_temp_path("%s/output", name));
    snprintf(b->input, sizeof b->input, "%s", fal_temp_path("%s/input", name));
    fal_check_ok(fal_file_write(b->input, "list", 4, &err), &err);
    b->w.path = b->output;
}

/* One study that does the step `times` times. */
static fal_status study(bench *b, int option, fal_study_stage only, int times, fal_study_report *report, fal_error *err)
{
    fal_steps *steps = NULL;
    fal_status st = fal_steps_open(b->folder, only, NULL, &steps, err);
    fal_step step = {.stage = FAL_STUDY_TRAIN, .name = "train/a/b", .output = b->output};
    fal_step_int(&step, "option", option);
    fal_check_ok(fal_step_file(&step, "list", b->input, err), err);
    for (int i = 0; i < times; i++)
        st = fal_steps_run(steps, &step, make, &b->w, b->key, err);
    if (report)
        *report = fal_steps_report(steps);
    fal_buf_free(&step.inputs);
    fal_steps_free(&steps);
    return st;
}

static void test_only_what_changed(void **state)
{
    (void)state;
    fal_error err;
    bench b;
    fal_study_report report;
    set_up(&b, "changed");
    fal_check_ok(study(&b, 1, FAL_STUDY_EVERYTHING, 3, &report, &err), &err);
    assert_int_equal(b.w.runs, 1);
    assert_int_equal(report.made, 1);
    assert_int_equal(report.kept, 0);
    fal_check_ok(study(&b, 1, FAL_STUDY_EVERYTHING, 2, &report, &err), &err);
    assert_int_equal(b.w.runs, 1);
    assert_int_equal(report.kept, 1);
    fal_check_ok(study(&b, 2, FAL_STUDY_EVERYTHING, 1, NULL, &err), &err);
    assert_int_equal(b.w.runs, 2);
    fal_check_ok(fal_file_write(b.input, "LIST", 4, &err), &err);
    fal_check_ok(study(&b, 2, FAL_STUDY_EVERYTHING, 1, NULL, &err), &err);
    assert_int_equal(b.w.runs, 3);
    fal_check_ok(fal_file_write(b.output, "edited", 6, &err), &err);
    fal_check_ok(study(&b, 2, FAL_STUDY_EVERYTHING, 1, NULL, &err), &err);
    assert_int_equal(b.w.runs, 4);
    remove(b.output);
    fal_check_ok(study(&b, 2, FAL_STUDY_EVERYTHING, 1, NULL, &err), &err);
    assert_int_equal(b.w.runs, 5);
}

static void test_damaged_record(void **state)
{
    (void)state;
    fal_error err;
    bench b;
    set_up(&b, "damaged");
    fal_check_ok(study(&b, 1, FAL_STUDY_EVERYTHING, 1, NULL, &err), &err);
    fal_check_ok(fal_file_write(fal_temp_path("damaged/steps/train/a/b.json"), "{\"format\": ", 11, &err), &err);
    fal_check_ok(study(&b, 1, FAL_STUDY_EVERYTHING, 1, NULL, &err), &err);
    assert_int_equal(b.w.runs, 2);
}

static void test_failure_is_tried_once(void **state)
{
    (void)state;
    fal_error err;
    bench b;
    fal_study_report report;
    set_up(&b, "failing");
    b.w.fails = true;
    fal_check_fails(study(&b, 1, FAL_STUDY_EVERYTHING, 3, &report, &err), FAL_ERR_FORMAT, "made of cheese", &err);
    assert_int_equal(b.w.runs, 1);
    assert_int_equal(report.failed, 1);
    b.w.fails = false;
    fal_check_ok(study(&b, 1, FAL_STUDY_EVERYTHING, 1, &report, &err), &err);
    assert_int_equal(b.w.runs, 2);
    assert_int_equal(report.failed, 0);
}

static void test_other_stages_are_left(void **state)
{
    (void)state;
    fal_error err;
    bench b;
    fal_study_report report;
    set_up(&b, "only");
    fal_check_fails(study(&b, 1, FAL_STUDY_EXTRACT, 1, &report, &err), FAL_ERR_NOT_FOUND, "train/a/b has not been done",
                    &err);
    assert_int_equal(b.w.runs, 0);
    assert_int_equal(report.absent, 1);
    fal_check_ok(study(&b, 1, FAL_STUDY_TRAIN, 1, &report, &err), &err);
    fal_check_ok(study(&b, 1, FAL_STUDY_EXTRACT, 1, &report, &err), &err);
    assert_int_equal(b.w.runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_changed),
        cmocka_unit_test(test_damaged_record),
        cmocka_unit_test(test_failure_is_tried_once),
        cmocka_unit_test(test_other_stages_are_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
