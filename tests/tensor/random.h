/* Reproducible random inputs of the tensor tests. */
#ifndef FAL_TESTS_TENSOR_RANDOM_H
#define FAL_TESTS_TENSOR_RANDOM_H

#include <stdint.h>

/* Uniform in [-1, 1). */
float test_random(uint64_t *state);
/* Uniform integer in [low, high]. */
int64_t test_random_int(uint64_t *state, int64_t low, int64_t high);
/* `count` new values times `scale`; freed by the caller with fal_free. Never NULL: fails the test instead. */
float *test_random_floats(uint64_t *state, int64_t count, float scale);

#endif
