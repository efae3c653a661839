/* Band-limited interpolation with a Hann-windowed sinc: torchaudio 0.13 functional/_get_sinc_resample_kernel with
 * lowpass_filter_width 6 and rolloff 0.99 (J. O. Smith, "Digital Audio Resampling", for the method). */
#include "media/resample_sinc.h"

#include "core/alloc.h"
#include "media/resampler.h"

#include <math.h>
#include <string.h>

enum { LOWPASS_WIDTH = 6, LANES = 8 };

static const double rolloff = 0.99;
static const double pi = 3.14159265358979323846;

static int64_t greatest_common_divisor(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Frequency of the filter's zero crossings, in units where one period of the reduced rates is 1. */
static double base_frequency(const fal_sinc_filter *f)
{
    return rolloff * (double)(f->step < f->phases ? f->step : f->phases);
}

/* Place of output phase j in that unit. torchaudio divides in float32. */
static double phase_offset(const fal_sinc_filter *f, int64_t j)
{
    return (double)((float)j / (float)f->phases);
}

/* Value of tap i of phase j; 0 outside the window. */
static float tap(const fal_sinc_filter *f, int64_t j, int64_t i)
{
    double base = base_frequency(f);
    double t = base * ((double)i / (double)f->step - phase_offset(f, j));
    if (fabs(t) >= LOWPASS_WIDTH)
        return 0;
    double window = cos(pi * t / (2 * LOWPASS_WIDTH));
    double sinc = t == 0 ? 1 : sin(pi * t) / (pi * t);
    return (float)(window * window * sinc * base / (double)f->step);
}

static int64_t round_up(int64_t n, int64_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

fal_status fal_sinc_filter_make(int64_t rate, fal_sinc_filter *out, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t common = greatest_common_divisor(rate, FAL_AUDIO_RATE);
    fal_sinc_filter f = {.step = rate / common, .phases = FAL_AUDIO_RATE / common};
    double reach = LOWPASS_WIDTH * (double)f.step / base_frequency(&f); /* half the window, in input samples */
    f.width = (int64_t)ceil(reach);
    f.taps = round_up((int64_t)ceil(2 * reach) + 2, LANES);
    FAL_ALLOC(f.start, fal_malloc_array((size_t)f.phases, sizeof *f.start));
    FAL_ALLOC(f.kernel, fal_calloc((size_t)(f.phases * f.taps), sizeof *f.kernel));
    for (int64_t j = 0; j < f.phases; j++) {
        f.start[j] = (int64_t)floor(phase_offset(&f, j) * (double)f.step - reach);
        for (int64_t i = 0; i < f.taps; i++)
            f.kernel[j * f.taps + i] = tap(&f, j, f.start[j] + i);
    }
    *out = f;
    f = (fal_sinc_filter){0};
done:
    fal_sinc_filter_clear(&f);
    return st;
}

void fal_sinc_filter_clear(fal_sinc_filter *filter)
{
    fal_release(&filter->start);
    fal_release(&filter->kernel);
}

/* Eight partial sums in a fixed order: vectorises without allowing the compiler to reorder anything. */
static float dot(const float *a, const float *b, int64_t n)
{
    float sums[LANES] = {0};
    for (int64_t i = 0; i < n; i += LANES)
        for (int64_t k = 0; k < LANES; k++)
            sums[k] += a[i + k] * b[i + k];
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

typedef struct sinc_state {
    fal_sinc_filter filter;
    fal_samples window;   /* input samples `first` .. `first + count - 1`, those still needed */
    int64_t first;        /* may be negative: zeros before the clip */
    int64_t block, phase; /* next output is number block * phases + phase */
} sinc_state;

static void sinc_free(void *state)
{
    sinc_state *s = state;
    fal_sinc_filter_clear(&s->filter);
    fal_free(s->window.data);
    fal_free(s);
}

static fal_status sinc_create(int64_t rate, void **state, fal_error *err)
{
    fal_status st = FAL_OK;
    sinc_state *s = NULL;
    FAL_ALLOC(s, fal_calloc(1, sizeof *s));
    FAL_TRY(fal_sinc_filter_make(rate, &s->filter, err));
    s->first = -s->filter.width - 1;
    FAL_TRY(fal_samples_append_zeros(&s->window, (size_t)-s->first, err));
    *state = s;
    s = NULL;
done:
    if (s)
        sinc_free(s);
    return st;
}

/* Makes every output whose window is complete. */
static fal_status produce(sinc_state *s, fal_samples *out, fal_error *err)
{
    const fal_sinc_filter *f = &s->filter;
    int64_t end = s->first + (int64_t)s->window.count;
    for (;;) {
        int64_t from = s->block * f->step + f->start[s->phase];
        if (from + f->taps > end)
            return FAL_OK;
        fal_status st = fal_samples_reserve(out, 1, err);
        if (st != FAL_OK)
            return st;
        out->data[out->count++] = dot(s->window.data + (from - s->first), f->kernel + s->phase * f->taps, f->taps);
        if (++s->phase == f->phases) {
            s->phase = 0;
            s->block++;
        }
    }
}

/* Drops input that no later output looks at. */
static void forget(sinc_state *s)
{
    int64_t from = s->block * s->filter.step + s->filter.start[s->phase];
    int64_t drop = from - s->first, count = (int64_t)s->window.count;
    drop = drop < count ? drop : count;
    if (drop <= 0)
        return;
    memmove(s->window.data, s->window.data + drop, (size_t)(count - drop) * sizeof *s->window.data);
    s->window.count -= (size_t)drop;
    s->first += drop;
}

static fal_status sinc_push(void *state, const float *in, size_t count, fal_samples *out, fal_error *err)
{
    enum { BLOCK = 1 << 14 }; /* keeps the window small when a whole clip is pushed at once */
    fal_status st = FAL_OK;
    sinc_state *s = state;
    for (size_t part; count > 0; in += part, count -= part) {
        part = count < BLOCK ? count : BLOCK;
        FAL_TRY(fal_samples_append(&s->window, in, part, err));
        FAL_TRY(produce(s, out, err));
        forget(s);
    }
done:
    return st;
}

static fal_status sinc_finish(void *state, size_t wanted, fal_samples *out, fal_error *err)
{
    fal_status st = FAL_OK;
    sinc_state *s = state;
    while ((size_t)(s->block * s->filter.phases + s->phase) < wanted) {
        FAL_TRY(fal_samples_append_zeros(&s->window, (size_t)s->filter.taps, err));
        FAL_TRY(produce(s, out, err));
        forget(s);
    }
done:
    return st;
}

const fal_resample_engine fal_resample_engine_sinc = {
    .create = sinc_create, .push = sinc_push, .finish = sinc_finish, .free = sinc_free};
