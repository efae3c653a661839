/* What a kind of head is to the rest of the library: one const instance at the end of its file, one row in head.c. What
 * is the same for all of them — reading and writing files, normalising rows, training, calibration — is elsewhere. */
#ifndef FAL_HEAD_KIND_H
#define FAL_HEAD_KIND_H

#include "core/json.h"
#include "head/fit.h"
#include "head/params.h"

#include <falsetto/train.h>

/* How a kind is trained unless told otherwise. */
typedef struct fal_head_recipe {
    int64_t batch; /* samples per step */
    bool sum_loss, keep_order;
    int max_epochs, patience;
    double learning_rate;
    struct {
        int64_t batch;
        double learning_rate;
    } fast; /* instead, when many clips make one step; 0: as above */
    fal_plateau plateau;
    fal_fit_rules rules;
    bool real_only;     /* an anomaly detector: fakes in its lists are a mistake */
    const char *arrays; /* of the rows when nothing else is asked for; NULL: one, by the stream */
} fal_head_recipe;

/* What rows are made of: feature arrays side by side. */
typedef struct fal_head_shape {
    size_t parts;
    int64_t dims[FAL_HEAD_PARTS];
    int64_t dim;        /* their sum */
    const char *arrays; /* static text: names of the parts where the kind itself fixes them; NULL: it does not */
} fal_head_shape;

/* One pass over the rows of a clip. */
typedef struct fal_head_pass {
    const float *values; /* of the parameters */
    fal_run *run;        /* scratch */
    const float *rows;   /* [frames, dim], normalised if the head wants that */
    int64_t frames;      /* at least 1 */
    float *frame_logits; /* [frames] */
    double *clip_logit;
} fal_head_pass;

typedef struct fal_head_kind {
    const char *name;
    const char *what;   /* for people, in a few words */
    size_t config_size; /* of the kind's own struct, which starts from zero bytes; at most FAL_HEAD_CONFIG */
    fal_head_recipe recipe;
    /* True when the tensors are this kind's. */
    bool (*recognise)(const fal_checkpoint *ckpt);
    /* Configuration and shape of a file: from its tensors; what those do not say, from what `note`
     * left in fal_checkpoint_config. A row of several parts may be given as one: the file's own list is read later. */
    fal_status (*read_config)(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err);
    /* Configuration for training on rows of this shape. */
    fal_status (*configure)(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err);
    /* Declares the parameters, by the names the file has. */
    fal_status (*declare)(const void *config, fal_params *params, fal_error *err);
    fal_status (*score)(const void *config, const fal_head_pass *pass, fal_error *err);
    fal_trainable trainable;
    /* Members of the configuration kept in the file's metadata; NULL: the tensors say everything. */
    void (*note)(const void *config, fal_jw *w);
    /* What the trained numbers say, in a few words for people; NULL: nothing beyond the scores. */
    void (*summarise)(const void *config, const float *values, const fal_head_part *parts, fal_buf *out);
} fal_head_kind;

enum { FAL_HEAD_CONFIG = 256 };

extern const fal_head_kind fal_head_probe, fal_head_sup, fal_head_sync, fal_head_layers, fal_head_transformer,
    fal_head_ntp;

#endif
