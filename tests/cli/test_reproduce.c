/* A small study run as a user does: twice, with changes, with things that are not here. */
#include "support/test.h"

#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"

#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

enum { CLIPS = 12 };

static const char *config, *out;

/* Fakes are high tones: a random encoder and a probe tell them apart. Clips 0-5 train, 6-8 validate, 9-11 test. */
static void write_clips(void)
{
    static const char *const splits[] = {"train", "train", "val", "test"};
    char lists[3][512] = {"path,label\n", "path,label\n", "path,label\n"};
    static const char *const names[] = {"train", "val", "test"};
    for (int i = 0; i < 2 * CLIPS; i++) {
        char line[64];
        const char *split = splits[i % 4];
        bool fake = i / 4 % 2;
        snprintf(line, sizeof line, "c%02d.wav,%d\n", i, fake);
        for (int s = 0; s < 3; s++)
            if (!strcmp(split, names[s]))
                strcat(lists[s], line);
        write_sound(fal_temp_path("data/set/c%02d.wav", i), 0.5, fake ? 3000 : 300, (uint64_t)i + 1);
    }
    for (int s = 0; s < 3; s++)
        write_text(fal_temp_path("data/set/%s.csv", names[s]), lists[s]);
}

static void write_config(int epochs)
{
    fal_error err;
    fal_buf text = {0};
    fal_buf_printf(
        &text,
        "{\"format\": \"falsetto-study-1\","
        "\"datasets\": {\"S\": {\"root\": \"set\", \"train\": \"set/train.csv\", \"val\": \"set/val.csv\","
        " \"test\": \"set/test.csv\"}, \"gone\": {\"root\": \"nowhere\", \"test\": \"none.csv\"}},"
        "\"encoders\": {\"tiny\": {\"title\": \"Tiny\", \"model\": \"%s\", \"stream\": \"audio\"},"
        " \"unused\": {\"model\": \"%s\", \"seed\": 2, \"stream\": \"audio\"},"
        " \"big\": {\"title\": \"Wav2Vec2\", \"model\": \"wav2vec2-xls-r-2b\", \"stream\": \"audio\"}},"
        "\"heads\": {\"probe\": {\"epochs\": %d, \"batch\": 4, \"learning_rate\": 0.05}},"
        "\"tables\": {\"t\": {\"kind\": \"probes\", \"title\": \"Two encoders\", \"rows\": [\"tiny\", \"big\"],"
        " \"columns\": [{\"train\": \"S\", \"test\": \"S\"}, {\"train\": \"S\", \"test\": \"gone\"}]},"
        " \"f\": {\"kind\": \"complements\", \"rows\": [\"tiny\", \"big\"],"
        " \"columns\": [{\"train\": \"S\", \"test\": \"S\"}]}}}",
        tiny_encoder(), tiny_encoder(), epochs);
    fal_check_ok(fal_file_write(config, text.data, text.length, &err), &err);
    fal_buf_free(&text);
}

static outcome study(const char *more, const char *value)
{
    const char *arguments[] = {"reproduce", config, "-o", out,   "--data", fal_temp_path("data"),
                               "-j",        "1",    more, value, NULL};
    return run_arguments(NULL, arguments);
}

static int set_up(void **state)
{
    (void)state;
    setenv("FALSETTO_HOME", fal_temp_path("home"), 1);
    config = strdup(fal_temp_path("data/study.json"));
    out = strdup(fal_temp_path("study"));
    write_clips();
    write_config(20);
    write_text(fal_temp_path("data/set/c00.wav"), "this is no sound");
    return 0;
}

static void test_first_run(void **state)
{
    (void)state;
    outcome o = study(NULL, NULL);
    printf("%s%s", o.out, o.err);
    assert_non_null(strstr(o.out, "[1] gone: dataset not here"));
    assert_non_null(strstr(o.out, "model not installed: falsetto models pull wav2vec2-xls-r-2b"));
    expect(o, 0, "Tiny", "3 steps done now, 0 already there, 0 failed"); /* none for the encoder in no table */
    assert_int_equal(files_in(fal_temp_path("study/tables"), ""), 3 * 5 + 2 * 2);
    assert_int_equal(files_in(fal_temp_path("study/tables"), "f-fusion.svg"), 1);
    assert_int_equal(files_in(fal_temp_path("study/tables"), "f-fusion.png"), 1);
    assert_int_equal(files_in(fal_temp_path("study/heads/S/tiny"), ".safetensors"), 1);
    assert_int_equal(files_in(fal_temp_path("study/scores/S-on-S/tiny"), ".csv"), 1);
}

static void test_nothing_to_do(void **state)
{
    (void)state;
    expect(study(NULL, NULL), 0, "Tiny", "0 steps done now, 3 already there");
}

static void test_only_what_changed(void **state)
{
    (void)state;
    write_config(21);
    expect(study("--only", "tables"), 0, "train/S/tiny/probe-43 has not been done", NULL);
    expect(study("--only", "extract"), 0, NULL, "0 steps done now");
    expect(study(NULL, NULL), 0, NULL, "2 steps done now, 1 already there");
    /* A clip that is replaced gives other features, and these another head. */
    write_sound(fal_temp_path("data/set/c00.wav"), 0.5, 300, 77);
    expect(study(NULL, NULL), 0, NULL, "3 steps done now, 0 already there");
}

static size_t files_like(const char *pattern)
{
    glob_t found = {0};
    size_t count = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
    globfree(&found);
    return count;
}

static bool ended(const running *r)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)r->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Ends a run with no chance to tidy up, once so many files are there. */
static void kill_at(const char *folder, const char *pattern, size_t count)
{
    const struct timespec pause = {.tv_nsec = 1000 * 1000};
    running r = start("reproduce", config, "-o", folder, "--data", fal_temp_path("data"), "-j", "1");
    while (files_like(pattern) < count && !ended(&r))
        nanosleep(&pause, NULL);
    size_t there = files_like(pattern);
    kill(r.pid, SIGKILL);
    outcome o = finish(&r);
    printf("killed at %zu files like %s: ended with %d\n", there, pattern, o.code);
    assert_true(there >= count);
    outcome_free(&o);
}

/* In the middle of extraction, and before the scores: the run after that ends in the tables of one never stopped. */
static void test_killed_and_gone_on(void **state)
{
    (void)state;
    const char *folder = fal_temp_path("killed");
    kill_at(folder, fal_temp_path("killed/features/S/*/*.npz"), 5);
    kill_at(folder, fal_temp_path("killed/heads/S/tiny/*"), 1);
    expect(run("reproduce", config, "-o", folder, "--data", fal_temp_path("data"), "-j", "1"), 0, "Tiny", "0 failed");
    check_same_file(fal_temp_path("killed/tables/t.csv"), fal_temp_path("study/tables/t.csv"));
    assert_int_equal(files_like(fal_temp_path("killed/features/S/*/*.npz")),
                     files_like(fal_temp_path("study/features/S/*/*.npz")));
}

static void test_formats(void **state)
{
    (void)state;
    expect(study("--format", "csv"), 0, "Tiny,audio,", NULL);
    expect(study("--format", "latex"), 0, "\\begin{tabular}{llrrr}", NULL);
    expect(study("--format", "html"), 0, "<table>", NULL);
    expect(study("--format", "markdown"), 0, "| Tiny | audio |", NULL);
}

static void test_misuse(void **state)
{
    (void)state;
    expect(run("reproduce", config), 2, NULL, "one configuration and -o are needed");
    expect(run("reproduce", fal_temp_path("no.json"), "-o", out), 1, NULL, "no.json");
    expect(study("--only", "sleep"), 2, NULL, "--only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_run),         cmocka_unit_test(test_nothing_to_do),
        cmocka_unit_test(test_only_what_changed), cmocka_unit_test(test_killed_and_gone_on),
        cmocka_unit_test(test_formats),           cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
