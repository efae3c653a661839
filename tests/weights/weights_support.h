/* Shared by the tests of checkpoint readers. */
#ifndef FAL_TESTS_WEIGHTS_SUPPORT_H
#define FAL_TESTS_WEIGHTS_SUPPORT_H

#include "support/test.h"

#include "weights/checkpoint.h"

/* Opens or fails the test. */
fal_checkpoint *open_checkpoint(const char *path);

/* A tensor's values as float32, to be freed with fal_free; fails the test when the name is absent. */
float *tensor_values(const fal_checkpoint *ckpt, const char *name, size_t *count);

/* The tensor's values must be exactly these. */
void check_values(const fal_checkpoint *ckpt, const char *name, const float *want, size_t count);

/* Names, order, types, shapes, sums and sums of magnitudes against a tensors.json of the goldens. */
void check_tensor_list(const char *checkpoint, const char *list);

#endif
