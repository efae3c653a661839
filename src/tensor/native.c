#include "tensor/native.h"

#include "core/alloc.h"
#include "core/half.h"

#include <dnnl.h>
#include <omp.h>

enum {
    CACHE_ENTRIES = 256,
    CHUNK_ROWS = 2048, /* rows converted and multiplied at a time */
    STEP_ROWS = 16,    /* rows gathered and converted by one thread at a time */
    TYPICAL_ROWS = 256 /* the layout of the weights is chosen for products of this height */
};

struct fal_native {
    int64_t k, n;
    dnnl_data_type_t type;
    dnnl_memory_desc_t desc;
    void *data;
};

#define NEED(call)                                                                                          \
    do {                                                                                                    \
        dnnl_status_t status_ = (call);                                                                     \
        if (status_ != dnnl_success)                                                                        \
            FAL_FAIL(status_ == dnnl_out_of_memory ? FAL_ERR_MEMORY : FAL_ERR_INTERNAL,                     \
                     "%s: oneDNN status %d in %s", __func__, (int)status_, #call);                          \
    } while (0)

/* ---- weights ----------------------------------------------------------------------------------------------------- */

/* A matmul of `rows` rows; weights NULL: any layout. Scratch memory is given by the caller. */
static fal_status describe(dnnl_engine_t engine, const fal_native *native, int64_t rows,
                           const dnnl_memory_desc_t *weights, dnnl_primitive_desc_t *out, fal_error *err)
{
    fal_status st = FAL_OK;
    const dnnl_dims_t a_dims = {rows, native->k}, b_dims = {native->k, native->n}, c_dims = {rows, native->n};
    dnnl_memory_desc_t a, b, c;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_attr_t attr = NULL;
    NEED(dnnl_primitive_attr_create(&attr));
    NEED(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    NEED(dnnl_memory_desc_init_by_tag(&a, 2, a_dims, native->type, dnnl_ab));
    NEED(dnnl_memory_desc_init_by_tag(&b, 2, b_dims, native->type, dnnl_format_tag_any));
    NEED(dnnl_memory_desc_init_by_tag(&c, 2, c_dims, dnnl_f32, dnnl_ab));
    NEED(dnnl_matmul_desc_init(&desc, &a, weights ? weights : &b, NULL, &c));
    NEED(dnnl_primitive_desc_create(out, &desc, attr, engine, NULL));
done:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    return st;
}

static fal_status reorder(dnnl_engine_t engine, const fal_matrix *m, const fal_native *native, fal_error *err)
{
    fal_status st = FAL_OK;
    const dnnl_dims_t dims = {m->k, m->n}, strides = {m->k_stride, m->n_stride};
    dnnl_memory_desc_t plain;
    dnnl_stream_t stream = NULL;
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t pd = NULL;
    dnnl_primitive_t primitive = NULL;
    NEED(dnnl_memory_desc_init_by_strides(&plain, 2, dims, dnnl_f32, strides));
    NEED(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    NEED(dnnl_memory_create(&from, &plain, engine, (void *)m->data));
    NEED(dnnl_memory_create(&to, &native->desc, engine, native->data));
    NEED(dnnl_reorder_primitive_desc_create(&pd, &plain, engine, &native->desc, engine, NULL));
    NEED(dnnl_primitive_create(&primitive, pd));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    NEED(dnnl_primitive_execute(primitive, stream, 2, args));
    NEED(dnnl_stream_wait(stream));
done:
    if (primitive)
        dnnl_primitive_destroy(primitive);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (to)
        dnnl_memory_destroy(to);
    if (from)
        dnnl_memory_destroy(from);
    if (stream)
        dnnl_stream_destroy(stream);
    return st;
}

fal_status fal_native_create(const fal_matrix *m, fal_dtype dtype, fal_native **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_native *native = NULL;
    dnnl_engine_t engine = NULL;
    dnnl_primitive_desc_t pd = NULL;
    FAL_ALLOC(native, fal_calloc(1, sizeof *native));
    native->k = m->k;
    native->n = m->n;
    native->type = dtype == FAL_BF16 ? dnnl_bf16 : dnnl_f32;
    NEED(dnnl_engine_create(&engine, dnnl_cpu, 0));
    FAL_TRY(describe(engine, native, TYPICAL_ROWS, NULL, &pd, err));
    native->desc = *dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0);
    FAL_ALLOC(native->data, fal_malloc(dnnl_memory_desc_get_size(&native->desc)));
    FAL_TRY(reorder(engine, m, native, err));
    *out = native;
    native = NULL;
done:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (engine)
        dnnl_engine_destroy(engine);
    fal_native_free(&native);
    return st;
}

void fal_native_free(fal_native **native)
{
    if (!*native)
        return;
    fal_free((*native)->data);
    fal_release(native);
}

/* ---- primitives by shape ----------------------------------------------------------------------------------------- */

typedef struct entry {
    int64_t rows, k, n;
    dnnl_data_type_t type;
    uint64_t used; /* time of the last use; 0: free */
    dnnl_primitive_t primitive;
    dnnl_memory_t a, weights, y, scratchpad;
    size_t scratchpad_bytes;
} entry;

struct fal_native_cache {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    uint64_t clock;
    entry entries[CACHE_ENTRIES];
};

static void clear_entry(entry *e)
{
    if (e->primitive)
        dnnl_primitive_destroy(e->primitive);
    dnnl_memory_t memories[] = {e->a, e->weights, e->y, e->scratchpad};
    for (int i = 0; i < 4; i++)
        if (memories[i])
            dnnl_memory_destroy(memories[i]);
    *e = (entry){0};
}

fal_status fal_native_cache_create(fal_native_cache **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_native_cache *cache = NULL;
    FAL_ALLOC(cache, fal_calloc(1, sizeof *cache));
    NEED(dnnl_engine_create(&cache->engine, dnnl_cpu, 0));
    NEED(dnnl_stream_create(&cache->stream, cache->engine, dnnl_stream_default_flags));
    *out = cache;
    cache = NULL;
done:
    fal_native_cache_free(&cache);
    return st;
}

void fal_native_cache_free(fal_native_cache **cache)
{
    if (!*cache)
        return;
    for (int i = 0; i < CACHE_ENTRIES; i++)
        clear_entry(&(*cache)->entries[i]);
    if ((*cache)->stream)
        dnnl_stream_destroy((*cache)->stream);
    if ((*cache)->engine)
        dnnl_engine_destroy((*cache)->engine);
    fal_release(cache);
}

static fal_status fill_entry(dnnl_engine_t engine, const fal_native *native, int64_t rows, entry *e, fal_error *err)
{
    fal_status st = FAL_OK;
    dnnl_primitive_desc_t pd = NULL;
    FAL_TRY(describe(engine, native, rows, &native->desc, &pd, err));
    const dnnl_memory_desc_t *scratchpad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    NEED(dnnl_primitive_create(&e->primitive, pd));
    NEED(dnnl_memory_create(&e->a, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0), engine, DNNL_MEMORY_NONE));
    NEED(dnnl_memory_create(&e->weights, &native->desc, engine, DNNL_MEMORY_NONE));
    NEED(dnnl_memory_create(&e->y, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0), engine, DNNL_MEMORY_NONE));
    NEED(dnnl_memory_create(&e->scratchpad, scratchpad, engine, DNNL_MEMORY_NONE));
    e->scratchpad_bytes = dnnl_memory_desc_get_size(scratchpad);
    e->rows = rows;
    e->k = native->k;
    e->n = native->n;
    e->type = native->type;
done:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (st != FAL_OK)
        clear_entry(e);
    return st;
}

/* The entry of a shape, made when it is not there. */
static fal_status find_entry(fal_native_cache *cache, const fal_native *native, int64_t rows, entry **out,
                             fal_error *err)
{
    entry *oldest = &cache->entries[0];
    for (int i = 0; i < CACHE_ENTRIES; i++) {
        entry *e = &cache->entries[i];
        if (e->used && e->rows == rows && e->k == native->k && e->n == native->n && e->type == native->type) {
            e->used = ++cache->clock;
            *out = e;
            return FAL_OK;
        }
        if (e->used < oldest->used)
            oldest = e;
    }
    clear_entry(oldest);
    fal_status st = fill_entry(cache->engine, native, rows, oldest, err);
    if (st != FAL_OK)
        return st;
    oldest->used = ++cache->clock;
    *out = oldest;
    return FAL_OK;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

fal_status fal_native_multiply(fal_run *run, const fal_native *native, int64_t rows, const void *a, float *y,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    fal_native_cache *cache = fal_run_native_cache(run);
    entry *e = NULL;
    void *scratchpad;
    if (!cache)
        FAL_FAIL(FAL_ERR_MEMORY, "no oneDNN engine for this run");
    FAL_TRY(find_entry(cache, native, rows, &e, err));
    FAL_ALLOC(scratchpad, fal_arena_alloc(arena, e->scratchpad_bytes, 1));
    NEED(dnnl_memory_set_data_handle(e->a, (void *)a));
    NEED(dnnl_memory_set_data_handle(e->weights, native->data));
    NEED(dnnl_memory_set_data_handle(e->y, y));
    NEED(dnnl_memory_set_data_handle(e->scratchpad, scratchpad));
    const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, e->a}, {DNNL_ARG_WEIGHTS, e->weights}, {DNNL_ARG_DST, e->y},
                                    {DNNL_ARG_SCRATCHPAD, e->scratchpad}};
    NEED(dnnl_primitive_execute(e->primitive, cache->stream, 4, args));
    NEED(dnnl_stream_wait(cache->stream));
done:
    fal_arena_release(arena, mark);
    return st;
}

/* One chunk of rows on its way through gathering, product and finish. */
typedef struct chunk {
    const fal_native *native;
    const fal_gemm *gemm;
    int threads;
    int64_t first, rows;
    float *gathered; /* per thread STEP_ROWS * k */
    void *a;         /* [rows, k] */
    float *product;  /* [rows, n] */
} chunk;

static void convert_chunk(const chunk *c)
{
    int64_t k = c->native->k;
#pragma omp parallel for schedule(static) num_threads(c->threads)
    for (int64_t row = 0; row < c->rows; row += STEP_ROWS) {
        int64_t rows = c->rows - row < STEP_ROWS ? c->rows - row : STEP_ROWS;
        if (c->native->type == dnnl_f32) {
            fal_gemm_copy_rows(c->gemm, k, c->first + row, rows, (float *)c->a + row * k, k);
            continue;
        }
        float *from = c->gathered + omp_get_thread_num() * STEP_ROWS * k;
        fal_gemm_copy_rows(c->gemm, k, c->first + row, rows, from, k);
        fal_f32_to_bf16_n(from, (uint16_t *)c->a + row * k, (size_t)(rows * k));
    }
}

static void finish_chunk(const chunk *c)
{
    const fal_kernels *kernels = fal_kernels_get();
    int64_t n = c->native->n;
#pragma omp parallel for schedule(static) num_threads(c->threads)
    for (int64_t row = 0; row < c->rows; row += STEP_ROWS) {
        fal_finish at = fal_finish_at(&c->gemm->finish, c->first + row, 0);
        int64_t rows = c->rows - row < STEP_ROWS ? c->rows - row : STEP_ROWS;
        kernels->finish(&at, (int)rows, n, c->product + row * n, n);
    }
}

fal_status fal_native_run(fal_run *run, const fal_native *native, const fal_gemm *gemm, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(run);
    fal_arena_mark mark = fal_arena_save(arena);
    int64_t most = gemm->rows < CHUNK_ROWS ? gemm->rows : CHUNK_ROWS;
    size_t value_bytes = native->type == dnnl_f32 ? sizeof(float) : sizeof(uint16_t);
    chunk c = {.native = native, .gemm = gemm, .threads = fal_run_threads(run)};
    FAL_ALLOC(c.gathered, fal_run_floats(run, c.threads * STEP_ROWS * native->k));
    FAL_ALLOC(c.a, fal_arena_alloc(arena, (size_t)(most * native->k), value_bytes));
    FAL_ALLOC(c.product, fal_run_floats(run, most * native->n));
    for (c.first = 0; c.first < gemm->rows; c.first += c.rows) {
        c.rows = gemm->rows - c.first < most ? gemm->rows - c.first : most;
        convert_chunk(&c);
        FAL_TRY(fal_native_multiply(run, native, c.rows, c.a, c.product, err));
        finish_chunk(&c);
    }
done:
    fal_arena_release(arena, mark);
    return st;
}
