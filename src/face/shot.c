#include "face/shot.h"

#include <math.h>

enum { SAMPLES = 4, CELLS = FAL_SHOT_ROWS * FAL_SHOT_COLUMNS };

/* A cut changes the cells by this many grey levels at least, and by this many times the shot's usual change. Talking
 * heads change by 0.2 to 6 a frame, walking cameras by up to 12. */
static const double least_change = 12, times_usual = 3;
/* ... and moves this part of the pixels to other bins of the histogram, unless the change of the cells is huge. */
static const double least_moved = 0.15, huge_change = 45;
static const double usual_rate = 0.1; /* of the running mean */

typedef struct look {
    float cells[CELLS], histogram[FAL_SHOT_BINS];
} look;

/* Each cell is sampled on a 4x4 grid: far cheaper than its mean, and as good for this. */
static void look_at(const fal_picture *gray, look *out)
{
    const int64_t columns = FAL_SHOT_COLUMNS * SAMPLES, rows = FAL_SHOT_ROWS * SAMPLES;
    *out = (look){0};
    for (int64_t y = 0; y < rows; y++) {
        const uint8_t *row = gray->pixels + (2 * y + 1) * gray->height / (2 * rows) * gray->stride;
        for (int64_t x = 0; x < columns; x++) {
            const uint8_t v = row[(2 * x + 1) * gray->width / (2 * columns)];
            out->cells[y / SAMPLES * FAL_SHOT_COLUMNS + x / SAMPLES] += (float)v / (SAMPLES * SAMPLES);
            out->histogram[v * FAL_SHOT_BINS / 256] += 1.0f / (float)(CELLS * SAMPLES * SAMPLES);
        }
    }
}

static double mean_difference(const float *a, const float *b, int n, double per)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += fabs((double)a[i] - (double)b[i]);
    return sum / per;
}

bool fal_shot_begins(fal_shot_detector *shot, const fal_picture *gray)
{
    look now;
    look_at(gray, &now);
    const double change = mean_difference(now.cells, shot->cells, CELLS, CELLS);
    const double moved = mean_difference(now.histogram, shot->histogram, FAL_SHOT_BINS, 2);
    const bool begins = !shot->started || (change > least_change && change > times_usual * shot->usual_change &&
                                           (moved > least_moved || change > huge_change));
    if (begins)
        shot->usual_change = 0;
    else
        shot->usual_change += usual_rate * (change - shot->usual_change);
    shot->started = true;
    for (int i = 0; i < CELLS; i++)
        shot->cells[i] = now.cells[i];
    for (int i = 0; i < FAL_SHOT_BINS; i++)
        shot->histogram[i] = now.histogram[i];
    return begins;
}
