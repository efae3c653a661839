/* Whose checkpoint: wav2vec 2.0, HuBERT and WavLM share their tensor names, the first two the whole network.
 *
 * WavLM has a table of relative positions. HuBERT is told from wav2vec 2.0 by what the file says of itself:
 * config.json's model_type, the prefix of a Hugging Face model with a head ("hubert."), the names in fairseq's
 * configuration, the heads of pre-training. A file that says nothing counts as wav2vec 2.0. */
#ifndef FAL_ENCODER_W2V_KIND_H
#define FAL_ENCODER_W2V_KIND_H

#include "encoder/family.h"

typedef enum fal_w2v_kind { FAL_W2V_NONE, FAL_W2V_WAV2VEC2, FAL_W2V_HUBERT, FAL_W2V_WAVLM } fal_w2v_kind;

/* FAL_W2V_NONE: another network. prefix as in fal_family.recognise. */
fal_w2v_kind fal_w2v_recognise(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES]);

#endif
