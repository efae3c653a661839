#include "puppet/sound.h"

#include "core/alloc.h"
#include "puppet/random.h"
#include "puppet/speech.h"

#include <complex.h>
#include <math.h>
#include <string.h>

enum { FADE = PUP_RATE / 125, WINDOW = 512, HOP = 128, BINS = WINDOW / 2 + 1 };

/* 0 at the first and last sample of [0, count), 1 from `FADE` samples inwards. */
static float fade_at(size_t i, size_t count)
{
    size_t edge = i < count - 1 - i ? i : count - 1 - i;
    return edge >= FADE ? 1.0f : (float)edge / FADE;
}

void pup_splice(float *track, size_t from, size_t to, const float *piece, size_t piece_count)
{
    size_t gap = to - from, kept = piece_count < gap ? piece_count : gap;
    for (size_t i = 0; i < gap; i++) {
        float old = track[from + i] * (1 - fade_at(i, gap));
        track[from + i] = old + (i < kept ? piece[i] * fade_at(i, kept) : 0);
    }
}

fal_status pup_shift_sound(float *track, size_t from, size_t to, int64_t shift, fal_error *err)
{
    fal_status st = FAL_OK;
    float *moved;
    FAL_ALLOC(moved, fal_malloc_array(to - from, sizeof *moved));
    memcpy(moved, track + ((int64_t)from - shift), (to - from) * sizeof *moved);
    pup_splice(track, from, to, moved, to - from);
done:
    fal_free(moved);
    return st;
}

/* In-place radix-2 transform of WINDOW values; sign -1 forward, 1 backward (unscaled). */
static void transform(double complex *x, double sign)
{
    for (size_t i = 1, j = 0; i < WINDOW; i++) {
        size_t bit = WINDOW >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double complex swap = x[i];
            x[i] = x[j];
            x[j] = swap;
        }
    }
    for (size_t length = 2; length <= WINDOW; length *= 2) {
        double complex root = cexp(sign * 2 * M_PI * I / (double)length);
        for (size_t start = 0; start < WINDOW; start += length) {
            double complex w = 1;
            for (size_t k = 0; k < length / 2; k++, w *= root) {
                double complex a = x[start + k], b = x[start + k + length / 2] * w;
                x[start + k] = a + b;
                x[start + k + length / 2] = a - b;
            }
        }
    }
}

typedef struct vocoder {
    double strength;
    double phase[BINS];    /* the fixed phases */
    double smoothed[BINS]; /* magnitudes, smoothed over time */
    double complex frame[WINDOW];
} vocoder;

/* exp of the mean logarithm of the magnitudes around bin k. */
static double envelope(const double *magnitudes, int k)
{
    double sum = 0;
    int low = k - 5 < 0 ? 0 : k - 5, high = k + 5 >= BINS ? BINS - 1 : k + 5;
    for (int i = low; i <= high; i++)
        sum += log(magnitudes[i] + 1e-9);
    return exp(sum / (high - low + 1));
}

static void distort_frame(vocoder *v, size_t number)
{
    const int split = 4000 * WINDOW / PUP_RATE;
    double magnitudes[BINS];
    transform(v->frame, -1);
    for (int k = 0; k < BINS; k++)
        magnitudes[k] = cabs(v->frame[k]);
    for (int k = 0; k < BINS; k++) {
        v->smoothed[k] += (magnitudes[k] - v->smoothed[k]) * (k < split ? 0.6 : 0.35);
        double size = k < split ? v->smoothed[k] : envelope(v->smoothed, k);
        double angle = k < split ? carg(v->frame[k])
                                 : v->phase[k] + 2 * M_PI * fmod((double)k * HOP * (double)number / WINDOW, 1.0);
        double complex changed = size * cexp(I * angle);
        v->frame[k] = (1 - v->strength) * v->frame[k] + v->strength * changed;
    }
    v->frame[0] = creal(v->frame[0]);
    v->frame[WINDOW / 2] = creal(v->frame[WINDOW / 2]);
    for (int k = 1; k < WINDOW / 2; k++)
        v->frame[WINDOW - k] = conj(v->frame[k]);
    transform(v->frame, 1);
}

fal_status pup_vocode(float *track, size_t from, size_t to, double strength, uint64_t seed, fal_error *err)
{
    fal_status st = FAL_OK;
    vocoder *v = NULL;
    float *out = NULL;
    size_t count = to - from;
    fal_rng rng = pup_rng(seed, "vocoder", 0);
    FAL_ALLOC(v, fal_calloc(1, sizeof *v));
    FAL_ALLOC(out, fal_calloc(count, sizeof *out));
    v->strength = strength;
    for (int k = 0; k < BINS; k++)
        v->phase[k] = pup_between(&rng, 0, 2 * M_PI);
    double window[WINDOW];
    for (int i = 0; i < WINDOW; i++)
        window[i] = sqrt(0.5 - 0.5 * cos(2 * M_PI * i / WINDOW)); /* its square at this hop adds up to 2 */
    for (size_t number = 0; number * HOP < count + WINDOW; number++) {
        int64_t start = (int64_t)(number * HOP) - WINDOW;
        for (int i = 0; i < WINDOW; i++) {
            int64_t at = start + i;
            v->frame[i] = at >= 0 && at < (int64_t)count ? track[from + (size_t)at] * window[i] : 0;
        }
        distort_frame(v, number);
        for (int i = 0; i < WINDOW; i++)
            if (start + i >= 0 && start + i < (int64_t)count)
                out[start + i] += (float)(creal(v->frame[i]) * window[i] / (2.0 * WINDOW));
    }
    pup_splice(track, from, to, out, count);
done:
    fal_free(v);
    fal_free(out);
    return st;
}

/* Adds the reflections: each sample takes from earlier ones that are still dry, so it runs backwards. */
static void add_reflections(float *track, size_t count, fal_rng *rng)
{
    enum { WALLS = 5 };
    size_t delays[WALLS];
    float gains[WALLS];
    double wet = pup_between(rng, 0.1, 0.35);
    for (int w = 0; w < WALLS; w++) {
        delays[w] = (size_t)(PUP_RATE * pup_between(rng, 0.003, 0.035));
        gains[w] = (float)(wet * pup_between(rng, 0.3, 1) * (w % 2 ? -1 : 1));
    }
    for (size_t i = count; i-- > 0;)
        for (int w = 0; w < WALLS; w++)
            if (i >= delays[w])
                track[i] += gains[w] * track[i - delays[w]];
}

fal_status pup_room(float *track, const float *noise_gain, size_t count, uint64_t seed, fal_error *err)
{
    fal_status st = FAL_OK;
    float *noise;
    fal_rng rng = pup_rng(seed, "room", 0);
    FAL_ALLOC(noise, fal_malloc_array(count, sizeof *noise));
    add_reflections(track, count, &rng);
    float peak = 1e-6f;
    for (size_t i = 0; i < count; i++)
        peak = fmaxf(peak, fabsf(track[i]));
    float level = (float)pup_between(&rng, 0.35, 0.75) / peak;
    float loudness = (float)pow(10, pup_between(&rng, -52, -44) / 20), colour = (float)pup_between(&rng, 0.2, 0.7);
    fal_rng_fill_normal(seed, fal_rng_stream("hiss"), 0, 0, 1, noise, count);
    float previous = 0;
    for (size_t i = 0; i < count; i++) {
        previous = colour * previous + (1 - colour) * noise[i]; /* darker than white */
        float value = track[i] * level + loudness * noise_gain[i] * (0.4f * noise[i] + previous);
        track[i] = fmaxf(fminf(value, 0.99f), -0.99f);
    }
done:
    fal_free(noise);
    return st;
}
