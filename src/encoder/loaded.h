/* A model bound to its weights, from a file or from a seed, before anything is packed: where opening, importing and
 * initialising meet. */
#ifndef FAL_ENCODER_LOADED_H
#define FAL_ENCODER_LOADED_H

#include "encoder/family.h"

typedef struct fal_loaded {
    const fal_family *family;
    const char *size; /* static text */
    void *config, *model;
    fal_checkpoint *ckpt; /* NULL when drawn */
    fal_bind *bind;
} fal_loaded;

/* A file or folder. */
fal_status fal_loaded_open(const char *path, const fal_encoder_options *options, fal_loaded *out, fal_error *err);
/* The same for whoever wants to look at a file that does not open: also after a failure *out holds what was reached,
 * and is the caller's to free. The model is there when the configuration was found, the size when all went well. */
fal_status fal_loaded_try(const char *path, const fal_encoder_options *options, fal_loaded *out, fal_error *err);
/* Drawn from a seed (0: 1). */
fal_status fal_loaded_draw(const fal_family *family, const void *config, const char *size, uint64_t seed, int threads,
                           fal_loaded *out, fal_error *err);
void fal_loaded_free(fal_loaded *loaded);
/* Elements of the bound tensors; statistics of BatchNorm are in the file but are not parameters. */
uint64_t fal_loaded_parameters(const fal_loaded *loaded);

/* Everything bound as one safetensors file: canonical names; family, configuration and `source` in the metadata.
 * model_files.c. */
fal_status fal_loaded_write(const fal_loaded *loaded, const char *source, fal_dtype store, const char *path,
                            fal_error *err);

/* {"encoder_embed_dim":768,...}: the family's configuration as compact JSON text, appended. */
void fal_loaded_config_text(const fal_family *family, const void *config, fal_buf *out);

#endif
