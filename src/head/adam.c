#include "head/adam.h"

#include "core/alloc.h"
#include "core/clones.h"

#include <math.h>

enum { CHUNK = 1 << 14 }; /* numbers handed to a thread at a time */

static const double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;

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

typedef struct factors {
    float rate, root; /* learning rate and square root of v, both without their bias of the first steps */
} factors;

FAL_CLONES
static void update_some(factors f, const float *restrict gradient, float *restrict m, float *restrict v,
                        float *restrict weights, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float g = gradient[i];
        m[i] = (float)beta1 * m[i] + (float)(1 - beta1) * g;
        v[i] = (float)beta2 * v[i] + (float)(1 - beta2) * (g * g);
        weights[i] -= f.rate * (m[i] / (sqrtf(v[i]) / f.root + (float)eps));
    }
}

void fal_adam_update(fal_adam *adam, const float *gradient, float *weights)
{
    adam->step++;
    const factors f = {(float)(adam->learning_rate / (1 - pow(beta1, (double)adam->step))),
                       (float)sqrt(1 - pow(beta2, (double)adam->step))};
    const int threads = adam->threads > 0 ? adam->threads : 1;
#pragma omp parallel for schedule(static) num_threads(threads) if (adam->count > CHUNK)
    for (size_t i = 0; i < adam->count; i += CHUNK)
        update_some(f, gradient + i, adam->m + i, adam->v + i, weights + i,
                    adam->count - i < CHUNK ? adam->count - i : CHUNK);
}

void fal_adam_free(fal_adam *adam)
{
    fal_free(adam->m);
    fal_free(adam->v);
    *adam = (fal_adam){0};
}
