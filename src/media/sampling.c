/* In double with the originals' order of operations: rounding down makes a frame of a last bit. */
#include "media/sampling.h"

void fal_sample_kinetics(int64_t total, int64_t rate, int64_t windows, int64_t window, int64_t out[FAL_SAMPLE_WINDOW])
{
    const int64_t picked = (total + rate - 1) / rate, spare = picked - FAL_SAMPLE_WINDOW;
    const double step = spare > 0 && windows > 1 ? (double)spare / (double)(windows - 1) : 0;
    const int64_t start = (int64_t)((double)window * step);
    for (int64_t i = 0; i < FAL_SAMPLE_WINDOW; i++)
        out[i] = rate * (start + i < picked ? start + i : picked - 1);
}

void fal_sample_ssv2(int64_t total, int64_t window, int64_t out[FAL_SAMPLE_WINDOW])
{
    const double part = (double)total / FAL_SAMPLE_WINDOW, offset = window == 0 ? 0 : part / 2;
    for (int64_t i = 0; i < FAL_SAMPLE_WINDOW; i++)
        out[i] = (int64_t)(offset + part * (double)i);
}

void fal_sample_uniform(int64_t total, int64_t count, int64_t *out)
{
    const double step = count > 1 ? (double)(total - 1) / (double)(count - 1) : 0;
    for (int64_t i = 0; i < count; i++)
        out[i] = (int64_t)((double)i * step);
    if (count > 1)
        out[count - 1] = total - 1;
}
