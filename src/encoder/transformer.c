#include "encoder/transformer.h"

#include "core/alloc.h"

/* Feed-forward rows worked off at once: enough for full matrix-product speed, and the [rows, F] scratch of an hour-long
 * clip stays that of a short one. */
enum { FFN_ROWS = 1024 };

typedef struct block {
    fal_linear *qkv; /* [3D, D]: one product for q, k and v */
    fal_linear *out, *fc1, *fc2;
    fal_norm attn_norm, ffn_norm;
} block;

struct fal_transformer {
    fal_transformer_params params;
    fal_precision precision;
    block *blocks; /* [layers] */
};

/* ---- building ---- */

static fal_status create_qkv(const fal_block_weights *w, int64_t width, fal_precision precision, fal_linear **out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_tensor *weights[3] = {&w->q_w, &w->k_w, &w->v_w}, *biases[3] = {&w->q_b, &w->k_b, &w->v_b};
    float *joined = NULL; /* [3D, D] weight, then [3D] bias */
    FAL_ALLOC(joined, fal_malloc_array(3 * (size_t)width, ((size_t)width + 1) * sizeof *joined));
    float *bias = joined + 3 * width * width;
    for (int i = 0; i < 3; i++) {
        fal_tensor_copy_f32(weights[i], joined + i * width * width);
        fal_tensor_copy_f32(biases[i], bias + i * width);
    }
    fal_tensor weight_view = fal_tensor_f32(joined, 2, (int64_t[]){3 * width, width});
    fal_tensor bias_view = fal_tensor_f32(bias, 1, (int64_t[]){3 * width});
    FAL_TRY(fal_linear_create(&weight_view, &bias_view, precision, out, err));
done:
    fal_free(joined);
    return st;
}

static fal_status create_block(const fal_transformer *t, const fal_block_weights *w, block *b, fal_error *err)
{
    fal_status st = FAL_OK;
    FAL_TRY(create_qkv(w, t->params.width, t->precision, &b->qkv, err));
    FAL_TRY(fal_linear_create(&w->out_w, &w->out_b, t->precision, &b->out, err));
    FAL_TRY(fal_linear_create(&w->fc1_w, &w->fc1_b, t->precision, &b->fc1, err));
    FAL_TRY(fal_linear_create(&w->fc2_w, &w->fc2_b, t->precision, &b->fc2, err));
    FAL_TRY(fal_norm_create(&w->attn_norm, t->params.norm_eps, &b->attn_norm, err));
    FAL_TRY(fal_norm_create(&w->ffn_norm, t->params.norm_eps, &b->ffn_norm, err));
done:
    return st; /* the transformer frees what was made */
}

typedef struct create_job {
    fal_transformer *transformer;
    const fal_block_weights *weights;
    const fal_build *build;
} create_job;

static fal_status create_item(void *user, size_t layer, fal_error *err)
{
    create_job *job = user;
    fal_status st = create_block(job->transformer, &job->weights[layer], &job->transformer->blocks[layer], err);
    if (st == FAL_OK)
        fal_build_release(job->build, &job->weights[layer], sizeof job->weights[layer]);
    return st;
}

fal_status fal_transformer_create(const fal_transformer_params *params, const fal_block_weights *weights,
                                  const fal_build *build, fal_transformer **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_transformer *t = NULL;
    FAL_ALLOC(t, fal_calloc(1, sizeof *t));
    t->params = *params;
    t->precision = build->precision;
    FAL_ALLOC(t->blocks, fal_calloc((size_t)params->layers, sizeof *t->blocks));
    create_job job = {.transformer = t, .weights = weights, .build = build};
    FAL_TRY(fal_build_all(build, (size_t)params->layers, create_item, &job, err));
    *out = t;
    t = NULL;
done:
    fal_transformer_free(&t);
    return st;
}

static void free_block(block *b)
{
    fal_linear_free(&b->qkv);
    fal_linear_free(&b->out);
    fal_linear_free(&b->fc1);
    fal_linear_free(&b->fc2);
    fal_norm_free(&b->attn_norm);
    fal_norm_free(&b->ffn_norm);
}

void fal_transformer_free(fal_transformer **transformer)
{
    fal_transformer *t = *transformer;
    if (!t)
        return;
    for (int64_t l = 0; t->blocks && l < t->params.layers; l++)
        free_block(&t->blocks[l]);
    fal_free(t->blocks);
    fal_release(transformer);
}

/* ---- running ---- */

/* x [rows, D] += attn(x or LN(x)); post-norm: then LN. */
static fal_status attention(const fal_transformer *t, const block *b, fal_forward *pass, float *x, int64_t rows,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = t->params.width;
    fal_run *run = pass->run;
    float *qkv, *mixed; /* [rows, 3D]; [rows, D]: normed input first, then the heads' output */
    FAL_FLOATS(qkv, run, rows * 3 * width);
    FAL_FLOATS(mixed, run, rows * width);
    if (t->params.pre_norm)
        fal_norm_run(&b->attn_norm, run, x, rows, mixed);
    FAL_TRY(fal_apply_linear(b->qkv, run, t->params.pre_norm ? mixed : x, rows, FAL_ACT_NONE, qkv, err));
    fal_attention_args args = {.rows = rows,
                               .dim = width,
                               .heads = t->params.heads,
                               .qkv_stride = 3 * width,
                               .q = qkv,
                               .k = qkv + width,
                               .v = qkv + 2 * width,
                               .out = mixed};
    FAL_TRY(fal_attention_run(run, &args, t->precision, err));
    if (b == t->blocks && fal_run_has_stage_hook(run)) {
        FAL_TRY(fal_apply_linear(b->out, run, mixed, rows, FAL_ACT_NONE, qkv, err)); /* q, k, v are done with */
        fal_forward_stage(pass, "layer0_attn", qkv, rows, width, 0);
    }
    fal_linear_args add = {.x = mixed, .rows = rows, .y = x, .residual = x};
    FAL_TRY(fal_linear_run(b->out, run, &add, err));
    if (!t->params.pre_norm)
        fal_norm_run(&b->attn_norm, run, x, rows, x);
done:
    return st;
}

/* x [rows, D] += fc2(act(fc1(x or LN(x)))); post-norm: then LN. */
static fal_status feed_forward(const fal_transformer *t, const block *b, fal_run *run, float *x, int64_t rows,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t width = t->params.width, most = rows < FFN_ROWS ? rows : FFN_ROWS;
    float *normed, *inner; /* [most, D], [most, F] */
    FAL_FLOATS(normed, run, most * width);
    FAL_FLOATS(inner, run, most * t->params.ffn);
    for (int64_t first = 0; first < rows; first += most) {
        int64_t n = rows - first < most ? rows - first : most;
        float *part = x + first * width;
        if (t->params.pre_norm)
            fal_norm_run(&b->ffn_norm, run, part, n, normed);
        FAL_TRY(fal_apply_linear(b->fc1, run, t->params.pre_norm ? normed : part, n, t->params.act, inner, err));
        FAL_TRY(
            fal_linear_run(b->fc2, run, &(fal_linear_args){.x = inner, .rows = n, .y = part, .residual = part}, err));
        if (!t->params.pre_norm)
            fal_norm_run(&b->ffn_norm, run, part, n, part);
    }
done:
    return st;
}

fal_status fal_transformer_run(const fal_transformer *t, fal_forward *pass, float *x, int64_t rows, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(pass->run);
    for (int64_t l = 0; l < pass->last_layer; l++) {
        FAL_TRY(fal_forward_check(pass, err));
        FAL_TRY(fal_forward_keep(pass, l, x, rows, t->params.width, err));
        fal_arena_mark mark = fal_arena_save(arena);
        FAL_TRY(attention(t, &t->blocks[l], pass, x, rows, err));
        fal_arena_release(arena, mark);
        FAL_TRY(feed_forward(t, &t->blocks[l], pass->run, x, rows, err));
        fal_arena_release(arena, mark);
    }
done:
    return st;
}
