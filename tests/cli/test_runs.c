/* Runs of extract: killed, interrupted and gone on with, several at the same time, and what they leave on record. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "support/test.h"

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CLIPS = 20, ENCODERS = 2, FAILURES = 2, MAX_LINES = 400, SHARDS = 3 };

/* Two tiny encoders: a clip that a run is killed in may have one of its files. */
#define EXTRACT "extract", "-q", "-j", "1", "-e", tiny_encoder(), "-e", fal_data_path("wav2vec2/w2v2-base-fp16/model")

/* Long enough that a run can be caught in the middle; two clips are none. */
static const char *dataset(void)
{
    char text[4096] = "path,label\n";
    if (access(fal_temp_path("data/list.csv"), R_OK) == 0)
        return fal_temp_path("data/list.csv");
    for (int i = 0; i < CLIPS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/deep/c%02d.wav", i % 3 ? "a" : "b", i);
        if (i < CLIPS - FAILURES)
            write_sound(fal_temp_path("data/%s", name), 6, 300, (uint64_t)i);
        else
            write_text(fal_temp_path("data/%s", name), "no sound at all");
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,0\n", name);
    }
    write_text(fal_temp_path("data/list.csv"), text);
    return fal_temp_path("data/list.csv");
}

/* ---- looking at folders ---- */

/* nftw has no argument for its caller. */
static struct walk {
    size_t features, temporaries, compared;
    char root[256], other[256]; /* other: the same tree elsewhere, or "" */
    char place[256];            /* a folder with features in it */
} walk;

static void compare_files(const char *a, const char *b)
{
    fal_buf x = {0}, y = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(a, 0, &x, &err), &err);
    fal_check_ok(fal_file_read(b, 0, &y, &err), &err);
    if (x.length != y.length || memcmp(x.data, y.data, x.length))
        fail_msg("%s (%zu bytes) and %s (%zu bytes) differ", a, x.length, b, y.length);
    fal_buf_free(&x);
    fal_buf_free(&y);
    walk.compared++;
}

static int look_at(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info;
    if (fal_str_ends(path, ".npz")) {
        walk.features++;
        snprintf(walk.place, sizeof walk.place, "%.*s", at->base - 1, path);
    }
    walk.temporaries += fal_str_ends(path, ".tmp");
    if (kind == FTW_F && walk.other[0] && !fal_str_ends(path, "run.jsonl"))
        compare_files(path, fal_temp_path("%s%s", walk.other, path + strlen(walk.root)));
    return 0;
}

/* Counts what a folder holds; with `other` every file but the run log must be there too, with the same bytes. */
static struct walk look(const char *folder, const char *other)
{
    walk = (struct walk){0};
    snprintf(walk.root, sizeof walk.root, "%s", fal_temp_path("%s", folder));
    snprintf(walk.other, sizeof walk.other, "%s", other ? other : "");
    nftw(walk.root, look_at, 16, FTW_PHYS);
    return walk;
}

static void expect_same_folders(const char *a, const char *b)
{
    size_t there = look(a, b).compared;
    assert_int_equal(look(b, a).compared, there);
    assert_true(there > (CLIPS - FAILURES) * ENCODERS);
}

static void wait_for_features(const char *folder, size_t count)
{
    for (int i = 0; i < 60000 && look(folder, NULL).features < count; i++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    assert_true(look(folder, NULL).features >= count);
}

/* What an uninterrupted run makes. */
static const char *whole(void)
{
    if (access(fal_temp_path("whole"), R_OK) != 0)
        expect(run(EXTRACT, dataset(), "-o", fal_temp_path("whole")), 1,
               "20 clips x 2 encoders, 36 written, 0 already there, 4 failed", NULL);
    return "whole";
}

/* ---- the run log ---- */

typedef struct run_log {
    fal_json *lines[MAX_LINES];
    size_t count, starts, clips, ends, written; /* written: of all clips */
} run_log;

static const char *text_of(const fal_json *object, const char *key)
{
    return fal_json_string(fal_json_get(object, key), "");
}

static void count_line(run_log *log, const fal_json *line)
{
    const char *event = text_of(line, "event");
    const fal_json *outcomes = fal_json_get(line, "outcomes");
    assert_true(strlen(text_of(line, "run")) > 20);
    assert_int_equal(strlen(text_of(line, "time")), strlen("2026-03-01T12:00:00.123Z"));
    log->starts += fal_str_eq(event, "start");
    log->clips += fal_str_eq(event, "clip");
    log->ends += fal_str_eq(event, "end");
    for (size_t i = 0; i < fal_json_count(outcomes); i++)
        log->written += fal_str_eq(text_of(fal_json_at(outcomes, i), "outcome"), "written");
}

/* Every line must be JSON. */
static run_log read_log(const char *folder)
{
    run_log log = {0};
    fal_buf text = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_temp_path("%s/run.jsonl", folder), 0, &text, &err), &err);
    assert_int_equal(text.data[text.length - 1], '\n');
    for (char *at = text.data, *end; (end = strchr(at, '\n')); at = end + 1) {
        assert_true(log.count < MAX_LINES);
        fal_check_ok(fal_json_parse(at, (size_t)(end - at), "run.jsonl", &log.lines[log.count], &err), &err);
        count_line(&log, log.lines[log.count++]);
    }
    fal_buf_free(&text);
    return log;
}

static void log_free(run_log *log)
{
    for (size_t i = 0; i < log->count; i++)
        fal_json_free(&log->lines[i]);
}

static const fal_json *line_of_clip(const run_log *log, const char *path)
{
    for (size_t i = 0; i < log->count; i++)
        if (fal_str_eq(text_of(log->lines[i], "path"), path))
            return log->lines[i];
    fail_msg("no record of %s", path);
    return NULL;
}

static void test_run_log(void **state)
{
    (void)state;
    run_log log = read_log(whole());
    const fal_json *start = log.lines[0], *end = log.lines[log.count - 1];
    assert_int_equal(log.count, CLIPS + 2);
    assert_string_equal(text_of(start, "event"), "start");
    assert_string_equal(text_of(start, "falsetto"), FAL_VERSION);
    assert_int_equal(fal_json_count(fal_json_get(start, "encoders")), ENCODERS);
    assert_int_equal(fal_json_int(fal_json_get(start, "jobs"), 0), 1);
    assert_int_equal(fal_json_kind(fal_json_get(start, "shard")), FAL_JSON_NULL);
    const fal_json *clip = line_of_clip(&log, "b/deep/c00.wav"), *seconds = fal_json_get(clip, "seconds");
    const fal_json *outcome = fal_json_at(fal_json_get(clip, "outcomes"), 1);
    assert_string_equal(text_of(outcome, "outcome"), "written");
    assert_in_range(fal_json_int(fal_json_get(outcome, "rows"), 0), 149, 150); /* 6 s at 25 Hz */
    assert_int_equal(fal_json_kind(fal_json_get(clip, "warnings")), FAL_JSON_ARRAY);
    assert_true(fal_json_real(fal_json_get(seconds, "encode"), 0) > 0);
    assert_true(fal_json_real(fal_json_get(seconds, "total"), 0) >= fal_json_real(fal_json_get(seconds, "encode"), 9));
    clip = line_of_clip(&log, "a/deep/c19.wav");
    outcome = fal_json_at(fal_json_get(clip, "outcomes"), 0);
    assert_string_equal(text_of(outcome, "outcome"), "failed");
    assert_non_null(strstr(text_of(outcome, "reason"), "c19.wav"));
    assert_string_equal(text_of(end, "event"), "end");
    assert_string_equal(text_of(end, "outcome"), "done");
    assert_int_equal(fal_json_int(fal_json_get(end, "written"), 0), 36);
    assert_int_equal(fal_json_int(fal_json_get(end, "failed"), 0), 4);
    assert_true(fal_json_real(fal_json_get(end, "clips_per_second"), 0) > 0);
    log_free(&log);
}

static void test_run_log_that_cannot_be_written(void **state)
{
    (void)state;
    write_text(fal_temp_path("full/list.csv"), "path\n");
    assert_int_equal(symlink("/dev/full", fal_temp_path("full/run.jsonl")), 0);
    expect(run(EXTRACT, fal_temp_path("full/list.csv"), "-o", fal_temp_path("full")), 1, NULL,
           "full/run.jsonl: cannot write: No space left");
}

/* ---- stopped on the way ---- */

static void kill_in_the_middle(const char *folder)
{
    size_t before = look(folder, NULL).features;
    running r = start(EXTRACT, dataset(), "-o", fal_temp_path("%s", folder));
    wait_for_features(folder, before + 3);
    kill(r.pid, SIGKILL);
    expect(finish(&r), STOPPED_BY_SIGNAL + SIGKILL, NULL, NULL);
    assert_in_range(look(folder, NULL).features, before + 3, (CLIPS - FAILURES) * ENCODERS - 3);
}

static void append_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* Whatever is there under its final name after a kill is whole, and the next run does only the rest. */
static void test_killed_twice_and_gone_on(void **state)
{
    (void)state;
    kill_in_the_middle("killed");
    /* What a kill leaves when it comes at a worse moment. */
    char left[512];
    snprintf(left, sizeof left, "%s/.falsetto-1-1.tmp", look("killed", NULL).place);
    write_text(left, "half a fil");
    write_text(fal_temp_path("killed/.falsetto-1-1.tmp"), "half a fil");
    append_text(fal_temp_path("killed/run.jsonl"), "{\"event\":\"clip\",\"pa");
    kill_in_the_middle("killed");
    size_t there = look("killed", NULL).features;
    char kept[64];
    snprintf(kept, sizeof kept, "%zu written, %zu already there, 4 failed", 36 - there, there);
    expect(run(EXTRACT, dataset(), "-o", fal_temp_path("killed")), 1, kept, "failed.csv tells why");
    expect_same_folders("killed", whole());
    assert_int_equal(look("killed", NULL).temporaries, 0);
    run_log log = read_log("killed");
    assert_int_equal(log.starts, 3);
    assert_int_equal(log.ends, 1);
    assert_in_range(log.written, 36 - 2 * ENCODERS, 36); /* a kill may come between a file and its record */
    log_free(&log);
}

static void test_interrupted_run_leaves_no_temporaries(void **state)
{
    (void)state;
    running r = start(EXTRACT, dataset(), "-o", fal_temp_path("interrupted"));
    wait_for_features("interrupted", 2);
    kill(r.pid, SIGINT);
    expect(finish(&r), 130, NULL, "run the same command again to go on");
    struct walk there = look("interrupted", NULL);
    assert_in_range(there.features, 2, 35);
    assert_int_equal(there.temporaries, 0);
    run_log log = read_log("interrupted");
    const fal_json *end = log.lines[log.count - 1];
    assert_string_equal(text_of(end, "outcome"), "stopped");
    assert_int_equal(fal_json_int(fal_json_get(end, "clips"), 0), log.clips);
    log_free(&log);
    expect(run(EXTRACT, dataset(), "-o", fal_temp_path("interrupted")), 1, "4 failed", NULL);
    expect_same_folders("interrupted", whole());
}

/* ---- several at the same time ---- */

static void test_shards_side_by_side(void **state)
{
    (void)state;
    running r[SHARDS];
    size_t clips = 0;
    for (int i = 0; i < SHARDS; i++) {
        char shard[16];
        snprintf(shard, sizeof shard, "%d/%d", i + 1, SHARDS);
        r[i] = start(EXTRACT, dataset(), "-o", fal_temp_path("shards"), "--shard", shard);
    }
    for (int i = 0; i < SHARDS; i++) {
        outcome o = finish(&r[i]);
        clips += strtoul(strstr(o.out, "shards: ") + strlen("shards: "), NULL, 10);
        expect(o, i < FAILURES ? 1 : 0, " 0 already there", NULL); /* the last two rows are of parts 1 and 2 */
    }
    assert_int_equal(clips, CLIPS);
    expect_same_folders("shards", whole());
    assert_int_equal(look("shards", NULL).temporaries, 0);
    run_log log = read_log("shards");
    assert_int_equal(log.starts, SHARDS);
    assert_int_equal(log.clips, CLIPS);
    assert_int_equal(log.ends, SHARDS);
    assert_int_equal(log.written, 36);
    log_free(&log);
}

/* Rows of failed.csv belong to whoever tried the clip last. */
static void test_failures_of_shards_are_merged(void **state)
{
    (void)state;
    const char *csv = fal_temp_path("few/list.csv"), *out = fal_temp_path("few-features");
    fal_buf failed = {0};
    fal_error err = {0};
    write_text(fal_temp_path("few/one.wav"), "no sound");
    write_text(fal_temp_path("few/two.wav"), "no sound");
    write_text(csv, "path\ntwo.wav\none.wav\ntwin.wav\nother.mp4\ntwin.mp4\n");
    expect(run(EXTRACT, csv, "-o", out, "--shard", "1/2"), 1, "3 clips", NULL);
    expect(run(EXTRACT, csv, "-o", out, "--shard", "2/2"), 1, "2 clips", NULL);
    write_sound(fal_temp_path("few/two.wav"), 1, 300, 2); /* repaired */
    expect(run(EXTRACT, csv, "-o", out, "--shard", "1/2"), 1, "2 written, 0 already there, 4 failed", NULL);
    fal_check_ok(fal_file_read(fal_temp_path("few-features/failed.csv"), 0, &failed, &err), &err);
    assert_null(strstr(failed.data, "two.wav"));
    assert_non_null(strstr(failed.data, "\none.wav,"));
    assert_non_null(strstr(failed.data, "'twin.wav' would share its feature file with 'twin.mp4'"));
    assert_non_null(strstr(failed.data, "'twin.mp4' would share its feature file with 'twin.wav'"));
    size_t lines = 0;
    for (const char *c = failed.data; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 1 + 4 * ENCODERS);
    fal_buf_free(&failed);
    expect(run(EXTRACT, csv, "-o", out, "--shard", "9/9"), 0, "0 clips", NULL);
}

/* Of runs with different settings that begin together only those of one kind get the folder. */
static void test_one_folder_has_one_owner(void **state)
{
    (void)state;
    enum { RUNS = 4 };
    running r[RUNS];
    int done[2] = {0}; /* of each kind */
    const char *csv = fal_temp_path("small/list.csv");
    write_sound(fal_temp_path("small/a.wav"), 1, 300, 1);
    write_text(csv, "path\na.wav\n");
    for (int i = 0; i < RUNS; i++)
        r[i] = start(EXTRACT, csv, "-o", fal_temp_path("contested"), "--dtype", i % 2 ? "f16" : "f32");
    for (int i = 0; i < RUNS; i++) {
        outcome o = finish(&r[i]);
        done[i % 2] += o.code == 0;
        if (o.code)
            assert_non_null(strstr(o.err, "other settings"));
        outcome_free(&o);
    }
    assert_int_equal(done[0] + done[1], RUNS / 2);
    assert_int_equal(done[0] * done[1], 0);
}

static void test_shard_is_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {"0/4", "5/4", "1", "1/0", "-1/4", "1/4x", "01/4", "1 / 4", "/4", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect(run(EXTRACT, dataset(), "-o", fal_temp_path("never"), "--shard", wrong[i]), 2, NULL, "is no part");
    assert_int_not_equal(access(fal_temp_path("never"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run_log),
        cmocka_unit_test(test_run_log_that_cannot_be_written),
        cmocka_unit_test(test_killed_twice_and_gone_on),
        cmocka_unit_test(test_interrupted_run_leaves_no_temporaries),
        cmocka_unit_test(test_shards_side_by_side),
        cmocka_unit_test(test_failures_of_shards_are_merged),
        cmocka_unit_test(test_one_folder_has_one_owner),
        cmocka_unit_test(test_shard_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
