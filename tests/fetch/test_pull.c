/* Bringing the files of a model into its folder: what is there, what is fetched, what is left to people; receipts. */
#include "fetch/scene.h"
#include "support/alloc_fail.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "fetch/pull.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A model of two files, the second optional, both on the scene's server. */
typedef struct pulling {
    scene *s;
    fal_model_file files[2];
    fal_pull_job job;
    fal_pull_options options;
    fal_pull_report report;
    char folder[300];
    int checks; /* how often the model was opened to check it */
    bool broken;
} pulling;

static fal_status check_opens(const fal_pull_job *job, const char *path, const fal_pull_options *options,
                              fal_error *err)
{
    pulling *p = (pulling *)job->user;
    assert_ptr_equal(options, &p->options);
    p->checks++;
    assert_true(fal_str_starts(path, p->folder));
    return p->broken ? fal_fail(err, FAL_ERR_FORMAT, "%s: does not open", path) : FAL_OK;
}

static pulling *begin(void **state)
{
    static pulling p;
    scene *s = *state;
    p = (pulling){.s = s,
                  .files = {{.name = "model.pt", .urls = {s->url}, .sha256 = s->sha256},
                            {.name = "extra.json", .urls = {s->mirror}, .optional = true}},
                  .job = {.kind = "model",
                          .name = "tiny",
                          .licence = "CC BY-NC 4.0",
                          .source = "example.org/tiny",
                          .non_commercial = true,
                          .file_count = 2,
                          .command = "falsetto models pull",
                          .check = check_opens},
                  .options = {.fetch = s->options}};
    p.job.files = p.files;
    p.job.user = &p;
    snprintf(p.folder, sizeof p.folder, "%s.folder/tiny", s->target);
    return &p;
}

static fal_status pull(pulling *p, fal_error *err)
{
    fal_pull_report_free(&p->report);
    p->job.folder = fal_strdup(p->folder);
    if (!p->job.folder)
        return fal_fail(err, FAL_ERR_MEMORY, "out of memory");
    return fal_pull_run(&p->job, &p->options, &p->report, err);
}

static void pull_ok(pulling *p)
{
    p->s->logged[0] = '\0';
    fal_check_ok(pull(p, &p->s->err), &p->s->err);
    assert_string_equal(p->report.folder, p->folder);
}

static void pull_fails(pulling *p, fal_status want, const char *text)
{
    fal_check_fails(pull(p, &p->s->err), want, text, &p->s->err);
    assert_null(p->report.folder);
}

static char *in_folder(const pulling *p, const char *name)
{
    static char path[2][400];
    static int next;
    char *out = path[next++ % 2];
    snprintf(out, sizeof path[0], "%s/%s", p->folder, name);
    return out;
}

static bool there(const pulling *p, const char *name)
{
    return fal_path_exists(in_folder(p, name));
}

static void put(const pulling *p, const char *name, const void *bytes, size_t length)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(in_folder(p, name), bytes, length, &err), &err);
}

static void check_how(const pulling *p, fal_pull_how first, fal_pull_how second)
{
    assert_int_equal(p->report.files[0].how, first);
    assert_int_equal(p->report.files[1].how, second);
}

/* ---- receipts ---- */

static fal_json *receipt(const pulling *p, const char *name)
{
    fal_error err = {0};
    fal_json *json = NULL;
    fal_check_ok(fal_json_read(in_folder(p, name), &json, &err), &err);
    return json;
}

static void check_text(const fal_json *object, const char *key, const char *want)
{
    const char *got = fal_json_string(fal_json_get(object, key), NULL);
    if (!fal_str_eq(got, want))
        fail_msg("%s: got %s, want %s", key, got ? got : "null", want ? want : "null");
}

static void test_pull_and_pull_again(void **state)
{
    pulling *p = begin(state);
    pull_ok(p);
    assert_true(p->report.complete && !p->report.installed_before);
    assert_null(p->report.steps);
    check_how(p, FAL_PULL_FETCHED, FAL_PULL_FETCHED);
    assert_true(p->report.files[0].checked);
    assert_false(p->report.files[1].checked);
    assert_string_equal(p->report.path, in_folder(p, "model.pt"));
    assert_int_equal(p->checks, 1);

    fal_json *json = receipt(p, "pull.json");
    check_text(json, "format", "falsetto-pull-1");
    check_text(json, "model", "tiny");
    check_text(json, "licence", "CC BY-NC 4.0");
    check_text(json, "source", "example.org/tiny");
    check_text(json, "by", "falsetto " FAL_VERSION);
    assert_true(fal_json_bool(fal_json_get(json, "non_commercial"), false));
    assert_int_equal(strlen(fal_json_string(fal_json_get(json, "pulled"), "")), strlen("2026-01-02T03:04:05Z"));
    const fal_json *file = fal_json_at(fal_json_get(json, "files"), 0);
    check_text(file, "name", "model.pt");
    check_text(file, "url", p->s->url);
    check_text(file, "sha256", p->s->sha256);
    assert_int_equal(fal_json_int(fal_json_get(file, "bytes"), 0), LENGTH);
    assert_true(fal_json_bool(fal_json_get(file, "checked"), false));
    fal_json_free(&json);
    assert_false(there(p, "pull.json.part"));

    pull_ok(p);
    assert_true(p->report.complete && p->report.installed_before);
    check_how(p, FAL_PULL_PRESENT, FAL_PULL_PRESENT);
    assert_string_equal(p->report.files[0].file.url, p->s->url);
    assert_int_equal(p->s->pages[0].requests, 1);
    assert_int_equal(p->checks, 1);
    fal_pull_report_free(&p->report);
}

static void test_a_file_that_went_missing(void **state)
{
    pulling *p = begin(state);
    pull_ok(p);
    remove(in_folder(p, "model.pt"));
    pull_ok(p);
    check_how(p, FAL_PULL_FETCHED, FAL_PULL_PRESENT);
    assert_string_equal(p->report.files[1].file.url, p->s->mirror); /* remembered from the first time */
    put(p, "model.pt", "short", 5);
    pull_fails(p, FAL_ERR_FORMAT, "it is another file, or not whole; move it away, or let --force fetch it again");
    assert_false(there(p, "pull.json"));
    p->options.force = true;
    pull_ok(p);
    check_how(p, FAL_PULL_FETCHED, FAL_PULL_FETCHED);
    fal_pull_report_free(&p->report);
}

static void test_receipts_that_do_not_help(void **state)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "{}",
                                        "{\"format\": \"falsetto-pull-1\", \"files\": 5}",
                                        "{\"format\": \"other\"}",
                                        "{\"format\": \"falsetto-pull-1\", \"files\": [{\"name\": \"model.pt\"}]}"};
    pulling *p = begin(state);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(p, "pull.json", texts[i], strlen(texts[i]));
        pull_ok(p);
        assert_false(p->report.installed_before);
        check_how(p, i ? FAL_PULL_PRESENT : FAL_PULL_FETCHED, i ? FAL_PULL_PRESENT : FAL_PULL_FETCHED);
    }
    fal_pull_report_free(&p->report);
}

/* ---- files that cannot be had ---- */

static void test_optional_file_missing(void **state)
{
    pulling *p = begin(state);
    p->files[1].urls[0] = server_url(p->s->web, "/gone");
    pull_ok(p);
    assert_true(p->report.complete);
    check_how(p, FAL_PULL_FETCHED, FAL_PULL_LEFT_OUT);
    assert_non_null(strstr(p->s->logged, "left out, tiny works without"));
    pull_ok(p);
    assert_true(p->report.installed_before);
    check_how(p, FAL_PULL_PRESENT, FAL_PULL_LEFT_OUT);
    fal_pull_report_free(&p->report);
}

/* The first file is there, the second is not to be had: the first need not come again. */
static void test_needed_file_missing(void **state)
{
    pulling *p = begin(state);
    p->files[1].optional = false;
    p->files[1].urls[0] = server_url(p->s->web, "/gone");
    pull_fails(p, FAL_ERR_NOT_FOUND, "the publisher may have moved it: look at example.org/tiny, put the file at ");
    assert_true(there(p, "pull.json.part") && !there(p, "pull.json"));
    p->files[1].urls[0] = p->s->mirror;
    pull_ok(p);
    check_how(p, FAL_PULL_PRESENT, FAL_PULL_FETCHED);
    assert_string_equal(p->report.files[0].file.url, p->s->url);
    assert_int_equal(p->s->pages[0].requests, 1);
    assert_true(there(p, "pull.json") && !there(p, "pull.json.part"));
    fal_pull_report_free(&p->report);
}

static void test_does_not_open(void **state)
{
    pulling *p = begin(state);
    p->broken = true;
    pull_fails(p, FAL_ERR_FORMAT, "model.pt: does not open");
    assert_true(there(p, "model.pt") && !there(p, "pull.json"));
    p->broken = false;
    pull_ok(p);
    check_how(p, FAL_PULL_PRESENT, FAL_PULL_PRESENT);
    fal_pull_report_free(&p->report);
}

/* ---- by hand ---- */

static void test_by_hand(void **state)
{
    pulling *p = begin(state);
    char five[6];
    snprintf(five, sizeof five, "%.5s", p->s->md5);
    p->files[0] = (fal_model_file){.name = "model.pt", .md5 = five};
    p->job.page = "https://drive.example/file";
    pull_ok(p);
    assert_false(p->report.complete);
    check_how(p, FAL_PULL_BY_HAND, FAL_PULL_FETCHED);
    assert_non_null(strstr(p->report.steps, "1. Open this page in a browser (from example.org/tiny)\n"));
    assert_non_null(strstr(p->report.steps, in_folder(p, "model.pt")));
    assert_true(!there(p, "pull.json") && p->checks == 0);

    put(p, "model.pt", "<html>", 6);
    pull_fails(p, FAL_ERR_FORMAT, "that of the published file begins with ");
    assert_non_null(strstr(p->s->err.text, "download it again"));
    put(p, "model.pt", p->s->model, LENGTH);
    p->options.force = true; /* there is nothing to fetch it from */
    pull_ok(p);
    assert_true(p->report.complete && p->report.files[0].checked && p->checks == 1);
    check_how(p, FAL_PULL_PRESENT, FAL_PULL_FETCHED);
    fal_json *json = receipt(p, "pull.json");
    check_text(fal_json_at(fal_json_get(json, "files"), 0), "url", NULL);
    fal_json_free(&json);
    fal_pull_report_free(&p->report);
}

static void test_address_gone_stale_beside_a_page(void **state)
{
    pulling *p = begin(state);
    p->job.page = "https://drive.example/file";
    p->files[0].urls[0] = server_url(p->s->web, "/gone");
    pull_ok(p);
    assert_false(p->report.complete);
    check_how(p, FAL_PULL_BY_HAND, FAL_PULL_FETCHED);
    assert_non_null(strstr(p->s->logged, "(HTTP 404)"));
    fal_pull_report_free(&p->report);
}

static void test_by_hand_without_a_page(void **state)
{
    pulling *p = begin(state);
    p->files[0].urls[0] = NULL;
    pull_ok(p);
    assert_non_null(strstr(p->report.steps, "1. Look at example.org/tiny\n2. Download model.pt there\n"));
    fal_pull_report_free(&p->report);
}

/* ---- places ---- */

static void test_folder_with_a_configuration(void **state)
{
    pulling *p = begin(state);
    p->files[1].name = "config.json";
    pull_ok(p);
    assert_string_equal(p->report.path, p->folder);
    fal_pull_report_free(&p->report);
}

static void test_where_the_folder_is(void **state)
{
    (void)state;
    fal_error err = {0};
    char *folder = NULL;
    setenv("FALSETTO_HOME", "/home/me/f", 1);
    fal_check_ok(fal_pull_folder(NULL, "models", "tiny", &folder, &err), &err);
    assert_string_equal(folder, "/home/me/f/models/tiny");
    fal_free(folder);
    fal_check_ok(fal_pull_folder(&(fal_pull_options){.folder = "here"}, "models", "tiny", &folder, &err), &err);
    assert_string_equal(folder, "here/tiny");
    fal_free(folder);
}

static fal_status pull_once(void *user, fal_error *err)
{
    pulling *p = user;
    fal_status st = pull(p, err);
    return st;
}

static void test_out_of_memory(void **state)
{
    pulling *p = begin(state);
    p->files[1].urls[0] = NULL;
    p->files[1].optional = false;
    fal_check_alloc_failures("fal_pull_run, by hand", pull_once, p);
    p->options.force = true;
    fal_check_alloc_failures("fal_pull_run, again", pull_once, p);
    put(p, "extra.json", "{}", 2);
    fal_check_alloc_failures("fal_pull_run, complete", pull_once, p);
    p->options.force = false;
    fal_check_alloc_failures("fal_pull_run, installed", pull_once, p);
    fal_pull_report_free(&p->report);
    fal_pull_report_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_pull_and_pull_again),
        TEST(test_a_file_that_went_missing),
        TEST(test_receipts_that_do_not_help),
        TEST(test_optional_file_missing),
        TEST(test_needed_file_missing),
        TEST(test_does_not_open),
        TEST(test_by_hand),
        TEST(test_address_gone_stale_beside_a_page),
        TEST(test_by_hand_without_a_page),
        TEST(test_folder_with_a_configuration),
        TEST(test_where_the_folder_is),
        TEST(test_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
