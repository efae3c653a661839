/* What a family of encoders is to the rest of the library: one const instance at the end of its enc_<family>.c and one
 * row in registry.c. The registry suite (tests/encoder) walks the rows and checks each. */
#ifndef FAL_ENCODER_FAMILY_H
#define FAL_ENCODER_FAMILY_H

#include "core/json.h"
#include "tensor/ops.h"
#include "weights/bind.h"
#include <falsetto/encoder.h>

/* A released configuration, for `models init`, the catalogue and naming what was opened. */
typedef struct fal_config_entry {
    const char *name;   /* "avhubert-large" */
    const char *size;   /* "large" */
    const void *config; /* the family's own config struct */
    int64_t dim;
} fal_config_entry;

typedef struct fal_forward {
    fal_run *run;
    fal_stream stream;
    const fal_tensor *audio, *video;    /* checked for presence by the caller, for layout by the family */
    const bool *want;                   /* [layers + 1]: hidden states to keep */
    int last_layer;                     /* highest layer to compute; layers when features are wanted */
    bool features;
    /* results, in the run's arena */
    fal_hidden *hidden;                 /* [layers + 1], data NULL where not wanted */
    const float *out;                   /* [rows, dim] */
    int64_t rows;
} fal_forward;

typedef struct fal_family {
    const char *name;
    const char *summary;
    int streams;                        /* bits 1 << fal_stream */
    fal_stream default_stream;
    fal_input_kind audio_input, video_input;
    double rate_hz;
    const fal_config_entry *configs;
    size_t config_count;
    size_t config_size;                 /* sizeof the family's config struct */

    /* True when the tensor names are this family's. */
    bool (*recognise)(const fal_checkpoint *ckpt);
    /* Configuration and name prefix from a checkpoint; errors say what cannot be covered. */
    fal_status (*configure)(const fal_checkpoint *ckpt, const fal_encoder_options *options, void *config,
                            char prefix[128], fal_error *err);
    /* Declares dimensions and binds all rows; *model is the family's struct of bound (unpacked) tensors. */
    fal_status (*bind)(const void *config, fal_bind *bind, void **model, fal_error *err);
    /* Packs the bound tensors into layers. The checkpoint (or binder) may be closed afterwards. */
    fal_status (*build)(void *model, fal_precision precision, int threads, fal_error *err);
    fal_status (*forward)(const void *model, fal_forward *pass, fal_error *err);
    void (*describe)(const void *model, fal_encoder_description *out); /* dim, layers, width, heads */
    void (*config_json)(const void *config, fal_jw *w);                /* for falsetto.config metadata, read by configure */
    void (*free)(void **model);
    const char *const *ignored;         /* globs of surplus tensors that are fine */
    fal_init_fn *draw;                  /* FAL_INIT_FAMILY rows; NULL when there are none */
} fal_family;

size_t fal_family_count(void);
const fal_family *fal_family_at(size_t index);
const fal_family *fal_family_find(const char *name); /* NULL: no such family */

#endif
