#include "tensor/gemm.h"

#include "core/alloc.h"
#include "core/half.h"
#include "tensor/native.h"

#include <omp.h>
#include <string.h>

enum {
    STEP_K = 256,     /* 256 x 16 floats of b are half of a 32 KiB L1 cache */
    STRIP_COLS = 256, /* accumulators of a block: 256 columns x BLOCK_ROWS rows are 252 KiB of L2 */
    BLOCK_ROWS = 252, /* a multiple of 6 and 14; one step of its a is 252 KiB of L2 */
    GATHER_FLOATS = 1 << 21 /* rows of a gathered block are limited to 8 MiB */
};

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- packing ----------------------------------------------------------------------------------------------------- */

int64_t fal_packed_count(const fal_kernels *kernels, int64_t k, int64_t n)
{
    return k * fal_round_up(n, kernels->nr);
}

typedef float vec4 __attribute__((vector_size(16)));

static vec4 load4(const float *from)
{
    vec4 v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* Four rows of four values to four columns. */
static void turn_square(const float *in, int64_t in_stride, float *out, int64_t out_stride)
{
    vec4 a = load4(in), b = load4(in + in_stride), c = load4(in + 2 * in_stride), d = load4(in + 3 * in_stride);
    vec4 ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    vec4 cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    const vec4 rows[4] = {
        __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7),
        __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7),
    };
    for (int64_t p = 0; p < 4; p++)
        memcpy(out + p * out_stride, &rows[p], sizeof rows[p]);
}

/* In squares of four that stay in registers. */
void fal_transpose(const float *in, int64_t in_stride, int64_t rows, int64_t cols, float *out, int64_t out_stride)
{
    int64_t square_rows = rows & ~(int64_t)3, square_cols = cols & ~(int64_t)3;
    for (int64_t col = 0; col < square_cols; col += 4)
        for (int64_t row = 0; row < square_rows; row += 4)
            turn_square(in + row * in_stride + col, in_stride, out + col * out_stride + row, out_stride);
    for (int64_t col = 0; col < cols; col++)
        for (int64_t row = col < square_cols ? square_rows : 0; row < rows; row++)
            out[col * out_stride + row] = in[row * in_stride + col];
}

static void pack_rows(const float *in, int64_t k_stride, int64_t n_stride, int64_t k, int64_t cols, int64_t nr,
                      float *to)
{
    for (int64_t p = 0; p < k; p++, in += k_stride, to += nr) {
        if (n_stride == 1)
            memcpy(to, in, (size_t)cols * sizeof *to);
        for (int64_t j = 0; n_stride != 1 && j < cols; j++)
            to[j] = in[j * n_stride];
    }
}

void fal_pack_panels(const fal_kernels *kernels, const fal_matrix *m, int64_t first, int64_t last, float *out)
{
    int64_t nr = kernels->nr;
    for (int64_t panel = first; panel < last; panel++) {
        const float *in = m->data + panel * nr * m->n_stride;
        float *to = out + panel * nr * m->k;
        int64_t cols = min64(nr, m->n - panel * nr);
        if (cols < nr)
            memset(to, 0, (size_t)(m->k * nr) * sizeof *to);
        if (m->k_stride == 1)
            fal_transpose(in, m->n_stride, cols, m->k, to, nr);
        else
            pack_rows(in, m->k_stride, m->n_stride, m->k, cols, nr, to);
    }
}

static fal_status pack_bf16(const fal_matrix *m, fal_packed *packed, size_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t nr = packed->kernels->nr, panel_floats = m->k * nr;
    float *panel = NULL;
    FAL_ALLOC(packed->bf16, fal_malloc_array(count, sizeof(uint16_t)));
    FAL_ALLOC(panel, fal_malloc_array((size_t)panel_floats, sizeof *panel));
    for (int64_t col = 0; col < m->n; col += nr) {
        fal_matrix one = *m;
        one.data += col * m->n_stride;
        one.n -= col;
        fal_pack_panels(packed->kernels, &one, 0, 1, panel);
        fal_f32_to_bf16_n(panel, packed->bf16 + col * m->k, (size_t)panel_floats);
    }
done:
    fal_free(panel);
    return st;
}

/* The one place that decides how weights are kept: float32 panels, oneDNN's bfloat16 layout, or bfloat16 panels that
 * are widened step by step on CPUs without such units. */
fal_status fal_packed_create(const fal_matrix *m, fal_precision precision, fal_packed *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_packed packed = {.kernels = fal_kernels_get(), .k = m->k, .n = m->n};
    size_t count;
    if (!fal_mul_ok((size_t)m->k, (size_t)fal_round_up(m->n, packed.kernels->nr), &count))
        FAL_FAIL(FAL_ERR_MEMORY, "weights of %lld x %lld are too large", (long long)m->n, (long long)m->k);
    if (precision == FAL_PRECISION_F32) {
        FAL_ALLOC(packed.f32, fal_malloc_array(count, sizeof(float)));
        fal_pack_panels(packed.kernels, m, 0, fal_round_up(m->n, packed.kernels->nr) / packed.kernels->nr, packed.f32);
    } else if (fal_cpu_has_bf16()) {
        FAL_TRY(fal_native_create(m, FAL_BF16, &packed.native, err));
    } else {
        FAL_TRY(pack_bf16(m, &packed, count, err));
    }
    *out = packed;
    packed = (fal_packed){0};
done:
    fal_packed_clear(&packed);
    return st;
}

void fal_packed_clear(fal_packed *packed)
{
    fal_free(packed->f32);
    fal_free(packed->bf16);
    fal_native_free(&packed->native);
    *packed = (fal_packed){0};
}

/* ---- one block on one thread ------------------------------------------------------------------------------------- */

fal_finish fal_finish_at(const fal_finish *f, int64_t row, int64_t col)
{
    fal_finish at = *f;
    at.row_scale = f->row_scale ? f->row_scale + row : NULL;
    at.bias = f->bias ? f->bias + col : NULL;
    at.slope = f->slope ? f->slope + col : NULL;
    at.residual = f->residual ? f->residual + row * f->residual_stride + col : NULL;
    at.y = f->y + row * f->y_stride + col;
    return at;
}

int64_t fal_gemm_block_scratch(const fal_kernels *kernels, int64_t rows)
{
    return fal_round_up(rows, kernels->mr) * STRIP_COLS + STEP_K * kernels->nr;
}

/* A strip: all rows, columns [col, col + cols) with cols <= STRIP_COLS. Accumulated tiles lie one after another in
 * `scratch`, panel by panel. */
typedef struct strip {
    const fal_packed *b;
    int64_t rows, col, cols;
    const float *a;
    int64_t a_stride;
    const fal_finish *finish;
    float *tiles, *wide;
} strip;

/* Rows [p, p + step) of one panel as float32. */
static const float *panel_step(const strip *s, int64_t panel, int64_t p, int64_t step)
{
    int64_t nr = s->b->kernels->nr, offset = (panel * s->b->k + p) * nr;
    if (s->b->f32)
        return s->b->f32 + offset;
    s->b->kernels->widen_bf16(s->b->bf16 + offset, step * nr, s->wide);
    return s->wide;
}

/* The same step of the next panel, which else would come from memory just when its first tile needs it: each tile asks
 * for a share of it. */
typedef struct ahead {
    const char *at, *end;
    int64_t share; /* bytes per tile, a multiple of 64; 0 behind the last panel */
} ahead;

static ahead look_ahead(const fal_packed *b, int64_t panel, int64_t p, int64_t step, int64_t tiles)
{
    int64_t nr = b->kernels->nr, offset = ((panel + 1) * b->k + p) * nr;
    if ((panel + 1) * nr >= b->n)
        return (ahead){0};
    int64_t bytes = step * nr * (int64_t)(b->f32 ? sizeof *b->f32 : sizeof *b->bf16);
    const char *at = b->f32 ? (const char *)(b->f32 + offset) : (const char *)(b->bf16 + offset);
    return (ahead){at, at + bytes, fal_round_up((bytes + tiles - 1) / tiles, 64)};
}

static void prefetch_share(ahead *next)
{
    const char *end = next->end - next->at > next->share ? next->at + next->share : next->end;
    for (; next->at < end; next->at += 64)
        __builtin_prefetch(next->at, 0, 2);
}

static float *panel_tiles(const strip *s, int64_t col)
{
    return s->tiles + col * fal_round_up(s->rows, s->b->kernels->mr);
}

static void multiply_panel(const strip *s, int64_t col, int64_t p, int64_t step)
{
    const fal_kernels *kernels = s->b->kernels;
    int64_t nr = kernels->nr, mr = kernels->mr, panel = (s->col + col) / nr, tiles = (s->rows + mr - 1) / mr;
    const float *b = panel_step(s, panel, p, step);
    float *tile = panel_tiles(s, col);
    ahead next = look_ahead(s->b, panel, p, step, tiles);
    for (int64_t i = 0; i < tiles; i++, tile += mr * nr) {
        const float *a = s->a + i * mr * s->a_stride + p;
        const float *next_a = i + 1 < tiles ? a + mr * s->a_stride : s->a + p;
        kernels->multiply((int)min64(mr, s->rows - i * mr), step, a, s->a_stride, b, tile, p > 0, next_a);
        prefetch_share(&next);
    }
}

static void multiply_strip(const strip *s)
{
    for (int64_t p = 0; p < s->b->k; p += STEP_K)
        for (int64_t col = 0; col < s->cols; col += s->b->kernels->nr)
            multiply_panel(s, col, p, min64(STEP_K, s->b->k - p));
}

static void finish_strip(const strip *s)
{
    const fal_kernels *kernels = s->b->kernels;
    for (int64_t col = 0; col < s->cols; col += kernels->nr) {
        const float *tile = panel_tiles(s, col);
        for (int64_t row = 0; row < s->rows; row += kernels->mr, tile += kernels->mr * kernels->nr) {
            fal_finish at = fal_finish_at(s->finish, row, s->col + col);
            kernels->finish(&at, (int)min64(kernels->mr, s->rows - row), min64(kernels->nr, s->cols - col), tile,
                            kernels->nr);
        }
    }
}

void fal_gemm_block(const fal_packed *b, int64_t rows, const float *a, int64_t a_stride, int64_t first_col,
                    int64_t last_col, const fal_finish *finish, float *scratch)
{
    strip s = {.b = b, .rows = rows, .a = a, .a_stride = a_stride, .finish = finish, .wide = scratch};
    s.tiles = scratch + STEP_K * b->kernels->nr;
    for (s.col = first_col; s.col < last_col; s.col += STRIP_COLS) {
        s.cols = min64(STRIP_COLS, last_col - s.col);
        multiply_strip(&s);
        finish_strip(&s);
    }
}

void fal_gemm_tiles(const fal_packed *b, int64_t rows, const float *a, int64_t a_stride, float *tiles)
{
    strip s = {.b = b, .rows = rows, .cols = b->n, .a = a, .a_stride = a_stride, .tiles = tiles};
    multiply_strip(&s);
}

/* ---- all threads ------------------------------------------------------------------------------------------------- */

typedef struct plan {
    int64_t block_rows, row_blocks, col_step, col_blocks, gather_stride;
    int64_t scratch; /* floats per thread */
} plan;

/* Rows longer than a step are worth moving to a friendlier stride: each is read once per panel. */
static bool needs_copy(const fal_gemm *g)
{
    return g->gather || g->b->k > STEP_K;
}

void fal_gemm_copy_rows(const fal_gemm *g, int64_t k, int64_t first, int64_t count, float *out, int64_t stride)
{
    if (g->gather)
        g->gather(g->gather_user, first, count, out, stride);
    else
        for (int64_t row = 0; row < count; row++)
            memcpy(out + row * stride, g->a + (first + row) * g->a_stride, (size_t)k * sizeof *out);
}

/* Row blocks of equal height, enough of them for the threads; columns are cut only when the rows do not suffice. */
static plan make_plan(const fal_gemm *gemms, int64_t count, int threads)
{
    const fal_gemm *g = &gemms[0];
    const fal_kernels *kernels = g->b->kernels;
    int64_t most = BLOCK_ROWS;
    plan p = {0};
    if (needs_copy(g)) {
        p.gather_stride = fal_row_stride(g->b->k);
        most = min64(most, GATHER_FLOATS / p.gather_stride);
        if (most < kernels->mr)
            most = kernels->mr;
    }
    int64_t blocks = (g->rows + most - 1) / most;
    if (count * blocks < 64)
        blocks = fal_round_up(count * blocks, threads) / count; /* equal shares */
    if (blocks < 1)
        blocks = 1;
    p.block_rows = fal_round_up((g->rows + blocks - 1) / blocks, kernels->mr);
    p.row_blocks = (g->rows + p.block_rows - 1) / p.block_rows;
    int64_t panels = fal_round_up(g->b->n, kernels->nr) / kernels->nr;
    int64_t cuts = min64((threads + count * p.row_blocks - 1) / (count * p.row_blocks), panels);
    p.col_step = (panels + cuts - 1) / cuts * kernels->nr;
    p.col_blocks = (g->b->n + p.col_step - 1) / p.col_step;
    p.scratch = fal_gemm_block_scratch(kernels, p.block_rows) + p.block_rows * p.gather_stride;
    return p;
}

static void run_task(const fal_gemm *gemms, const plan *p, int64_t task, float *scratch)
{
    const fal_gemm *g = &gemms[task / (p->row_blocks * p->col_blocks)];
    int64_t first_col = task % p->col_blocks * p->col_step;
    int64_t row = task / p->col_blocks % p->row_blocks * p->block_rows;
    int64_t rows = min64(p->block_rows, g->rows - row);
    const float *a = g->a ? g->a + row * g->a_stride : NULL;
    int64_t a_stride = g->a_stride;
    if (p->gather_stride) {
        fal_gemm_copy_rows(g, g->b->k, row, rows, scratch, p->gather_stride);
        a = scratch;
        a_stride = p->gather_stride;
        scratch += p->block_rows * p->gather_stride;
    }
    fal_finish finish = fal_finish_at(&g->finish, row, 0);
    fal_gemm_block(g->b, rows, a, a_stride, first_col, min64(first_col + p->col_step, g->b->n), &finish, scratch);
}

static fal_status run_native(fal_run *run, const fal_gemm *gemms, int64_t count, fal_error *err)
{
    fal_status st = FAL_OK;
    for (int64_t i = 0; i < count && st == FAL_OK; i++)
        st = fal_native_run(run, gemms[i].b->native, &gemms[i], err);
    return st;
}

fal_status fal_gemm_run(fal_run *run, const fal_gemm *gemms, int64_t count, fal_error *err)
{
    if (count == 0 || gemms[0].rows == 0)
        return FAL_OK;
    if (gemms[0].b->native)
        return run_native(run, gemms, count, err);
    int threads = fal_run_threads(run);
    plan p = make_plan(gemms, count, threads);
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    float *scratch = fal_run_floats(run, threads * p.scratch);
    if (!scratch)
        return fal_fail(err, FAL_ERR_MEMORY, "no memory for the scratch of a product of %lld rows",
                        (long long)gemms[0].rows);
    int64_t tasks = count * p.row_blocks * p.col_blocks;
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t task = 0; task < tasks; task++)
        run_task(gemms, &p, task, scratch + omp_get_thread_num() * p.scratch);
    fal_arena_release(arena, mark);
    return FAL_OK;
}
