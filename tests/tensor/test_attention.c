/* Attention against its naive twin, and its memory bound. */
#include "tensor/naive.h"

#include "core/alloc.h"
#include "core/arena.h"
#include "support/test.h"
#include "tensor/random.h"

#include <stdio.h>
#include <string.h>

typedef struct attention_case {
    int64_t rows, heads, width;
    bool packed_qkv, rel_bias, gate, pos, causal;
    float scale, magnitude; /* of q and k: 0 means 1 */
    int threads;
} attention_case;

static void check_attention(const attention_case *c, uint64_t seed)
{
    uint64_t state = seed;
    fal_error err = {0};
    fal_run *run = NULL;
    int64_t dim = c->heads * c->width, stride = c->packed_qkv ? 3 * dim : dim, table = 2 * c->rows - 1;
    float *qkv = test_random_floats(&state, 3 * c->rows * dim, c->magnitude > 0 ? c->magnitude : 1);
    float *bias = test_random_floats(&state, c->heads * table, 2),
          *gate = test_random_floats(&state, c->heads * c->rows, 2);
    float *pos = test_random_floats(&state, table * dim, 1), *u = test_random_floats(&state, dim, 1);
    float *w = test_random_floats(&state, dim, 1);
    float *got = test_random_floats(&state, c->rows * dim, 0), *want = test_random_floats(&state, c->rows * dim, 0);
    double *scores = fal_malloc_array((size_t)c->rows, sizeof *scores);
    fal_attention_args args = {
        .rows = c->rows, .dim = dim, .heads = c->heads, .q = qkv, .out = got, .scale = c->scale, .causal = c->causal,
        .k = qkv + (c->packed_qkv ? dim : c->rows * dim), .v = qkv + 2 * (c->packed_qkv ? dim : c->rows * dim),
        .qkv_stride = c->packed_qkv ? stride : 0,
    };
    if (c->rel_bias)
        args.rel_bias = bias;
    if (c->gate)
        args.gate = gate;
    if (c->pos)
        args.pos = pos, args.pos_u = u, args.pos_w = w;
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = c->threads}, &run, &err), &err);
    fal_run_begin(run);
    fal_check_ok(fal_attention_run(run, &args, FAL_PRECISION_F32, &err), &err);
    args.out = want;
    fal_naive_attention(&args, scores);
    char name[128];
    snprintf(name, sizeof name, "attention %lldx%lldx%lld%s%s%s%s", (long long)c->rows, (long long)c->heads,
             (long long)c->width, c->rel_bias ? " bias" : "", c->gate ? " gate" : "", c->pos ? " pos" : "",
             c->causal ? " causal" : "");
    /* Errors of the scores (float32 sums that grow as magnitude^2) become relative errors of the weights. */
    double spread = c->magnitude > 0 ? (double)(c->magnitude * c->magnitude) : 1;
    fal_check_close(name, got, want, (size_t)(c->rows * dim), 1e-6 * spread, 1e-6);
    fal_run_free(&run);
    fal_free(qkv), fal_free(bias), fal_free(gate), fal_free(pos), fal_free(u), fal_free(w);
    fal_free(got), fal_free(want), fal_free(scores);
}

static void test_attention_shapes(void **unused)
{
    (void)unused;
    static const attention_case cases[] = {
        {.rows = 1, .heads = 1, .width = 1, .threads = 1},
        {.rows = 1, .heads = 3, .width = 5, .threads = 2, .pos = true},
        {.rows = 2, .heads = 12, .width = 4, .threads = 2, .rel_bias = true, .gate = true},
        {.rows = 17, .heads = 2, .width = 64, .threads = 2, .packed_qkv = true},
        {.rows = 84, .heads = 2, .width = 80, .threads = 1, .rel_bias = true},
        {.rows = 85, .heads = 3, .width = 33, .threads = 2, .rel_bias = true, .gate = true, .packed_qkv = true},
        {.rows = 169, .heads = 2, .width = 64, .threads = 2, .pos = true},
        {.rows = 200, .heads = 2, .width = 16, .threads = 2, .pos = true, .packed_qkv = true, .scale = 0.3f},
        {.rows = 131, .heads = 2, .width = 24, .threads = 2, .causal = true},
        {.rows = 300, .heads = 1, .width = 120, .threads = 3, .causal = true, .rel_bias = true, .pos = true},
        {.rows = 90, .heads = 2, .width = 64, .threads = 2, .magnitude = 4}, /* sharp softmax */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_attention(&cases[i], i + 1);
}

/* Scores beyond the range of float32 exponentials must not overflow. */
static void test_attention_large_scores(void **unused)
{
    (void)unused;
    fal_error err = {0};
    fal_run *run = NULL;
    float q[] = {1000, -1000, 3}, k[] = {1000, -1000, 1}, v[] = {1, 2, 3}, out[3];
    const float want[] = {1, 2, 1};
    fal_attention_args args = {.rows = 3, .dim = 1, .heads = 1, .q = q, .k = k, .v = v, .out = out};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 1}, &run, &err), &err);
    fal_run_begin(run);
    fal_check_ok(fal_attention_run(run, &args, FAL_PRECISION_F32, &err), &err);
    fal_check_close("attention with scores of 1e6", out, want, 3, 1e-6, 0);
    fal_run_free(&run);
}

/* Memory grows with rows * block, not rows^2: 3000 rows would need 36 MB for the scores of one head alone. */
static void test_attention_memory(void **unused)
{
    (void)unused;
    enum { ROWS = 3000, DIM = 128, HEADS = 2 };
    uint64_t state = 9;
    fal_error err = {0};
    fal_run *run = NULL;
    float *qkv = test_random_floats(&state, 3 * ROWS * DIM, 1), *out = test_random_floats(&state, ROWS * DIM, 0);
    fal_attention_args args = {.rows = ROWS, .dim = DIM, .heads = HEADS, .q = qkv, .k = qkv + DIM, .v = qkv + 2 * DIM,
                               .qkv_stride = 3 * DIM, .out = out};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 2}, &run, &err), &err);
    fal_run_begin(run);
    fal_check_ok(fal_attention_run(run, &args, FAL_PRECISION_F32, &err), &err);
    size_t peak = fal_arena_peak(fal_run_arena(run));
    print_message("attention over %d rows: %zu bytes of scratch\n", ROWS, peak);
    assert_in_range(peak, 1, 8 << 20);

    double *scores = fal_malloc_array(ROWS, sizeof *scores);
    float *want = test_random_floats(&state, ROWS * DIM, 0);
    args.out = want;
    fal_naive_attention(&args, scores);
    fal_check_close("attention 3000x2x64", out, want, ROWS * DIM, 3e-6, 1e-6);
    fal_run_free(&run);
    fal_free(qkv), fal_free(out), fal_free(want), fal_free(scores);
}

static void test_attention_errors(void **unused)
{
    (void)unused;
    fal_error err = {0};
    fal_run *run = NULL;
    float x[12] = {0};
    fal_attention_args args = {.rows = 2, .dim = 6, .heads = 4, .q = x, .k = x, .v = x, .out = x};
    fal_check_ok(fal_run_create(&(fal_run_options){.threads = 1}, &run, &err), &err);
    fal_check_fails(fal_attention_run(run, &args, FAL_PRECISION_F32, &err), FAL_ERR_ARGUMENT, "[2,6] cannot have 4",
                    &err);
    args.heads = 2, args.pos = x;
    fal_check_fails(fal_attention_run(run, &args, FAL_PRECISION_F32, &err), FAL_ERR_ARGUMENT, "position biases", &err);
    fal_run_free(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attention_shapes), cmocka_unit_test(test_attention_large_scores),
        cmocka_unit_test(test_attention_memory), cmocka_unit_test(test_attention_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
