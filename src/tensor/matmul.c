#include "tensor/gemm.h"

/* Packs b[batch] of every batch item, panels shared out among the threads. */
static void pack_batch(fal_run *run, const fal_matmul_args *args, const fal_kernels *kernels, float *packed)
{
    int64_t panels = fal_round_up(args->n, kernels->nr) / kernels->nr;
    int64_t each = fal_packed_count(kernels, args->k, args->n);
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t task = 0; task < args->batch * panels; task++) {
        int64_t batch = task / panels, panel = task % panels;
        fal_matrix m = {.data = args->b + batch * args->b_batch, .k = args->k, .n = args->n};
        m.k_stride = args->b_transposed ? 1 : args->b_row;
        m.n_stride = args->b_transposed ? args->b_row : 1;
        fal_pack_panels(kernels, &m, panel, panel + 1, packed + batch * each);
    }
}

typedef struct columns {
    const float *data; /* [k, m] */
    int64_t row, k;
} columns;

/* Rows of the transposed left matrix. */
static void gather_columns(const void *user, int64_t first, int64_t count, float *out, int64_t stride)
{
    const columns *a = user;
    fal_transpose(a->data + first, a->row, a->k, count, out, stride);
}

static void set_left(const fal_matmul_args *args, int64_t i, columns *a, fal_gemm *gemm)
{
    *a = (columns){args->a + i * args->a_batch, args->a_row, args->k};
    if (args->a_transposed) {
        gemm->gather = gather_columns;
        gemm->gather_user = a;
    } else {
        gemm->a = a->data;
        gemm->a_stride = a->row;
    }
}

fal_status fal_matmul_run(fal_run *run, const fal_matmul_args *args, fal_error *err)
{
    if (args->batch < 0 || args->m < 0 || args->n < 1 || args->k < 1)
        return fal_fail(err, FAL_ERR_ARGUMENT,
                        "matmul of batch %lld, m %lld, n %lld, k %lld; n and k must be at least 1",
                        (long long)args->batch, (long long)args->m, (long long)args->n, (long long)args->k);
    fal_status st = FAL_OK;
    const fal_kernels *kernels = fal_kernels_get();
    int64_t each = fal_packed_count(kernels, args->k, args->n);
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    float *packed;
    columns *a;
    fal_packed *b;
    fal_gemm *gemms;
    FAL_ALLOC(packed, fal_arena_alloc(arena, (size_t)args->batch, (size_t)each * sizeof *packed));
    FAL_ALLOC(a, fal_arena_alloc(arena, (size_t)args->batch, sizeof *a));
    FAL_ALLOC(b, fal_arena_alloc(arena, (size_t)args->batch, sizeof *b));
    FAL_ALLOC(gemms, fal_arena_alloc(arena, (size_t)args->batch, sizeof *gemms));
    pack_batch(run, args, kernels, packed);
    for (int64_t i = 0; i < args->batch; i++) {
        b[i] = (fal_packed){.kernels = kernels, .k = args->k, .n = args->n, .f32 = packed + i * each};
        gemms[i] = (fal_gemm){
            .b = &b[i],
            .rows = args->m,
            .finish = {.alpha = args->alpha != 0 ? args->alpha : 1,
                       .bias = args->bias,
                       .residual = args->accumulate ? args->c + i * args->c_batch : NULL,
                       .residual_stride = args->c_row,
                       .y = args->c + i * args->c_batch,
                       .y_stride = args->c_row},
        };
        set_left(args, i, &a[i], &gemms[i]);
    }
    st = fal_gemm_run(run, gemms, args->batch, err);
done:
    fal_arena_release(arena, mark);
    return st;
}
