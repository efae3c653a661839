/* WavLM (Chen et al. 2022): HuBERT's network with gated relative positions. Originals: microsoft/unilm (wavlm/),
 * huggingface/transformers. docs/models/wavlm.md has the rest. */
#include "encoder/w2v_model.h"

static bool recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    return fal_w2v_recognise(ckpt, prefix) == FAL_W2V_WAVLM;
}

static fal_status configure(const fal_config_source *source, void *config, fal_error *err)
{
    static const char *const types[] = {"wavlm", NULL};
    return fal_w2v_configure(types, source, config, err);
}

static void config_json(const void *config, fal_jw *w)
{
    fal_w2v_config_json("wavlm", config, w);
}

static void tiny(void *config)
{
    *(fal_w2v_config *)config =
        (fal_w2v_config){.width = 40,
                         .ffn = 52,
                         .layers = 3,
                         .heads = 5,
                         .conv_count = 7,
                         .layer_front = true,
                         .convs = {{6, 10, 5}, {7, 3, 2}, {8, 3, 2}, {9, 3, 2}, {10, 3, 2}, {11, 2, 2}, {12, 2, 2}},
                         .projection = true,
                         .taps = 14,
                         .groups = 10,
                         .buckets = 20,
                         .max_distance = 24,
                         .pre_norm = true,
                         .norm_eps = 1e-5,
                         .normalise = true,
                         .wave_eps = 1e-7};
}

#define POSITIONS .buckets = 320, .max_distance = 800
static const fal_w2v_config base = {FAL_W2V_BASE, POSITIONS, FAL_W2V_RELEASE};
static const fal_w2v_config large = {FAL_W2V_LARGE, POSITIONS, FAL_W2V_LAYER_TYPE, FAL_W2V_RELEASE};

/* clang-format off */
#define HF(size, width, config)                                                                                     \
    {{FAL_W2V_FACTS("wavlm", "wavlm-" size, size, width), .licence = "see source (model card)",                      \
      .source = "huggingface.co/microsoft/wavlm-" size, .files = FAL_HF_FILES("microsoft/wavlm-" size)},             \
     config, false}
#define MICROSOFT(size, width, file, config)                                                                        \
    {{FAL_W2V_FACTS("wavlm", "wavlm-" size "-microsoft", size, width), .licence = "MIT (the repository's)",          \
      .source = "github.com/microsoft/unilm (wavlm)",                                                               \
      .page = "https://github.com/microsoft/unilm/tree/master/wavlm", .files = {{.name = file}}},                   \
     config, false}
/* clang-format on */
static const fal_config_entry configs[] = {
    HF("base", 768, &base),
    HF("base-plus", 768, &base),
    HF("base-sv", 768, &base),
    HF("large", 1024, &large),
    MICROSOFT("base", 768, "WavLM-Base.pt", &base),
    MICROSOFT("base-plus", 768, "WavLM-Base+.pt", &base),
    MICROSOFT("large", 1024, "WavLM-Large.pt", &large),
};

const fal_family fal_family_wavlm = {
    FAL_W2V_NETWORK,        .name = "wavlm",        .configs = configs, .config_count = FAL_COUNT(configs),
    .recognise = recognise, .configure = configure, .tiny = tiny,       .config_json = config_json,
};
