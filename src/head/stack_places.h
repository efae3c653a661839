/* Where the parameters of a stack lie in its values; for the files of the stack. */
#ifndef FAL_HEAD_STACK_PLACES_H
#define FAL_HEAD_STACK_PLACES_H

#include "head/stack.h"

enum { FAL_STACK_WIDTH = 512, FAL_STACK_HEADS = 4, FAL_STACK_FFN = 1024 };

enum {
    FAL_STACK_QKV_WEIGHT,
    FAL_STACK_QKV_BIAS,
    FAL_STACK_OUT_WEIGHT,
    FAL_STACK_OUT_BIAS,
    FAL_STACK_UP_WEIGHT,
    FAL_STACK_UP_BIAS,
    FAL_STACK_DOWN_WEIGHT,
    FAL_STACK_DOWN_BIAS,
    FAL_STACK_GAMMA1,
    FAL_STACK_BETA1,
    FAL_STACK_GAMMA2,
    FAL_STACK_BETA2,
    FAL_STACK_ARRAYS
};

typedef struct fal_stack_places {
    size_t input_bias;              /* input_proj.weight is at 0 */
    size_t first_layer, layer_count;
    size_t array[FAL_STACK_ARRAYS]; /* from the start of a layer */
    size_t gamma, beta;             /* of the final norm */
    size_t count;
} fal_stack_places;

fal_stack_places fal_stack_find(const fal_stack_shape *shape);

#endif
