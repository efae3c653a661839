/* How fast bare matrix products of given shapes run here: the ceiling of a network made of them.
 *
 *   bench_products THREADS fp32|bf16 < SHAPES
 *
 * A line "batch rows in out" on standard input is answered by "batch rows in out ours onednn": GFLOP/s of a packed linear
 * layer (batch 1 only) and of oneDNN's matmul, "-" where there is none (oneDNN has no bf16 on CPUs without AVX-512). Best
 * of several rounds of both in turn. The first line of the output says what computed: instruction set, arithmetic. */
#include "bare.h"

#include "core/alloc.h"
#include "tensor/ops.h"

#include <inttypes.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST_ROUNDS = 3, MOST_ROUNDS = 50 };
static const double LONG_ENOUGH_S = 0.3; /* for one shape */
static const int64_t MOST_FLOATS = INT64_C(1) << 30;

typedef struct yard {
    int threads;
    bool bf16;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    fal_run *run;
} yard;

/* What is timed for one shape. linear NULL: batched, only oneDNN does it. */
typedef struct product {
    product_shape shape;
    bare peer;
    fal_linear *linear;
    float *x, *y;
    double best_s[2]; /* ours, oneDNN's */
} product;

static void make_product(const yard *yard, product *p)
{
    const product_shape *s = &p->shape;
    p->peer = bare_matmul(yard->engine, yard->bf16 ? dnnl_bf16 : dnnl_f32, s);
    if (s->batch > 1)
        return;
    float *weight = make_floats(s->in * s->out);
    fal_tensor w = fal_tensor_f32(weight, 2, (int64_t[]){s->out, s->in});
    fal_precision precision = yard->bf16 ? FAL_PRECISION_BF16 : FAL_PRECISION_F32;
    need(fal_linear_create(&w, NULL, precision, &p->linear, NULL) == FAL_OK, "linear layer");
    fal_free(weight);
    p->x = make_floats(s->rows * s->in);
    p->y = make_floats(s->rows * s->out);
}

static void free_product(product *p)
{
    bare_free(&p->peer);
    fal_linear_free(&p->linear);
    fal_free(p->x);
    fal_free(p->y);
}

static void run_ours(const yard *yard, product *p)
{
    fal_run_begin(yard->run);
    fal_linear_args args = {.x = p->x, .rows = p->shape.rows, .y = p->y};
    need(fal_linear_run(p->linear, yard->run, &args, NULL) == FAL_OK, "linear layer");
}

static void keep_best(double *best, double spent)
{
    if (*best <= 0 || spent < *best)
        *best = spent;
}

static void time_product(const yard *yard, product *p)
{
    double begun = fal_now_s();
    for (int round = -1; round < MOST_ROUNDS; round++) { /* the first warms up */
        double start = fal_now_s();
        if (p->linear)
            run_ours(yard, p);
        double middle = fal_now_s();
        if (p->peer.primitive)
            bare_run(&p->peer, yard->stream);
        double end = fal_now_s();
        if (round < 0)
            continue;
        keep_best(&p->best_s[0], middle - start);
        keep_best(&p->best_s[1], end - middle);
        if (round + 1 >= LEAST_ROUNDS && end - begun > LONG_ENOUGH_S)
            break;
    }
}

static void print_rate(bool there, double flop, double seconds)
{
    if (there)
        printf(" %.2f", flop / seconds * 1e-9);
    else
        printf(" -");
}

static void answer(const yard *yard, const product_shape *shape)
{
    product p = {.shape = *shape};
    make_product(yard, &p);
    time_product(yard, &p);
    double flop = 2.0 * (double)shape->batch * (double)shape->rows * (double)shape->in * (double)shape->out;
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, shape->batch, shape->rows, shape->in, shape->out);
    print_rate(p.linear != NULL, flop, p.best_s[0]);
    print_rate(p.peer.primitive != NULL, flop, p.best_s[1]);
    printf("\n");
    fflush(stdout);
    free_product(&p);
}

static bool matrix_fits(int64_t batch, int64_t rows, int64_t columns)
{
    return batch > 0 && rows > 0 && columns > 0 && batch <= MOST_FLOATS / rows && batch * rows <= MOST_FLOATS / columns;
}

static bool fits(const product_shape *s)
{
    return matrix_fits(s->batch, s->rows, s->in) && matrix_fits(s->batch, s->in, s->out) &&
           matrix_fits(s->batch, s->rows, s->out);
}

int main(int argc, char **argv)
{
    need(argc == 3 && atoi(argv[1]) > 0 && (strcmp(argv[2], "fp32") == 0 || strcmp(argv[2], "bf16") == 0),
         "usage: bench_products THREADS fp32|bf16 < SHAPES");
    yard yard = {.threads = atoi(argv[1]), .bf16 = strcmp(argv[2], "bf16") == 0};
    omp_set_num_threads(yard.threads);
    need(dnnl_engine_create(&yard.engine, dnnl_cpu, 0) == dnnl_success &&
             dnnl_stream_create(&yard.stream, yard.engine, dnnl_stream_default_flags) == dnnl_success,
         "oneDNN engine");
    need(fal_run_create(&(fal_run_options){.threads = yard.threads}, &yard.run, NULL) == FAL_OK, "run");
    printf("%s, oneDNN %d.%d\n", fal_cpu_isa(), dnnl_version()->major, dnnl_version()->minor);
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        product_shape s;
        need(sscanf(line, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &s.batch, &s.rows, &s.in, &s.out) == 4,
             "a line is not \"batch rows in out\"");
        need(fits(&s), "a shape is empty or too large");
        answer(&yard, &s);
    }
    fal_run_free(&yard.run);
    dnnl_stream_destroy(yard.stream);
    dnnl_engine_destroy(yard.engine);
    return 0;
}
