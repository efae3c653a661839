#include "bare.h"

#include "core/alloc.h"

#include <string.h>

float *make_floats(int64_t count)
{
    float *values = need_memory(fal_malloc_array((size_t)count, sizeof *values));
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (float)(int32_t)state * 0x1p-31f;
    }
    return values;
}

/* bf16 is the upper half of a float; the sizes here are even, so whole floats are cut in two. */
static void fill(void *data, size_t bytes, dnnl_data_type_t type)
{
    size_t count = bytes / (type == dnnl_bf16 ? sizeof(uint16_t) : sizeof(float));
    float *values = make_floats((int64_t)count);
    if (type == dnnl_f32)
        memcpy(data, values, bytes);
    for (size_t i = 0; type == dnnl_bf16 && i < count; i++)
        memcpy((uint16_t *)data + i, (const uint16_t *)&values[i] + 1, sizeof(uint16_t));
    fal_free(values);
}

static dnnl_memory_t make_memory(dnnl_engine_t engine, const dnnl_memory_desc_t *desc)
{
    dnnl_memory_t memory;
    void *data;
    need(dnnl_memory_create(&memory, desc, engine, DNNL_MEMORY_ALLOCATE) == dnnl_success, "oneDNN memory");
    dnnl_memory_get_data_handle(memory, &data);
    fill(data, dnnl_memory_desc_get_size(desc), desc->data_type);
    return memory;
}

bare make_bare(dnnl_engine_t engine, dnnl_primitive_desc_t pd)
{
    bare b;
    need(dnnl_primitive_create(&b.primitive, pd) == dnnl_success, "oneDNN primitive");
    b.args[0] = (dnnl_exec_arg_t){
        DNNL_ARG_SRC, make_memory(engine, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0))};
    b.args[1] = (dnnl_exec_arg_t){
        DNNL_ARG_WEIGHTS, make_memory(engine, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0))};
    b.args[2] = (dnnl_exec_arg_t){
        DNNL_ARG_DST, make_memory(engine, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0))};
    dnnl_primitive_desc_destroy(pd);
    return b;
}

void bare_run(const bare *b, dnnl_stream_t stream)
{
    dnnl_primitive_execute(b->primitive, stream, 3, b->args);
    dnnl_stream_wait(stream);
}

void bare_free(bare *b)
{
    if (!b->primitive)
        return;
    for (int i = 0; i < 3; i++)
        dnnl_memory_destroy(b->args[i].memory);
    dnnl_primitive_destroy(b->primitive);
    b->primitive = NULL;
}

dnnl_memory_desc_t make_desc(dnnl_data_type_t type, int rank, const int64_t *dims, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t all = {0};
    memcpy(all, dims, (size_t)rank * sizeof *dims);
    need(dnnl_memory_desc_init_by_tag(&desc, rank, all, type, tag) == dnnl_success, "oneDNN shape");
    return desc;
}

bare bare_matmul(dnnl_engine_t engine, dnnl_data_type_t type, const product_shape *s)
{
    /* Without a batch as a plain product, which other code computes than the batched one. */
    int rank = s->batch > 1 ? 3 : 2, skip = 3 - rank;
    dnnl_memory_desc_t a = make_desc(type, rank, (int64_t[]){s->batch, s->rows, s->in} + skip,
                                     rank == 3 ? dnnl_abc : dnnl_ab);
    dnnl_memory_desc_t b = make_desc(type, rank, (int64_t[]){s->batch, s->in, s->out} + skip,
                                     rank == 3 ? dnnl_acb : dnnl_ba);
    dnnl_memory_desc_t c = make_desc(type, rank, (int64_t[]){s->batch, s->rows, s->out} + skip,
                                     rank == 3 ? dnnl_abc : dnnl_ab);
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t pd;
    need(dnnl_matmul_desc_init(&desc, &a, &b, NULL, &c) == dnnl_success, "oneDNN matmul");
    if (dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL) != dnnl_success)
        return (bare){0};
    return make_bare(engine, pd);
}
