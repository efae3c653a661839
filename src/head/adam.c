#include "head/adam.h"

#include "core/alloc.h"

#include <math.h>

fal_status fal_adam_init(fal_adam *adam, size_t count, double learning_rate, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_adam made = {.learning_rate = learning_rate, .count = count};
    FAL_ALLOC(made.m, fal_calloc(count, sizeof *made.m));
    FAL_ALLOC(made.v, fal_calloc(count, sizeof *made.v));
    *adam = made;
    made = (fal_adam){0};
done:
    fal_adam_free(&made);
    return st;
}

void fal_adam_update(fal_adam *adam, const float *gradient, float *weights)
{
    const double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
    adam->step++;
    const float rate = (float)(adam->learning_rate / (1 - pow(beta1, (double)adam->step)));
    const float root = (float)sqrt(1 - pow(beta2, (double)adam->step));
    for (size_t i = 0; i < adam->count; i++) {
        float g = gradient[i];
        adam->m[i] = (float)beta1 * adam->m[i] + (float)(1 - beta1) * g;
        adam->v[i] = (float)beta2 * adam->v[i] + (float)(1 - beta2) * (g * g);
        weights[i] -= rate * (adam->m[i] / (sqrtf(adam->v[i]) / root + (float)eps));
    }
}

void fal_adam_free(fal_adam *adam)
{
    fal_free(adam->m);
    fal_free(adam->v);
    *adam = (fal_adam){0};
}
