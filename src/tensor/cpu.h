/* Which of our kernels a CPU may run. The public questions (fal_cpu_isa, fal_cpu_has_bf16) are in run.h. */
#ifndef FAL_TENSOR_CPU_H
#define FAL_TENSOR_CPU_H

#include "tensor/run.h"

typedef enum fal_cpu_level { FAL_CPU_BASELINE, FAL_CPU_AVX2, FAL_CPU_AVX512 } fal_cpu_level;

/* The best level that the CPU has and that oneDNN is allowed to use (DNNL_MAX_CPU_ISA). */
fal_cpu_level fal_cpu_level_get(void);

#endif
