/* Small files that ask for much: memory, time, recursion, other files. Each is made here, opened under limits, and must
 * be refused with a sentence or open within them. */
#include "weights/bomb.h"

#include "core/alloc.h"
#include "core/file.h"
#include "support/test.h"
#include "weights/check.h"
#include "weights/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MILLION = 1000 * 1000, MB = 1 << 20 };

/* Opens, and looks at what a caller would: settings, checksums. */
static fal_status open_it(const char *path, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_checkpoint *ckpt = NULL;
    size_t checked;
    FAL_TRY(fal_checkpoint_open(path, NULL, &ckpt, err));
    const fal_value *object = fal_checkpoint_object(ckpt);
    fal_value_int(fal_value_path(object, "cfg.model.w2v_args.model.encoder_layers"), 0);
    fal_value_string(fal_value_path(object, "cfg._name"), NULL);
    fal_value_real(fal_value_path(object, "args.encoder_layers"), 0);
    FAL_TRY(fal_checkpoint_check_sums(ckpt, NULL, &checked, err));
done:
    fal_checkpoint_free(&ckpt);
    return st;
}

static void check(const char *path, fal_status status, const char *text)
{
    bomb_check(path, open_it, status, text);
}

/* ---- pickles ---- */

/* A pickle made of a start, something many times, and an end. */
static const char *flood(const char *name, const char *start, const char *repeated, size_t times, const char *end)
{
    fal_buf pickle = {0};
    const char *path = fal_temp_path("%s.pt", name);
    bomb_repeat(&pickle, start, 1);
    bomb_repeat(&pickle, repeated, times);
    bomb_repeat(&pickle, end, 1);
    bomb_write_torch(&pickle, path);
    return path;
}

/* The machine's memory grows with the pickle, but only so far. */
static void test_floods(void **state)
{
    (void)state;
    static const char bound[] = "out of all proportion";
    check(flood("lists", "", "]", 8 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("dicts", "", "}", 8 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("tuple_in_tuple", "N", "\x85", 8 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("marks", "", "(", 20 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("copies", "N", "2", 20 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("memo", "N", "\x94", 20 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("classes", "", "ca\nb\n", 4 * MILLION, "."), FAL_ERR_FORMAT, bound);
    check(flood("push_and_pop", "", "N0", 16 * MILLION, "N."), FAL_ERR_FORMAT, NULL);
    check(flood("too_long", "", "N0", 17 * MILLION, "N."), FAL_ERR_UNSUPPORTED, "at most 33554432 are read");
}

/* Sharing makes objects of 2^60 parts, at no cost until somebody walks them. */
static void test_growth_by_sharing(void **state)
{
    (void)state;
    check(flood("tuples_2_60",
                "}U\x01"
                "aN",
                "2\x86", 60, "s."),
          FAL_ERR_FORMAT, "no tensors found");
    check(flood("lists_2_60", "]", "2\x86", 60, "."), FAL_ERR_FORMAT, "expected a dictionary of tensors");
    check(flood("args_2_60", "}U\x05modelctorch\nnn\nN", "2\x86", 60, "Rs."), FAL_ERR_FORMAT, "no tensors found");
}

static void test_depth(void **state)
{
    (void)state;
    fal_buf pickle = {0};
    check(flood("deep_lists", "N", "]2a", 400 * 1000, "."), FAL_ERR_FORMAT, NULL);
    check(flood("deep_calls", "",
                "ca\nb\n)R\x85"
                "ca\nb\n",
                100 * 1000, "N."),
          FAL_ERR_FORMAT, NULL);
    /* {"a": {"a": ... }}: every step is a module in a module. */
    bomb_repeat(&pickle,
                "}U\x01"
                "a",
                300 * 1000);
    bomb_repeat(&pickle, "N", 1);
    bomb_repeat(&pickle, "s", 300 * 1000);
    bomb_repeat(&pickle, ".", 1);
    const char *path = fal_temp_path("deep_dicts.pt");
    bomb_write_torch(&pickle, path);
    check(path, FAL_ERR_FORMAT, NULL);
}

/* A settings object that stands for itself, and arguments that hold themselves. */
static void test_cycles(void **state)
{
    (void)state;
    fal_buf pickle = {0};
    static const float values[4] = {1, 2, 3, 4};
    bomb_zip zip = {0};
    const char *path = fal_temp_path("cycles.pt");
    fal_buf_puts(&pickle, "}(U\x01"
                          "w");
    bomb_tensor(&pickle, "0", 4);
    fal_buf_puts(&pickle, "U\x03"
                          "cfgcomegaconf.dictconfig\nDictConfig\n)\x81q\x01}(U\x08_contenth\x01U\x05modelh\x01ub");
    fal_buf_puts(&pickle, "U\x04"
                          "args}q\x02(U\x04selfh\x02U\x04"
                          "argsh\x02uu.");
    bomb_add(&zip, "m/data.pkl", pickle.data, pickle.length, false);
    bomb_add(&zip, "m/data/0", values, sizeof values, false);
    fal_buf_free(&pickle);
    bomb_write_zip(&zip, path);
    check(path, FAL_OK, NULL);
}

static void test_numbers(void **state)
{
    (void)state;
    fal_buf pickle = {0};
    const char *path = fal_temp_path("long_number.pt");
    bomb_repeat(&pickle, "I", 1);
    bomb_repeat(&pickle, "9", 20 * MILLION);
    bomb_repeat(&pickle, "\n.", 1);
    bomb_write_torch(&pickle, path);
    check(path, FAL_ERR_FORMAT, NULL);
    path = fal_temp_path("long_bytes.pt");
    bomb_bytes(&pickle, "\x8b\xff\xff\xff\x7f", 5);
    bomb_repeat(&pickle, "9", MILLION);
    bomb_write_torch(&pickle, path);
    check(path, FAL_ERR_FORMAT, "wants 2147483647 bytes");
}

/* ---- zip files ---- */

/* A model whose one tensor of `bytes` is deflated to nearly nothing. */
static void write_deflated(const char *path, size_t bytes)
{
    fal_buf pickle = {0};
    bomb_zip zip = {0};
    uint8_t *zeros = fal_calloc(bytes, 1);
    assert_non_null(zeros);
    fal_buf_puts(&pickle, "}U\x01"
                          "w");
    bomb_tensor(&pickle, "0", (uint32_t)(bytes / 4));
    fal_buf_puts(&pickle, "s.");
    bomb_add(&zip, "m/data.pkl", pickle.data, pickle.length, false);
    bomb_add(&zip, "m/data/0", zeros, bytes, true);
    bomb_write_zip(&zip, path);
    fal_buf_free(&pickle);
    fal_free(zeros);
}

static void test_zip_bombs(void **state)
{
    (void)state;
    fal_buf index = {0};
    fal_buf_puts(&index, "{\"weight_map\": {");
    for (int i = 0; i < 30; i++) {
        write_deflated(fal_temp_path("shards/%d.bin", i), 4 * MB);
        fal_buf_printf(&index, "%s\"w%d\": \"%d.bin\"", i ? ", " : "", i, i);
    }
    fal_buf_puts(&index, "}}");
    bomb_write(&index, fal_temp_path("shards/pytorch_model.bin.index.json"));
    check(fal_temp_path("shards"), FAL_ERR_UNSUPPORTED, "is deflated and would take 4194304 bytes");
    write_deflated(fal_temp_path("deflated.pt"), 60 * MB);
    check(fal_temp_path("deflated.pt"), FAL_OK, NULL);
    write_deflated(fal_temp_path("deflated_more.pt"), 80 * MB);
    check(fal_temp_path("deflated_more.pt"), FAL_ERR_UNSUPPORTED, "would take 83886080 bytes");
}

static void test_deflated_pickle(void **state)
{
    (void)state;
    bomb_zip zip = {0};
    fal_buf pickle = {0};
    const char *path = fal_temp_path("deflated_pickle.pt");
    bomb_repeat(&pickle, "]", 30 * MILLION);
    bomb_add(&zip, "m/data.pkl", pickle.data, pickle.length, true);
    fal_buf_free(&pickle);
    bomb_write_zip(&zip, path);
    check(path, FAL_ERR_FORMAT, "out of all proportion");
}

static void test_many_members(void **state)
{
    (void)state;
    bomb_zip zip = {0};
    const char *path = fal_temp_path("members.pt");
    for (int i = 0; i < 140 * 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "m/data/%d", i);
        bomb_add(&zip, name, "", 0, false);
    }
    bomb_write_zip(&zip, path);
    check(path, FAL_ERR_UNSUPPORTED, "a zip file of 140000 members");
}

/* A hundred thousand tensors over the same memory: fine for opening, bounded for whoever reads them all. */
static void test_one_storage_for_all(void **state)
{
    (void)state;
    fal_buf pickle = {0};
    bomb_zip zip = {0};
    uint8_t *zeros = fal_calloc(MB, 1);
    assert_non_null(zeros);
    fal_buf_puts(&pickle, "}(U\x01"
                          "w");
    bomb_tensor(&pickle, "0", MB / 4);
    fal_buf_puts(&pickle, "q\x01");
    for (int i = 0; i < 100 * 1000; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        bomb_text(&pickle, name);
        fal_buf_puts(&pickle, "h\x01");
    }
    fal_buf_puts(&pickle, "u.");
    bomb_add(&zip, "m/data.pkl", pickle.data, pickle.length, false);
    bomb_add(&zip, "m/data/0", zeros, MB, false);
    bomb_write_zip(&zip, fal_temp_path("one_storage.pt"));
    fal_buf_free(&pickle);
    fal_free(zeros);
    check(fal_temp_path("one_storage.pt"), FAL_OK, NULL);
}

/* ---- safetensors ---- */

static const char *header(const char *name, const char *start, const char *repeated, size_t times, const char *end)
{
    fal_buf text = {0};
    const char *path = fal_temp_path("%s.safetensors", name);
    bomb_repeat(&text, start, 1);
    bomb_repeat(&text, repeated, times);
    bomb_repeat(&text, end, 1);
    bomb_write_safetensors(&text, 16, path);
    return path;
}

static void test_headers(void **state)
{
    (void)state;
    check(header("empty_objects", "{\"a\":[", "{},", 8 * MILLION, "0]}"), FAL_ERR_UNSUPPORTED, "values");
    check(header("shape", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1", ",1", 400 * 1000, "],\"data_offsets\":[0,4]}}"),
          FAL_ERR_FORMAT, "400001 dimensions");
    check(header("long_name", "{\"", "a", 30 * MILLION, "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"),
          FAL_ERR_FORMAT, "a name of 30000000 bytes");
    check(header("huge", "{\"a\":\"", "x", 40 * MILLION, "\"}"), FAL_ERR_UNSUPPORTED, "at most 33554432 are read");
    check(header("numbers", "{\"a\":{\"dtype\":\"F32\",\"shape\":[", "", 0, "NaN],\"data_offsets\":[0,4]}}"),
          FAL_ERR_FORMAT, "not valid JSON");
    check(header("infinite", "{\"a\":{\"dtype\":\"F32\",\"shape\":[", "", 0, "1e999],\"data_offsets\":[0,4]}}"),
          FAL_ERR_FORMAT, "not valid JSON");
    check(header("real", "{\"a\":{\"dtype\":\"F32\",\"shape\":[", "", 0, "1e9],\"data_offsets\":[0,4]}}"),
          FAL_ERR_FORMAT, "no list of sizes");
}

static void test_many_tensors(void **state)
{
    (void)state;
    fal_buf text = {0};
    const char *path = fal_temp_path("tensors.safetensors");
    for (int i = 0; i < 50 * 1000; i++)
        fal_buf_printf(&text, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "{", i);
    fal_buf_puts(&text, "}");
    bomb_write_safetensors(&text, 0, path);
    check(path, FAL_OK, NULL);
    for (int i = 0; i < 200 * 1000; i++)
        fal_buf_printf(&text, "%s\"t%d\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}", i ? "," : "{", i);
    fal_buf_puts(&text, "}");
    bomb_write_safetensors(&text, 0, path);
    check(path, FAL_ERR_UNSUPPORTED, "JSON of more than 524288 values");
}

/* ---- folders ---- */

static void put(const char *path, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(path, text, strlen(text), &err), &err);
}

static void check_index(const char *map, fal_status status, const char *text)
{
    fal_buf index = {0};
    fal_buf_printf(&index, "{\"weight_map\": {%s}}", map);
    bomb_write(&index, fal_temp_path("index/model.safetensors.index.json"));
    check(fal_temp_path("index"), status, text);
}

static void test_index_points_elsewhere(void **state)
{
    (void)state;
    put(fal_temp_path("outside.safetensors"), "x");
    check_index("\"a\": \"../outside.safetensors\"", FAL_ERR_FORMAT, "expected a file name");
    check_index("\"a\": \"/etc/passwd\"", FAL_ERR_FORMAT, "expected a file name");
    check_index("\"a\": \"..\"", FAL_ERR_FORMAT, "expected a file name");
    check_index("\"a\": \"sub/one.safetensors\"", FAL_ERR_FORMAT, "expected a file name");
    check_index("\"a\": \"\"", FAL_ERR_FORMAT, "expected a file name");
    check_index("\"a\": {}", FAL_ERR_FORMAT, "expected a file name");
}

/* Hugging Face's cache is made of links, so links are followed; what they may lead to is what a path may. */
static void test_links(void **state)
{
    (void)state;
    put(fal_temp_path("index/keep"), "");
    assert_int_equal(mkfifo(fal_temp_path("pipe"), 0600), 0);
    assert_int_equal(symlink(fal_temp_path("pipe"), fal_temp_path("index/pipe.safetensors")), 0);
    assert_int_equal(symlink("loop.safetensors", fal_temp_path("index/loop.safetensors")), 0);
    assert_int_equal(symlink("/", fal_temp_path("index/root.safetensors")), 0);
    assert_int_equal(symlink("/dev/zero", fal_temp_path("index/zero.safetensors")), 0);
    assert_int_equal(symlink(fal_data_path("hostile/ok.safetensors"), fal_temp_path("index/ok.safetensors")), 0);
    check_index("\"a\": \"pipe.safetensors\"", FAL_ERR_IO, "device or pipe");
    check_index("\"a\": \"loop.safetensors\"", FAL_ERR_IO, "loop.safetensors");
    check_index("\"a\": \"root.safetensors\"", FAL_ERR_IO, "is a folder");
    check_index("\"a\": \"zero.safetensors\"", FAL_ERR_IO, "device or pipe");
    check_index("\"a\": \"ok.safetensors\"", FAL_OK, NULL);
}

static void test_many_shards(void **state)
{
    (void)state;
    fal_buf map = {0};
    for (int i = 0; i < 300; i++)
        fal_buf_printf(&map, "%s\"t%d\": \"%d.safetensors\"", i ? ", " : "", i, i);
    check_index(map.data, FAL_ERR_UNSUPPORTED, "more than 256 files");
    fal_buf_clear(&map);
    for (int i = 0; i < 250 * 1000; i++)
        fal_buf_printf(&map, "%s\"t%d\": \"%d.safetensors\"", i ? ", " : "", i, i % 256);
    check_index(map.data, FAL_ERR_NOT_FOUND, "0.safetensors");
    fal_buf_clear(&map);
    for (int i = 0; i < 600 * 1000; i++)
        fal_buf_printf(&map, "%s\"t%d\": \"a\"", i ? ", " : "", i);
    check_index(map.data, FAL_ERR_UNSUPPORTED, "JSON of more than 524288 values");
    fal_buf_free(&map);
}

static void check_config(const char *start, const char *repeated, size_t times, const char *end, fal_status status,
                         const char *text)
{
    fal_buf config = {0};
    bomb_repeat(&config, start, 1);
    bomb_repeat(&config, repeated, times);
    bomb_repeat(&config, end, 1);
    bomb_write(&config, fal_temp_path("configured/config.json"));
    check(fal_temp_path("configured"), status, text);
}

static void test_configs(void **state)
{
    (void)state;
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(fal_data_path("hostile/ok_misaligned.safetensors"), 0, &bytes, &err), &err);
    bomb_write(&bytes, fal_temp_path("configured/model.safetensors"));
    check_config("{\"a\":[", "{},", 7 * MILLION, "0]}", FAL_ERR_UNSUPPORTED, "values");
    check_config("{\"a\":[", "0,", 500 * 1000, "0]}", FAL_OK, NULL);
    check_config("{\"a\":[", "0,", 30 * MILLION, "0]}", FAL_ERR_FORMAT, "more than the 33554432 allowed here");
    check_config("", "{\"a\":", MILLION, "0", FAL_ERR_FORMAT, "nested deeper than 64");
    check_config("{\"layer_norm_eps\": ", "NaN", 1, "}", FAL_ERR_FORMAT, "not valid JSON");
    check_config("{\"layer_norm_eps\": ", "1e999", 1, "}", FAL_ERR_FORMAT, "not valid JSON");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_growth_by_sharing),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_cycles),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_zip_bombs),
        cmocka_unit_test(test_deflated_pickle),
        cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_one_storage_for_all),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_many_tensors),
        cmocka_unit_test(test_index_points_elsewhere),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_many_shards),
        cmocka_unit_test(test_configs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
