/* Private to this folder (and to fuzz harnesses): what a container reader gets and fills. One reader, one file, one row
 * in checkpoint.c. */
#ifndef FAL_WEIGHTS_CONTAINER_H
#define FAL_WEIGHTS_CONTAINER_H

#include "core/arena.h"
#include "core/file.h"
#include "weights/checkpoint.h"
#include "weights/value.h"

typedef struct fal_metadata_item {
    const char *key, *value;
} fal_metadata_item;

/* Memory for tensor data that cannot be used in place. */
typedef struct fal_owned_block {
    struct fal_owned_block *next;
    void *data;
} fal_owned_block;

typedef struct fal_mapped_file {
    fal_map map;
    const char *path;
} fal_mapped_file;

struct fal_checkpoint {
    char *path;
    const fal_log *log; /* only while opening */
    fal_arena *arena;   /* values, names, index */
    fal_mapped_file *files;
    size_t file_count;
    fal_owned_block *blocks;
    fal_container container;
    uint64_t bytes;
    uint64_t inflated; /* bytes of memory that went into deflated members so far */
    fal_named_tensor *tensors;
    size_t count, capacity;
    const fal_named_tensor **by_name;
    const char *root_key;
    const fal_value *object;
    const fal_value *config, *preprocessor, *open_clip;
    fal_metadata_item *metadata;
    size_t metadata_count;
    const char **classes;
    size_t class_count;
};

typedef struct fal_container_reader {
    bool (*sniff)(const fal_source *source);
    fal_status (*read)(fal_checkpoint *ckpt, const fal_source *source, fal_error *err); /* adds tensors and the rest */
} fal_container_reader;

extern const fal_container_reader fal_reader_safetensors, fal_reader_torch_zip, fal_reader_torch_legacy;

/* ---- for readers ---- */

/* `name` must live as long as the checkpoint (its arena, or the mapped file). */
fal_status fal_checkpoint_add(fal_checkpoint *ckpt, const char *name, const fal_tensor *tensor, fal_error *err);
/* `bytes` of 64-byte aligned memory that the checkpoint owns. */
fal_status fal_checkpoint_block(fal_checkpoint *ckpt, size_t bytes, uint8_t **out, fal_error *err);
/* Tensor data whose address suits its type: in place where it does, else a copy. */
fal_status fal_checkpoint_align(fal_checkpoint *ckpt, const uint8_t *data, size_t bytes, size_t alignment,
                                const uint8_t **out, fal_error *err);
/* A parsed JSON document, or its text, as values that live as long as the checkpoint. */
fal_status fal_checkpoint_values(fal_checkpoint *ckpt, const fal_json *json, const char *origin, const fal_value **out,
                                 fal_error *err);
fal_status fal_checkpoint_json(fal_checkpoint *ckpt, const char *text, size_t length, const char *origin,
                               const fal_value **out, fal_error *err);

/* state_dict.c: finds the dictionary of weights in an unpickled object and adds its tensors under dotted names. */
fal_status fal_state_dict_read(fal_checkpoint *ckpt, const fal_value *object, const char *origin, fal_error *err);

/* ---- for fal_checkpoint_open ---- */

/* checkpoint.c: maps a file and reads its container. */
fal_status fal_checkpoint_read_file(fal_checkpoint *ckpt, const char *path, fal_error *err);

/* Sorts the names, so that finding works; refuses equal ones. To be called again when tensors were added. */
fal_status fal_checkpoint_index(fal_checkpoint *ckpt, fal_error *err);

/* hf_folder.c */
fal_status fal_folder_read_weights(fal_checkpoint *ckpt, const char *folder, fal_error *err);
/* The JSON files that describe a model, where they exist. `strict`: a damaged one is an error, else a warning. */
fal_status fal_folder_read_configs(fal_checkpoint *ckpt, const char *folder, bool strict, fal_error *err);

/* recognise.c: refuses a file that no reader wants, saying what it is. */
fal_status fal_refuse_unknown(const fal_source *source, fal_error *err);

#endif
