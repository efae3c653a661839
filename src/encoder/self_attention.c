#include "encoder/self_attention.h"

#include "core/alloc.h"
#include "encoder/scaled_linear.h"

#include <math.h>

/* WavLM's gate of one layer: per head a and row, with u the head's slice of the layer's input,
 *   gate = s(sum of the first four of u W^T + c) * (s(sum of the last four) * const[a] - 1) + 2,   s the sigmoid.
 * The sums of four are taken once, over the weights. */
typedef struct gate {
    float *rows[2]; /* [d] each, one allocation that starts at rows[0] */
    double bias[2];
    float *constant; /* [heads] */
} gate;

struct fal_self_attention {
    fal_self_attention_params params;
    fal_precision precision;
    fal_linear *qkv; /* [3D, D]: one product for q, k and v */
    fal_linear *out;
    fal_linear *pos;      /* relative positions */
    float *pos_u, *pos_v; /* [D] each, one allocation that starts at pos_u */
    gate gate;            /* bucketed positions */
};

/* ---- building ---- */

/* q, k and v one above the other; absent biases are zeros. */
static fal_status join_qkv(const fal_attention_weights *w, int64_t width, fal_precision precision, fal_linear **out,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_tensor *weights[3] = {&w->q_w, &w->k_w, &w->v_w}, *biases[3] = {&w->q_b, &w->k_b, &w->v_b};
    float *joined = NULL; /* [3D, D] weight, then [3D] bias */
    FAL_ALLOC(joined, fal_calloc(3 * (size_t)width, ((size_t)width + 1) * sizeof *joined));
    float *bias = joined + 3 * width * width;
    for (int i = 0; i < 3; i++) {
        fal_tensor_copy_f32(weights[i], joined + i * width * width);
        if (biases[i]->data)
            fal_tensor_copy_f32(biases[i], bias + i * width);
    }
    fal_tensor weight_view = fal_tensor_f32(joined, 2, (int64_t[]){3 * width, width});
    fal_tensor bias_view = fal_tensor_f32(bias, 1, (int64_t[]){3 * width});
    FAL_TRY(fal_linear_create(&weight_view, &bias_view, precision, out, err));
done:
    fal_free(joined);
    return st;
}

/* qkv as one matrix, with the biases it has: one for all, or q's and v's alone (VideoMAE, whose keys have none). */
static fal_status create_qkv(const fal_attention_weights *w, int64_t width, fal_precision precision, fal_linear **out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_tensor *biases[3] = {&w->q_b, &w->k_b, &w->v_b};
    float *bias = NULL;
    if (!w->qkv_w.data)
        return join_qkv(w, width, precision, out, err);
    if (w->qkv_b.data)
        return fal_linear_create(&w->qkv_w, &w->qkv_b, precision, out, err);
    FAL_ALLOC(bias, fal_calloc(3 * (size_t)width, sizeof *bias));
    for (int i = 0; i < 3; i++)
        if (biases[i]->data)
            fal_tensor_copy_f32(biases[i], bias + i * width);
    fal_tensor view = fal_tensor_f32(bias, 1, (int64_t[]){3 * width});
    FAL_TRY(fal_linear_create(&w->qkv_w, &view, precision, out, err));
done:
    fal_free(bias);
    return st;
}

static fal_status create_relative(fal_self_attention *a, const fal_attention_weights *w, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = a->params.width;
    FAL_TRY(fal_linear_create(&w->pos_w, NULL, a->precision, &a->pos, err));
    FAL_ALLOC(a->pos_u, fal_malloc_array(2 * (size_t)width, sizeof *a->pos_u));
    a->pos_v = a->pos_u + width;
    fal_tensor_copy_f32(&w->pos_u, a->pos_u);
    fal_tensor_copy_f32(&w->pos_v, a->pos_v);
done:
    return st;
}

static fal_status create_gate(const fal_self_attention_params *params, const fal_attention_weights *w, gate *g,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t channels = params->width / params->heads;
    float *weight = NULL, bias[8];
    FAL_ALLOC(weight, fal_malloc_array(8 * (size_t)channels, sizeof *weight));
    FAL_ALLOC(g->rows[0], fal_malloc_array(2 * (size_t)channels, sizeof(float)));
    FAL_ALLOC(g->constant, fal_malloc_array((size_t)params->heads, sizeof(float)));
    g->rows[1] = g->rows[0] + channels;
    fal_tensor_copy_f32(&w->gate_w, weight);
    fal_tensor_copy_f32(&w->gate_b, bias);
    fal_tensor_copy_f32(&w->gate_const, g->constant);
    for (int half = 0; half < 2; half++) {
        const float *four = weight + 4 * half * channels, *b = bias + 4 * half;
        g->bias[half] = (double)b[0] + b[1] + b[2] + b[3];
        for (int64_t c = 0; c < channels; c++)
            g->rows[half][c] =
                (float)((double)four[c] + four[channels + c] + four[2 * channels + c] + four[3 * channels + c]);
    }
done:
    fal_free(weight);
    return st;
}

fal_status fal_self_attention_create(const fal_self_attention_params *params, const fal_attention_weights *weights,
                                     fal_precision precision, fal_self_attention **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_self_attention *a = NULL;
    FAL_ALLOC(a, fal_calloc(1, sizeof *a));
    a->params = *params;
    a->precision = precision;
    FAL_TRY(create_qkv(weights, params->width, precision, &a->qkv, err));
    FAL_TRY(fal_scaled_linear_create(&weights->out_w, &weights->out_b, &weights->scale, 1, precision, &a->out, err));
    if (params->positions == FAL_POSITIONS_RELATIVE)
        FAL_TRY(create_relative(a, weights, err));
    if (params->positions == FAL_POSITIONS_BUCKETED)
        FAL_TRY(create_gate(params, weights, &a->gate, err));
    *out = a;
    a = NULL;
done:
    fal_self_attention_free(&a);
    return st;
}

void fal_self_attention_free(fal_self_attention **attention)
{
    fal_self_attention *a = *attention;
    if (!a)
        return;
    fal_linear_free(&a->qkv);
    fal_linear_free(&a->out);
    fal_linear_free(&a->pos);
    fal_free(a->pos_u);
    fal_free(a->gate.rows[0]);
    fal_free(a->gate.constant);
    fal_release(attention);
}

/* ---- positions ---- */

void fal_relative_table(int64_t rows, int64_t width, float *table)
{
    for (int64_t c = 0; c < width; c++) {
        double frequency = exp(-(double)(c - c % 2) * log(10000.0) / (double)width);
        for (int64_t r = 0; r < 2 * rows - 1; r++) {
            double angle = (double)(rows - 1 - r) * frequency;
            table[r * width + c] = (float)(c % 2 ? cos(angle) : sin(angle));
        }
    }
}

static int64_t bucket(int64_t distance, int64_t buckets, int64_t max_distance)
{
    int64_t half = buckets / 2, exact = half / 2;
    int64_t first = distance > 0 ? half : 0, size = distance > 0 ? distance : -distance;
    if (size < exact)
        return first + size;
    float share = logf((float)size / (float)exact) / logf((float)max_distance / (float)exact);
    int64_t which = exact + (int64_t)(share * (float)(half - exact));
    return first + (which < half - 1 ? which : half - 1);
}

void fal_bucket_bias(const float *table, int64_t buckets, int64_t heads, int64_t max_distance, int64_t rows,
                     float *bias)
{
    for (int64_t r = 0; r < 2 * rows - 1; r++) {
        const float *of_bucket = table + bucket(r - (rows - 1), buckets, max_distance) * heads;
        for (int64_t head = 0; head < heads; head++)
            bias[head * (2 * rows - 1) + r] = of_bucket[head];
    }
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* out [heads, rows] from the layer's input x [rows, D]. */
static void run_gate(const fal_self_attention *a, const float *x, int64_t rows, float *out)
{
    const gate *g = &a->gate;
    int64_t heads = a->params.heads, channels = a->params.width / heads;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t head = 0; head < heads; head++) {
            const float *u = x + row * a->params.width + head * channels;
            double sum[2] = {g->bias[0], g->bias[1]};
            for (int64_t c = 0; c < channels; c++) {
                sum[0] += (double)(u[c] * g->rows[0][c]);
                sum[1] += (double)(u[c] * g->rows[1][c]);
            }
            out[head * rows + row] = (float)(sigmoid(sum[0]) * (sigmoid(sum[1]) * g->constant[head] - 1) + 2);
        }
}

/* ---- running ---- */

static fal_status add_positions(const fal_self_attention *a, fal_run *run, const fal_self_attention_args *args,
                                fal_attention_args *to, fal_error *err)
{
    fal_status st = FAL_OK;
    float *projected, *gates; /* [2 rows - 1, D]; [heads, rows] */
    int64_t table_rows = 2 * args->rows - 1;
    if (a->params.positions == FAL_POSITIONS_RELATIVE) {
        FAL_FLOATS(projected, run, table_rows * a->params.width);
        FAL_TRY(fal_apply_linear(a->pos, run, args->positions, table_rows, FAL_ACT_NONE, projected, err));
        to->pos = projected;
        to->pos_u = a->pos_u;
        to->pos_w = a->pos_v;
    }
    if (a->params.positions == FAL_POSITIONS_BUCKETED) {
        FAL_FLOATS(gates, run, a->params.heads * args->rows);
        run_gate(a, args->input, args->rows, gates);
        if (args->stage)
            fal_run_stage(run, "layer0_gate", gates, 2, (int64_t[]){a->params.heads, args->rows});
        to->gate = gates;
        to->rel_bias = args->positions;
    }
done:
    return st;
}

/* mixed [rows, D]: the heads' output side by side. */
static fal_status mix(const fal_self_attention *a, fal_run *run, const fal_self_attention_args *args, const float *qkv,
                      float *mixed, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = a->params.width;
    fal_attention_args one = {.rows = args->sequence, .dim = width, .heads = a->params.heads, .qkv_stride = 3 * width};
    FAL_TRY(add_positions(a, run, args, &one, err));
    for (int64_t first = 0; first < args->rows; first += args->sequence) {
        one.q = qkv + first * 3 * width;
        one.k = one.q + width;
        one.v = one.q + 2 * width;
        one.out = mixed + first * width;
        FAL_TRY(fal_attention_run(run, &one, a->precision, err));
    }
done:
    return st;
}

fal_status fal_self_attention_run(const fal_self_attention *a, fal_forward *pass, const fal_self_attention_args *args,
                                  fal_error *err)
{
    fal_status st = FAL_OK;
    fal_run *run = pass->run;
    int64_t rows = args->rows, width = a->params.width;
    float *qkv, *mixed = args->input; /* [rows, 3D]; [rows, D] */
    if (rows % args->sequence || (args->positions && args->sequence != rows))
        FAL_FAIL(FAL_ERR_INTERNAL, "attention over %lld rows cannot have sequences of %lld", (long long)rows,
                 (long long)args->sequence);
    FAL_FLOATS(qkv, run, rows * 3 * width);
    if (args->input == args->x)
        FAL_FLOATS(mixed, run, rows * width);
    FAL_TRY(fal_apply_linear(a->qkv, run, args->input, rows, FAL_ACT_NONE, qkv, err));
    FAL_TRY(mix(a, run, args, qkv, mixed, err));
    if (args->stage && fal_run_has_stage_hook(run)) {
        FAL_TRY(fal_apply_linear(a->out, run, mixed, rows, FAL_ACT_NONE, qkv, err)); /* q, k, v are done with */
        fal_forward_stage(pass, args->stage, qkv, rows, width, 0);
    }
    FAL_TRY(fal_linear_run(a->out, run, &(fal_linear_args){.x = mixed, .rows = rows, .y = args->x, .residual = args->x},
                           err));
done:
    return st;
}
