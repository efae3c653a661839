#include "media/scale_taps.h"

#include "core/alloc.h"

#include <math.h>

/* A filter is 0 from `support` on; |x| < support where it is asked. */
typedef struct filter {
    double support;
    double (*value)(double x);
} filter;

/* Keys' cubic convolution with a = -1/2. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static const filter filters[] = {
    [FAL_SCALE_BICUBIC] = {.support = 2, .value = bicubic},
    [FAL_SCALE_BILINEAR] = {.support = 1, .value = triangle},
};

/* Halves away from zero. */
static int32_t to_fixed(double weight)
{
    return (int32_t)(weight * (1 << FAL_TAPS_BITS) + (weight < 0 ? -0.5 : 0.5));
}

/* Leaves zeros at both ends out, but never the last tap. */
static void trim(const int32_t *weights, int64_t *start, int64_t *end)
{
    while (*end - *start > 1 && weights[*start] == 0)
        ++*start;
    while (*end - *start > 1 && weights[*end - 1] == 0)
        --*end;
}

/* Taps `i` for output pixel `o`. Shrinking stretches the filter over all the pixels that an output pixel covers; at the
 * borders it is cut and the rest made to sum to 1. Scratch: `value` has room for `stride`. */
static void make_pixel(const filter *f, int64_t in, double scale, int64_t o, fal_taps *taps, int64_t i, double *value)
{
    const double stretch = scale > 1 ? scale : 1, support = f->support * stretch, shrink = 1 / stretch;
    const double centre = ((double)o + 0.5) * scale;
    int32_t *weights = taps->weights + i * taps->stride;
    int64_t low = (int64_t)(centre - support + 0.5), high = (int64_t)(centre + support + 0.5);
    low = low > 0 ? low : 0;
    high = high < in ? high : in;
    double sum = 0;
    for (int64_t k = 0; k < high - low; k++) {
        value[k] = f->value(((double)(low + k) - centre + 0.5) * shrink);
        sum += value[k];
    }
    for (int64_t k = 0; k < high - low; k++)
        weights[k] = to_fixed(sum != 0 ? value[k] / sum : value[k]);
    int64_t start = 0, end = high - low;
    trim(weights, &start, &end);
    for (int64_t k = start; k < end; k++)
        weights[k - start] = weights[k];
    taps->first[i] = low + start;
    taps->length[i] = end - start;
}

fal_status fal_taps_create(fal_scaling scaling, const fal_scale_axis *axis, fal_taps *taps, fal_error *err)
{
    fal_status st = FAL_OK;
    const filter *f = &filters[scaling];
    const double scale = (double)axis->in / (double)axis->out;
    const size_t count = (size_t)axis->count;
    double *value = NULL;
    fal_taps made = {.count = axis->count, .stride = 2 * (int64_t)ceil(f->support * (scale > 1 ? scale : 1)) + 1};
    FAL_ALLOC(made.first, fal_malloc_array(count, sizeof *made.first));
    FAL_ALLOC(made.length, fal_malloc_array(count, sizeof *made.length));
    FAL_ALLOC(made.weights, fal_malloc_array(count * (size_t)made.stride, sizeof *made.weights));
    FAL_ALLOC(value, fal_malloc_array((size_t)made.stride, sizeof *value));
    for (int64_t i = 0; i < axis->count; i++)
        make_pixel(f, axis->in, scale, axis->from + i, &made, i, value);
    *taps = made;
    made = (fal_taps){0};
done:
    fal_free(value);
    fal_taps_free(&made);
    return st;
}

void fal_taps_free(fal_taps *taps)
{
    fal_free(taps->first);
    fal_free(taps->length);
    fal_free(taps->weights);
    *taps = (fal_taps){0};
}

int64_t fal_taps_begin(const fal_taps *taps)
{
    int64_t begin = taps->first[0];
    for (int64_t i = 1; i < taps->count; i++)
        begin = taps->first[i] < begin ? taps->first[i] : begin;
    return begin;
}

int64_t fal_taps_end(const fal_taps *taps)
{
    int64_t end = 0;
    for (int64_t i = 0; i < taps->count; i++)
        end = taps->first[i] + taps->length[i] > end ? taps->first[i] + taps->length[i] : end;
    return end;
}
