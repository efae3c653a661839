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

fal_status fal_wave_check(const fal_tensor *audio, int64_t least, int64_t *samples, fal_error *err)
{
    char shape[96];
    int64_t count = fal_tensor_count(audio);
    if (audio->dtype != FAL_F32 || audio->rank < 1 || count != audio->shape[audio->rank - 1])
        return fal_fail(err, FAL_ERR_ARGUMENT, "audio is %s%s, want F32[samples], 16 kHz mono",
                        fal_dtype_name(audio->dtype), fal_tensor_shape_text(shape, audio));
    if (count < least)
        return fal_fail(err, FAL_ERR_TOO_SHORT, "audio has %lld samples, one frame needs %lld", (long long)count,
                        (long long)least);
    *samples = count;
    return FAL_OK;
}
