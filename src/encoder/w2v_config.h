/* Configuration of wav2vec 2.0, HuBERT and WavLM, and where files keep it: Hugging Face config.json, fairseq Namespace
 * or dictionaries (Microsoft's WavLM: one flat dictionary), or the tensors alone. */
#ifndef FAL_ENCODER_W2V_CONFIG_H
#define FAL_ENCODER_W2V_CONFIG_H

#include "encoder/family.h"

enum { FAL_W2V_MAX_CONVS = 12 };

/* One layer of the convolutional front end. */
typedef struct fal_w2v_conv {
    int64_t dim, kernel, stride;
} fal_w2v_conv;

typedef struct fal_w2v_config {
    int64_t width, ffn, layers, heads; /* H, F, L, A */
    int64_t conv_count;
    fal_w2v_conv convs[FAL_W2V_MAX_CONVS];
    bool conv_bias;
    bool layer_front;     /* LayerNorm after every conv; else GroupNorm after the first */
    bool projection;      /* false: C equals H and fairseq left the Linear out */
    int64_t taps, groups; /* positional convolution */
    int64_t buckets;      /* WavLM: learnt relative positions, 0 in the other families */
    int64_t max_distance; /* of those, in rows */
    bool pre_norm;        /* "stable layer norm" */
    double norm_eps;
    bool normalise;  /* the waveform, over the whole clip */
    double wave_eps; /* of that; not a property of the file */
} fal_w2v_config;

#define FAL_W2V_CONV0 "feature_extractor.conv_layers.0.conv.weight|feature_extractor.conv_layers.0.0.weight"
#define FAL_W2V_POSITIONS "encoder.pos_conv_embed.conv.|encoder.pos_conv.0."

#define FAL_W2V_BUCKETS \
    "encoder.layers.0.attention.rel_attn_embed.weight|encoder.layers.0.self_attn.relative_attention_bias.weight"

/* Accepts a config.json whose model_type is one of `types` (NULL-terminated; the first is meant where none is said). */
fal_status fal_w2v_configure(const char *const *types, const fal_config_source *source, fal_w2v_config *config,
                             fal_error *err);
void fal_w2v_config_json(const char *model_type, const fal_w2v_config *config, fal_jw *w);

#endif
