#include "encoder/transformer.h"

#include "core/alloc.h"

typedef struct block {
    fal_norm attn_norm, out_norm;
    fal_self_attention *attn;
    fal_feed_forward *ffn, *macaron; /* macaron and conv: conformer layers only */
    fal_conv_module *conv;
} block;

struct fal_transformer {
    fal_transformer_params params; /* bucket_table is not kept */
    int64_t buckets;
    float *bucket_table; /* [buckets, heads] */
    block *blocks;       /* [layers] */
};

/* ---- building ---- */

static fal_status create_block(const fal_transformer *t, const fal_block_weights *w, fal_precision precision, block *b,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_transformer_params *p = &t->params;
    fal_self_attention_params attn = {.width = p->width, .heads = p->heads, .positions = p->positions};
    fal_feed_forward_params ffn = {.width = p->width,
                                   .ffn = p->ffn,
                                   .pre_norm = p->pre_norm,
                                   .norm_eps = p->norm_eps,
                                   .act = p->act,
                                   .factor = p->conformer ? 0.5 : 1};
    FAL_TRY(fal_norm_create(&w->attn_norm, p->norm_eps, &b->attn_norm, err));
    FAL_TRY(fal_self_attention_create(&attn, &w->attn, precision, &b->attn, err));
    FAL_TRY(fal_feed_forward_create(&ffn, &w->ffn, precision, &b->ffn, err));
    if (p->conformer) {
        FAL_TRY(fal_feed_forward_create(&ffn, &w->macaron, precision, &b->macaron, err));
        FAL_TRY(fal_conv_module_create(&w->conv, p->norm_eps, precision, &b->conv, err));
        FAL_TRY(fal_norm_create(&w->out_norm, p->norm_eps, &b->out_norm, err));
    }
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
    fal_status st = create_block(job->transformer, &job->weights[layer], job->build->precision,
                                 &job->transformer->blocks[layer], err);
    if (st == FAL_OK)
        fal_build_release(job->build, &job->weights[layer], sizeof job->weights[layer]);
    return st;
}

static fal_status copy_bucket_table(fal_transformer *t, const fal_tensor *table, fal_error *err)
{
    fal_status st = FAL_OK;
    t->buckets = table->shape[0];
    FAL_ALLOC(t->bucket_table, fal_malloc_array((size_t)fal_tensor_count(table), sizeof *t->bucket_table));
    fal_tensor_copy_f32(table, t->bucket_table);
done:
    return st;
}

fal_status fal_transformer_create(const fal_transformer_params *params, const fal_block_weights *weights,
                                  const fal_build *build, fal_transformer **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_transformer *t = NULL;
    FAL_ALLOC(t, fal_calloc(1, sizeof *t));
    t->params = *params;
    t->params.bucket_table = NULL;
    if (params->positions == FAL_POSITIONS_BUCKETED)
        FAL_TRY(copy_bucket_table(t, params->bucket_table, err));
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
    fal_norm_free(&b->attn_norm);
    fal_norm_free(&b->out_norm);
    fal_self_attention_free(&b->attn);
    fal_feed_forward_free(&b->ffn);
    fal_feed_forward_free(&b->macaron);
    fal_conv_module_free(&b->conv);
}

void fal_transformer_free(fal_transformer **transformer)
{
    fal_transformer *t = *transformer;
    if (!t)
        return;
    for (int64_t l = 0; t->blocks && l < t->params.layers; l++)
        free_block(&t->blocks[l]);
    fal_free(t->blocks);
    fal_free(t->bucket_table);
    fal_release(transformer);
}

/* ---- running ---- */

/* A pass's view of one stack: what its layers have in common. */
typedef struct stack {
    const fal_transformer *t;
    fal_forward *pass;
    int64_t rows, sequence;
    const float *positions;
} stack;

static fal_status make_positions(stack *s, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_transformer_params *p = &s->t->params;
    float *table;
    int64_t distances = 2 * s->rows - 1;
    if (p->positions == FAL_POSITIONS_NONE || s->pass->last_layer == 0)
        return FAL_OK;
    bool relative = p->positions == FAL_POSITIONS_RELATIVE;
    FAL_FLOATS(table, s->pass->run, distances * (relative ? p->width : p->heads));
    if (relative)
        fal_relative_table(s->rows, p->width, table);
    else
        fal_bucket_bias(s->t->bucket_table, s->t->buckets, p->heads, p->max_distance, s->rows, table);
    fal_forward_stage(s->pass, "positions", table, relative ? distances : p->heads, relative ? p->width : distances, 0);
    s->positions = table;
done:
    return st;
}

static fal_status attention(const stack *s, const block *b, float *x, bool first, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_transformer_params *p = &s->t->params;
    fal_run *run = s->pass->run;
    float *input = x;
    if (p->pre_norm) {
        FAL_FLOATS(input, run, s->rows * p->width);
        fal_norm_run(&b->attn_norm, run, x, s->rows, input);
        if (first)
            fal_forward_stage(s->pass, "layer0_attn_norm", input, s->rows, p->width, 0);
    }
    fal_self_attention_args args = {.input = input,
                                    .x = x,
                                    .rows = s->rows,
                                    .sequence = s->sequence,
                                    .positions = s->positions,
                                    .stage = first ? "layer0_attn" : NULL};
    FAL_TRY(fal_self_attention_run(b->attn, s->pass, &args, err));
    if (!p->pre_norm)
        fal_norm_run(&b->attn_norm, run, x, s->rows, x);
done:
    return st;
}

static fal_status run_layer(const stack *s, int64_t layer, float *x, fal_error *err)
{
    fal_status st = FAL_OK;
    const block *b = &s->t->blocks[layer];
    fal_arena *arena = fal_run_arena(s->pass->run);
    fal_arena_mark mark = fal_arena_save(arena);
    if (b->macaron)
        FAL_TRY(fal_feed_forward_run(b->macaron, s->pass, x, s->rows, NULL, err));
    fal_arena_release(arena, mark);
    FAL_TRY(attention(s, b, x, layer == 0, err));
    fal_arena_release(arena, mark);
    if (b->conv)
        FAL_TRY(fal_conv_module_run(b->conv, s->pass, x, s->rows, layer == 0, err));
    fal_arena_release(arena, mark);
    FAL_TRY(fal_feed_forward_run(b->ffn, s->pass, x, s->rows, layer == 0 ? "layer0_ffn_act" : NULL, err));
    if (s->t->params.conformer)
        fal_norm_run(&b->out_norm, s->pass->run, x, s->rows, x);
done:
    fal_arena_release(arena, mark);
    return st;
}

fal_status fal_transformer_run(const fal_transformer *t, fal_forward *pass, float *x, int64_t rows, int64_t sequence,
                               fal_error *err)
{
    fal_status st = FAL_OK;
    stack s = {.t = t, .pass = pass, .rows = rows, .sequence = sequence};
    FAL_TRY(make_positions(&s, err));
    for (int64_t l = 0; l < pass->last_layer; l++) {
        FAL_TRY(fal_forward_check(pass, err));
        FAL_TRY(fal_forward_keep(pass, l, x, rows, t->params.width, err));
        FAL_TRY(run_layer(&s, l, x, err));
    }
done:
    return st;
}
