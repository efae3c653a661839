#include "encoder/w2v_config.h"

#include "core/str.h"
#include "encoder/fairseq.h"
#include "encoder/posconv.h"

#include <stdio.h>

enum {
    HOP_SAMPLES = 320,     /* 20 ms at 16 kHz: what makes pairs of frames 25 Hz */
    MAX_DISTANCE = 1 << 20 /* rows, almost six hours */
};

/* ---- from the tensors ---- */

static const fal_tensor *peek_conv(const fal_bind *bind, int64_t layer, const char *part)
{
    static const struct {
        const char *part, *hf, *fairseq;
    } names[] = {
        {"weight", "conv.weight", "0.weight"},
        {"bias", "conv.bias", "0.bias"},
        {"norm", "layer_norm.weight", "2.1.weight"},
    };
    char name[256];
    for (size_t i = 0; i < FAL_COUNT(names); i++)
        if (fal_str_eq(names[i].part, part)) {
            snprintf(name, sizeof name, "feature_extractor.conv_layers.%d.%s|feature_extractor.conv_layers.%d.%s",
                     (int)layer, names[i].hf, (int)layer, names[i].fairseq);
            return fal_bind_peek(bind, name);
        }
    return NULL;
}

static fal_status front_from_shapes(const fal_bind *bind, fal_w2v_config *config, fal_error *err)
{
    static const int64_t strides[] = {5, 2, 2, 2, 2, 2, 2};
    const fal_tensor *conv;
    for (int64_t i = 0; (conv = peek_conv(bind, i, "weight")); i++) {
        if (i == FAL_W2V_MAX_CONVS || conv->rank != 3)
            return fal_fail(err, FAL_ERR_UNSUPPORTED,
                            "front end convolution %lld is not covered: at most %d, each [out, in, kernel]",
                            (long long)i, FAL_W2V_MAX_CONVS);
        config->convs[i] =
            (fal_w2v_conv){conv->shape[0], conv->shape[2], i < (int64_t)FAL_COUNT(strides) ? strides[i] : 2};
        config->conv_count = i + 1;
    }
    config->conv_bias = peek_conv(bind, 0, "bias") != NULL;
    config->layer_front = peek_conv(bind, 1, "norm") != NULL;
    return FAL_OK;
}

/* WavLM: buckets and heads from the shape of the bias table. */
static fal_status positions_from_shapes(const fal_bind *bind, fal_w2v_config *config, fal_error *err)
{
    const fal_tensor *table = fal_bind_peek(bind, FAL_W2V_BUCKETS);
    if (!table)
        return FAL_OK;
    if (table->rank != 2 || table->shape[0] < 1)
        return fal_fail(err, FAL_ERR_FORMAT,
                        "the table of relative positions (rel_attn_embed or "
                        "relative_attention_bias) is not [buckets, heads]");
    config->buckets = table->shape[0];
    config->heads = table->shape[1];
    config->max_distance = 800; /* of every release */
    return FAL_OK;
}

static fal_status from_shapes(const fal_bind *bind, fal_w2v_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_tensor *fc1 =
        fal_bind_peek(bind, "encoder.layers.0.feed_forward.intermediate_dense.weight|encoder.layers.0.fc1.weight");
    if (!fc1 || fc1->rank != 2)
        FAL_FAIL(FAL_ERR_FORMAT, "the first layer's feed-forward weight (intermediate_dense or fc1) is missing or no "
                                 "matrix");
    if (!fal_posconv_shape(bind, FAL_W2V_POSITIONS, &config->taps, &config->groups))
        FAL_FAIL(FAL_ERR_FORMAT, "the positional convolution (encoder.pos_conv_embed.conv or encoder.pos_conv.0) is "
                                 "missing or not [H, H/groups, taps] under weight norm");
    FAL_TRY(front_from_shapes(bind, config, err));
    config->ffn = fc1->shape[0];
    config->width = fc1->shape[1];
    config->layers = fal_bind_count(bind, "encoder.layers.%d.");
    config->projection = fal_bind_peek(bind, "feature_projection.projection.weight|post_extract_proj.weight") != NULL;
    /* What shapes cannot tell, as the released models pair it; a configuration overrides. */
    bool large = config->width == 1024 || config->width == 1280 || config->width == 1920;
    config->heads = config->width == 768 ? 12 : large ? 16 : 0;
    config->pre_norm = config->normalise = config->layer_front;
    config->norm_eps = 1e-5;
    FAL_TRY(positions_from_shapes(bind, config, err));
done:
    return st;
}

/* ---- from Hugging Face's config.json ---- */

/* A setting of the file must agree with the tensors beside it. */
static fal_status same_size(const fal_value *json, const char *key, int64_t fallback, int64_t found, fal_error *err)
{
    int64_t said = fal_value_int(fal_value_get(json, key), fallback);
    if (said == found)
        return FAL_OK;
    return fal_fail(err, FAL_ERR_FORMAT, "config.json says %s %lld, the tensors say %lld", key, (long long)said,
                    (long long)found);
}

static fal_status check_type(const char *const *types, const fal_value *json, fal_error *err)
{
    const char *type = fal_value_string(fal_value_get(json, "model_type"), types[0]);
    for (const char *const *t = types; *t; t++)
        if (fal_str_eq(type, *t))
            return FAL_OK;
    return fal_fail(err, FAL_ERR_UNSUPPORTED, "config.json says model_type \"%s\", the tensors fit \"%s\"", type,
                    types[0]);
}

static fal_status refuse_uncovered(const fal_value *json, fal_error *err)
{
    static const char *const activations[] = {"hidden_act", "feat_extract_activation"};
    for (size_t i = 0; i < FAL_COUNT(activations); i++) {
        const char *name = fal_value_string(fal_value_get(json, activations[i]), "gelu");
        if (!fal_str_eq(name, "gelu"))
            return fal_fail(err, FAL_ERR_UNSUPPORTED, "%s \"%s\" is not covered, only \"gelu\"", activations[i], name);
    }
    if (fal_value_bool(fal_value_get(json, "add_adapter"), false) ||
        fal_value_type(fal_value_get(json, "adapter_attn_dim")) != FAL_VALUE_NONE)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "adapters (add_adapter, adapter_attn_dim) are not covered");
    if (fal_value_bool(fal_value_get(json, "conv_pos_batch_norm"), false))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "conv_pos_batch_norm true is not covered, only weight norm");
    if (!fal_value_bool(fal_value_get(json, "feat_proj_layer_norm"), true))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "feat_proj_layer_norm false is not covered");
    return FAL_OK;
}

/* A list of the file with one number per convolution; NULL in *list when it has none. */
static fal_status conv_list(const fal_value *json, const char *key, int64_t convs, const fal_value **list,
                            fal_error *err)
{
    const fal_value *found = fal_value_get(json, key);
    *list = fal_value_type(found) == FAL_VALUE_LIST ? found : NULL;
    if (*list && fal_value_count(*list) != (size_t)convs)
        return fal_fail(err, FAL_ERR_FORMAT, "config.json has %zu %s entries, the tensors %lld convolutions",
                        fal_value_count(*list), key, (long long)convs);
    return FAL_OK;
}

/* Widths and kernels must be those of the tensors; strides are taken over, or stay the standard ones. */
static fal_status convs_from_json(const fal_value *json, fal_w2v_config *config, fal_error *err)
{
    static const struct {
        const char *key;
        size_t member;
        bool of_tensors;
    } lists[] = {{"conv_dim", offsetof(fal_w2v_conv, dim), true},
                 {"conv_kernel", offsetof(fal_w2v_conv, kernel), true},
                 {"conv_stride", offsetof(fal_w2v_conv, stride), false}};
    fal_status st = FAL_OK;
    for (size_t l = 0; l < FAL_COUNT(lists); l++) {
        const fal_value *list;
        FAL_TRY(conv_list(json, lists[l].key, config->conv_count, &list, err));
        for (int64_t i = 0; list && i < config->conv_count; i++) {
            int64_t *ours = (int64_t *)((char *)&config->convs[i] + lists[l].member);
            int64_t said = fal_value_int(fal_value_at(list, (size_t)i), 0);
            if (lists[l].of_tensors && said != *ours)
                FAL_FAIL(FAL_ERR_FORMAT, "config.json says %s %lld for convolution %lld, the tensors say %lld",
                         lists[l].key, (long long)said, (long long)i, (long long)*ours);
            *ours = said;
        }
    }
done:
    return st;
}

static fal_status from_json(const char *const *types, const fal_checkpoint *ckpt, const fal_value *json,
                            fal_w2v_config *config, fal_error *err)
{
    fal_status st = FAL_OK;
    const char *front = fal_value_string(fal_value_get(json, "feat_extract_norm"), "group");
    FAL_TRY(check_type(types, json, err));
    FAL_TRY(refuse_uncovered(json, err));
    FAL_TRY(same_size(json, "hidden_size", 768, config->width, err));
    FAL_TRY(same_size(json, "num_hidden_layers", 12, config->layers, err));
    FAL_TRY(same_size(json, "intermediate_size", 3072, config->ffn, err));
    FAL_TRY(same_size(json, "num_conv_pos_embeddings", 128, config->taps, err));
    FAL_TRY(same_size(json, "num_conv_pos_embedding_groups", 16, config->groups, err));
    if (fal_str_eq(front, "layer") != config->layer_front)
        FAL_FAIL(FAL_ERR_FORMAT, "config.json says feat_extract_norm \"%s\", the tensors have %s", front,
                 config->layer_front ? "a LayerNorm after every convolution" : "one GroupNorm after the first");
    FAL_TRY(convs_from_json(json, config, err));
    if (config->buckets > 0) {
        FAL_TRY(same_size(json, "num_buckets", 320, config->buckets, err));
        config->max_distance = fal_value_int(fal_value_get(json, "max_bucket_distance"), 800);
    }
    config->heads = fal_value_int(fal_value_get(json, "num_attention_heads"), 12);
    config->pre_norm = fal_value_bool(fal_value_get(json, "do_stable_layer_norm"), false);
    config->norm_eps = fal_value_real(fal_value_get(json, "layer_norm_eps"), 1e-5);
    const fal_value *normalise = fal_value_get(fal_checkpoint_preprocessor(ckpt), "do_normalize");
    if (fal_value_type(normalise) != FAL_VALUE_BOOL) /* imported files keep it beside the rest */
        normalise = fal_value_get(json, "do_normalize");
    config->normalise = fal_value_bool(normalise, true);
done:
    return st;
}

/* ---- from fairseq ---- */

/* Microsoft's names. 1280 is what its code takes where the file does not say. */
static fal_status positions_from_fairseq(const fal_value *model, fal_w2v_config *config, fal_error *err)
{
    static const char *const needed[] = {"relative_position_embedding", "gru_rel_pos"};
    for (size_t i = 0; i < FAL_COUNT(needed); i++)
        if (!fal_value_bool(fal_value_get(model, needed[i]), false))
            return fal_fail(err, FAL_ERR_FORMAT, "cfg says %s false, the tensors have relative positions and gates",
                            needed[i]);
    config->max_distance = fal_value_int(fal_value_get(model, "max_distance"), 1280);
    return FAL_OK;
}

static fal_status from_fairseq(fal_fairseq_config fairseq, fal_w2v_config *config, fal_error *err)
{
    const char *type = fal_value_string(fal_value_get(fairseq.model, "layer_type"), "transformer");
    const char *act = fal_value_string(fal_value_get(fairseq.model, "activation_fn"), "gelu");
    int64_t depth = fal_value_int(fal_value_get(fairseq.model, "pos_conv_depth"), 1);
    if (!fal_str_eq(type, "transformer"))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "layer_type \"%s\" is not covered, only \"transformer\"", type);
    if (!fal_str_eq(act, "gelu"))
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "activation_fn \"%s\" is not covered, only \"gelu\"", act);
    if (depth > 1)
        return fal_fail(err, FAL_ERR_UNSUPPORTED, "pos_conv_depth %lld is not covered, only 1", (long long)depth);
    config->heads = fal_value_int(fal_value_get(fairseq.model, "encoder_attention_heads"), 12);
    config->pre_norm = fal_value_bool(fal_value_get(fairseq.model, "layer_norm_first"), false);
    config->normalise = fal_value_bool(fal_value_get(fairseq.task, "normalize"), false);
    if (config->buckets > 0)
        return positions_from_fairseq(fairseq.model, config, err);
    return FAL_OK;
}

/* ---- all together ---- */

static fal_status check(const fal_w2v_config *config, fal_error *err)
{
    int64_t hop = 1;
    fal_status st = fal_family_check_heads(config->width, config->heads, err);
    if (st != FAL_OK)
        return st;
    /* A quarter of the buckets have a distance of their own; the logarithm begins there. */
    if (config->buckets && (config->buckets < 4 || config->buckets > MAX_DISTANCE ||
                            config->max_distance <= config->buckets / 4 || config->max_distance > MAX_DISTANCE))
        return fal_fail(err, FAL_ERR_FORMAT, "%lld position buckets up to a distance of %lld cannot be laid out",
                        (long long)config->buckets, (long long)config->max_distance);
    if (!(config->norm_eps >= 0))
        return fal_fail(err, FAL_ERR_FORMAT, "layer_norm_eps is %g, expected at least 0", config->norm_eps);
    for (int64_t i = 0; i < config->conv_count; i++) {
        int64_t stride = config->convs[i].stride;
        hop = stride > 0 && stride <= HOP_SAMPLES && hop <= HOP_SAMPLES ? hop * stride : 0;
    }
    if (hop != HOP_SAMPLES)
        return fal_fail(err, FAL_ERR_UNSUPPORTED,
                        "the strides of the front end's %lld convolutions do not make %d samples per frame",
                        (long long)config->conv_count, HOP_SAMPLES);
    return FAL_OK;
}

fal_status fal_w2v_configure(const char *const *types, const fal_config_source *source, fal_w2v_config *config,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    fal_fairseq_config fairseq;
    const fal_value *json = fal_checkpoint_config(source->ckpt);
    FAL_TRY(from_shapes(source->bind, config, err));
    if (json)
        FAL_TRY(from_json(types, source->ckpt, json, config, err));
    else if (fal_fairseq_find(source->ckpt, &fairseq))
        FAL_TRY(from_fairseq(fairseq, config, err));
    if (source->options->heads > 0)
        config->heads = source->options->heads;
    config->wave_eps = source->options->wave_norm_eps > 0 ? source->options->wave_norm_eps : 1e-7;
    FAL_TRY(check(config, err));
done:
    return st;
}

/* ---- to JSON ---- */

static void put_convs(fal_jw *w, const char *key, const fal_w2v_config *config, size_t member)
{
    fal_jw_key(w, key);
    fal_jw_array(w);
    for (int64_t i = 0; i < config->conv_count; i++)
        fal_jw_int(w, *(const int64_t *)((const char *)&config->convs[i] + member));
    fal_jw_end_array(w);
}

void fal_w2v_config_json(const char *model_type, const fal_w2v_config *config, fal_jw *w)
{
    fal_jw_put_string(w, "model_type", model_type);
    fal_jw_put_int(w, "hidden_size", config->width);
    fal_jw_put_int(w, "num_hidden_layers", config->layers);
    fal_jw_put_int(w, "num_attention_heads", config->heads);
    fal_jw_put_int(w, "intermediate_size", config->ffn);
    put_convs(w, "conv_dim", config, offsetof(fal_w2v_conv, dim));
    put_convs(w, "conv_kernel", config, offsetof(fal_w2v_conv, kernel));
    put_convs(w, "conv_stride", config, offsetof(fal_w2v_conv, stride));
    fal_jw_put_bool(w, "conv_bias", config->conv_bias);
    fal_jw_put_string(w, "feat_extract_norm", config->layer_front ? "layer" : "group");
    fal_jw_put_bool(w, "do_stable_layer_norm", config->pre_norm);
    fal_jw_put_double(w, "layer_norm_eps", config->norm_eps);
    fal_jw_put_int(w, "num_conv_pos_embeddings", config->taps);
    fal_jw_put_int(w, "num_conv_pos_embedding_groups", config->groups);
    if (config->buckets > 0) {
        fal_jw_put_int(w, "num_buckets", config->buckets);
        fal_jw_put_int(w, "max_bucket_distance", config->max_distance);
    }
    fal_jw_put_bool(w, "do_normalize", config->normalise);
}
