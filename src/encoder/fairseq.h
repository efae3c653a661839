/* Where fairseq checkpoints keep a model's configuration. */
#ifndef FAL_ENCODER_FAIRSEQ_H
#define FAL_ENCODER_FAIRSEQ_H

#include "weights/checkpoint.h"

/* Sections of the encoder's own configuration; NULL reads as "nothing set". In flat files (argparse.Namespace, or the
 * flat dict of WavLM) both are the same object. In a fine-tuned file they are those of the pre-trained encoder inside.
 */
typedef struct fal_fairseq_config {
    const fal_value *model, *task;
} fal_fairseq_config;

/* False when the file carries no such configuration. */
bool fal_fairseq_find(const fal_checkpoint *ckpt, fal_fairseq_config *out);

#endif
