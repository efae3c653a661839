#include "audit/clip_print.h"

#include <math.h>
#include <string.h>

enum {
    GRID_WIDTH = 9, /* neighbours along a row are compared: 8 bits a row */
    GRID_HEIGHT = 8,
    PICTURE_STEP = 2,  /* every second one is hashed */
    SOUND_STEP = 1600, /* 0.1 s */
    LEAST_SOUND_BITS = 48,
    LEAST_CONTRAST = 12 /* grey levels between the darkest and the brightest cell */
};

/* Of 64 bits, on average over the pictures both clips have. Measured (docs/audit.md): 0 to 6.4 from a clip to itself
 * encoded, blurred or scaled badly, 15 and more between recordings of different people. */
static const double MOST_PICTURE_BITS = 8;
/* Unrelated pictures differ in 32 bits, give or take 4: a first pair beyond this ends the comparison. */
enum { HOPELESS_BITS = 22 };
/* Share of the sound's steps that may differ: 6 of 64 happen by chance once in 10^11 pairs. */
static const double MOST_SOUND_SHARE = 0.1;

fal_print_maker fal_print_start(void)
{
    return (fal_print_maker){.content = fal_sha256_start()};
}

/* ---- sound ---- */

static double step_energy(const float *wave)
{
    double sum = 0;
    for (int i = 0; i < SOUND_STEP; i++)
        sum += (double)wave[i] * wave[i];
    return sum;
}

static void hash_sound(fal_clip_print *print, const float *wave, size_t count)
{
    if (count < 2 * SOUND_STEP)
        return;
    double last = step_energy(wave);
    for (size_t at = SOUND_STEP; at + SOUND_STEP <= count && print->sound_bits < FAL_PRINT_SOUND_BITS;
         at += SOUND_STEP) {
        double energy = step_energy(wave + at);
        print->sound |= (uint64_t)(energy > last) << print->sound_bits++;
        last = energy;
    }
}

/* In 16 bits, so that the digest does not depend on the last bit of a resampler's floats. */
static void digest_sound(fal_digest *digest, const float *wave, size_t count)
{
    for (size_t done = 0; done < count;) {
        uint8_t bytes[2048];
        size_t n = count - done < sizeof bytes / 2 ? count - done : sizeof bytes / 2;
        for (size_t i = 0; i < n; i++) {
            float level = fmaxf(-1, fminf(1, wave[done + i]));
            int16_t value = (int16_t)lrintf(32767 * level);
            bytes[2 * i] = (uint8_t)((uint16_t)value & 255);
            bytes[2 * i + 1] = (uint8_t)((uint16_t)value >> 8);
        }
        fal_sha256_add(digest, bytes, 2 * n);
        done += n;
    }
}

void fal_print_sound(fal_print_maker *maker, const float *wave, size_t count, size_t first)
{
    digest_sound(&maker->content, wave, count);
    if (first < count)
        hash_sound(&maker->print, wave + first, count - first);
}

/* ---- pictures ---- */

static double cell_mean(const fal_frame *frame, int column, int row)
{
    int64_t left = column * frame->width / GRID_WIDTH, right = (column + 1) * frame->width / GRID_WIDTH;
    int64_t top = row * frame->height / GRID_HEIGHT, bottom = (row + 1) * frame->height / GRID_HEIGHT;
    double sum = 0;
    for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < right; x++) {
            const uint8_t *rgb = frame->data + y * frame->stride + 3 * x;
            sum += 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
        }
    return right > left && bottom > top ? sum / (double)((right - left) * (bottom - top)) : 0;
}

/* The difference hash: bit set where a cell is brighter than its left neighbour. */
static uint64_t hash_picture(const fal_frame *frame)
{
    uint64_t bits = 0;
    double darkest = INFINITY, brightest = -INFINITY;
    for (int row = 0; row < GRID_HEIGHT; row++) {
        double left = 0;
        for (int column = 0; column < GRID_WIDTH; column++) {
            double mean = cell_mean(frame, column, row);
            darkest = fmin(darkest, mean);
            brightest = fmax(brightest, mean);
            if (column)
                bits |= (uint64_t)(mean > left) << (row * (GRID_WIDTH - 1) + column - 1);
            left = mean;
        }
    }
    return brightest - darkest < LEAST_CONTRAST ? 0 : bits;
}

void fal_print_picture(fal_print_maker *maker, const fal_frame *frame)
{
    fal_clip_print *print = &maker->print;
    for (int64_t y = 0; y < frame->height; y++)
        fal_sha256_add(&maker->content, frame->data + y * frame->stride, (size_t)(3 * frame->width));
    if (maker->seen++ % PICTURE_STEP == 0 && print->picture_count < FAL_PRINT_PICTURES)
        print->pictures[print->picture_count++] = hash_picture(frame);
}

void fal_print_finish(fal_print_maker *maker, fal_clip_print *out)
{
    *out = maker->print;
    fal_sha256_text(&maker->content, out->content);
}

/* ---- comparing ---- */

bool fal_print_pictures_match(const fal_clip_print *a, const fal_clip_print *b)
{
    int both = a->picture_count < b->picture_count ? a->picture_count : b->picture_count;
    int compared = 0, distance = 0;
    for (int i = 0; i < both; i++)
        if (a->pictures[i] && b->pictures[i]) {
            distance += __builtin_popcountll(a->pictures[i] ^ b->pictures[i]);
            compared++;
            if (compared == 1 && distance > HOPELESS_BITS)
                return false; /* nearly all pairs of clips end here */
        }
    return compared && distance <= MOST_PICTURE_BITS * compared;
}

bool fal_print_sounds_match(const fal_clip_print *a, const fal_clip_print *b)
{
    int both = a->sound_bits < b->sound_bits ? a->sound_bits : b->sound_bits;
    if (both < LEAST_SOUND_BITS)
        return false;
    uint64_t mask = both < 64 ? (UINT64_C(1) << both) - 1 : UINT64_MAX;
    return __builtin_popcountll((a->sound ^ b->sound) & mask) <= MOST_SOUND_SHARE * both;
}
