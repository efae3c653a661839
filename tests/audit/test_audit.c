/* Datasets with a known flaw: the audit must name it, and nothing else. */
#include <falsetto/audit.h>

#include "core/file.h"
#include "core/json.h"
#include "media/sound_file.h"
#include "media/transcode.h"
#include "support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLIPS = 24, SAMPLES = 6 * SOUND_FILE_RATE, SILENCE = 3200 };

static void write_text(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

/* Every second clip is fake; fakes begin with silence but for the last one. Levels and lengths say nothing. */
static const char *planted(void)
{
    const char *csv = fal_temp_path("planted/list.csv");
    char text[2048] = "path,label\n";
    if (access(csv, R_OK) == 0)
        return csv;
    for (int i = 0; i < CLIPS; i++) {
        char name[32];
        snprintf(name, sizeof name, "id%05d/c%02d.wav", i / 2, i);
        sound_file_syllables(fal_temp_path("planted/%s", name), SAMPLES, i % 2 && i < CLIPS - 1 ? SILENCE : 0,
                             0.3 + 0.01 * (i / 2 * 7 % 12), (uint64_t)i + 10);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,%d\n", name, i % 2);
    }
    write_text(fal_temp_path("planted/list.csv"), text);
    return fal_temp_path("planted/list.csv");
}

static fal_audit *audit_of(const fal_audit_options *options)
{
    fal_audit *audit = NULL;
    fal_error err = {0};
    fal_check_ok(fal_audit_run(options, &audit, &err), &err);
    return audit;
}

static const fal_audit_fact *fact(const fal_audit *audit, const char *name)
{
    for (size_t i = 0; i < audit->fact_count; i++)
        if (!strcmp(audit->facts[i].name, name))
            return &audit->facts[i];
    fail_msg("no fact %s", name);
    return NULL;
}

/* NULL when there is none. */
static const fal_audit_finding *finding(const fal_audit *audit, const char *code)
{
    for (size_t i = 0; i < audit->finding_count; i++)
        if (!strcmp(audit->findings[i].code, code))
            return &audit->findings[i];
    return NULL;
}

static void print_findings(const fal_audit *audit)
{
    for (size_t i = 0; i < audit->finding_count; i++)
        print_message("  %s %s: %s\n", fal_audit_severity_name(audit->findings[i].severity), audit->findings[i].code,
                      audit->findings[i].text);
}

static void test_leading_silence_is_found(void **state)
{
    (void)state;
    fal_audit_list list = {.csv = planted()};
    fal_audit *a = audit_of(&(fal_audit_options){.lists = &list, .list_count = 1, .jobs = 2});
    const fal_audit_fact *silence = fact(a, "leading-silence");
    print_findings(a);
    assert_int_equal(a->files, CLIPS);
    assert_int_equal(a->fakes, CLIPS / 2);
    /* 11 of 12 fakes above every real, the twelfth among them: 11/12 + 1/24. */
    assert_true(fabs(silence->auc - (11.0 / 12 + 1.0 / 24)) < 0.02);
    assert_true(silence->higher_is_fake);
    assert_true(silence->interval.low < silence->auc && silence->interval.low > 0.8);
    assert_true(fabs(silence->fake_median - 0.2) < 1e-9 && silence->real_median < 1e-3);
    assert_int_equal(silence->severity, FAL_AUDIT_SEVERE);
    assert_non_null(finding(a, "leading-silence"));
    assert_non_null(strstr(finding(a, "leading-silence")->text, "--trim-silence"));
    assert_int_equal(fact(a, "duration")->severity, FAL_AUDIT_CLEAR);
    assert_true(fabs(fact(a, "duration")->auc - 0.5) < 1e-12 && fabs(fact(a, "audio-codec")->auc - 0.5) < 1e-12);
    assert_null(finding(a, "duration"));
    assert_int_equal(a->pair_total, 0);
    assert_int_equal(a->failure_count, 0);
    fal_audit_free(&a);
    assert_null(a);
}

/* ---- lists that know each other ---- */

static void test_lists_that_share(void **state)
{
    (void)state;
    planted();
    fal_error err = {0};
    const char *train = fal_temp_path("planted/train.csv"), *test = fal_temp_path("planted/test.csv");
    const fal_recipe again = {.sound = {.encoder = "aac", .options = "b=64000"}};
    fal_check_ok(
        fal_transcode(fal_temp_path("planted/id00000/c00.wav"), fal_temp_path("planted/again.mp4"), &again, NULL, &err),
        &err);
    fal_check_ok(fal_transcode(fal_temp_path("planted/id00001/c02.wav"), fal_temp_path("planted/wrapped.mkv"),
                               &(fal_recipe){0}, NULL, &err),
                 &err);
    write_text(train, "path,label\nid00000/c00.wav,0\nid00001/c02.wav,0\nid00002/c04.wav,0\nid00003/c07.wav,1\n");
    write_text(test, "path,label\nagain.mp4,0\nwrapped.mkv,0\nid00002/c05.wav,1\nid00003/c07.wav,0\n");
    const fal_audit_list lists[] = {{train, "train"}, {test, "test"}};
    fal_audit *a = audit_of(&(fal_audit_options){.lists = lists, .list_count = 2, .jobs = 1});
    print_findings(a);
    assert_int_equal(a->files, 7);
    assert_int_equal(a->overlap_count, 1); /* id00002 and id00003 */
    assert_int_equal(a->overlaps[0].count, 2);
    assert_string_equal(a->overlaps[0].example, "id00002");
    assert_non_null(finding(a, "same-file"));
    assert_non_null(finding(a, "same-content"));
    assert_non_null(finding(a, "near"));
    assert_non_null(finding(a, "labels-conflict"));
    assert_int_equal(finding(a, "near")->severity, FAL_AUDIT_SEVERE);
    assert_non_null(strstr(finding(a, "near")->text, "again.mp4"));
    assert_non_null(strstr(finding(a, "same-content")->text, "wrapped.mkv"));
    assert_int_equal(a->pair_total, 3);
    assert_true(isnan(fact(a, "leading-silence")->auc)); /* too few of each */
    fal_audit_free(&a);
}

static void test_columns_name_people_and_sources(void **state)
{
    (void)state;
    planted();
    const char *one = fal_temp_path("planted/one.csv"), *two = fal_temp_path("planted/two.csv");
    write_text(one, "path,label,speaker,original\nid00000/c00.wav,0,ann,a\nid00000/c01.wav,1,ann,b\n");
    write_text(two, "path,label,speaker,original\nid00001/c02.wav,0,bob,b\nid00001/c03.wav,1,eve,\n");
    const fal_audit_list lists[] = {{one, NULL}, {two, NULL}};
    fal_audit_options options = {.lists = lists, .list_count = 2, .jobs = 1};
    fal_audit *a = audit_of(&options);
    assert_int_equal(a->overlap_count, 1);
    assert_string_equal(a->overlaps[0].what, "source");
    assert_string_equal(a->list_names[1], "two.csv");
    fal_audit_free(&a);
    options.identity_column = "nobody";
    fal_error err = {0};
    fal_check_fails(fal_audit_run(&options, &a, &err), FAL_ERR_FORMAT, "no column 'nobody'", &err);
}

/* ---- what goes wrong ---- */

static void test_failures_are_listed(void **state)
{
    (void)state;
    planted();
    const char *csv = fal_temp_path("planted/broken.csv");
    write_text(fal_temp_path("planted/text.wav"), "no sound");
    write_text(csv, "path,label\nid00000/c00.wav,0\ntext.wav,1\nabsent.wav,1\nid00001/c02.wav,maybe\n");
    fal_audit_list list = {.csv = csv};
    fal_audit *a = audit_of(&(fal_audit_options){.lists = &list, .list_count = 1});
    assert_int_equal(a->failure_count, 2);
    assert_int_equal(a->unlabelled, 1);
    assert_non_null(strstr(a->failures[0].reason, "absent.wav"));
    assert_non_null(strstr(a->failures[1].reason, "text.wav"));
    assert_non_null(finding(a, "unlabelled"));
    fal_audit_free(&a);
}

static void test_cache(void **state)
{
    (void)state;
    fal_error err = {0};
    const char *cache = fal_temp_path("facts.csv");
    fal_audit_list list = {.csv = planted()};
    const fal_audit_options options = {.lists = &list, .list_count = 1, .cache = cache, .jobs = 2};
    fal_audit *first = audit_of(&options), *again;
    assert_int_equal(first->reused, 0);
    again = audit_of(&options);
    assert_int_equal(again->reused, CLIPS);
    for (size_t i = 0; i < first->fact_count; i++)
        assert_memory_equal(&first->facts[i].auc, &again->facts[i].auc, sizeof(double));
    fal_audit_free(&again);
    fal_buf text = {0};
    fal_check_ok(fal_file_read(cache, 0, &text, &err), &err);
    assert_int_equal(truncate(cache, (off_t)text.length - 40), 0); /* stopped in the middle of a line */
    again = audit_of(&options);
    assert_int_equal(again->reused, CLIPS - 1);
    fal_audit_free(&again);
    again = audit_of(&options);
    assert_int_equal(again->reused, CLIPS);
    fal_audit_free(&again);
    fal_audit_free(&first);
    fal_buf_free(&text);
    write_text(cache, "something,else\n1,2\n");
    fal_check_fails(fal_audit_run(&options, &again, &err), FAL_ERR_FORMAT, "no list of facts", &err);
}

static void test_json(void **state)
{
    (void)state;
    fal_error err = {0};
    char *json = NULL;
    fal_json *parsed = NULL;
    fal_audit_list list = {.csv = planted()};
    fal_audit *a = audit_of(&(fal_audit_options){.lists = &list, .list_count = 1, .jobs = 2});
    fal_check_ok(fal_audit_json(a, &json, &err), &err);
    fal_check_ok(fal_json_parse(json, strlen(json), "audit", &parsed, &err), &err);
    const fal_json *facts = fal_json_get(parsed, "facts");
    assert_int_equal(fal_json_count(facts), a->fact_count);
    assert_true(fal_json_real(fal_json_get(fal_json_at(facts, 0), "auc"), -1) == a->facts[0].auc);
    assert_int_equal(fal_json_count(fal_json_get(parsed, "findings")), a->finding_count);
    fal_json_free(&parsed);
    fal_text_free(&json);
    fal_audit_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leading_silence_is_found),
        cmocka_unit_test(test_lists_that_share),
        cmocka_unit_test(test_columns_name_people_and_sources),
        cmocka_unit_test(test_failures_are_listed),
        cmocka_unit_test(test_cache),
        cmocka_unit_test(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
