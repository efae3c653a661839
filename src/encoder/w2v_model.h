/* The network of wav2vec 2.0, HuBERT and WavLM.
 *
 *   wave [n], 16 kHz ─ (normalise) ─ 7 x Conv1d ─► [T,C], 50 Hz ─ LN ─ Linear ─► [T,H] ─ + posconv
 *     post-norm:  ─ LN_enc ─ L layers            pre-norm:  ─ L layers ─ LN_enc
 *     ─► [T,H] ─ two rows joined (the last one repeated when T is odd) ─► [ceil(T/2), 2H], 25 Hz
 *
 * WavLM's attention adds gated relative positions in every layer (self_attention.h, "bucketed"). The feature at 25 Hz
 * is that of the paper's extractor (bit-ml/ssr-dfd, wav2vec2.py). Originals: facebookresearch/fairseq, microsoft/unilm
 * and huggingface/transformers.
 *
 * The families that run on it differ in how files are recognised, in names and in the released configurations: an
 * enc_<family>.c each, whose fal_family starts with FAL_W2V_NETWORK. */
#ifndef FAL_ENCODER_W2V_MODEL_H
#define FAL_ENCODER_W2V_MODEL_H

#include "encoder/posconv.h"
#include "encoder/transformer.h"
#include "encoder/w2v_frontend.h"
#include "encoder/w2v_kind.h"

typedef struct fal_w2v_weights {
    fal_w2v_conv_weights convs[FAL_W2V_MAX_CONVS];
    fal_norm_weights feature_norm;   /* [C] */
    fal_tensor project_w, project_b; /* [H,C], [H] */
    fal_posconv_weights positions;
    fal_norm_weights encoder_norm; /* [H] */
    fal_tensor buckets;            /* [num_buckets, A], WavLM */
    fal_block_weights *blocks;     /* [L] */
} fal_w2v_weights;

typedef struct fal_w2v_model {
    fal_w2v_config config;
    fal_w2v_weights weights; /* views, valid while building */
    fal_w2v_frontend *front;
    fal_norm feature_norm, encoder_norm;
    fal_linear *project; /* NULL: C equals H and there is none */
    fal_posconv *positions;
    fal_transformer *layers;
} fal_w2v_model;

/* Members of fal_family. */
fal_status fal_w2v_bind(void *model, fal_bind *bind, fal_error *err);
fal_status fal_w2v_build(void *model, const fal_build *build, fal_error *err);
fal_status fal_w2v_forward(const void *model, fal_forward *pass, fal_error *err);
void fal_w2v_describe(const void *config, fal_encoder_description *out);
fal_pooling fal_w2v_pooling(const void *config);
void fal_w2v_clear(void *model);
extern const char *const fal_w2v_ignored[];

#define FAL_W2V_NETWORK                                                                                              \
    .streams = 1 << FAL_STREAM_AUDIO, .default_stream = FAL_STREAM_AUDIO, .audio_input = FAL_INPUT_WAVE,             \
    .rate_hz = 25, .config_size = sizeof(fal_w2v_config), .model_size = sizeof(fal_w2v_model), .bind = fal_w2v_bind, \
    .build = fal_w2v_build, .forward = fal_w2v_forward, .describe = fal_w2v_describe, .pooling = fal_w2v_pooling,    \
    .clear = fal_w2v_clear, .ignored = fal_w2v_ignored, .draw = fal_posconv_draw_gain

/* ---- for catalogue rows ---- */

/* What every release has in common. */
#define FAL_W2V_RELEASE                                                                                    \
    .conv_count = 7,                                                                                       \
    .convs = {{512, 10, 5}, {512, 3, 2}, {512, 3, 2}, {512, 3, 2}, {512, 3, 2}, {512, 2, 2}, {512, 2, 2}}, \
    .projection = true, .taps = 128, .groups = 16, .norm_eps = 1e-5, .wave_eps = 1e-7
#define FAL_W2V_LAYER_TYPE .layer_front = true, .pre_norm = true, .normalise = true
#define FAL_W2V_BASE .width = 768, .ffn = 3072, .layers = 12, .heads = 12
#define FAL_W2V_LARGE .width = 1024, .ffn = 4096, .layers = 24, .heads = 16
#define FAL_W2V_XLARGE .width = 1280, .ffn = 5120, .layers = 48, .heads = 16

#define FAL_W2V_FACTS(family_name, row, size_name, channels) \
    .name = row, .family = family_name, .size = size_name, .streams = "audio", .dim = 2 * (channels), .rate_hz = 25

/* Files of a Hugging Face repository. */
#define FAL_HF_FILE(repo, file)                                                        \
    {                                                                                  \
        .name = file, .urls = { "https://huggingface.co/" repo "/resolve/main/" file } \
    }
#define FAL_HF_FILES(repo)                                                        \
    {                                                                             \
        FAL_HF_FILE(repo, "pytorch_model.bin"), FAL_HF_FILE(repo, "config.json"), \
            FAL_HF_FILE(repo, "preprocessor_config.json")                         \
    }
#define FAL_W2V_FAIRSEQ_FILE(folder, file)                                              \
    {                                                                                   \
        {                                                                               \
            .name = file, .urls = { "https://dl.fbaipublicfiles.com/" folder "/" file } \
        }                                                                               \
    }

#endif
