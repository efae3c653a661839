#include "encoder/wave.h"

#include <math.h>

void fal_wave_normalise(const float *x, int64_t samples, double eps, float *y)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < samples; i++)
        sum += x[i];
    double mean = sum / (double)samples;
    for (int64_t i = 0; i < samples; i++)
        squares += (x[i] - mean) * (x[i] - mean);
    double deviation = sqrt(squares / (double)samples + eps);
    for (int64_t i = 0; i < samples; i++)
        y[i] = (float)((x[i] - mean) / deviation);
}
