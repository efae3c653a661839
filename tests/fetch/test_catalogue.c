/* Models of the catalogue and published probes by their names, from a mirror on this machine. */
#include "fetch/scene.h"

#include "core/file.h"
#include "core/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Everything asked of the world comes from the scene's server; models land in a folder of their own. */
static scene *begin(void **state)
{
    scene *s = *state;
    setenv("FALSETTO_MIRROR", server_url(s->web, ""), 1);
    setenv("FALSETTO_HOME", fal_temp_path("home-%s", fal_path_base(s->url)), 1);
    fal_remove_tree(getenv("FALSETTO_HOME"));
    return s;
}

static void serve_file(scene *s, int page, const char *path, const char *from, fal_buf *bytes)
{
    fal_check_ok(fal_file_read(from, 0, bytes, &s->err), &s->err);
    s->pages[page] = (server_page){.path = path, .bytes = bytes->data, .length = bytes->length};
}

#define MODEL "wav2vec2-base-fairseq"
#define MODEL_PATH "/fairseq/wav2vec/wav2vec_small.pt"

static void serve_model(scene *s, fal_buf *bytes)
{
    serve_file(s, 0, MODEL_PATH, fal_data_path("wav2vec2/w2v2-base-fairseq/checkpoint.pt"), bytes);
}

/* A small checkpoint of the family. In a folder of one's own it need only open. */
static void test_a_model(void **state)
{
    scene *s = begin(state);
    fal_buf bytes = {0};
    fal_pull_report report = {0};
    const fal_pull_options options = {.folder = fal_temp_path("mine")};
    serve_model(s, &bytes);
    fal_check_ok(fal_model_pull(MODEL, &options, &report, &s->err), &s->err);
    assert_true(report.complete);
    assert_string_equal(report.path, fal_temp_path("mine/" MODEL "/wav2vec_small.pt"));
    assert_true(fal_path_exists(fal_temp_path("mine/" MODEL "/pull.json")));
    fal_pull_report_free(&report);
    fal_buf_free(&bytes);
}

/* In the model folder it has to be the model of that name, too. */
static void test_a_model_of_another_size(void **state)
{
    scene *s = begin(state);
    fal_buf bytes = {0};
    fal_pull_report report = {0};
    char *path = NULL;
    serve_model(s, &bytes);
    fal_check_fails(fal_model_pull(MODEL, NULL, &report, &s->err), FAL_ERR_FORMAT, "this is another model", &s->err);
    assert_non_null(strstr(s->err.text, "`falsetto models pull --force " MODEL "` fetches it again"));
    fal_check_ok(fal_model_path(MODEL, &path, &s->err), &s->err);
    assert_string_equal(fal_path_base(path), "wav2vec_small.pt");
    fal_text_free(&path);
    fal_buf_free(&bytes);
}

static void test_a_model_that_does_not_open(void **state)
{
    scene *s = begin(state);
    fal_pull_report report = {0};
    s->pages[0].path = MODEL_PATH;
    fal_check_fails(fal_model_pull(MODEL, NULL, &report, &s->err), FAL_ERR_FORMAT,
                    MODEL " is there, but not in order: ", &s->err);
    assert_null(report.path);
}

static void test_names_that_cannot_be_pulled(void **state)
{
    scene *s = begin(state);
    fal_pull_report report = {0};
    fal_check_fails(fal_model_pull("avhubert-huge", NULL, &report, &s->err), FAL_ERR_NOT_FOUND,
                    "no model called \"avhubert-huge\"", &s->err);
    fal_check_fails(fal_model_pull("avhubert-random", NULL, &report, &s->err), FAL_ERR_ARGUMENT,
                    "avhubert-random has no files to fetch", &s->err);
    fal_check_fails(fal_probe_pull("avh", NULL, &report, &s->err), FAL_ERR_NOT_FOUND, "no probe called \"avh\"",
                    &s->err);
    assert_int_equal(s->pages[0].requests, 0);
}

/* Every row of the catalogue can be pulled, or says how to get it. */
static void test_every_row(void **state)
{
    scene *s = begin(state);
    (void)s;
    for (size_t i = 0; i < fal_model_count(); i++) {
        const fal_model_entry *m = fal_model_at(i);
        bool address = true;
        for (size_t f = 0; f < FAL_MODEL_FILES && m->files[f].name; f++) {
            const fal_model_file *file = &m->files[f];
            address = address && (file->urls[0] || file->optional);
            if (strchr(file->name, '/') || file->name[0] == '.')
                fail_msg("%s: file name \"%s\"", m->name, file->name);
            if (file->urls[0] && strncmp(file->urls[0], "http", 4))
                fail_msg("%s: address \"%s\"", m->name, file->urls[0]);
            if (file->sha256 && strlen(file->sha256) != FAL_SHA256_TEXT - 1)
                fail_msg("%s: SHA-256 \"%s\"", m->name, file->sha256);
        }
        if (!m->files[0].name && strcmp(m->licence, "none needed"))
            fail_msg("%s has public weights and no file", m->name);
        if (!address && !m->page)
            fail_msg("%s has a file without address, and no page to get it from", m->name);
    }
}

/* ---- probes ---- */

static void test_probes_fit_their_encoders(void **state)
{
    (void)state;
    assert_int_equal(fal_probe_count(), 3);
    assert_null(fal_probe_at(fal_probe_count()));
    for (size_t i = 0; i < fal_probe_count(); i++) {
        const fal_probe_entry *probe = fal_probe_at(i);
        const fal_model_entry *encoder = fal_model_find(probe->encoder);
        assert_ptr_equal(fal_probe_find(probe->name), probe);
        if (!encoder)
            fail_msg("%s: there is no model %s", probe->name, probe->encoder);
        if (!strstr(encoder->streams, probe->stream))
            fail_msg("%s: %s has the streams \"%s\", not %s", probe->name, encoder->name, encoder->streams,
                     probe->stream);
        assert_int_equal(encoder->dim, probe->dim);
        assert_int_equal(strlen(probe->file.sha256), FAL_SHA256_TEXT - 1);
    }
}

static void test_another_file_instead_of_the_probe(void **state)
{
    scene *s = begin(state);
    fal_pull_report report = {0};
    const fal_probe_entry *probe = fal_probe_find("braven_vsr");
    s->pages[0].path = strchr(probe->file.urls[0] + strlen("https://"), '/');
    fal_check_fails(fal_probe_pull("braven_vsr", NULL, &report, &s->err), FAL_ERR_FORMAT, probe->file.sha256, &s->err);
    assert_int_equal(s->pages[0].requests, 1);
}

static void test_the_published_probes(void **state)
{
    scene *s = begin(state);
    fal_skip_without_reference();
    for (size_t i = 0; i < fal_probe_count(); i++) {
        const fal_probe_entry *probe = fal_probe_at(i);
        fal_buf bytes = {0};
        fal_pull_report report = {0};
        serve_file(s, 0, strchr(probe->file.urls[0] + strlen("https://"), '/'),
                   fal_reference_path("data/ssr-dfd/checkpoints/%s/%s", probe->name, probe->file.name), &bytes);
        fal_check_ok(fal_probe_pull(probe->name, NULL, &report, &s->err), &s->err);
        assert_true(report.complete && report.files[0].checked);
        assert_true(fal_path_exists(report.path));
        fal_pull_report_free(&report);
        fal_buf_free(&bytes);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_model),
        TEST(test_a_model_of_another_size),
        TEST(test_a_model_that_does_not_open),
        TEST(test_names_that_cannot_be_pulled),
        TEST(test_every_row),
        TEST(test_probes_fit_their_encoders),
        TEST(test_another_file_instead_of_the_probe),
        TEST(test_the_published_probes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
