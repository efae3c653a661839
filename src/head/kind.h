/* What a kind of head is to the rest of the library: one const instance at the end of its file, one row in head.c. */
#ifndef FAL_HEAD_KIND_H
#define FAL_HEAD_KIND_H

#include "weights/checkpoint.h"

#include <falsetto/head.h>

typedef struct fal_head_kind {
    const char *name;
    /* True when the tensors are this kind's. */
    bool (*recognise)(const fal_checkpoint *ckpt);
    /* Fills *model and what the file says into *about. The checkpoint is closed afterwards. */
    fal_status (*open)(const fal_checkpoint *ckpt, void **model, fal_head_description *about, fal_error *err);
    /* features [frames, about->dim], frames >= 1 -> frame logits and the pooled clip logit */
    fal_status (*score)(const void *model, const float *features, int64_t frames, float *frame_logits,
                        double *clip_logit, fal_error *err);
    void (*free)(void **model);
} fal_head_kind;

extern const fal_head_kind fal_head_probe;

#endif
