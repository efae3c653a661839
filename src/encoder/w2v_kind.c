#include "encoder/w2v_kind.h"

#include "core/str.h"
#include "encoder/fairseq.h"

#include <stdio.h>

static bool has(const fal_checkpoint *ckpt, const char *prefix, const char *name)
{
    char full[2 * FAL_PREFIX_BYTES];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    return fal_checkpoint_find(ckpt, full) != NULL;
}

static bool has_relative_positions(const fal_checkpoint *ckpt, const char *prefix)
{
    return has(ckpt, prefix, "encoder.layers.0.attention.rel_attn_embed.weight") ||
           has(ckpt, prefix, "encoder.layers.0.self_attn.relative_attention_bias.weight");
}

/* What fairseq calls the model or its task: "hubert", "wav2vec2", "hubert_pretraining"; NULL when it does not say. */
static const char *fairseq_name(const fal_checkpoint *ckpt)
{
    fal_fairseq_config fairseq;
    if (!fal_fairseq_find(ckpt, &fairseq))
        return NULL;
    const fal_value *named[] = {fal_value_get(fairseq.model, "_name"), fal_value_get(fairseq.model, "arch"),
                                fal_value_get(fairseq.task, "_name"), fal_value_get(fairseq.task, "task")};
    for (size_t i = 0; i < FAL_COUNT(named); i++)
        if (fal_value_string(named[i], NULL))
            return fal_value_string(named[i], NULL);
    return NULL;
}

/* HuBERT predicts clusters (final_proj onto label_embs_concat), wav2vec 2.0 picks among its own quantised vectors. */
static bool has_hubert_heads(const fal_checkpoint *ckpt, const char *prefix)
{
    return has(ckpt, prefix, "label_embs_concat") ||
           (has(ckpt, prefix, "final_proj.weight") && !has(ckpt, prefix, "quantizer.vars"));
}

static bool is_hubert(const fal_checkpoint *ckpt, const char *prefix)
{
    const char *said = fal_value_string(fal_value_get(fal_checkpoint_config(ckpt), "model_type"), NULL);
    if (!said)
        said = fal_str_eq(prefix, "hubert.") || fal_str_eq(prefix, "wav2vec2.") ? prefix : fairseq_name(ckpt);
    return said ? fal_str_starts(said, "hubert") : has_hubert_heads(ckpt, prefix);
}

fal_w2v_kind fal_w2v_recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES])
{
    if (!fal_find_prefix(ckpt, "feature_extractor.conv_layers.0.conv.weight", prefix) &&
        !fal_find_prefix(ckpt, "feature_extractor.conv_layers.0.0.weight", prefix))
        return FAL_W2V_NONE;
    if (has_relative_positions(ckpt, prefix))
        return FAL_W2V_WAVLM;
    return is_hubert(ckpt, prefix) ? FAL_W2V_HUBERT : FAL_W2V_WAV2VEC2;
}
