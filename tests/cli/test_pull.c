/* models pull as a user runs it, against a server on this machine. */
#include "cli/material.h"
#include "cli/program.h"
#include "fetch/server.h"
#include "support/test.h"

#include "core/file.h"

#include <falsetto/fetch.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MODEL "wav2vec2-base-fairseq"
#define PROBE "avh_multimodal"

static fal_buf checkpoint, probe;
static server_page pages[2]; /* of a small checkpoint under the model's address, and of the probe */
static server *web;

static void serve(server_page *page, const char *path, const char *from, fal_buf *bytes)
{
    fal_error err = {0};
    *bytes = (fal_buf){0};
    fal_check_ok(fal_file_read(from, 0, bytes, &err), &err);
    *page = (server_page){.path = path, .bytes = bytes->data, .length = bytes->length, .etag = "\"one\""};
}

static int set_up(void **state)
{
    (void)state;
    const fal_model_file *file = &fal_probe_find(PROBE)->file;
    const char *published = fal_reference_path("data/ssr-dfd/checkpoints/" PROBE "/%s", file->name);
    memset(pages, 0, sizeof pages);
    pages[1].path = "/none";
    serve(&pages[0], "/fairseq/wav2vec/wav2vec_small.pt", fal_data_path("wav2vec2/w2v2-base-fairseq/checkpoint.pt"),
          &checkpoint);
    if (fal_have_reference())
        serve(&pages[1], strchr(file->urls[0] + strlen("https://"), '/'), published, &probe);
    web = server_start(pages, 2);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    setenv("FALSETTO_MIRROR", server_url(web, ""), 1);
    setenv("FALSETTO_HOME", fal_temp_path("home"), 1);
    fal_remove_tree(fal_temp_path("home"));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    server_stop(&web);
    fal_buf_free(&checkpoint);
    fal_buf_free(&probe);
    return 0;
}

static void test_probe(void **state)
{
    (void)state;
    fal_skip_without_reference();
    outcome o = run("models", "pull", "--probe", PROBE);
    char want[300];
    snprintf(want, sizeof want, "%s\n", fal_temp_path("home/probes/" PROBE "/%s", fal_probe_find(PROBE)->file.name));
    assert_string_equal(o.out, want);
    assert_non_null(strstr(o.err, "CC BY-NC-SA 4.0: NON-COMMERCIAL USE ONLY"));
    assert_non_null(strstr(o.err, "5.9 kB  fetched, checksum as published\n"));
    expect(o, 0, NULL, "its encoder: --encoder avhubert-large:av");
    expect(run("models", "pull", "--probe", PROBE), 0, want, PROBE " is installed already (--force fetches it again)");
    o = run("models", "pull", "--probe", "--quiet", "--force", PROBE);
    assert_null(strstr(o.err, "fetched"));
    expect(o, 0, want, "NON-COMMERCIAL USE ONLY");
    assert_int_equal(pages[1].requests, 2);
}

static void test_model_of_another_size(void **state)
{
    (void)state;
    outcome o = run("models", "pull", MODEL);
    assert_string_equal(o.out, "");
    assert_non_null(strstr(o.err, MODEL ": licence MIT; from github.com/facebookresearch/fairseq"));
    expect(o, 1, NULL, "this is another model");
}

static void test_non_commercial_is_said_plainly(void **state)
{
    (void)state;
    expect(run("models", "pull", "-q", "avhubert-large"), 1, NULL, "NON-COMMERCIAL USE ONLY");
    expect(run("models", "pull", "--probe", "braven_vsr"), 1, NULL, "CC BY-NC-SA 4.0: NON-COMMERCIAL USE ONLY");
}

static void test_by_hand(void **state)
{
    (void)state;
    outcome o = run("models", "pull", "braven-large-video-selftrain");
    assert_string_equal(o.out, "");
    assert_non_null(strstr(o.err, "1. Open this page in a browser (from "));
    assert_non_null(strstr(o.err, fal_temp_path("home/models/braven-large-video-selftrain/")));
    expect(o, 1, NULL, "     falsetto models pull braven-large-video-selftrain\n");
}

static void test_list_of_probes(void **state)
{
    (void)state;
    outcome o = run("models", "pull", "--list-probes");
    assert_non_null(strstr(o.out, "avh_multimodal  avhubert-large "));
    expect(o, 0, "braven_vsr      braven-large-video-selftrain ", NULL);
    assert_int_equal(pages[0].requests + pages[1].requests, 0);
}

static void test_wrong_usage(void **state)
{
    (void)state;
    expect(run("models", "pull"), 2, NULL, "no model named");
    expect(run("models", "pull", "--list-probes", "wav2vec2"), 2, NULL, "--list-probes takes no name");
    expect(run("models", "pull", "avhubert-huge"), 1, NULL, "there is no model called \"avhubert-huge\"");
    expect(run("models", "pull", "avhubert-bsae"), 1, NULL,
           "there is no model called \"avhubert-bsae\"; did you mean avhubert-base");
    expect(run("models", "pull", "--probe", "avh_multimodl"), 1, NULL, "did you mean avh_multimodal?");
    expect(run("models", "pull", "--probe", MODEL), 1, NULL, "there is no probe called");
}

/* One of two is not to be had: the other comes all the same. */
static void test_several_names(void **state)
{
    (void)state;
    fal_skip_without_reference();
    expect(run("models", "pull", "--probe", "avh_unimodal", PROBE), 1, "/probes/" PROBE "/",
           "there is no probe called \"avh_unimodal\"");
}

static void wait_for_part(void)
{
    const struct timespec step = {.tv_nsec = 10000000};
    for (int i = 0; i < 1000 && !files_in(fal_temp_path("home/models/" MODEL), ".part.json"); i++)
        nanosleep(&step, NULL);
}

static void test_interrupted_and_gone_on_with(void **state)
{
    (void)state;
    pages[0].cut_after = 100000;
    pages[0].cut_times = 1;
    pages[0].stall = true;
    running r = start("models", "pull", MODEL);
    wait_for_part();
    kill(r.pid, SIGINT);
    expect(finish(&r), 130, NULL, "stopped; what has arrived is kept for the next time");
    assert_int_equal(files_in(fal_temp_path("home/models/" MODEL), ".pt.part"), 1);
    expect(run("models", "info", MODEL), 1, NULL, "is only in part downloaded");
    expect(run("models", "pull", MODEL), 1, NULL, "this is another model");
    assert_string_equal(pages[0].bodies, "wp");
    assert_int_equal(files_in(fal_temp_path("home/models/" MODEL), ".pt.part"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_probe),
        TEST(test_model_of_another_size),
        TEST(test_non_commercial_is_said_plainly),
        TEST(test_by_hand),
        TEST(test_list_of_probes),
        TEST(test_wrong_usage),
        TEST(test_several_names),
        TEST(test_interrupted_and_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
