/* Our kernels beside bare oneDNN primitives of the same shape, interleaved in one process, best of several rounds.
 *
 *   bench_ops [rounds]     (7; each round runs every case once with 1 and with 2 threads)
 *
 * Prints GFLOP/s of both and their ratio; a convolution counts the operations of its direct form, so an algorithm that
 * multiplies less can exceed the peak. */
#include "bare.h"

#include "core/alloc.h"
#include "tensor/ops.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_THREADS = 2, MAX_CASES = 32 };

/* One thread is timed by its own clock. */
static double now_s(int threads)
{
    return threads == 1 ? cpu_s() : fal_now_s();
}

/* ---- bare oneDNN ------------------------------------------------------------------------------------------------- */

typedef struct conv_shape {
    int64_t batch, in, out, size, kernel, stride, pad;
} conv_shape;

static int64_t conv_out(const conv_shape *s)
{
    return (s->size + 2 * s->pad - s->kernel) / s->stride + 1;
}

static bare bare_conv(dnnl_engine_t engine, const conv_shape *s)
{
    int64_t o = conv_out(s);
    dnnl_memory_desc_t x = make_desc(dnnl_f32, 4, (int64_t[]){s->batch, s->in, s->size, s->size}, dnnl_format_tag_any);
    dnnl_memory_desc_t w = make_desc(dnnl_f32, 4, (int64_t[]){s->out, s->in, s->kernel, s->kernel}, dnnl_format_tag_any);
    dnnl_memory_desc_t y = make_desc(dnnl_f32, 4, (int64_t[]){s->batch, s->out, o, o}, dnnl_format_tag_any);
    dnnl_dims_t stride = {s->stride, s->stride}, pad = {s->pad, s->pad};
    dnnl_convolution_desc_t desc;
    dnnl_primitive_desc_t pd;
    need(dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, dnnl_convolution_auto, &x, &w, NULL, &y,
                                            stride, pad, pad) == dnnl_success, "oneDNN convolution");
    need(dnnl_primitive_desc_create(&pd, &desc, NULL, engine, NULL) == dnnl_success, "oneDNN convolution");
    return make_bare(engine, pd);
}

/* ---- cases ------------------------------------------------------------------------------------------------------- */

typedef struct bench_case bench_case;
struct bench_case {
    char name[64];
    double flops;
    void (*ours)(bench_case *c, fal_run *run);
    bare peer[MAX_THREADS + 1]; /* oneDNN shares the work out at creation; primitive NULL: none */
    fal_linear *linear;
    fal_linear_args linear_args;
    fal_conv *conv;
    fal_conv_args conv_args;
    fal_attention_args attention;
    double best[MAX_THREADS + 1][2]; /* seconds: ours, peer */
};

static void run_linear(bench_case *c, fal_run *run)
{
    need(fal_linear_run(c->linear, run, &c->linear_args, NULL) == FAL_OK, "linear");
}

static void run_conv(bench_case *c, fal_run *run)
{
    need(fal_conv_run(c->conv, run, &c->conv_args, NULL) == FAL_OK, "convolution");
}

static void run_attention(bench_case *c, fal_run *run)
{
    need(fal_attention_run(run, &c->attention, FAL_PRECISION_F32, NULL) == FAL_OK, "attention");
}

static void add_linear(bench_case *c, dnnl_engine_t engine, int64_t rows, int64_t in, int64_t out, fal_act act)
{
    snprintf(c->name, sizeof c->name, "linear %lldx%lld -> %lld%s", (long long)rows, (long long)in, (long long)out,
             act == FAL_ACT_GELU ? " + GELU" : "");
    c->flops = 2.0 * (double)rows * (double)in * (double)out;
    float *weight = make_floats(in * out), *bias = make_floats(out);
    fal_tensor w = fal_tensor_f32(weight, 2, (int64_t[]){out, in}), b = fal_tensor_f32(bias, 1, &out);
    need(fal_linear_create(&w, &b, FAL_PRECISION_F32, &c->linear, NULL) == FAL_OK, "linear");
    fal_free(weight);
    fal_free(bias);
    c->linear_args =
        (fal_linear_args){.x = make_floats(rows * in), .rows = rows, .y = make_floats(rows * out), .act = act};
    c->ours = run_linear;
    for (int threads = 1; threads <= MAX_THREADS; threads++) {
        omp_set_num_threads(threads);
        c->peer[threads] = bare_matmul(engine, dnnl_f32, &(product_shape){1, rows, in, out});
    }
}

static void add_conv(bench_case *c, dnnl_engine_t engine, conv_shape s)
{
    int64_t o = conv_out(&s);
    snprintf(c->name, sizeof c->name, "conv %lldx%lldx%lldx%lld -> %lld, %lldx%lld/%lld", (long long)s.batch,
             (long long)s.size, (long long)s.size, (long long)s.in, (long long)s.out, (long long)s.kernel,
             (long long)s.kernel, (long long)s.stride);
    c->flops = 2.0 * (double)(s.batch * o * o * s.out) * (double)(s.in * s.kernel * s.kernel);
    float *weight = make_floats(s.out * s.in * s.kernel * s.kernel);
    fal_conv_params p = {.dims = 2, .stride = {s.stride, s.stride}, .pad = {s.pad, s.pad}};
    p.weight = fal_tensor_f32(weight, 4, (int64_t[]){s.out, s.in, s.kernel, s.kernel});
    need(fal_conv_create(&p, &c->conv, NULL) == FAL_OK, "convolution");
    fal_free(weight);
    c->conv_args = (fal_conv_args){.x = make_floats(s.batch * s.size * s.size * s.in), .batch = s.batch,
                                   .size = {s.size, s.size}, .y = make_floats(s.batch * o * o * s.out)};
    c->ours = run_conv;
    for (int threads = 1; threads <= MAX_THREADS; threads++) {
        omp_set_num_threads(threads);
        c->peer[threads] = bare_conv(engine, &s);
    }
}

/* AV-HuBERT's and wav2vec 2.0's convolutions that have no oneDNN twin here: 3-D stem, strided and positional 1-D. */
static void add_other_conv(bench_case *c, const char *name, fal_conv_params p, const int64_t *shape,
                           const int64_t *size)
{
    snprintf(c->name, sizeof c->name, "%s", name);
    int64_t out[3], in_floats = shape[1] * (p.groups ? p.groups : 1), out_floats = shape[0];
    int64_t weights = 1;
    for (int i = 0; i < 2 + p.dims; i++)
        weights *= shape[i];
    float *weight = make_floats(weights);
    p.weight = fal_tensor_f32(weight, 2 + p.dims, shape);
    need(fal_conv_create(&p, &c->conv, NULL) == FAL_OK, "convolution");
    fal_free(weight);
    fal_conv_out_size(c->conv, size, out);
    for (int i = 0; i < p.dims; i++) {
        in_floats *= size[i];
        out_floats *= out[i];
        c->conv_args.size[i] = size[i];
    }
    c->flops = 2.0 * (double)out_floats * (double)weights / (double)shape[0];
    c->conv_args.x = make_floats(in_floats);
    c->conv_args.y = make_floats(out_floats);
    c->conv_args.batch = 1;
    c->ours = run_conv;
}

static void add_attention(bench_case *c, int64_t rows, int64_t dim, int64_t heads)
{
    snprintf(c->name, sizeof c->name, "attention %lldx%lld, %lld heads", (long long)rows, (long long)dim,
             (long long)heads);
    c->flops = 4.0 * (double)rows * (double)rows * (double)dim;
    const float *qkv = make_floats(3 * rows * dim);
    c->attention = (fal_attention_args){.rows = rows, .dim = dim, .heads = heads, .q = qkv, .k = qkv + dim,
                                        .v = qkv + 2 * dim, .qkv_stride = 3 * dim, .out = make_floats(rows * dim)};
    c->ours = run_attention;
}

static int make_cases(bench_case *c, dnnl_engine_t engine)
{
    bench_case *first = c;
    for (int64_t rows = 250; rows < 500; rows += 249) {
        add_linear(c++, engine, rows, 1024, 1024, FAL_ACT_NONE);
        add_linear(c++, engine, rows, 1024, 3072, FAL_ACT_NONE);
        add_linear(c++, engine, rows, 1024, 4096, FAL_ACT_GELU);
        add_linear(c++, engine, rows, 4096, 1024, FAL_ACT_NONE);
        add_attention(c++, rows, 1024, 16);
    }
    add_attention(c++, 3000, 1024, 16);
    add_conv(c++, engine, (conv_shape){25, 64, 64, 22, 3, 1, 1});
    add_conv(c++, engine, (conv_shape){25, 64, 128, 22, 3, 2, 1});
    add_conv(c++, engine, (conv_shape){25, 128, 128, 11, 3, 1, 1});
    add_conv(c++, engine, (conv_shape){25, 128, 256, 11, 3, 2, 1});
    add_conv(c++, engine, (conv_shape){25, 256, 256, 6, 3, 1, 1});
    add_conv(c++, engine, (conv_shape){25, 256, 512, 6, 3, 2, 1});
    add_conv(c++, engine, (conv_shape){125, 512, 512, 3, 3, 1, 1});
    add_other_conv(c++, "stem 25x88x88 -> 64, 5x7x7/2",
                   (fal_conv_params){.dims = 3, .stride = {1, 2, 2}, .pad = {2, 3, 3}}, (int64_t[]){64, 1, 5, 7, 7},
                   (int64_t[]){25, 88, 88});
    add_other_conv(c++, "conv1d 15999x512 -> 512, 3/2", (fal_conv_params){.dims = 1, .stride = {2}},
                   (int64_t[]){512, 512, 3}, (int64_t[]){15999});
    add_other_conv(c++, "posconv 250x1024, 128 taps, 16 groups",
                   (fal_conv_params){.dims = 1, .pad = {64}, .groups = 16}, (int64_t[]){1024, 64, 128},
                   (int64_t[]){250});
    return (int)(c - first);
}

static void time_one(bench_case *c, int threads, fal_run *run, dnnl_stream_t stream)
{
    fal_run_begin(run);
    double start = now_s(threads);
    c->ours(c, run);
    double middle = now_s(threads);
    if (c->peer[threads].primitive)
        bare_run(&c->peer[threads], stream);
    double spent[2] = {middle - start, now_s(threads) - middle};
    for (int who = 0; who < 2; who++)
        if (c->best[threads][who] <= 0 || spent[who] < c->best[threads][who])
            c->best[threads][who] = spent[who];
}

static void print_case(const bench_case *c)
{
    printf("%-44s", c->name);
    for (int threads = 1; threads <= MAX_THREADS; threads++) {
        double ours = c->flops / c->best[threads][0] * 1e-9, peer = c->flops / c->best[threads][1] * 1e-9;
        if (c->peer[threads].primitive)
            printf("  %7.1f %7.1f %5.2f", ours, peer, ours / peer);
        else
            printf("  %7.1f %7s %5s", ours, "-", "-");
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static bench_case cases[MAX_CASES];
    int rounds = argc > 1 ? atoi(argv[1]) : 7;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    fal_run *runs[MAX_THREADS + 1] = {NULL};
    need(dnnl_engine_create(&engine, dnnl_cpu, 0) == dnnl_success &&
             dnnl_stream_create(&stream, engine, dnnl_stream_default_flags) == dnnl_success, "oneDNN engine");
    for (int threads = 1; threads <= MAX_THREADS; threads++)
        need(fal_run_create(&(fal_run_options){.threads = threads}, &runs[threads], NULL) == FAL_OK, "run");
    int count = make_cases(cases, engine);
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++)
            for (int threads = 1; threads <= MAX_THREADS; threads++)
                time_one(&cases[i], threads, runs[threads], stream);
    printf("%s\nGFLOP/s: ours, oneDNN %d.%d, ratio    %-6s 1 thread               2 threads\n", fal_cpu_isa(),
           dnnl_version()->major, dnnl_version()->minor, "");
    for (int i = 0; i < count; i++)
        print_case(&cases[i]);
    return 0;
}
