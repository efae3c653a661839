/* The transformer classifier: the reference case, gradients, whole runs, files. Its stack of blocks: positions. */
#include "core/alloc.h"
#include "head/stack.h"
#include "stack_case.h"

#include <math.h>

static stack_case open_case(void)
{
    return stack_case_open("transformer_head", &fal_head_transformer, "audio");
}

static void test_stages(void **state)
{
    (void)state;
    stack_case c = open_case();
    stack_case_check_stages(&c);
    stack_case_close(&c);
}

static void test_scores(void **state)
{
    (void)state;
    stack_case c = open_case();
    stack_case_check_scores(&c, c.head, "frame_scores", "frame_scores", 0);
    stack_case_close(&c);
}

static void test_file_of_pytorch(void **state)
{
    (void)state;
    stack_case c = open_case();
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_head_open(fal_data_path("heads/transformer_head/model.pt"), NULL, &head, &err), &err);
    const fal_head_description *about = fal_head_describe(head);
    assert_string_equal(about->kind, "transformer");
    assert_int_equal(about->dim, 9);
    assert_int_equal(about->part_count, 1);
    assert_true(about->stream_known && about->stream == FAL_STREAM_AUDIO && about->l2_normalise);
    stack_case_check_scores(&c, head, "frame_scores", "frame_scores", 0);
    fal_head_free(&head);
    stack_case_close(&c);
}

static void test_gradients(void **state)
{
    (void)state;
    stack_case c = open_case();
    stack_case_check_gradients(&c);
    stack_case_close(&c);
}

static void test_training(void **state)
{
    (void)state;
    stack_case c = open_case();
    stack_case_check_training(&c);
    stack_case_close(&c);
}

static void test_differences(void **state)
{
    (void)state;
    stack_check_differences(&fal_head_transformer);
}

static void test_whole_run(void **state)
{
    (void)state;
    stack_check_whole_run(&fal_head_transformer, false);
}

static void test_bad_files(void **state)
{
    (void)state;
    stack_check_bad_files(&fal_head_transformer);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    stack_check_alloc_failures(&fal_head_transformer, false);
}

/* ---- the stack ---- */

/* Sizes of the definition at 1024 channels. */
static void test_default_size(void **state)
{
    (void)state;
    fal_head *head = NULL;
    fal_error err = {0};
    fal_head_shape shape = {.parts = 1, .dims = {1024}, .dim = 1024};
    fal_check_ok(fal_head_create(&fal_head_transformer, &shape, NULL, &(fal_head_training){0}, &head, &err), &err);
    assert_int_equal(head->params.count, 4731905);
    fal_head_free(&head);
    fal_check_fails(fal_head_create(&fal_head_transformer, &shape, NULL, &(fal_head_training){.heads = 7}, &head, &err),
                    FAL_ERR_ARGUMENT, "width of 512 cannot be split into 7 heads", &err);
    fal_check_fails(
        fal_head_create(&fal_head_transformer, &shape, NULL, &(fal_head_training){.layers = 1000}, &head, &err),
        FAL_ERR_ARGUMENT, "1000 layers", &err);
}

static void check_positions(void *user, const char *stage, const fal_tensor *value)
{
    int64_t frames = value->shape[0], width = value->shape[1];
    if (strcmp(stage, "embed") != 0)
        return;
    float *want = fal_malloc_array((size_t)(frames * width), sizeof *want);
    assert_non_null(want);
    for (int64_t t = 0; t < frames; t++)
        for (int64_t i = 0; i < width; i++) {
            double angle = (double)t / pow(10000, (double)(i - i % 2) / (double)width);
            want[t * width + i] = (float)(i % 2 ? cos(angle) : sin(angle));
        }
    fal_check_close("positions", value->data, want, (size_t)(frames * width), 6e-8, 0);
    fal_free(want);
    *(bool *)user = true;
}

/* Ten minutes at 25 frames a second; parameters of zero leave the positions alone. */
static void test_positions(void **state)
{
    (void)state;
    enum { FRAMES = 15000, WIDTH = 7 };
    bool seen = false;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_stack_trace trace;
    fal_stack stack = {.shape = {.in = 1, .width = WIDTH, .layers = 1, .heads = 1, .ffn = 1}};
    float *values = fal_calloc(fal_stack_count(&stack.shape), sizeof *values), *x = fal_calloc(FRAMES, sizeof *x);
    assert_true(values && x);
    fal_check_ok(
        fal_run_create(&(fal_run_options){.threads = 2, .stage = check_positions, .stage_user = &seen}, &run, &err),
        &err);
    fal_run_begin(run);
    stack.values = values, stack.run = run;
    fal_check_ok(fal_stack_forward(&stack, x, FRAMES, false, &trace, &err), &err);
    assert_true(seen);
    fal_run_free(&run);
    fal_free(values), fal_free(x);
}

static void test_cancel(void **state)
{
    (void)state;
    volatile sig_atomic_t cancel = 1;
    fal_run *run = NULL;
    fal_error err = {0};
    fal_stack_trace trace;
    fal_head *head = stack_make_head(&fal_head_transformer);
    const float x[STACK_DIM] = {1};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 1, .cancel = &cancel}, &run, &err), &err);
    fal_run_begin(run);
    fal_stack stack = {.shape = {STACK_DIM, 8, 2, 2, 12, false}, .values = head->params.values, .run = run};
    fal_check_fails(fal_stack_forward(&stack, x, 1, false, &trace, &err), FAL_ERR_CANCELLED, "stopped", &err);
    fal_run_free(&run);
    fal_head_free(&head);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),    cmocka_unit_test(test_scores),    cmocka_unit_test(test_file_of_pytorch),
        cmocka_unit_test(test_gradients), cmocka_unit_test(test_training),  cmocka_unit_test(test_differences),
        cmocka_unit_test(test_whole_run), cmocka_unit_test(test_bad_files), cmocka_unit_test(test_default_size),
        cmocka_unit_test(test_positions), cmocka_unit_test(test_cancel),    cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
