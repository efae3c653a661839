/* Attention in blocks of query rows. Keys, values and positions of every head are packed once; then each (head, block)
 * is one task: scores [BLOCK_ROWS, rows], softmax, product with the values. */
#include "tensor/gemm.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { BLOCK_ROWS = 84 }; /* a multiple of 6 and 14 */

typedef struct attention {
    const fal_attention_args *args;
    const fal_kernels *kernels;
    int64_t rows, dim, width, stride; /* width: channels of a head; stride: of q, k and v */
    float scale;
    float *keys, *values, *positions; /* packed, head after head */
    int64_t keys_each, values_each, positions_each;
    int64_t block_rows, score_stride, shift_stride; /* floats per row of the two score matrices */
    int64_t scratch;                                /* floats per thread */
} attention;

/* ---- packing ----------------------------------------------------------------------------------------------------- */

static int64_t panels(const attention *a, int64_t n)
{
    return fal_round_up(n, a->kernels->nr) / a->kernels->nr;
}

static void pack_head(const attention *a, int64_t head)
{
    int64_t first = head * a->width;
    fal_matrix keys = {a->args->k + first, .k = a->width, .n = a->rows, .k_stride = 1, .n_stride = a->stride};
    fal_matrix values = {a->args->v + first, .k = a->rows, .n = a->width, .k_stride = a->stride, .n_stride = 1};
    fal_pack_panels(a->kernels, &keys, 0, panels(a, a->rows), a->keys + head * a->keys_each);
    fal_pack_panels(a->kernels, &values, 0, panels(a, a->width), a->values + head * a->values_each);
    if (a->args->pos) {
        int64_t n = 2 * a->rows - 1;
        fal_matrix pos = {a->args->pos + first, .k = a->width, .n = n, .k_stride = 1, .n_stride = a->dim};
        fal_pack_panels(a->kernels, &pos, 0, panels(a, n), a->positions + head * a->positions_each);
    }
}

/* ---- one block --------------------------------------------------------------------------------------------------- */

/* Query rows [first, first + rows) of one head, with its thread's scratch. */
typedef struct block {
    int64_t head, first, rows;
    float *query, *scores, *shifted, *row_scale, *gemm;
} block;

static block split_scratch(const attention *a, int64_t head, int64_t first, float *scratch)
{
    block b = {.head = head, .first = first};
    b.rows = a->rows - first < a->block_rows ? a->rows - first : a->block_rows;
    b.row_scale = scratch;
    b.query = b.row_scale + a->block_rows;
    b.scores = b.query + a->block_rows * a->width;
    b.shifted = b.scores + a->block_rows * a->score_stride;
    b.gemm = b.shifted + a->block_rows * a->shift_stride;
    return b;
}

/* out[rows, cols] = scale * (q + offset) b, columns [first_col, last_col) of b; offset [width] or NULL. */
static void query_product(const attention *a, const block *b, const float *offset, const fal_packed *packed,
                          int64_t first_col, int64_t last_col, float *out, int64_t out_stride)
{
    const float *q = a->args->q + b->first * a->stride + b->head * a->width;
    for (int64_t row = 0; row < b->rows; row++) {
        float *to = b->query + row * a->width;
        if (offset)
            a->kernels->add(q + row * a->stride, offset + b->head * a->width, a->width, to);
        else
            memcpy(to, q + row * a->stride, (size_t)a->width * sizeof *to);
    }
    fal_finish finish = {.alpha = a->scale, .y = out - first_col, .y_stride = out_stride};
    fal_gemm_block(packed, b->rows, b->query, a->width, first_col, last_col, &finish, b->gemm);
}

/* Adds scale * (q_i + w).pos[rows - 1 - i + j]: the product with the needed stretch of the table, read back one further
 * to the left in each row. */
static void add_positions(const attention *a, const block *b)
{
    int64_t nr = a->kernels->nr, table_rows = 2 * a->rows - 1;
    int64_t lowest = a->rows - 1 - (b->first + b->rows - 1), first_col = lowest / nr * nr;
    int64_t last_col = 2 * a->rows - 1 - b->first;
    fal_packed pos = {a->kernels, .k = a->width, .n = table_rows, .f32 = a->positions + b->head * a->positions_each};
    query_product(a, b, a->args->pos_w, &pos, first_col, last_col, b->shifted, a->shift_stride);
    for (int64_t row = 0; row < b->rows; row++) {
        const float *shifted = b->shifted + row * a->shift_stride + (a->rows - 1 - (b->first + row) - first_col);
        float *scores = b->scores + row * a->score_stride;
        a->kernels->add(scores, shifted, a->rows, scores);
    }
}

static void add_relative_bias(const attention *a, const block *b)
{
    const float *bias = a->args->rel_bias + b->head * (2 * a->rows - 1);
    for (int64_t row = 0; row < b->rows; row++) {
        int64_t i = b->first + row;
        float gate = a->args->gate ? a->args->gate[b->head * a->rows + i] : 1;
        a->kernels->add_scaled(bias + a->rows - 1 - i, gate, a->rows, b->scores + row * a->score_stride);
    }
}

static void softmax_rows(const attention *a, const block *b)
{
    for (int64_t row = 0; row < b->rows; row++) {
        float *scores = b->scores + row * a->score_stride;
        int64_t seen = a->args->causal ? b->first + row + 1 : a->rows;
        b->row_scale[row] = 1 / a->kernels->softmax(scores, seen);
        memset(scores + seen, 0, (size_t)(a->rows - seen) * sizeof *scores);
    }
}

static void run_block(const attention *a, const block *b)
{
    const fal_attention_args *args = a->args;
    fal_packed keys = {a->kernels, .k = a->width, .n = a->rows, .f32 = a->keys + b->head * a->keys_each};
    fal_packed values = {a->kernels, .k = a->rows, .n = a->width, .f32 = a->values + b->head * a->values_each};
    query_product(a, b, args->pos ? args->pos_u : NULL, &keys, 0, a->rows, b->scores, a->score_stride);
    if (args->pos)
        add_positions(a, b);
    if (args->rel_bias)
        add_relative_bias(a, b);
    softmax_rows(a, b);
    fal_finish finish = {.alpha = 1, .row_scale = b->row_scale, .y_stride = a->dim};
    finish.y = args->out + b->first * a->dim + b->head * a->width;
    fal_gemm_block(&values, b->rows, b->scores, a->score_stride, 0, a->width, &finish, b->gemm);
}

/* ---- whole call -------------------------------------------------------------------------------------------------- */

static fal_status check_args(const fal_attention_args *args, fal_error *err)
{
    if (args->rows < 0 || args->dim < 1 || args->heads < 1 || args->dim % args->heads)
        return fal_fail(err, FAL_ERR_ARGUMENT, "attention over [%lld,%lld] cannot have %lld heads",
                        (long long)args->rows, (long long)args->dim, (long long)args->heads);
    if (args->pos && (!args->pos_u || !args->pos_w))
        return fal_fail(err, FAL_ERR_ARGUMENT, "attention with positions needs both position biases");
    return FAL_OK;
}

static attention make_plan(const fal_attention_args *args)
{
    attention a = {.args = args, .kernels = fal_kernels_get(), .rows = args->rows, .dim = args->dim};
    a.width = args->dim / args->heads;
    a.stride = args->qkv_stride ? args->qkv_stride : args->dim;
    a.scale = args->scale != 0 ? args->scale : (float)(1 / sqrt((double)a.width));
    a.keys_each = fal_packed_count(a.kernels, a.width, a.rows);
    a.values_each = fal_packed_count(a.kernels, a.rows, a.width);
    a.positions_each = args->pos ? fal_packed_count(a.kernels, a.width, 2 * a.rows - 1) : 0;
    a.block_rows = fal_round_up(a.rows < BLOCK_ROWS ? a.rows : BLOCK_ROWS, a.kernels->mr);
    a.score_stride = fal_round_up(a.rows, 16) + 16; /* off powers of two */
    a.shift_stride = args->pos ? a.score_stride + a.block_rows + a.kernels->nr : 0;
    a.scratch = a.block_rows * (1 + a.width + a.score_stride + a.shift_stride) +
                fal_gemm_block_scratch(a.kernels, a.block_rows);
    return a;
}

fal_status fal_attention_run(fal_run *run, const fal_attention_args *args, fal_precision precision, fal_error *err)
{
    (void)precision; /* scores and softmax stay in float32 */
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    FAL_TRY(check_args(args, err));
    if (args->rows == 0)
        return FAL_OK;
    attention a = make_plan(args);
    int threads = fal_run_threads(run);
    float *scratch;
    FAL_ALLOC(a.keys, fal_run_floats(run, args->heads * a.keys_each));
    FAL_ALLOC(a.values, fal_run_floats(run, args->heads * a.values_each));
    FAL_ALLOC(a.positions, fal_run_floats(run, args->heads * a.positions_each));
    FAL_ALLOC(scratch, fal_run_floats(run, threads * a.scratch));
    int64_t blocks = (a.rows + a.block_rows - 1) / a.block_rows;
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(dynamic)
        for (int64_t head = 0; head < args->heads; head++)
            pack_head(&a, head);
#pragma omp for schedule(dynamic)
        for (int64_t task = 0; task < args->heads * blocks; task++) {
            block b = split_scratch(&a, task / blocks, task % blocks * a.block_rows,
                                    scratch + omp_get_thread_num() * a.scratch);
            run_block(&a, &b);
        }
    }
done:
    fal_arena_release(arena, mark);
    return st;
}
