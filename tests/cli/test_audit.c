/* `falsetto audit` and `falsetto eval --perturb` as a user sees them. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/json.h"
#include "media/sound_file.h"
#include "support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLIPS = 12 };

/* Every second clip is fake and begins with silence; a speaker each two clips. */
static const char *dataset(void)
{
    char text[1024] = "path,label,speaker\n";
    if (access(fal_temp_path("data/list.csv"), R_OK) == 0)
        return fal_temp_path("data/list.csv");
    for (int i = 0; i < CLIPS; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%02d.wav", i);
        sound_file_syllables(fal_temp_path("data/%s", name), SOUND_FILE_RATE, i % 2 ? 1600 : 0, 0.4, (uint64_t)i + 1);
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,%d,s%d\n", name, i % 2, i / 2);
    }
    write_text(fal_temp_path("data/list.csv"), text);
    return fal_temp_path("data/list.csv");
}

static void test_audit(void **state)
{
    (void)state;
    const char *cache = fal_temp_path("facts.csv");
    expect(run("audit", "-q", dataset(), "--cache", cache), 0, "12 files, 6 fake, 6 real", NULL);
    expect(run("audit", "-q", dataset(), "--cache", cache), 0, "severe   leading-silence alone tells fake from real",
           NULL);
    outcome o = run("audit", "-q", dataset(), "--cache", cache, "--json");
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(o.out, strlen(o.out), "audit", &json, &err), &err);
    assert_int_equal(fal_json_int(fal_json_get(json, "reused"), -1), CLIPS);
    fal_json_free(&json);
    outcome_free(&o);
}

static void test_audit_of_two_lists(void **state)
{
    (void)state;
    dataset();
    write_text(fal_temp_path("data/train.csv"), "path,label,speaker\nc00.wav,0,s0\nc01.wav,1,s0\n");
    write_text(fal_temp_path("data/test.csv"), "path,label,speaker\nc01.wav,1,s0\nc02.wav,0,s1\n");
    expect(run("audit", "-q", "--train", fal_temp_path("data/train.csv"), "--test", fal_temp_path("data/test.csv")), 0,
           "train and test share 1 identity (s0)", NULL);
    expect(run("audit", "-q", "--train", fal_temp_path("data/train.csv"), "--test", fal_temp_path("data/test.csv")), 0,
           "1 pair of clips between lists (train and test) are the same file", NULL);
}

static void test_audit_names_failures(void **state)
{
    (void)state;
    dataset();
    write_text(fal_temp_path("data/holes.csv"), "path,label\nc00.wav,0\ngone.wav,1\n");
    expect(run("audit", "-q", fal_temp_path("data/holes.csv")), 1, "1 failed", "gone.wav: no such file");
    expect(run("audit", "-q"), 2, NULL, "no list given");
    expect(run("audit", "-q", fal_temp_path("data/none.csv")), 1, NULL, "none.csv");
}

/* ---- eval --perturb ---- */

static void test_perturb(void **state)
{
    (void)state;
    const char *probe = fal_temp_path("probe.safetensors"), *results = fal_temp_path("scores.csv");
    const char *list = fal_temp_path("data/four.csv"), *table = fal_temp_path("table.csv");
    const char *two_jobs = fal_temp_path("two_jobs.csv");
    dataset();
    write_probe(probe);
    write_text(list, "path,label\nc00.wav,0\nc01.wav,1\nc02.wav,0\nc03.wav,1\n");
#define PERTURB "eval", "-q", "-j", "1", list, "-e", tiny_encoder(), "-p", probe, "--results", results
    expect(run(PERTURB, "--perturb", "hiss,leading-silence", "-o", table), 0, "4 clips (2 fake, 2 real), 32 judgements",
           NULL);
    expect(run(PERTURB, "--perturb", "hiss", "-o", table), 0, "0 judgements made, 20 known before", NULL);
    expect(run("eval", "-q", "-j", "2", list, "-e", tiny_encoder(), "-p", probe, "--jobs", "2", "--perturb", "hiss",
               "-o", two_jobs),
           0, "20 judgements made", NULL);
    check_same_file(table, two_jobs);
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(results, 0, &text, &err), &err);
    assert_int_equal(truncate(results, (off_t)text.length - 10), 0); /* stopped in the middle of a line */
    expect(run(PERTURB, "--perturb", "hiss,leading-silence"), 0, "1 judgements made, 31 known before", NULL);
    fal_buf again = {0};
    fal_check_ok(fal_file_read(results, 0, &again, &err), &err);
    assert_int_equal(text.length, again.length);
    assert_memory_equal(text.data, again.data, text.length); /* the same score to the last digit */
    fal_buf_free(&text);
    fal_buf_free(&again);
    expect(run(PERTURB, "--perturb", "hiss", "--trim-silence"), 1, NULL, "another detector");
    expect(run(PERTURB, "--perturb", "sepia"), 1, NULL, "there is no perturbation 'sepia'");
}

static void test_perturb_names_what_is_left_out(void **state)
{
    (void)state;
    const char *probe = fal_temp_path("probe.safetensors"), *list = fal_temp_path("data/odd.csv");
    dataset();
    write_probe(probe);
    write_text(list, "path,label\nc00.wav,0\nc01.wav,1\nlost.wav,1\n");
    expect(run("eval", "-q", list, "-e", tiny_encoder(), "-p", probe, "--perturb", "blur"), 1, "blur",
           "has no pictures for 'blur' to change");
    write_text(list, "path,label\nc00.wav,0\nc01.wav,x\n");
    expect(run("eval", "-q", list, "-e", tiny_encoder(), "-p", probe, "--perturb", "hiss"), 1, NULL,
           "label 'x' of c01.wav is neither 0 (real) nor 1 (fake)");
    expect(run("eval", "--perturb", "list"), 0, "messenger", NULL);
    expect(run("eval", "--perturb", "--help"), 0, "--perturb all|list|NAMES", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_audit),
        cmocka_unit_test(test_audit_of_two_lists),
        cmocka_unit_test(test_audit_names_failures),
        cmocka_unit_test(test_perturb),
        cmocka_unit_test(test_perturb_names_what_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
