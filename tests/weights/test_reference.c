/* The full goldens and the published probes, where the reference folder is there. */
#include "weights_support.h"

#include "core/alloc.h"
#include "core/str.h"
#include "support/golden.h"

#include <ftw.h>
#include <string.h>

static void test_avhubert_lists(void **state)
{
    (void)state;
    fal_skip_without_reference();
    check_tensor_list(fal_golden_path("avhubert/pretrained_prenorm/checkpoint.pt"),
                      fal_golden_path("avhubert/pretrained_prenorm/tensors.json"));
    check_tensor_list(fal_golden_path("avhubert/pretrained_prenorm/checkpoint_legacy.pt"),
                      fal_golden_path("avhubert/pretrained_prenorm/tensors.json"));
    check_tensor_list(fal_golden_path("avhubert/finetuned_seq2seq/checkpoint_ft.pt"),
                      fal_golden_path("avhubert/finetuned_seq2seq/tensors.json"));
}

/* "head.weight" against head.weight.npy in the folder. */
static void check_array(const fal_checkpoint *ckpt, const char *name, const char *folder)
{
    size_t n;
    float *got = tensor_values(ckpt, name, &n);
    char *path = fal_asprintf("%s/%s.npy", folder, name);
    fal_npy want = fal_golden_npy(path);
    assert_int_equal(n, want.count);
    fal_check_close(name, got, fal_npy_f32(&want), n, 0, 0);
    fal_npy_free(&want);
    fal_free(got);
    fal_free(path);
}

static void test_published_probes(void **state)
{
    (void)state;
    fal_skip_without_reference();
    static const char *const probes[][3] = {
        {"avh_multimodal", "model-epoch=18.ckpt", "multimodal"},
        {"braven_vsr", "model-epoch=37.ckpt", "video"},
        {"wav2vec2", "model-epoch=48.ckpt", "audio"},
    };
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++) {
        const char *folder = fal_reference_path("data/ssr-dfd/checkpoints/%s", probes[i][0]);
        fal_skip_without(folder);
        char *file = fal_path_join(folder, probes[i][1]);
        fal_checkpoint *ckpt = open_checkpoint(file);
        assert_string_equal(fal_checkpoint_root_key(ckpt), "state_dict");
        check_array(ckpt, "head.weight", folder);
        check_array(ckpt, "head.bias", folder);
        const fal_value *hparams =
            fal_value_path(fal_checkpoint_object(ckpt), "hyper_parameters.config.model_hparams");
        assert_string_equal(fal_value_string(fal_value_get(hparams, "input_type"), ""), probes[i][2]);
        fal_checkpoint_free(&ckpt);
        fal_free(file);
    }
}

static void test_torchscript(void **state)
{
    (void)state;
    fal_skip_without_reference();
    fal_checkpoint *ckpt = open_checkpoint(fal_golden_path("clip/openai_jit_fp16_syn/ViT-tiny-6.pt"));
    assert_int_equal(fal_checkpoint_container(ckpt), FAL_CONTAINER_TORCHSCRIPT);
    assert_int_equal(fal_checkpoint_count(ckpt), 41);
    check_values(ckpt, "input_resolution", (float[]){18}, 1);
    const fal_named_tensor *conv = fal_checkpoint_find(ckpt, "visual.conv1.weight");
    const fal_named_tensor *norm = fal_checkpoint_find(ckpt, "visual.transformer.resblocks.0.ln_1.weight");
    assert_non_null(conv);
    assert_non_null(norm);
    assert_int_equal(conv->tensor.dtype, FAL_F16);
    assert_true(fal_tensor_has_shape(&conv->tensor, 4, (int64_t[]){64, 3, 6, 6}));
    assert_int_equal(norm->tensor.dtype, FAL_F32);
    assert_non_null(fal_checkpoint_find(ckpt, "visual.transformer.resblocks.0.attn.in_proj_weight"));
    fal_checkpoint_free(&ckpt);
}

static void test_omegaconf_config(void **state)
{
    (void)state;
    fal_skip_without_reference();
    fal_checkpoint *ckpt = open_checkpoint(fal_golden_path("wav2vec2/w2v2-xlsr-fairseq/checkpoint.pt"));
    const fal_value *cfg = fal_value_get(fal_checkpoint_object(ckpt), "cfg");
    assert_string_equal(fal_value_class(cfg), "omegaconf.dictconfig.DictConfig");
    assert_true(fal_value_int(fal_value_path(cfg, "model.encoder_layers"), 0) > 0);
    assert_string_equal(fal_value_string(fal_value_path(cfg, "model.extractor_mode"), ""), "layer_norm");
    assert_true(fal_value_bool(fal_value_path(cfg, "task.normalize"), false));
    fal_checkpoint_free(&ckpt);
}

/* ---- every weights file there is ---- */

static size_t opened, tensors;

static int open_file(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    static const char *const endings[] = {".pt", ".pth", ".ckpt", ".bin", ".safetensors"};
    (void)info, (void)at;
    for (size_t i = 0; kind == FTW_F && i < sizeof endings / sizeof *endings; i++) {
        if (!fal_str_ends(path, endings[i]))
            continue;
        fal_checkpoint *ckpt = open_checkpoint(path);
        assert_true(fal_checkpoint_count(ckpt) > 0);
        for (size_t t = 0; t < fal_checkpoint_count(ckpt); t++) {
            size_t n;
            fal_free(tensor_values(ckpt, fal_checkpoint_at(ckpt, t)->name, &n));
        }
        opened++;
        tensors += fal_checkpoint_count(ckpt);
        fal_checkpoint_free(&ckpt);
    }
    return 0;
}

static void test_all_goldens_open(void **state)
{
    (void)state;
    fal_skip_without_reference();
    nftw(fal_golden_path("."), open_file, 16, FTW_PHYS);
    print_message("%zu files with %zu tensors opened\n", opened, tensors);
    assert_true(opened >= 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_avhubert_lists),
        cmocka_unit_test(test_published_probes),
        cmocka_unit_test(test_torchscript),
        cmocka_unit_test(test_omegaconf_config),
        cmocka_unit_test(test_all_goldens_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
