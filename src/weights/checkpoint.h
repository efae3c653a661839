/* Checkpoint files: one view over safetensors (single or sharded), PyTorch zip, legacy (torch < 1.6) and TorchScript
 * containers, and Hugging Face folders. Tensors by name, everything else as an inert value tree. A pickle is parsed by
 * a restricted reader that knows tensors, containers and scalars; any other class becomes an opaque object whose name
 * and arguments can be looked at. Nothing is ever imported or executed. */
#ifndef FAL_WEIGHTS_CHECKPOINT_H
#define FAL_WEIGHTS_CHECKPOINT_H

#include "core/log.h"
#include "core/status.h"
#include "tensor/tensor.h"

typedef struct fal_checkpoint fal_checkpoint;

/* ---- value tree: cfg dictionaries, argparse namespaces, config.json, metadata ---- */

typedef enum fal_value_kind {
    FAL_VALUE_NONE, FAL_VALUE_BOOL, FAL_VALUE_INT, FAL_VALUE_REAL, FAL_VALUE_STRING, FAL_VALUE_BYTES, FAL_VALUE_LIST,
    FAL_VALUE_DICT,   /* keys are values too (fairseq uses ints), in file order */
    FAL_VALUE_TENSOR,
    FAL_VALUE_OBJECT  /* class instance: class_name, constructor args, state */
} fal_value_kind;

typedef struct fal_value fal_value; /* owned by the checkpoint; NULL is accepted everywhere and means absent */

fal_value_kind fal_value_type(const fal_value *value); /* NULL reads as FAL_VALUE_NONE */
size_t fal_value_count(const fal_value *value);                          /* list or dict entries */
const fal_value *fal_value_at(const fal_value *list, size_t index);
const fal_value *fal_value_key_at(const fal_value *dict, size_t index);
const fal_value *fal_value_item_at(const fal_value *dict, size_t index);
/* By string key: looks in a dict; in an object, in its state (or attribute dict). OmegaConf nodes are seen through
 * (DictConfig -> _content -> AnyNode._val), as is argparse.Namespace. NULL when absent. */
const fal_value *fal_value_get(const fal_value *value, const char *key);
/* "cfg.model.w2v_args.model" step by step. */
const fal_value *fal_value_path(const fal_value *value, const char *dotted);
const char *fal_value_class(const fal_value *object); /* "argparse.Namespace", or NULL */
int64_t fal_value_int(const fal_value *value, int64_t fallback);
double fal_value_real(const fal_value *value, double fallback);
bool fal_value_bool(const fal_value *value, bool fallback);
const char *fal_value_string(const fal_value *value, const char *fallback);
const fal_tensor *fal_value_tensor(const fal_value *value);

/* ---- the file ---- */

typedef enum fal_container {
    FAL_CONTAINER_SAFETENSORS, FAL_CONTAINER_TORCH_ZIP, FAL_CONTAINER_TORCH_LEGACY, FAL_CONTAINER_TORCHSCRIPT
} fal_container;
const char *fal_container_name(fal_container container);

typedef struct fal_named_tensor {
    const char *name;   /* full dotted name below the state dict, e.g. "encoder.layers.0.fc1.weight" */
    fal_tensor tensor;  /* data is inside the mapped file (or a shard); strides as stored */
} fal_named_tensor;

/* `path`: a file, or a folder (Hugging Face layout: model.safetensors, model.safetensors.index.json, pytorch_model.bin,
 * pytorch_model.bin.index.json, then open_clip_model.safetensors and open_clip_pytorch_model.bin — first match).
 * config.json, preprocessor_config.json and open_clip_config.json of the folder, or beside the file, are read as well.
 * Tensor data stays in the mapped file and is read when it is used; data that is deflated, or whose address does not
 * suit its type (legacy files, mostly), is copied. A Git-LFS pointer, an HTML page or a truncated download is named as
 * such in the error. */
fal_status fal_checkpoint_open(const char *path, const fal_log *log, fal_checkpoint **out, fal_error *err);
void fal_checkpoint_free(fal_checkpoint **ckpt);
/* Whether a folder holds one of the files that fal_checkpoint_open looks for in a folder. */
bool fal_checkpoint_is_model_folder(const char *folder);

/* A file that is already in memory and outlives the checkpoint: embedded heads, fuzzing. */
typedef struct fal_source {
    const uint8_t *bytes;
    size_t size;
    const char *origin; /* for error text */
} fal_source;
fal_status fal_checkpoint_parse(const fal_source *source, const fal_log *log, fal_checkpoint **out, fal_error *err);

const char *fal_checkpoint_path(const fal_checkpoint *ckpt);
fal_container fal_checkpoint_container(const fal_checkpoint *ckpt);
size_t fal_checkpoint_count(const fal_checkpoint *ckpt);
const fal_named_tensor *fal_checkpoint_at(const fal_checkpoint *ckpt, size_t index);   /* file order */
const fal_named_tensor *fal_checkpoint_find(const fal_checkpoint *ckpt, const char *name); /* binary search; NULL */
/* By name: the place of the first name that is not below `name` in byte order, and the tensor at a place. All names
 * with a common prefix stand side by side. */
size_t fal_checkpoint_lower_bound(const fal_checkpoint *ckpt, const char *name);
const fal_named_tensor *fal_checkpoint_sorted_at(const fal_checkpoint *ckpt, size_t index);

/* The state dict was found at this key of the top-level object ("model", "state_dict", "model_state_dict", "module",
 * "" when the object itself is the state dict). Optimiser state is never taken for weights. */
const char *fal_checkpoint_root_key(const fal_checkpoint *ckpt);
/* The whole top-level object of a pickle (tensors included), or NULL for safetensors. */
const fal_value *fal_checkpoint_object(const fal_checkpoint *ckpt);
/* config.json as a value tree, or NULL; likewise preprocessor_config.json. */
const fal_value *fal_checkpoint_config(const fal_checkpoint *ckpt);
const fal_value *fal_checkpoint_preprocessor(const fal_checkpoint *ckpt);
const fal_value *fal_checkpoint_open_clip_config(const fal_checkpoint *ckpt); /* open_clip_config.json */
/* safetensors __metadata__ entry, or NULL. Files made by `models import` carry "falsetto.family" and "falsetto.config"
 * (JSON); the latter is also what fal_checkpoint_config returns for such a file. */
const char *fal_checkpoint_metadata(const fal_checkpoint *ckpt, const char *key);
size_t fal_checkpoint_metadata_count(const fal_checkpoint *ckpt);
const char *fal_checkpoint_metadata_at(const fal_checkpoint *ckpt, size_t index, const char **value); /* the key */
/* Class names a pickle mentions, distinct, in order of first use. */
size_t fal_checkpoint_class_count(const fal_checkpoint *ckpt);
const char *fal_checkpoint_class_at(const fal_checkpoint *ckpt, size_t index);
/* Lets the system take back the memory of a tensor's file pages: they are read again when touched. Safe from several
 * threads, and does nothing for a tensor that is not inside a mapped file. */
void fal_checkpoint_release(const fal_checkpoint *ckpt, const fal_tensor *tensor);
/* Bytes of the file(s) on disk. */
uint64_t fal_checkpoint_bytes(const fal_checkpoint *ckpt);
/* The same with deflated data at its full size: what all tensors that do not overlap can come to. */
uint64_t fal_checkpoint_memory(const fal_checkpoint *ckpt);
/* Paths of the weights files: one, or as many as there are shards. None for a file that was given in memory. */
size_t fal_checkpoint_file_count(const fal_checkpoint *ckpt);
const char *fal_checkpoint_file_at(const fal_checkpoint *ckpt, size_t index);

#endif
