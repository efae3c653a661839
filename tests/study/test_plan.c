/* What a configuration may say, and how mistakes are told. */
#include "support/alloc_fail.h"

#include "core/file.h"
#include "study/plan.h"

#include <stdio.h>
#include <string.h>

static const fal_study_folders folders = {"/data", "/out"};

static const char whole[] =
    "{\"format\": \"falsetto-study-1\", \"title\": \"t\", \"store\": \"f16\", \"seeds\": [1, 2],"
    "\"datasets\": {\"A\": {\"root\": \"a\", \"train\": \"a/train.csv\", \"val\": \"/v.csv\", \"test\": "
    "\"a/test.csv\"},"
    " \"B\": {\"puppets\": {\"clips\": 8, \"methods\": \"face,voice\"}},"
    " \"C\": {\"like\": \"A\", \"trim_silence\": true}, \"D\": {\"root\": \"d\", \"test\": \"d.csv\"},"
    " \"E\": {\"puppets\": {\"splits\": \"val:0.5,latest:0.5\"}}},"
    "\"encoders\": {\"e\": {\"model\": \"clip\", \"stream\": \"video\", \"title\": \"CLIP\"},"
    " \"f\": {\"draw\": \"wav2vec2-base\", \"seed\": 7, \"stream\": \"audio\"}},"
    "\"pairs\": {\"p\": {\"visual\": \"e\", \"audio\": \"f\"}},"
    "\"heads\": {\"sync\": {\"tau\": 3, \"learning_rate\": 0.5}},"
    "\"tables\": {\"t\": {\"kind\": \"anomalies\", \"rows\": [\"e\", {\"use\": \"p\", \"title\": \"both\"}],"
    " \"columns\": [{\"train\": \"A\", \"test\": \"D\", \"real\": \"C\"}]}}}";

static fal_status read_text(const char *text, fal_study_plan *plan, fal_error *err)
{
    const char *path = fal_temp_path("study.json");
    fal_check_ok(fal_file_write(path, text, strlen(text), err), err);
    return fal_study_plan_read(path, &folders, plan, err);
}

static void test_everything_is_taken(void **state)
{
    (void)state;
    fal_error err;
    fal_study_plan plan;
    fal_check_ok(read_text(whole, &plan, &err), &err);
    assert_true(plan.half_precision);
    assert_int_equal(plan.seed_count, 2);
    assert_int_equal(plan.seeds[1], 2);
    assert_int_equal(plan.dataset_count, 5);
    assert_string_equal(plan.datasets[0].root, "/data/a");
    assert_string_equal(plan.datasets[0].lists[FAL_SPLIT_VAL], "/v.csv");
    assert_string_equal(plan.datasets[1].root, "/out/data/B");
    assert_string_equal(plan.datasets[1].lists[FAL_SPLIT_TEST], "/out/data/B/test_labels.csv");
    assert_string_equal(plan.datasets[2].id, "C");
    assert_string_equal(plan.datasets[2].root, "/data/a");
    assert_true(plan.datasets[2].trim_silence);
    assert_false(plan.datasets[0].trim_silence);
    assert_null(plan.datasets[4].lists[FAL_SPLIT_TRAIN]); /* what the puppet program is not asked for */
    assert_string_equal(plan.datasets[4].lists[FAL_SPLIT_VAL], "/out/data/E/val_labels.csv");
    assert_null(plan.datasets[4].lists[FAL_SPLIT_TEST]);
    assert_string_equal(plan.encoders[0].modality, "visual");
    assert_true(plan.encoders[1].drawn);
    assert_int_equal(plan.encoders[1].seed, 7);
    assert_int_equal(plan.heads[FAL_STUDY_SYNC].tau, 3);
    assert_true(plan.tables[0].rows[1].subject.is_pair);
    assert_string_equal(plan.tables[0].rows[1].title, "both");
    assert_string_equal(plan.tables[0].rows[0].title, "CLIP");
    assert_int_equal(plan.tables[0].columns[0].real, 2);
    fal_study_plan_free(&plan);
}

/* `whole` with its first `from` replaced. */
static void expect_wrong(const char *from, const char *to, const char *why)
{
    fal_error err;
    fal_study_plan plan;
    char text[4096];
    const char *at = strstr(whole, from);
    assert_non_null(at);
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, to, at + strlen(from));
    fal_check_fails(read_text(text, &plan, &err), FAL_ERR_FORMAT, why, &err);
}

static void test_mistakes_are_named(void **state)
{
    (void)state;
    expect_wrong("falsetto-study-1", "other", "is no study");
    expect_wrong("\"store\"", "\"stroe\"", "\"stroe\", which is not known here");
    expect_wrong("\"f16\"", "\"f8\"", "neither f32 nor f16");
    expect_wrong("[1, 2]", "[0]", "seeds are whole numbers");
    expect_wrong("\"root\": \"a\"", "\"title\": \"a\"", "A has no \"root\"");
    expect_wrong("\"clips\": 8", "\"clips\": 0", "whole number from 1");
    expect_wrong("face,voice", "face; rm", "nothing the puppet program knows");
    expect_wrong("\"like\": \"A\"", "\"like\": \"Z\"", "no dataset \"Z\"");
    expect_wrong("\"stream\": \"video\"", "\"stream\": \"smell\"", "none of audio, video, av");
    expect_wrong("\"model\": \"clip\", ", "", "either \"model\" or \"draw\"");
    expect_wrong("\"visual\": \"e\"", "\"visual\": \"x\"", "no encoder \"x\"");
    expect_wrong("\"p\": {\"visual\"", "\"e\": {\"visual\"", "called like an encoder");
    expect_wrong("\"p\": {\"visual\"", "\"../p\": {\"visual\"", "cannot be a name");
    expect_wrong("\"tau\": 3", "\"tau\": 0", "\"tau\" is not a whole number from 1");
    expect_wrong("_rate\": 0.5", "_rate\": \"fast\"", "\"learning_rate\" is not a number");
    expect_wrong("\"anomalies\"", "\"probes\"", "\"p\" is a pair");
    expect_wrong("\"anomalies\"", "\"pies\"", "kind \"pies\" is none of");
    expect_wrong("\"rows\": [\"e\"", "\"rows\": [\"z\"", "no encoder or pair \"z\"");
    expect_wrong("\"real\": \"C\"", "\"real\": \"D\"", "dataset D has no \"train\" list");
    expect_wrong("\"test\": \"D\"", "\"test\": \"E\"", "dataset E has no \"test\" list");
    expect_wrong("\"columns\": [", "\"columns\": 3, \"comment\": [", "\"comment\", which is not known here");
}

static void test_shipped(void **state)
{
    (void)state;
    static const char *const names[] = {"paper", "puppet"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        fal_error err;
        fal_study_plan plan;
        fal_check_ok(fal_study_plan_read(fal_data_path("../../configs/%s.json", names[i]), &folders, &plan, &err),
                     &err);
        assert_true(plan.table_count >= 4);
        fal_study_plan_free(&plan);
    }
}

static fal_status read_whole(void *user, fal_error *err)
{
    (void)user;
    fal_study_plan plan;
    fal_status st = fal_study_plan_read(fal_temp_path("study.json"), &folders, &plan, err);
    if (st == FAL_OK)
        fal_study_plan_free(&plan);
    return st;
}

static void test_no_memory(void **state)
{
    (void)state;
    fal_error err;
    fal_check_ok(fal_file_write(fal_temp_path("study.json"), whole, strlen(whole), &err), &err);
    fal_check_alloc_failures("configuration", read_whole, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_taken),
        cmocka_unit_test(test_mistakes_are_named),
        cmocka_unit_test(test_shipped),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
