#include "tensor/kernels.h"

const fal_kernels *fal_kernels_for(fal_cpu_level level)
{
    if (level > fal_cpu_level_get())
        return NULL;
    switch (level) {
#if defined(__x86_64__)
    case FAL_CPU_AVX512: return &fal_kernels_avx512;
    case FAL_CPU_AVX2: return &fal_kernels_avx2;
#endif
    default: return level == FAL_CPU_BASELINE ? &fal_kernels_baseline : NULL;
    }
}

const fal_kernels *fal_kernels_get(void)
{
    return fal_kernels_for(fal_cpu_level_get());
}
