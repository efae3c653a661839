/* What a family of encoders is to the rest of the library: one const instance at the end of its enc_<family>.c and one
 * row in registry.c. The registry suite (tests/encoder) walks the rows and checks each. docs/encoders.md shows how to
 * add one. */
#ifndef FAL_ENCODER_FAMILY_H
#define FAL_ENCODER_FAMILY_H

#include "core/json.h"
#include "encoder/build.h"
#include "encoder/forward.h"
#include "weights/bind.h"
#include <falsetto/models.h>

/* A released configuration: for the catalogue, for `models init` and for naming what was opened. */
typedef struct fal_config_entry {
    fal_model_entry model;
    const void *config; /* the family's own config struct */
    bool random;        /* opened by name alone, with weights drawn from a seed */
} fal_config_entry;

/* A checkpoint with its tensors below the family's prefix. */
typedef struct fal_config_source {
    const fal_checkpoint *ckpt;
    const fal_bind *bind;
    const fal_encoder_options *options;
} fal_config_source;

enum { FAL_PREFIX_BYTES = 128 };

typedef struct fal_family {
    const char *name;
    int streams; /* bits 1 << fal_stream */
    fal_stream default_stream;
    fal_input_kind audio_input, video_input;
    double rate_hz;
    const fal_config_entry *configs;
    size_t config_count;
    size_t config_size; /* sizeof the family's config struct; all-zero bytes are what it starts from */
    size_t model_size;  /* sizeof its model struct, whose first member is the config */

    /* True when the tensor names are this family's; writes what stands before them in the file ("" or
     * "encoder.w2v_model."). */
    bool (*recognise)(const fal_checkpoint *ckpt, char prefix[FAL_PREFIX_BYTES]);
    /* True for files that fit but are another family's by all they say (HuBERT has wav2vec 2.0's tensors): left to that
     * one unless this family was asked for by name. NULL: never. */
    bool (*yields)(const fal_checkpoint *ckpt);
    /* The configuration, from shapes and from whatever configuration the file carries; errors say what is not covered.
     */
    fal_status (*configure)(const fal_config_source *source, void *config, fal_error *err);
    const char *const *features; /* names for fal_encoder_options.feature, NULL-terminated, the default first; NULL: one
                                    feature without a name. configure stores the choice (fal_family_feature) */
    /* A configuration small enough for tests, every size its own. */
    void (*tiny)(void *config);
    /* Sets dimensions and binds all rows to (unpacked) tensors of the model, which holds its config and zeros. */
    fal_status (*bind)(void *model, fal_bind *bind, fal_error *err);
    /* Packs the bound tensors into layers. The checkpoint (or binder) may be closed afterwards. */
    fal_status (*build)(void *model, const fal_build *build, fal_error *err);
    fal_status (*forward)(const void *model, fal_forward *pass, fal_error *err);
    /* dim, layers, width, heads; and what this configuration has otherwise than the family: streams, inputs, rate,
     * picture rule, exact scaling, chunk_frames. */
    void (*describe)(const void *config, fal_encoder_description *out);
    /* How hidden states are brought to the features' rate; NULL: they have it. */
    fal_pooling (*pooling)(const void *config);
    /* Members of a JSON object, in the names of the public configuration files: the falsetto.config metadata, which
     * configure reads back. Two configurations are the same when this text is. */
    void (*config_json)(const void *config, fal_jw *w);
    void (*clear)(void *model); /* frees what the model holds, however far it came; not the struct itself */
    const char *const *ignored; /* NULL-terminated globs of surplus tensors that are fine */
    fal_init_fn *draw;          /* FAL_INIT_FAMILY rows; NULL when there are none */
} fal_family;

size_t fal_family_count(void);
const fal_family *fal_family_at(size_t index);
const fal_family *fal_family_find(const char *name); /* NULL: no such family */

/* The family whose tensors these are: metadata of an imported file first, then tensor names. *family as asked for by
 * name when `wanted` is not NULL. The error says what was tried and what the file looks like. */
fal_status fal_family_recognise(const fal_checkpoint *ckpt, const char *wanted, const fal_family **family,
                                char prefix[FAL_PREFIX_BYTES], fal_error *err);

/* The index in family->features of the one asked for in the options (0 without a wish), or an error that lists them. */
fal_status fal_family_feature(const fal_family *family, const fal_encoder_options *options, int *index, fal_error *err);

/* A model of that configuration, bound: to be built, and freed by fal_model_free. */
fal_status fal_model_create(const fal_family *family, const void *config, fal_bind *bind, void **out, fal_error *err);
void fal_model_free(const fal_family *family, void **model); /* *model may be NULL */

/* Helper of configure functions: heads (0: unknown) must split the channels. */
fal_status fal_family_check_heads(int64_t width, int64_t heads, fal_error *err);

/* Helper of recognise functions: finds a tensor whose name ends in `name` at a dot or at its start and writes what
 * precedes it. */
bool fal_find_prefix(const fal_checkpoint *ckpt, const char *name, char prefix[FAL_PREFIX_BYTES]);

/* A catalogue row and its family; NULL when there is none of that name. */
const fal_config_entry *fal_catalogue_find(const char *name, const fal_family **family);

#endif
