/* `falsetto models` as a user sees it: the catalogue, looking at files, checking them, and the mistakes people make. */
#include "cli/material.h"
#include "cli/program.h"
#include "core/file.h"
#include "core/json.h"
#include "core/str.h"
#include "support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XLSR "wav2vec2/w2v2-xlsr-hf_syn/model"
#define LIPS "avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt"

/* ---- files ---- */

/* The first `keep` bytes of a file (0: all of it). */
static const char *copy_of(const char *from, size_t keep, const char *to)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_data_path("%s", from), 0, &bytes, &err), &err);
    assert_true(keep < bytes.length);
    const char *path = fal_temp_path("%s", to);
    fal_check_ok(fal_file_write(path, bytes.data, keep ? keep : bytes.length, &err), &err);
    fal_buf_free(&bytes);
    return path;
}

static const char *text_file(const char *name, const char *text)
{
    const char *path = fal_temp_path("%s", name);
    write_text(path, text);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    return setenv("FALSETTO_HOME", fal_temp_path("home"), 1);
}

static fal_json *parse(const char *text)
{
    fal_json *json = NULL;
    fal_error err = {0};
    fal_check_ok(fal_json_parse(text, strlen(text), "stdout", &json, &err), &err);
    return json;
}

/* ---- list ---- */

static void test_list(void **state)
{
    (void)state;
    expect(run("models", "list"), 0, "avhubert-random", NULL);
    expect(run("models", "list"), 0, "wav2vec2-xls-r-300m", NULL);
    outcome o = run("models", "list", "--family", "avhubert");
    assert_null(strstr(o.out, "wav2vec2"));
    assert_non_null(strstr(o.out, "[nc]"));
    expect(o, 0, "\n   avhubert-large", NULL);
    expect(run("models", "list", "--family", "avhuber"), 1, NULL, "avhuber");
    expect(run("models", "list", "--json", "--family", "avhuber"), 1, NULL, "did you mean avhubert");
}

static void test_list_installed(void **state)
{
    (void)state;
    copy_of(LIPS, 0, "home/models/avhubert-large.pt");
    outcome o = run("models", "list", "--installed");
    assert_null(strstr(o.out, "wav2vec2"));
    assert_non_null(strstr(o.out, "\n+  avhubert-random"));
    expect(o, 0, "\n*  avhubert-large", NULL);
    o = run("models", "list", "--installed", "--json");
    fal_json *json = parse(o.out);
    assert_string_equal(fal_json_string(fal_json_get(fal_json_at(json, 0), "name"), ""), "avhubert-large");
    assert_true(fal_json_bool(fal_json_get(fal_json_at(json, 0), "non_commercial"), false));
    fal_json_free(&json);
    expect(o, 0, NULL, NULL);
    assert_int_equal(unlink(fal_temp_path("home/models/avhubert-large.pt")), 0);
}

/* ---- info ---- */

static void test_info(void **state)
{
    (void)state;
    outcome o = run("models", "info", fal_data_path(LIPS));
    assert_non_null(strstr(o.out, "container   PyTorch zip, "));
    assert_non_null(strstr(o.out, "fairseq.data.dictionary.Dictionary"));
    assert_non_null(strstr(o.out, "trunk.layer1.*.conv1.weight  F32[3,3,3,3]  x2"));
    expect(o, 0, "opens as    avhubert custom: 2 layers of 16 channels", NULL);
    o = run("models", "info", "--json", fal_data_path(LIPS));
    fal_json *json = parse(o.out);
    assert_string_equal(fal_json_string(fal_json_get(json, "family"), ""), "avhubert");
    fal_json_free(&json);
    expect(o, 0, NULL, NULL);
}

/* Files of no family can be looked at too. */
static void test_info_of_unknown_family(void **state)
{
    (void)state;
    const char *head = fal_data_path("heads/linear_train/checkpoint/model-epoch=05.ckpt");
    expect(run("models", "info", head), 0, "opens as    no encoder: ", NULL);
    expect(run("models", "info", head), 0, "head.weight  F32[", NULL);
    expect(run("models", "info", fal_data_path("index.json")), 1, NULL, "index.json");
    expect(run("models", "info", "avhubert-random"), 1, NULL, "`falsetto models init avhubert-random`");
}

/* Names in a hostile file do not reach the terminal as they are. */
static void test_info_is_tame(void **state)
{
    (void)state;
    outcome o = run("models", "info", fal_data_path("hostile/ok_rebuilds.pt"));
    for (const char *c = o.out; *c; c++)
        assert_true((unsigned char)*c >= 0x20 || *c == '\n');
    expect(o, 0, NULL, NULL);
}

/* ---- verify ---- */

static void test_verify(void **state)
{
    (void)state;
    const char *lips = copy_of(LIPS, 0, "home/models/avhubert-large/large.pt");
    expect(run("models", "verify", lips), 0, ": in order\n", NULL);
    expect(run("models", "verify", lips), 0, "parts agree", NULL);
    expect(run("models", "verify", fal_data_path(XLSR)), 0, "values     all finite", NULL);
    /* Tiny weights under the name of a large model. */
    expect(run("models", "verify", "avhubert-large"), 1, "this is another model", NULL);
    expect(run("models", "verify", "--json", "avhubert-large"), 1, "\"ok\": false", NULL);
    expect(run("models", "verify", "avhubert-base"), 1, NULL, "avhubert-base is not installed");
    assert_int_equal(unlink(lips), 0);
}

static void test_verify_checksums(void **state)
{
    (void)state;
    copy_of(LIPS, 0, "home/models/mine/model.pt");
    text_file("home/models/mine/pull.json", "{\"files\": [{\"name\": \"model.pt\", \"sha256\": "
                                            "\"00000000000000000000000000000000000000000000000000000000000000ff\"}]}");
    expect(run("models", "verify", "mine"), 1, "the receipt says 0000", NULL);
    text_file("home/models/mine/pull.json", "{\"files\": [{\"name\": \"model.pt\", \"sha256\": "
                                            "\"0cb32d18f317583ed75110a8085b031314734137ced1902be9d0116059bd7abd\"}]}");
    expect(run("models", "verify", "mine"), 0, "agrees with the receipt", NULL);
}

/* One wrong byte inside a tensor: only the checksums of the container can tell. */
static void test_verify_damage(void **state)
{
    (void)state;
    fal_buf bytes = {0};
    fal_error err = {0};
    const char *path = fal_temp_path("damaged.pt");
    fal_check_ok(fal_file_read(fal_data_path(LIPS), 0, &bytes, &err), &err);
    bytes.data[bytes.length / 2] ^= 0x10;
    fal_check_ok(fal_file_write(path, bytes.data, bytes.length, &err), &err);
    fal_buf_free(&bytes);
    expect(run("models", "verify", path), 1, "1 of its 222 parts are not what was written", NULL);
}

/* ---- what people have instead of a model ---- */

static void test_mistakes(void **state)
{
    (void)state;
    const struct {
        const char *source, *says;
    } cases[] = {
        {copy_of(LIPS, 70000, "half.pt"), "downloaded only in part"},
        {copy_of(XLSR "/model.safetensors", 50000, "half.safetensors"), "downloaded only in part"},
        {copy_of(LIPS, 70000, "model.pt.part"), "falsetto models pull"},
        {text_file("login.pt", "<!DOCTYPE html><html><title>Sign in</title></html>"), "a web page, not weights"},
        {text_file("pointer.pt", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
         "git lfs pull"},
        {text_file("empty.pt", ""), "an empty file: download it again"},
        {text_file("config.json", "{\"hidden_size\": 768}"), "a JSON text"},
        {fal_temp_path("bare/"), "a folder without weights"},
        {"/nowhere/model.pt", "no such file or folder"},
        {fal_data_path("heads/linear_train/checkpoint/model-epoch=05.ckpt"), "a trained head, which is given beside"},
    };
    text_file("bare/readme.txt", "nothing here");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *out = fal_temp_path("never.safetensors");
        outcome o = run("models", "import", cases[i].source, "-o", out);
        size_t line = strcspn(o.err, "\n");
        assert_string_equal(o.err + line, "\n"); /* one sentence */
        expect(o, 1, NULL, cases[i].says);
        assert_int_not_equal(access(out, F_OK), 0);
    }
}

static void test_another_family(void **state)
{
    (void)state;
    const char *out = fal_temp_path("never.safetensors");
    expect(run("models", "import", fal_data_path(LIPS), "--family", "wav2vec2", "-o", out), 1, NULL,
           "they are those of family avhubert");
    expect(run("models", "import", fal_data_path(LIPS), "--family", "avhuber", "-o", out), 1, NULL,
           "there is no encoder family \"avhuber\"");
}

static void test_usage(void **state)
{
    (void)state;
    expect(run("models", "lst"), 2, NULL, "list, info, verify, pull, import or init");
    expect(run("models", "verify"), 2, NULL, "'verify' takes 1 argument");
    expect(run("models", "list", "x"), 2, NULL, "'list' takes 0 arguments");
    expect(run("models", "init", "avhubert-base"), 2, NULL, "'init' needs -o FILE");
    expect(run("models", "init", "avhubert-bas", "-o", "x"), 1, NULL, "did you mean avhubert-base");
    expect(run("models", "verify", "--help"), 0, "Usage: falsetto models verify", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_installed),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_info_of_unknown_family),
        cmocka_unit_test(test_info_is_tame),
        cmocka_unit_test(test_verify),
        cmocka_unit_test(test_verify_checksums),
        cmocka_unit_test(test_verify_damage),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_another_family),
        cmocka_unit_test(test_usage),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
