#include "weights_support.h"

#include "core/alloc.h"
#include "core/file.h"
#include "core/str.h"

#include <string.h>

static void test_hugging_face_folder(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model"));
    assert_int_equal(fal_checkpoint_container(ckpt), FAL_CONTAINER_SAFETENSORS);
    assert_int_equal(fal_checkpoint_count(ckpt), 77);
    assert_string_equal(fal_value_string(fal_value_get(fal_checkpoint_config(ckpt), "model_type"), ""), "wav2vec2");
    assert_int_equal(fal_value_type(fal_value_get(fal_checkpoint_config(ckpt), "conv_dim")), FAL_VALUE_LIST);
    assert_true(fal_value_bool(fal_value_get(fal_checkpoint_preprocessor(ckpt), "do_normalize"), false));
    assert_true(fal_checkpoint_bytes(ckpt) == 115232);
    fal_checkpoint_free(&ckpt);
}

static void test_file_beside_its_config(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("wav2vec2/w2v2-xlsr-hf_syn/model/model.safetensors"));
    assert_string_equal(fal_value_string(fal_value_get(fal_checkpoint_config(ckpt), "model_type"), ""), "wav2vec2");
    fal_checkpoint_free(&ckpt);
}

static void test_shards(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("wav2vec2/w2v2-xlsr-sharded/model"));
    assert_int_equal(fal_checkpoint_count(ckpt), 77);
    assert_non_null(fal_checkpoint_find(ckpt, "project_hid.bias"));
    assert_true(fal_checkpoint_bytes(ckpt) == 103912 + 23880);
    for (size_t i = 1; i < fal_checkpoint_count(ckpt); i++)
        assert_true(strcmp(fal_checkpoint_sorted_at(ckpt, i - 1)->name, fal_checkpoint_sorted_at(ckpt, i)->name) < 0);
    fal_checkpoint_free(&ckpt);
}

/* ---- damaged folders ---- */

static void put(const char *folder, const char *name, const char *text)
{
    fal_error err = {0};
    fal_check_ok(fal_file_write(fal_temp_path("%s/%s", folder, name), text, strlen(text), &err), &err);
}

static void copy(const char *folder, const char *name, const char *from)
{
    fal_buf bytes = {0};
    fal_error err = {0};
    fal_check_ok(fal_file_read(from, 0, &bytes, &err), &err);
    fal_check_ok(fal_file_write(fal_temp_path("%s/%s", folder, name), bytes.data, bytes.length, &err), &err);
    fal_buf_free(&bytes);
}

static void check_refused(const char *folder, fal_status status, const char *text)
{
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    fal_check_fails(fal_checkpoint_open(fal_temp_path("%s", folder), NULL, &ckpt, &err), status, text, &err);
    assert_null(ckpt);
}

static void check_index(const char *folder, const char *map, fal_status status, const char *text)
{
    char *index = fal_asprintf("{\"weight_map\": %s}", map);
    assert_non_null(index);
    copy(folder, "one.safetensors", fal_data_path("hostile/ok_misaligned.safetensors"));
    copy(folder, "two.safetensors", fal_data_path("hostile/ok.safetensors"));
    put(folder, "model.safetensors.index.json", index);
    check_refused(folder, status, text);
    fal_free(index);
}

static void test_index_mistakes(void **state)
{
    (void)state;
    check_index("up", "{\"a\": \"../two.safetensors\"}", FAL_ERR_FORMAT, "expected a file name");
    check_index("hidden", "{\"a\": \".two.safetensors\"}", FAL_ERR_FORMAT, "expected a file name");
    check_index("number", "{\"a\": 5}", FAL_ERR_FORMAT, "expected a file name");
    check_index("absent", "{\"a\": \"three.safetensors\"}", FAL_ERR_NOT_FOUND, "three.safetensors");
    check_index("swapped", "{\"aa\": \"two.safetensors\", \"a\": \"one.safetensors\"}", FAL_ERR_FORMAT,
                "is not in");
    check_index("unknown", "{\"nothing\": \"one.safetensors\"}", FAL_ERR_FORMAT, "nothing is not in one.safetensors");
    check_index("none", "{}", FAL_ERR_FORMAT, "no weight_map");
    check_index("list", "[]", FAL_ERR_FORMAT, "no weight_map");
}


static void test_same_tensor_in_two_shards(void **state)
{
    (void)state;
    copy("twice", "one.safetensors", fal_data_path("hostile/ok.safetensors"));
    copy("twice", "two.safetensors", fal_data_path("hostile/ok.safetensors"));
    put("twice", "model.safetensors.index.json",
        "{\"weight_map\": {\"a\": \"two.safetensors\", \"b\": \"one.safetensors\"}}");
    check_refused("twice", FAL_ERR_FORMAT, "two tensors called a");
}

static void test_folder_without_weights(void **state)
{
    (void)state;
    put("bare", "config.json", "{}");
    check_refused("bare", FAL_ERR_NOT_FOUND, "a folder without weights");
    check_refused("not there", FAL_ERR_NOT_FOUND, "not there");
}

static void count_warnings(void *user, fal_log_level level, const char *component, const char *text)
{
    (void)component;
    if (level == FAL_LOG_WARN && strstr(text, "config.json"))
        ++*(int *)user;
}

/* In a model's own folder a damaged config is an error; beside a lone file it may belong to something else. */
static void test_damaged_config(void **state)
{
    (void)state;
    int warnings = 0;
    fal_log log = {.write = count_warnings, .user = &warnings, .level = FAL_LOG_WARN};
    fal_checkpoint *ckpt = NULL;
    fal_error err = {0};
    copy("broken", "model.safetensors", fal_data_path("hostile/ok_misaligned.safetensors"));
    put("broken", "config.json", "{\"width\": ");
    check_refused("broken", FAL_ERR_FORMAT, "config.json");
    fal_check_ok(fal_checkpoint_open(fal_temp_path("broken/model.safetensors"), &log, &ckpt, &err), &err);
    assert_null(fal_checkpoint_config(ckpt));
    assert_int_equal(warnings, 1);
    fal_checkpoint_free(&ckpt);
}

static void test_open_clip_folder(void **state)
{
    (void)state;
    copy("clip", "open_clip_model.safetensors", fal_data_path("hostile/ok_misaligned.safetensors"));
    put("clip", "open_clip_config.json", "{\"model_cfg\": {\"embed_dim\": 20}}");
    fal_checkpoint *ckpt = open_checkpoint(fal_temp_path("clip"));
    const fal_value *config = fal_checkpoint_open_clip_config(ckpt);
    assert_int_equal(fal_value_int(fal_value_path(config, "model_cfg.embed_dim"), 0), 20);
    fal_checkpoint_free(&ckpt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hugging_face_folder),
        cmocka_unit_test(test_file_beside_its_config),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_index_mistakes),
        cmocka_unit_test(test_same_tensor_in_two_shards),
        cmocka_unit_test(test_folder_without_weights),
        cmocka_unit_test(test_damaged_config),
        cmocka_unit_test(test_open_clip_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
