/* Bare oneDNN primitives, the yardstick of the kernel benchmarks: created once for a shape, on memory of their own. */
#ifndef FAL_BENCH_BARE_H
#define FAL_BENCH_BARE_H

#include "support.h"

#include <dnnl.h>
#include <stdbool.h>
#include <stdint.h>

/* Uniform in [-1, 1), the same ones every time; freed with fal_free. */
float *make_floats(int64_t count);

/* primitive NULL: this CPU or this oneDNN cannot do it. The number of threads is that of OpenMP at creation. */
typedef struct bare {
    dnnl_primitive_t primitive;
    dnnl_exec_arg_t args[3];
} bare;

/* A convolution's or product's primitive with memory in whatever layout it asks for. */
bare make_bare(dnnl_engine_t engine, dnnl_primitive_desc_t pd);
void bare_run(const bare *b, dnnl_stream_t stream);
void bare_free(bare *b);

dnnl_memory_desc_t make_desc(dnnl_data_type_t type, int rank, const int64_t *dims, dnnl_format_tag_t tag);

/* `batch` products of [rows,in] and [in,out], the second stored transposed as a linear layer has it. bf16 products have
 * bf16 results. */
typedef struct product_shape {
    int64_t batch, rows, in, out;
} product_shape;
bare bare_matmul(dnnl_engine_t engine, dnnl_data_type_t type, const product_shape *s);

#endif
