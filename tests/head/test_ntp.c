/* Next-token prediction: the reference cases of one and of two streams, gradients, whole runs, files, short clips. */
#include "stack_case.h"

#include <math.h>

static stack_case open_single(void)
{
    return stack_case_open("ntp_single", &fal_head_ntp, "audio");
}

/* Visual rows of 6 and audio rows of 8 channels, each normalised by itself, clips cut to the shorter of the two. */
static stack_case open_two_streams(void)
{
    return stack_case_open("ntp_two_stream", &fal_head_ntp, "visual+audio");
}

typedef void check_fn(stack_case *c);

static void check_both(check_fn *check)
{
    stack_case single = open_single(), two = open_two_streams();
    check(&single);
    check(&two);
    stack_case_close(&single);
    stack_case_close(&two);
}

static void check_stages(stack_case *c)
{
    stack_case_check_stages(c);
}

static void test_stages(void **state)
{
    (void)state;
    check_both(check_stages);
}

static void check_scores(stack_case *c)
{
    stack_case_check_scores(c, c->head, "errors", "errors", 1);
}

static void test_scores(void **state)
{
    (void)state;
    check_both(check_scores);
}

static void check_gradients(stack_case *c)
{
    stack_case_check_gradients(c);
}

static void test_gradients(void **state)
{
    (void)state;
    check_both(check_gradients);
}

static void test_training(void **state)
{
    (void)state;
    check_both(stack_case_check_training);
}

/* ---- files ---- */

static fal_head *open_head(const char *path)
{
    fal_head *head = NULL;
    fal_error err = {0};
    fal_check_ok(fal_head_open(path, NULL, &head, &err), &err);
    return head;
}

static void test_file_of_pytorch(void **state)
{
    (void)state;
    stack_case c = open_single();
    fal_head *head = open_head(fal_data_path("heads/ntp_single/model.pt"));
    const fal_head_description *about = fal_head_describe(head);
    assert_string_equal(about->kind, "ntp");
    assert_int_equal(about->part_count, 1);
    assert_true(about->stream_known && about->stream == FAL_STREAM_AUDIO);
    stack_case_check_scores(&c, head, "errors", "errors", 1);
    fal_head_free(&head);
    stack_case_close(&c);
}

/* The file says that there are two streams, not how wide each is; the numbers are those of the case. */
static void test_file_of_two_streams(void **state)
{
    (void)state;
    stack_case c = open_two_streams();
    fal_head *head = open_head(fal_data_path("heads/ntp_two_stream/model.pt"));
    const fal_head_description *about = fal_head_describe(head);
    assert_int_equal(about->dim, 14);
    assert_int_equal(about->part_count, 2);
    assert_string_equal(about->parts[0].array, "visual");
    assert_string_equal(about->parts[1].array, "audio");
    stack_case_check_scores(&c, head, "errors", "errors", 1); /* on rows that are normalised already */
    fal_head_free(&head);
    stack_case_close(&c);
}

static void test_whole_run(void **state)
{
    (void)state;
    stack_check_whole_run(&fal_head_ntp, true);
}

static void test_bad_files(void **state)
{
    (void)state;
    stack_check_bad_files(&fal_head_ntp);
}

/* ---- the rest ---- */

static void test_differences(void **state)
{
    (void)state;
    stack_check_differences(&fal_head_ntp);
}

static void test_default_size(void **state)
{
    (void)state;
    static const struct {
        int64_t dim, numbers;
    } sizes[] = {{1024, 9462272}, {2048, 10511872}, {3840, 12348672}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        fal_head *head = NULL;
        fal_error err = {0};
        fal_head_shape shape = {.parts = 1, .dims = {sizes[i].dim}, .dim = sizes[i].dim};
        fal_check_ok(fal_head_create(&fal_head_ntp, &shape, NULL, &(fal_head_training){0}, &head, &err), &err);
        assert_int_equal(head->params.count, sizes[i].numbers);
        fal_head_free(&head);
    }
}

/* One frame has no next one. */
static void test_short_clips(void **state)
{
    (void)state;
    fal_head *head = stack_make_head(&fal_head_ntp);
    float rows[2 * STACK_DIM] = {1, 2, 3, 4, 5, 6, 1}, frames[2];
    double score = 77;
    fal_error err = {0};
    const fal_trainable *trainable = &fal_head_ntp.trainable;
    assert_int_equal(trainable->samples(head->config.bytes, 0), 0);
    assert_int_equal(trainable->samples(head->config.bytes, 1), 0);
    assert_int_equal(trainable->samples(head->config.bytes, 2), 1);
    fal_check_fails(fal_head_score(head, rows, 1, STACK_DIM, frames, &score, &err), FAL_ERR_TOO_SHORT, "one frame",
                    &err);
    assert_true(score == 77);
    fal_check_ok(fal_head_score(head, rows, 2, STACK_DIM, frames, &score, &err), &err);
    assert_true(frames[0] == 0 && frames[1] > 0 && (float)score == frames[1]);
    fal_head_free(&head);
}

/* What comes later must not change the guess at an earlier frame. */
static void test_causality(void **state)
{
    (void)state;
    static stack_clips made;
    fal_feature_set set = stack_make_clips(&made, 5, true);
    fal_head *head = stack_make_head(&fal_head_ntp);
    const fal_clip_features *clip = &set.clips[8];
    float whole[STACK_FRAMES], start[STACK_FRAMES];
    double score;
    fal_error err = {0};
    fal_check_ok(fal_head_score(head, clip->rows, clip->frames, STACK_DIM, whole, &score, &err), &err);
    for (int64_t frames = 2; frames < clip->frames; frames++) {
        fal_check_ok(fal_head_score(head, clip->rows, frames, STACK_DIM, start, &score, &err), &err);
        fal_check_close("errors of the first frames", start, whole, (size_t)frames, 1e-6, 0);
    }
    fal_head_free(&head);
}

static void test_allocation_failures(void **state)
{
    (void)state;
    stack_check_alloc_failures(&fal_head_ntp, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stages),
        cmocka_unit_test(test_scores),
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_training),
        cmocka_unit_test(test_file_of_pytorch),
        cmocka_unit_test(test_file_of_two_streams),
        cmocka_unit_test(test_whole_run),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_default_size),
        cmocka_unit_test(test_short_clips),
        cmocka_unit_test(test_causality),
        cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
