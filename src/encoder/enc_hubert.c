/* HuBERT (Hsu et al. 2021): the network of wav2vec 2.0, trained to predict clusters. Originals:
 * facebookresearch/fairseq (examples/hubert), huggingface/transformers. docs/models/hubert.md has the rest. */
#include "encoder/w2v_model.h"

/* The same tensors as wav2vec 2.0: a file that does not say which it is can be opened as either. */
static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    fal_w2v_kind kind = fal_w2v_recognise(ckpt, prefix);
    return kind == FAL_W2V_WAV2VEC2 || kind == FAL_W2V_HUBERT;
}

static bool yields(const fal_checkpoint *ckpt)
{
    char prefix[FAL_PREFIX_BYTES];
    return fal_w2v_recognise(ckpt, prefix) != FAL_W2V_HUBERT;
}

static fal_status configure(const fal_config_source *source, void *config, fal_error *err)
{
    static const char *const types[] = {"hubert", "wav2vec2", NULL};
    return fal_w2v_configure(types, source, config, err);
}

static void config_json(const void *config, fal_jw *w)
{
    fal_w2v_config_json("hubert", config, w);
}

static void tiny(void *config)
{
    *(fal_w2v_config *)config =
        (fal_w2v_config){.width = 36,
                         .ffn = 44,
                         .layers = 3,
                         .heads = 6,
                         .conv_count = 7,
                         .convs = {{6, 10, 5}, {7, 3, 2}, {8, 3, 2}, {9, 3, 2}, {10, 3, 2}, {11, 2, 2}, {12, 2, 2}},
                         .projection = true,
                         .taps = 10,
                         .groups = 4,
                         .norm_eps = 1e-5,
                         .normalise = true,
                         .wave_eps = 1e-7};
}

/* fairseq's files have no biases in the front end. The Hugging Face configuration of the large types asks for some. */
static const fal_w2v_config base = {FAL_W2V_BASE, .normalise = true, FAL_W2V_RELEASE};
static const fal_w2v_config base_fairseq = {FAL_W2V_BASE, FAL_W2V_RELEASE};
static const fal_w2v_config large = {FAL_W2V_LARGE, .conv_bias = true, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};
static const fal_w2v_config large_fairseq = {FAL_W2V_LARGE, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};
static const fal_w2v_config xlarge = {FAL_W2V_XLARGE, .conv_bias = true, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};
static const fal_w2v_config xlarge_fairseq = {FAL_W2V_XLARGE, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};

/* clang-format off */
#define HF(size, width, config)                                                                                     \
    {{FAL_W2V_FACTS("hubert", "hubert-" size, size, width), .licence = "Apache-2.0",                                 \
      .source = "huggingface.co/facebook/hubert-" size, .files = FAL_HF_FILES("facebook/hubert-" size)},             \
     config, false}
#define FAIRSEQ(size, width, file, config)                                                                          \
    {{FAL_W2V_FACTS("hubert", "hubert-" size "-fairseq", size, width), .licence = "MIT",                             \
      .source = "github.com/facebookresearch/fairseq (examples/hubert)",                                            \
      .files = FAL_W2V_FAIRSEQ_FILE("hubert", file)},                                                               \
     config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    HF("base-ls960", 768, &base),
    HF("large-ll60k", 1024, &large),
    HF("xlarge-ll60k", 1280, &xlarge),
    FAIRSEQ("base-ls960", 768, "hubert_base_ls960.pt", &base_fairseq),
    FAIRSEQ("large-ll60k", 1024, "hubert_large_ll60k.pt", &large_fairseq),
    FAIRSEQ("xlarge-ll60k", 1280, "hubert_xtralarge_ll60k.pt", &xlarge_fairseq),
};

const fal_family fal_family_hubert = {
    FAL_W2V_NETWORK,
    .name = "hubert",
    .configs = configs,
    .config_count = FAL_COUNT(configs),
    .recognise = recognise,
    .yields = yields,
    .configure = configure,
    .tiny = tiny,
    .config_json = config_json,
};
