/* What opening a checkpoint leaves out because it means reading every byte. */
#ifndef FAL_WEIGHTS_CHECK_H
#define FAL_WEIGHTS_CHECK_H

#include "core/progress.h"
#include "weights/checkpoint.h"

/* The CRC-32 of every member of the checkpoint's zip files (PyTorch since 1.6). A member whose bytes are not those that
 * were written is FAL_ERR_FORMAT with its name. `checked`: members looked at, 0 for other containers. torch.save can be
 * told to leave checksums out: a file in which not one member agrees is taken for such a one, and *checked is 0.
 * `progress` in megabytes; NULL: none. */
fal_status fal_checkpoint_check_sums(const fal_checkpoint *ckpt, const fal_progress *progress, size_t *checked,
                                     fal_error *err);

/* Elements that are no finite float32: NaN, infinities, and in float64 what is too large. Any view, any type. */
int64_t fal_tensor_non_finite(const fal_tensor *t);

#endif
