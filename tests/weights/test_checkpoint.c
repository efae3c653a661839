#include "weights_support.h"

#include "core/alloc.h"

#include <string.h>

/* ---- tensors of small files ---- */

static void check_ok_file(const char *name, fal_container container)
{
    static const float a[] = {0, 1, 2, 3, 4, 5}, b[] = {10, 11, 12, 13};
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/%s", name));
    assert_int_equal(fal_checkpoint_container(ckpt), container);
    assert_int_equal(fal_checkpoint_count(ckpt), 2);
    assert_string_equal(fal_checkpoint_at(ckpt, 0)->name, "a");
    assert_string_equal(fal_checkpoint_root_key(ckpt), "");
    check_values(ckpt, "a", a, 6);
    check_values(ckpt, "b", b, 4);
    assert_null(fal_checkpoint_find(ckpt, "c"));
    assert_null(fal_checkpoint_at(ckpt, 2));
    fal_checkpoint_free(&ckpt);
}

static void test_zip_forms(void **state)
{
    (void)state;
    check_ok_file("ok.pt", FAL_CONTAINER_TORCH_ZIP);
    check_ok_file("ok_zip64.pt", FAL_CONTAINER_TORCH_ZIP);
    check_ok_file("ok_deflated.pt", FAL_CONTAINER_TORCH_ZIP);
    check_ok_file("ok_misaligned.pt", FAL_CONTAINER_TORCH_ZIP);
}

static void test_legacy(void **state)
{
    (void)state;
    static const float a[] = {0, 1, 2, 3, 4, 5}, b[] = {10, 11, 12, 13};
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/ok_legacy.pt"));
    assert_int_equal(fal_checkpoint_container(ckpt), FAL_CONTAINER_TORCH_LEGACY);
    assert_string_equal(fal_checkpoint_root_key(ckpt), "model");
    check_values(ckpt, "a", a, 6);
    check_values(ckpt, "b", b, 4);
    check_values(ckpt, "same", a + 3, 3);
    const float *whole = fal_checkpoint_find(ckpt, "a")->tensor.data;
    const float *part = fal_checkpoint_find(ckpt, "same")->tensor.data;
    assert_ptr_equal(whole + 3, part); /* one storage, one copy */
    fal_checkpoint_free(&ckpt);

    ckpt = open_checkpoint(fal_data_path("hostile/ok_legacy_view.pt"));
    check_values(ckpt, "a", (float[]){3, 4}, 2); /* element 1 of the view that starts at element 2 */
    fal_checkpoint_free(&ckpt);
}

static void test_views(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/ok_views.pt"));
    check_values(ckpt, "t", (float[]){0, 3, 1, 4, 2, 5}, 6);
    check_values(ckpt, "part", (float[]){4, 5}, 2);
    check_values(ckpt, "wide", (float[]){10, 11, 12, 13, 10, 11, 12, 13}, 8);
    assert_int_equal(fal_tensor_count(&fal_checkpoint_find(ckpt, "none")->tensor), 0);
    fal_checkpoint_free(&ckpt);
}

static void test_every_type(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        fal_dtype dtype;
        float second;
    } types[] = {
        {"Float", FAL_F32, -2}, {"Double", FAL_F64, -2}, {"Half", FAL_F16, -2}, {"BFloat16", FAL_BF16, -2},
        {"Long", FAL_I64, -2},  {"Int", FAL_I32, -2},    {"Short", FAL_I16, -2}, {"Char", FAL_I8, -2},
        {"Byte", FAL_U8, 2},    {"Bool", FAL_BOOL, 0},
    };
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/ok_types.pt"));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const fal_named_tensor *t = fal_checkpoint_find(ckpt, types[i].name);
        assert_non_null(t);
        assert_int_equal(t->tensor.dtype, types[i].dtype);
        check_values(ckpt, types[i].name, (float[]){1, types[i].second}, 2);
    }
    fal_checkpoint_free(&ckpt);
}

static void test_rebuild_functions(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/ok_rebuilds.pt"));
    assert_int_equal(fal_checkpoint_count(ckpt), 3); /* the complex one is no weight */
    check_values(ckpt, "v3", (float[]){0, 1, 2, 3, 4, 5}, 6);
    check_values(ckpt, "param", (float[]){10, 11, 12, 13}, 4);
    check_values(ckpt, "sub", (float[]){11, 12}, 2);
    assert_int_equal(fal_value_type(fal_value_get(fal_checkpoint_object(ckpt), "complex")), FAL_VALUE_OBJECT);
    fal_checkpoint_free(&ckpt);
}

static void test_finding_the_state_dict(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/ok_nested.pt"));
    assert_int_equal(fal_checkpoint_count(ckpt), 2);
    assert_string_equal(fal_checkpoint_at(ckpt, 0)->name, "encoder.fc.weight");
    assert_string_equal(fal_checkpoint_at(ckpt, 1)->name, "head.bias");
    assert_int_equal(fal_value_int(fal_value_get(fal_checkpoint_object(ckpt), "step"), 0), 7);
    fal_checkpoint_free(&ckpt);

    ckpt = open_checkpoint(fal_data_path("hostile/ok_wrapped.pt")); /* "model" is a string there */
    assert_string_equal(fal_checkpoint_root_key(ckpt), "state_dict");
    assert_int_equal(fal_checkpoint_count(ckpt), 1);
    fal_checkpoint_free(&ckpt);
}

static void test_safetensors(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("hostile/ok.safetensors"));
    assert_int_equal(fal_checkpoint_container(ckpt), FAL_CONTAINER_SAFETENSORS);
    assert_int_equal(fal_checkpoint_count(ckpt), 3);
    check_values(ckpt, "a", (float[]){0, 1, 2, 3, 4, 5}, 6);
    check_values(ckpt, "b", (float[]){7}, 1);
    assert_int_equal(fal_checkpoint_find(ckpt, "b")->tensor.rank, 0);
    assert_string_equal(fal_checkpoint_metadata(ckpt, "format"), "pt");
    assert_null(fal_checkpoint_metadata(ckpt, "none"));
    assert_int_equal(fal_value_int(fal_value_get(fal_checkpoint_config(ckpt), "width"), 0), 48);
    assert_null(fal_checkpoint_object(ckpt));
    fal_checkpoint_free(&ckpt);

    ckpt = open_checkpoint(fal_data_path("hostile/ok_misaligned.safetensors"));
    check_values(ckpt, "aa", (float[]){0, 1, 2, 3, 4, 5}, 6);
    assert_int_equal((uintptr_t)fal_checkpoint_at(ckpt, 0)->tensor.data % sizeof(float), 0);
    fal_checkpoint_free(&ckpt);

    ckpt = open_checkpoint(fal_data_path("hostile/ok_unknown_type.safetensors"));
    assert_int_equal(fal_checkpoint_count(ckpt), 1);
    fal_checkpoint_free(&ckpt);
}

/* ---- checkpoints as fairseq and Lightning write them ---- */

static void test_tensor_lists(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"pretrained_prenorm_syn", "checkpoint.pt"},
        {"finetuned_seq2seq_syn", "checkpoint_ft.pt"},
        {"pretrained_postnorm", "checkpoint.pt"},
        {"pretrained_add_args", "checkpoint_args.pt"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        check_tensor_list(fal_data_path("avhubert/%s/%s", files[i][0], files[i][1]),
                          fal_data_path("avhubert/%s/tensors.json", files[i][0]));
}

static void test_fairseq_dict(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("avhubert/pretrained_prenorm_syn/checkpoint.pt"));
    const fal_value *top = fal_checkpoint_object(ckpt);
    assert_string_equal(fal_checkpoint_root_key(ckpt), "model");
    assert_int_equal(fal_value_int(fal_value_path(top, "cfg.common.seed"), 0), 1337);
    assert_true(fal_value_bool(fal_value_path(top, "cfg.common.fp16"), false));
    assert_true(fal_value_real(fal_value_path(top, "cfg.common.min_loss_scale"), 0) == 0.0001);
    assert_string_equal(fal_value_string(fal_value_path(top, "cfg.common.log_format"), ""), "json");
    assert_int_equal(fal_value_type(fal_value_path(top, "cfg.common.log_file")), FAL_VALUE_NONE);
    assert_true(fal_value_bool(fal_value_path(top, "cfg.model.layer_norm_first"), false));
    assert_null(fal_value_path(top, "cfg.model.nothing.below"));
    const fal_value *dictionaries = fal_value_path(top, "task_state.dictionaries");
    assert_int_equal(fal_value_count(dictionaries), 1);
    assert_string_equal(fal_value_class(fal_value_at(dictionaries, 0)), "fairseq.data.dictionary.Dictionary");
    assert_true(fal_value_count(fal_value_get(fal_value_at(dictionaries, 0), "symbols")) > 0);
    assert_true(fal_checkpoint_class_count(ckpt) >= 5);
    fal_checkpoint_free(&ckpt);
}

static void test_fairseq_namespace(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("avhubert/pretrained_add_args/checkpoint_args.pt"));
    const fal_value *args = fal_value_get(fal_checkpoint_object(ckpt), "args");
    assert_string_equal(fal_value_class(args), "argparse.Namespace");
    assert_int_equal(fal_value_int(fal_value_get(args, "encoder_embed_dim"), 0), 16);
    assert_true(fal_value_bool(fal_value_get(args, "layer_norm_first"), false));
    assert_true(fal_value_real(fal_value_get(args, "dropout"), 0) == 0.1);
    fal_checkpoint_free(&ckpt);
}

static void test_fine_tuned(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("avhubert/finetuned_seq2seq_syn/checkpoint_ft.pt"));
    const fal_value *top = fal_checkpoint_object(ckpt);
    assert_non_null(fal_checkpoint_find(ckpt, "encoder.w2v_model.feature_extractor_audio.proj.weight"));
    assert_true(fal_value_bool(fal_value_path(top, "cfg.model.w2v_args.model.layer_norm_first"), false));
    /* The tokenizer's model, bytes that protocol 2 wrote as text. */
    bool sentencepiece = false;
    for (size_t i = 0; i < fal_checkpoint_class_count(ckpt); i++)
        sentencepiece |= !strcmp(fal_checkpoint_class_at(ckpt, i), "sentencepiece.SentencePieceProcessor");
    assert_true(sentencepiece);
    fal_checkpoint_free(&ckpt);
}

static void test_legacy_fairseq(void **state)
{
    (void)state;
    fal_checkpoint *ckpt = open_checkpoint(fal_data_path("wav2vec2/w2v2-base-fairseq/checkpoint.pt"));
    assert_int_equal(fal_checkpoint_container(ckpt), FAL_CONTAINER_TORCH_LEGACY);
    assert_int_equal(fal_checkpoint_count(ckpt), 58);
    assert_false(fal_value_bool(fal_value_path(fal_checkpoint_object(ckpt), "args.normalize"), true));
    fal_checkpoint_free(&ckpt);
}

static void test_absent_values(void **state)
{
    (void)state;
    assert_int_equal(fal_value_type(NULL), FAL_VALUE_NONE);
    assert_int_equal(fal_value_count(NULL), 0);
    assert_null(fal_value_at(NULL, 0));
    assert_null(fal_value_get(NULL, "x"));
    assert_null(fal_value_path(NULL, "x.y"));
    assert_null(fal_value_class(NULL));
    assert_null(fal_value_tensor(NULL));
    assert_int_equal(fal_value_int(NULL, 5), 5);
    assert_true(fal_value_real(NULL, 0.5) == 0.5);
    assert_true(fal_value_bool(NULL, true));
    assert_string_equal(fal_value_string(NULL, "x"), "x");
    fal_checkpoint *none = NULL;
    fal_checkpoint_free(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zip_forms),
        cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_rebuild_functions),
        cmocka_unit_test(test_finding_the_state_dict),
        cmocka_unit_test(test_safetensors),
        cmocka_unit_test(test_tensor_lists),
        cmocka_unit_test(test_fairseq_dict),
        cmocka_unit_test(test_fairseq_namespace),
        cmocka_unit_test(test_fine_tuned),
        cmocka_unit_test(test_legacy_fairseq),
        cmocka_unit_test(test_absent_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
