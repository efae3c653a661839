/* Writes a safetensors file: u64 header length, JSON header padded with spaces to 8 bytes, tensor data in the given
 * order. */
#ifndef FAL_WEIGHTS_SAFETENSORS_WRITE_H
#define FAL_WEIGHTS_SAFETENSORS_WRITE_H

#include "weights/checkpoint.h"

typedef struct fal_metadata { const char *key, *value; } fal_metadata;

/* `store`: FAL_F32, FAL_F16 or FAL_BF16 for floating tensors (converted when needed; half-precision sources are not
 * widened unless FAL_F32 is asked for); integer tensors keep their type. Atomic; large files stream through a
 * buffer. */
fal_status fal_safetensors_write(const char *path, const fal_named_tensor *tensors, size_t count, fal_dtype store,
                                 const fal_metadata *metadata, size_t metadata_count, fal_error *err);

#endif
