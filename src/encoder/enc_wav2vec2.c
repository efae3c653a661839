/* wav2vec 2.0 (Baevski et al. 2020), XLSR (Conneau et al. 2020), robust wav2vec 2.0 (Hsu et al. 2021), XLS-R (Babu et
 * al. 2021). The network is w2v_model.h's; docs/models/wav2vec2.md has the rest. */
#include "encoder/w2v_model.h"

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    fal_w2v_kind kind = fal_w2v_recognise(ckpt, prefix);
    return kind == FAL_W2V_WAV2VEC2 || kind == FAL_W2V_HUBERT;
}

static bool yields(const fal_checkpoint *ckpt)
{
    char prefix[FAL_PREFIX_BYTES];
    return fal_w2v_recognise(ckpt, prefix) == FAL_W2V_HUBERT;
}

static fal_status configure(const fal_config_source *source, void *config, fal_error *err)
{
    static const char *const types[] = {"wav2vec2", "hubert", NULL};
    return fal_w2v_configure(types, source, config, err);
}

static void config_json(const void *config, fal_jw *w)
{
    fal_w2v_config_json("wav2vec2", config, w);
}

static void tiny(void *config)
{
    *(fal_w2v_config *)config =
        (fal_w2v_config){.width = 32,
                         .ffn = 40,
                         .layers = 3,
                         .heads = 4,
                         .conv_count = 7,
                         .conv_bias = true,
                         .layer_front = true,
                         .convs = {{6, 10, 5}, {7, 3, 2}, {8, 3, 2}, {9, 3, 2}, {10, 3, 2}, {11, 2, 2}, {12, 2, 2}},
                         .projection = true,
                         .taps = 8,
                         .groups = 4,
                         .pre_norm = true,
                         .norm_eps = 1e-5,
                         .normalise = true,
                         .wave_eps = 1e-7};
}

/* The base type was trained without normalisation; its Hugging Face files ask for it all the same. */
static const fal_w2v_config base = {FAL_W2V_BASE, .normalise = true, FAL_W2V_RELEASE};
static const fal_w2v_config base_fairseq = {FAL_W2V_BASE, FAL_W2V_RELEASE};
static const fal_w2v_config large = {FAL_W2V_LARGE, .normalise = true, FAL_W2V_RELEASE};
static const fal_w2v_config large_fairseq = {FAL_W2V_LARGE, FAL_W2V_RELEASE};
static const fal_w2v_config large_layer = {FAL_W2V_LARGE, .conv_bias = true, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};
static const fal_w2v_config xls_r_1b = {FAL_W2V_XLARGE, .conv_bias = true, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};
static const fal_w2v_config xls_r_2b = {
    .width = 1920, .ffn = 7680, .layers = 48, .heads = 16, .conv_bias = true, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};

/* clang-format off */
#define HF(size, width, config)                                                                                     \
    {{FAL_W2V_FACTS("wav2vec2", "wav2vec2-" size, size, width), .licence = "Apache-2.0",                             \
      .source = "huggingface.co/facebook/wav2vec2-" size, .files = FAL_HF_FILES("facebook/wav2vec2-" size)},         \
     config, false}
#define FAIRSEQ(size, width, file, config)                                                                          \
    {{FAL_W2V_FACTS("wav2vec2", "wav2vec2-" size "-fairseq", size, width), .licence = "MIT",                         \
      .source = "github.com/facebookresearch/fairseq (examples/wav2vec)",                                           \
      .files = FAL_W2V_FAIRSEQ_FILE("fairseq/wav2vec", file)},                                                      \
     config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    HF("base", 768, &base),
    HF("large", 1024, &large),
    HF("large-lv60", 1024, &large_layer),
    HF("large-robust", 1024, &large_layer),
    HF("large-xlsr-53", 1024, &large_layer),
    HF("xls-r-300m", 1024, &large_layer),
    HF("xls-r-1b", 1280, &xls_r_1b),
    HF("xls-r-2b", 1920, &xls_r_2b),
    FAIRSEQ("base", 768, "wav2vec_small.pt", &base_fairseq),
    FAIRSEQ("large", 1024, "libri960_big.pt", &large_fairseq),
    FAIRSEQ("large-lv60", 1024, "wav2vec_vox_new.pt", &large_layer),
    FAIRSEQ("large-robust", 1024, "w2v_large_lv_fsh_swbd_cv.pt", &large_layer),
    FAIRSEQ("large-xlsr-53", 1024, "xlsr_53_56k.pt", &large_layer),
    FAIRSEQ("xls-r-300m", 1024, "xlsr2_300m.pt", &large_layer),
    FAIRSEQ("xls-r-1b", 1280, "xlsr2_960m_1000k.pt", &xls_r_1b),
    FAIRSEQ("xls-r-2b", 1920, "xlsr2_2B_1000k.pt", &xls_r_2b),
};

const fal_family fal_family_wav2vec2 = {
    FAL_W2V_NETWORK,
    .name = "wav2vec2",
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .recognise = recognise,
    .yields = yields,
    .configure = configure,
    .tiny = tiny,
    .config_json = config_json,
};
