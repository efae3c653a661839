/* A run: what one thread of work needs beside immutable weights — scratch memory, thread count, the cache of oneDNN
 * primitives per shape, and debugging hooks. One run serves one forward pass at a time; make one per worker thread.
 * After a warm-up pass of the same shapes a forward pass allocates nothing. */
#ifndef FAL_TENSOR_RUN_H
#define FAL_TENSOR_RUN_H

#include "core/arena.h"
#include "core/status.h"
#include "tensor/tensor.h"

#include <signal.h>

typedef struct fal_run fal_run;

/* Called with every named stage of a forward pass, for golden tests and `--dump-stages`. The view is valid during the
 * call only. */
typedef void fal_stage_fn(void *user, const char *stage, const fal_tensor *value);

typedef struct fal_run_options {
    int threads;          /* cores for the kernels inside this run; 0: all available */
    fal_stage_fn *stage;  /* NULL: off */
    void *stage_user;
    const volatile sig_atomic_t *cancel; /* checked between layers; NULL: never */
} fal_run_options;

fal_status fal_run_create(const fal_run_options *options, fal_run **out, fal_error *err);
void fal_run_free(fal_run **run);

int fal_run_threads(const fal_run *run);
fal_arena *fal_run_arena(fal_run *run);
/* Starts a forward pass: resets the arena and sets the thread count of the calling thread. */
void fal_run_begin(fal_run *run);
/* count floats from the arena; NULL when out of memory. */
float *fal_run_floats(fal_run *run, int64_t count);
void fal_run_stage(fal_run *run, const char *stage, const float *data, int rank, const int64_t *shape);
bool fal_run_has_stage_hook(const fal_run *run);
bool fal_run_cancelled(const fal_run *run);

/* Numeric formats a layer may compute in. */
typedef enum fal_precision {
    FAL_PRECISION_F32,  /* everything float32 */
    FAL_PRECISION_BF16, /* weights in bfloat16; products in bfloat16 with float32 accumulation when the CPU has such
                           units (AMX, AVX512-BF16), else weights are widened block by block and multiplied in float32
                         */
} fal_precision;

/* True when oneDNN offers a native bf16 matmul on this CPU. */
bool fal_cpu_has_bf16(void);
/* Text such as "AVX2" or "AVX-512, AMX bf16": the instruction set oneDNN dispatches to. */
const char *fal_cpu_isa(void);
/* What the CPU calls itself, "AMD EPYC 7763 64-Core Processor"; "" where the system does not tell. */
void fal_cpu_name(char *out, size_t size);

#endif
