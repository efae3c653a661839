/* Gradient of attention, in chunks of query rows. Per head and chunk:
 *
 *   S = scale Q K^T,  P = softmax(S)         computed again
 *   dP = dO V^T,      dS = scale P (dP - sum_j P dP)
 *   dQ = dS K,        dK += dS^T Q,          dV += P^T dO
 *
 * The heads of a chunk are the batch of each product. A chunk's height depends on the shapes alone, and chunks follow
 * one another, so that the sums are the same for any number of threads. */
#include "core/alloc.h"
#include "tensor/backward.h"
#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

enum {
    CHUNK_ROWS = 252,       /* of the query */
    CAUSAL_ROWS = 126,      /* the same: no product goes beyond the keys that the last row of a chunk sees */
    CHUNK_FLOATS = 1 << 23, /* of each of the two score matrices */
    LEAST_ROWS = 14
};

typedef struct gradient {
    const fal_attention_gradient *args;
    int64_t width, stride, to_stride; /* channels of a head; row strides of what is read and written */
    int64_t chunk_rows;
    float scale;
    float *p, *dp; /* [heads, chunk_rows, keys] */
} gradient;

/* Query rows [first, first + rows), which see `keys` keys. */
typedef struct chunk {
    int64_t first, rows, keys;
} chunk;

static fal_matmul_args heads_of(const gradient *g)
{
    return (fal_matmul_args){.batch = g->args->heads, .a_batch = g->width, .b_batch = g->width, .c_batch = g->width};
}

/* out = scale * rows keys^T: scores, and with dO and V their gradients before the softmax. */
static fal_status score_product(fal_run *run, const gradient *g, const chunk *c, const float *rows, int64_t stride,
                                const float *keys, float scale, float *out, fal_error *err)
{
    fal_matmul_args product = heads_of(g);
    product.m = c->rows, product.n = c->keys, product.k = g->width;
    product.a = rows + c->first * stride, product.a_row = stride;
    product.b = keys, product.b_row = g->stride, product.b_transposed = true;
    product.c = out, product.c_row = c->keys, product.c_batch = c->rows * c->keys;
    product.alpha = scale;
    return fal_matmul_run(run, &product, err);
}

/* dQ of the chunk */
static fal_status query_gradient(fal_run *run, const gradient *g, const chunk *c, fal_error *err)
{
    fal_matmul_args product = heads_of(g);
    product.m = c->rows, product.n = g->width, product.k = c->keys;
    product.a = g->dp, product.a_row = c->keys, product.a_batch = c->rows * c->keys;
    product.b = g->args->k, product.b_row = g->stride;
    product.c = g->args->dq + c->first * g->to_stride, product.c_row = g->to_stride;
    return fal_matmul_run(run, &product, err);
}

/* to += scores^T rows: dK and dV. */
static fal_status key_gradient(fal_run *run, const gradient *g, const chunk *c, const float *scores, const float *rows,
                               int64_t stride, float *to, fal_error *err)
{
    fal_matmul_args product = heads_of(g);
    product.m = c->keys, product.n = g->width, product.k = c->rows;
    product.a = scores, product.a_row = c->keys, product.a_batch = c->rows * c->keys, product.a_transposed = true;
    product.b = rows + c->first * stride, product.b_row = stride;
    product.c = to, product.c_row = g->to_stride;
    product.accumulate = true;
    return fal_matmul_run(run, &product, err);
}

static void softmax_gradients(fal_run *run, const gradient *g, const chunk *c)
{
    const fal_kernels *kernels = fal_kernels_get();
    int threads = fal_run_threads(run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < g->args->heads * c->rows; row++) {
        float *p = g->p + row * c->keys, *dp = g->dp + row * c->keys;
        int64_t seen = g->args->causal ? c->first + row % c->rows + 1 : c->keys;
        float sum = kernels->softmax(p, seen);
        kernels->softmax_backward(p, sum, g->scale, seen, dp);
        memset(p + seen, 0, (size_t)(c->keys - seen) * sizeof *p);
        memset(dp + seen, 0, (size_t)(c->keys - seen) * sizeof *dp);
    }
}

static fal_status run_chunk(fal_run *run, const gradient *g, const chunk *c, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_attention_gradient *a = g->args;
    FAL_TRY(score_product(run, g, c, a->q, g->stride, a->k, g->scale, g->p, err));
    FAL_TRY(score_product(run, g, c, a->dout, a->dim, a->v, 1, g->dp, err));
    softmax_gradients(run, g, c);
    FAL_TRY(query_gradient(run, g, c, err));
    FAL_TRY(key_gradient(run, g, c, g->dp, a->q, g->stride, a->dk, err));
    FAL_TRY(key_gradient(run, g, c, g->p, a->dout, a->dim, a->dv, err));
done:
    return st;
}

static gradient make_plan(const fal_attention_gradient *args)
{
    gradient g = {.args = args, .width = args->dim / args->heads};
    g.stride = args->qkv_stride ? args->qkv_stride : args->dim;
    g.to_stride = args->dqkv_stride ? args->dqkv_stride : args->dim;
    g.scale = args->scale != 0 ? args->scale : (float)(1 / sqrt((double)g.width));
    g.chunk_rows = CHUNK_FLOATS / (args->heads * args->rows);
    int64_t most = args->causal ? CAUSAL_ROWS : CHUNK_ROWS;
    if (g.chunk_rows > most)
        g.chunk_rows = most;
    if (g.chunk_rows < LEAST_ROWS)
        g.chunk_rows = LEAST_ROWS;
    if (g.chunk_rows > args->rows)
        g.chunk_rows = args->rows;
    return g;
}

fal_status fal_attention_backward(fal_run *run, const fal_attention_gradient *args, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    if (args->rows < 1 || args->dim < 1 || args->heads < 1 || args->dim % args->heads)
        FAL_FAIL(FAL_ERR_ARGUMENT, "attention over [%lld,%lld] cannot have %lld heads", (long long)args->rows,
                 (long long)args->dim, (long long)args->heads);
    gradient g = make_plan(args);
    FAL_ALLOC(g.p, fal_run_floats(run, args->heads * g.chunk_rows * args->rows));
    FAL_ALLOC(g.dp, fal_run_floats(run, args->heads * g.chunk_rows * args->rows));
    for (int64_t row = 0; row < args->rows; row++) {
        memset(args->dk + row * g.to_stride, 0, (size_t)args->dim * sizeof *args->dk);
        memset(args->dv + row * g.to_stride, 0, (size_t)args->dim * sizeof *args->dv);
    }
    for (int64_t first = 0; first < args->rows; first += g.chunk_rows) {
        chunk c = {first, args->rows - first < g.chunk_rows ? args->rows - first : g.chunk_rows, args->rows};
        if (args->causal)
            c.keys = first + c.rows;
        FAL_TRY(run_chunk(run, &g, &c, err));
    }
done:
    fal_arena_release(arena, mark);
    return st;
}
