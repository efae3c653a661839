/* Makes tiny datasets with the program itself and checks what a user relies on. The program's path is PUPPET. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/csv.h"
#include "core/file.h"
#include "core/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TINY "--size 160x160 --fps 10 -q "

static char *folder; /* of this run; removed at the end */

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    char command[2048];
    va_list ap;
    va_start(ap, format);
    int length = vsnprintf(command, sizeof command, format, ap);
    va_end(ap);
    assert_true(length > 0 && (size_t)length < sizeof command);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void make(const char *name, const char *options)
{
    int code = shell("%s -o %s/%s " TINY "%s >/dev/null", PUPPET, folder, name, options);
    if (code != 0)
        fail_msg("puppet %s: exit code %d, expected 0", options, code);
}

static char *path_of(const char *set, const char *file)
{
    char *path = fal_asprintf("%s/%s/%s", folder, set, file);
    assert_non_null(path);
    return path;
}

static fal_json *read_metadata(const char *set)
{
    fal_json *metadata = NULL;
    fal_error err = {0};
    char *path = path_of(set, "metadata.json");
    if (fal_json_read(path, &metadata, &err) != FAL_OK)
        fail_msg("%s", err.text);
    fal_free(path);
    return metadata;
}

static fal_csv read_table(const char *set, const char *file)
{
    fal_csv table = {0};
    fal_error err = {0};
    char *path = path_of(set, file);
    if (fal_csv_read(path, &table, &err) != FAL_OK)
        fail_msg("%s", err.text);
    fal_free(path);
    return table;
}

static fal_buf read_bytes(const char *set, const char *file)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    char *path = path_of(set, file);
    if (fal_file_read(path, 0, &bytes, &err) != FAL_OK)
        fail_msg("%s", err.text);
    fal_free(path);
    return bytes;
}

static const char *text_of(const fal_json *clip, const char *key)
{
    return fal_json_string(fal_json_get(clip, key), "");
}

static void check_segments(const fal_json *clip, const char *key, bool expected)
{
    const fal_json *segments = fal_json_get(clip, key);
    double duration = fal_json_real(fal_json_get(clip, "duration"), -1);
    if ((fal_json_count(segments) > 0) != expected)
        fail_msg("%s: %zu %s, expected %s", text_of(clip, "file"), fal_json_count(segments), key,
                 expected ? "one" : "none");
    for (size_t i = 0; i < fal_json_count(segments); i++) {
        const fal_json *segment = fal_json_at(segments, i);
        double start = fal_json_real(fal_json_at(segment, 0), -1), end = fal_json_real(fal_json_at(segment, 1), -1);
        if (!(start >= 0 && end > start && end <= duration + 0.0005))
            fail_msg("%s: %s %g to %g in a clip of %g s", text_of(clip, "file"), key, start, end, duration);
    }
}

/* One clip of each method: files are there, segments fit the kind of forgery and the clip. */
static void test_metadata(void **state)
{
    (void)state;
    fal_json *metadata = read_metadata("all");
    assert_int_equal(fal_json_count(metadata), 12);
    for (size_t i = 0; i < fal_json_count(metadata); i++) {
        const fal_json *clip = fal_json_at(metadata, i);
        const char *type = text_of(clip, "modify_type");
        bool both = strcmp(type, "both_modified") == 0;
        check_segments(clip, "fake_segments", strcmp(type, "real") != 0);
        check_segments(clip, "audio_fake_segments", both || strcmp(type, "audio_modified") == 0);
        check_segments(clip, "visual_fake_segments", both || strcmp(type, "visual_modified") == 0);
        assert_int_equal(fal_json_int(fal_json_get(clip, "video_frames"), 0), 60);
        assert_int_equal(fal_json_int(fal_json_get(clip, "audio_frames"), 0), 38400);
        struct stat info;
        char *path = path_of("all", text_of(clip, "file"));
        if (stat(path, &info) != 0 || info.st_size < 4000)
            fail_msg("%s is missing or tiny", path);
        fal_free(path);
    }
    fal_json_free(&metadata);
}

/* labels.csv repeats the metadata; no identity and no voice is in two splits; the split files add up. */
static void test_labels(void **state)
{
    (void)state;
    fal_csv labels = read_table("all", "labels.csv"), train = read_table("all", "train_labels.csv");
    fal_csv test = read_table("all", "test_labels.csv");
    fal_json *metadata = read_metadata("all");
    assert_int_equal(labels.rows, 12);
    assert_int_equal(train.rows + test.rows, 12);
    int split = fal_csv_column(&labels, "split"), label = fal_csv_column(&labels, "label");
    const char *keys[] = {"identity", "voice"};
    for (size_t i = 0; i < labels.rows; i++) {
        const fal_json *clip = fal_json_at(metadata, i);
        bool fake = strcmp(text_of(clip, "modify_type"), "real") != 0;
        assert_string_equal(fal_csv_cell(&labels, i, 0), text_of(clip, "file"));
        assert_string_equal(fal_csv_cell(&labels, i, label), fake ? "1" : "0");
        for (size_t j = 0; j < i; j++)
            for (int k = 0; k < 2; k++) {
                int column = fal_csv_column(&labels, keys[k]);
                if (strcmp(fal_csv_cell(&labels, i, split), fal_csv_cell(&labels, j, split)) != 0)
                    assert_string_not_equal(fal_csv_cell(&labels, i, column), fal_csv_cell(&labels, j, column));
            }
    }
    fal_json_free(&metadata);
    fal_csv_free(&labels);
    fal_csv_free(&train);
    fal_csv_free(&test);
}

/* Same seed, same bytes, whatever the number of jobs; another seed, other bytes. */
static void test_determinism(void **state)
{
    (void)state;
    static const char *const files[] = {"id0000/rec0000/real.mp4", "id0000/rec0000/fake_word_both.mp4",
                                        "metadata.json"};
    const char *plan = "--clips 2 --seconds 1.6 --splits all:1 --methods word_both";
    char options[160];
    const char *sets[] = {"one", "same", "other"}, *extra[] = {"--seed 9 -j 1", "--seed 9 -j 2", "--seed 10"};
    for (int i = 0; i < 3; i++) {
        snprintf(options, sizeof options, "%s %s", plan, extra[i]);
        make(sets[i], options);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        fal_buf a = read_bytes("one", files[i]), b = read_bytes("same", files[i]), c = read_bytes("other", files[i]);
        if (a.length != b.length || memcmp(a.data, b.data, a.length) != 0)
            fail_msg("%s: the same seed gave %zu and %zu bytes that differ", files[i], a.length, b.length);
        assert_true(a.length != c.length || memcmp(a.data, c.data, a.length) != 0);
        fal_buf_free(&a);
        fal_buf_free(&b);
        fal_buf_free(&c);
    }
}

static void test_poses(void **state)
{
    (void)state;
    make("poses", "--clips 1 --seconds 1.5 --fake-fraction 1 --methods face --splits all:1 --poses");
    fal_csv poses = read_table("poses", "id0000/rec0000/fake_face.mp4.poses.csv");
    assert_int_equal(poses.rows, 15);
    double widest = 0;
    for (size_t i = 0; i < poses.rows; i++) {
        assert_string_equal(fal_csv_cell(&poses, i, fal_csv_column(&poses, "forged")), "1");
        double open = atof(fal_csv_cell(&poses, i, fal_csv_column(&poses, "mouth_open")));
        assert_true(open >= 0 && open <= 1);
        widest = open > widest ? open : widest;
    }
    if (widest < 0.2)
        fail_msg("the mouth opens by %g at most, expected 0.2 or more", widest);
    fal_csv_free(&poses);
}

static void test_usage(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-o x --clips 0",
                                        "-o x --size 33",
                                        "-o x --methods nose",
                                        "-o x --fps 0",
                                        "-o x --splits a",
                                        "-o x --splits a:1,a:2",
                                        "-o x --codec divx",
                                        "-o x --bogus",
                                        "-o x --clips",
                                        "-o x --seed -1",
                                        "-o x --leading-silence 2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        int code = shell("cd %s && %s %s 2>/dev/null", folder, PUPPET, wrong[i]);
        if (code != 2)
            fail_msg("puppet %s: exit code %d, expected 2", wrong[i], code);
    }
    assert_int_equal(shell("%s --help | grep -q fake-fraction", PUPPET), 0);
}

static int make_folder(void **state)
{
    (void)state;
    static char name[] = "puppet-test-XXXXXX";
    folder = mkdtemp(name);
    if (!folder)
        return -1;
    make("all", "--clips 12 --seconds 2.4 --splits train:0.5,test:0.5 --seed 3");
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return shell("rm -r %s", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),       cmocka_unit_test(test_metadata), cmocka_unit_test(test_labels),
        cmocka_unit_test(test_determinism), cmocka_unit_test(test_poses),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
