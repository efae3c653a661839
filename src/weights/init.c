#include "weights/init.h"

#include "core/alloc.h"
#include "core/rng.h"
#include "core/thread.h"

#include <math.h>

/* Elements per work item: a multiple of 4, as splitting a random stream requires, and a few tenths of a millisecond. */
enum { CHUNK = 1 << 16 };

typedef struct job {
    const fal_draw *draws;
    size_t *first_chunk; /* [count + 1] */
    size_t count;
    uint64_t seed;
} job;

static double product(const fal_tensor *t, int first_axis)
{
    double result = 1;
    for (int i = first_axis; i < t->rank; i++)
        result *= (double)t->shape[i];
    return result;
}

static double axis(const fal_tensor *t, int index)
{
    return index < t->rank ? (double)t->shape[index] : 1;
}

/* Half width of a uniform distribution, or standard deviation of a normal one. */
static float spread(const fal_draw *d)
{
    double fan_in = d->fan_in > 0 ? d->fan_in : product(&d->shape, 1), kernel = product(&d->shape, 2);
    switch (d->init.kind) {
    case FAL_INIT_KIND_FAN_IN:
        return (float)(d->init.a / sqrt(fan_in));
    case FAL_INIT_KIND_FAN_OUT_NORMAL: /* He et al. 2015, fan-out form: std^2 = a / (kernel elements * outputs) */
        return (float)sqrt(d->init.a / (axis(&d->shape, 0) * kernel));
    case FAL_INIT_KIND_XAVIER: /* Glorot and Bengio 2010 */
        return (float)(d->init.a * sqrt(6 / (kernel * (axis(&d->shape, 0) + axis(&d->shape, 1)))));
    default:
        return (float)d->init.a;
    }
}

static void fill(const fal_draw *d, uint64_t seed, size_t first, size_t n)
{
    uint64_t stream = fal_rng_stream(d->name);
    float s = spread(d), *out = d->out + first;
    switch (d->init.kind) {
    case FAL_INIT_KIND_UNIFORM01:
        fal_rng_fill_uniform(seed, stream, first, 0, 1, out, n);
        break;
    case FAL_INIT_KIND_UNIFORM:
    case FAL_INIT_KIND_FAN_IN:
    case FAL_INIT_KIND_XAVIER:
        fal_rng_fill_uniform(seed, stream, first, -s, s, out, n);
        break;
    case FAL_INIT_KIND_NORMAL:
    case FAL_INIT_KIND_FAN_OUT_NORMAL:
        fal_rng_fill_normal(seed, stream, first, 0, s, out, n);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            out[i] = (float)d->init.a;
    }
}

static bool draw_chunk(void *user, int worker, size_t item)
{
    const job *j = user;
    size_t low = 0, high = j->count;
    (void)worker;
    while (high - low > 1) { /* the last tensor that starts at or before this chunk */
        size_t middle = low + (high - low) / 2;
        if (j->first_chunk[middle] <= item)
            low = middle;
        else
            high = middle;
    }
    size_t total = (size_t)fal_tensor_count(&j->draws[low].shape), first = (item - j->first_chunk[low]) * CHUNK;
    fill(&j->draws[low], j->seed, first, total - first < CHUNK ? total - first : CHUNK);
    return true;
}

fal_status fal_draw_all(const fal_draw *draws, size_t count, uint64_t seed, int threads, fal_error *err)
{
    fal_status st = FAL_OK;
    job j = {.draws = draws, .count = count, .seed = seed};
    FAL_ALLOC(j.first_chunk, fal_malloc_array(count + 1, sizeof *j.first_chunk));
    j.first_chunk[0] = 0;
    for (size_t i = 0; i < count; i++)
        j.first_chunk[i + 1] = j.first_chunk[i] + ((size_t)fal_tensor_count(&draws[i].shape) + CHUNK - 1) / CHUNK;
    if (j.first_chunk[count])
        FAL_TRY(fal_parallel_for(threads, j.first_chunk[count], draw_chunk, &j, err));
done:
    fal_free(j.first_chunk);
    return st;
}
