#include "head/stack.h"

#include "core/alloc.h"
#include "head/stack_places.h"
#include "tensor/backward.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const double norm_eps = 1e-5;

/* A pass: the stack, where its parameters are, and the places of the layer at work. */
typedef struct pass {
    const fal_stack *stack;
    fal_stack_places places;
    int64_t frames, width;
    float *gradient; /* backward */
} pass;

static pass start_pass(const fal_stack *stack, int64_t frames)
{
    return (pass){
        .stack = stack, .places = fal_stack_find(&stack->shape), .frames = frames, .width = stack->shape.width};
}

static const float *layer_value(const pass *p, int64_t layer, int array)
{
    return p->stack->values + p->places.first_layer + (size_t)layer * p->places.layer_count + p->places.array[array];
}

static fal_dense layer_dense(const pass *p, int64_t layer, int weight, int64_t in, int64_t out)
{
    return (fal_dense){
        .in = in, .out = out, .weight = layer_value(p, layer, weight), .bias = layer_value(p, layer, weight + 1)};
}

static fal_dense input_dense(const pass *p)
{
    const float *values = p->stack->values;
    return (fal_dense){
        .in = p->stack->shape.in, .out = p->width, .weight = values, .bias = values + p->places.input_bias};
}

/* ---- memory ---- */

static fal_status make_layer(const fal_stack *stack, int64_t frames, fal_stack_layer *layer, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t narrow = frames * stack->shape.width, wide = frames * stack->shape.ffn;
    FAL_ALLOC(layer->in, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(layer->norm1, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(layer->qkv, fal_run_floats(stack->run, 3 * narrow));
    FAL_ALLOC(layer->attended, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(layer->middle, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(layer->norm2, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(layer->up, fal_run_floats(stack->run, wide));
    FAL_ALLOC(layer->active, fal_run_floats(stack->run, wide));
done:
    return st;
}

/* Without `keep` all layers share the memory of one: each has read its input by the time it writes the next one's. */
static fal_status make_trace(const fal_stack *stack, const float *x, int64_t frames, bool keep, fal_stack_trace *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stack_trace t = {.x = x, .frames = frames};
    size_t layers = (size_t)stack->shape.layers;
    FAL_ALLOC(t.layers, fal_arena_alloc(fal_run_arena(stack->run), layers, sizeof *t.layers));
    for (size_t i = 0; i < layers; i++) {
        if (i == 0 || keep)
            FAL_TRY(make_layer(stack, frames, &t.layers[i], err));
        else
            t.layers[i] = t.layers[0];
    }
    FAL_ALLOC(t.last, fal_run_floats(stack->run, frames * stack->shape.width));
    FAL_ALLOC(t.out, fal_run_floats(stack->run, frames * stack->shape.width));
    *out = t;
done:
    return st;
}

/* ---- forward ---- */

/* For debugging and golden tests: rows under a name such as "layer2_attn". */
static void show(const pass *p, const char *format, int64_t layer, const float *rows)
{
    char name[32];
    if (!fal_run_has_stage_hook(p->stack->run))
        return;
    snprintf(name, sizeof name, format, (long long)layer);
    fal_run_stage(p->stack->run, name, rows, 2, (int64_t[]){p->frames, p->width});
}

/* Each pair of channels turns by a fixed angle per frame; turning the pair of the frame before, in double, is off by
 * about 1e-16 per frame, far below the rounding to float32, and saves a sine and a cosine for every number. */
static fal_status add_positions(const pass *p, float *h, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t pairs = (p->width + 1) / 2;
    double *turn; /* per pair: cos and sin of the angle, then of the position */
    FAL_ALLOC(turn, fal_arena_alloc(fal_run_arena(p->stack->run), (size_t)pairs, 4 * sizeof *turn));
    for (int64_t i = 0; i < pairs; i++) {
        double angle = pow(10000, -(double)(2 * i) / (double)p->width);
        memcpy(turn + 4 * i, (double[]){cos(angle), sin(angle), 1, 0}, 4 * sizeof *turn);
    }
    for (int64_t t = 0; t < p->frames; t++, h += p->width)
        for (int64_t i = 0; i < pairs; i++) {
            double *a = turn + 4 * i, c = a[2], s = a[3];
            h[2 * i] += (float)s;
            if (2 * i + 1 < p->width)
                h[2 * i + 1] += (float)c;
            a[2] = c * a[0] - s * a[1];
            a[3] = s * a[0] + c * a[1];
        }
done:
    return st;
}

static fal_status forward_dense(const pass *p, const fal_dense *dense, const float *x, float *y, bool accumulate,
                                fal_error *err)
{
    fal_dense_args args = {.x = x, .rows = p->frames, .y = y, .accumulate = accumulate};
    return fal_dense_run(p->stack->run, dense, &args, err);
}

static void forward_norm(const pass *p, int64_t layer, int gamma, const float *x, float *y)
{
    fal_layer_norm(p->stack->run, x, p->frames, p->width, layer_value(p, layer, gamma),
                   layer_value(p, layer, gamma + 1), norm_eps, y);
}

/* middle = in + Attn(norm1(in)) */
static fal_status forward_attention(const pass *p, int64_t layer, const fal_stack_layer *l, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &p->stack->shape;
    fal_dense qkv = layer_dense(p, layer, FAL_STACK_QKV_WEIGHT, s->width, 3 * s->width);
    fal_dense out = layer_dense(p, layer, FAL_STACK_OUT_WEIGHT, s->width, s->width);
    forward_norm(p, layer, FAL_STACK_GAMMA1, l->in, l->norm1);
    FAL_TRY(forward_dense(p, &qkv, l->norm1, l->qkv, false, err));
    fal_attention_args attention = {.rows = p->frames,
                                    .dim = s->width,
                                    .heads = s->heads,
                                    .q = l->qkv,
                                    .k = l->qkv + s->width,
                                    .v = l->qkv + 2 * s->width,
                                    .qkv_stride = 3 * s->width,
                                    .out = l->attended,
                                    .causal = s->causal};
    FAL_TRY(fal_attention_run(p->stack->run, &attention, FAL_PRECISION_F32, err));
    FAL_TRY(forward_dense(p, &out, l->attended, l->middle, false, err));
    show(p, "layer%lld_attn", layer, l->middle);
    fal_add(p->stack->run, l->middle, l->in, p->frames * p->width, l->middle);
done:
    return st;
}

/* next = middle + linear2(gelu(linear1(norm2(middle)))) */
static fal_status forward_ffn(const pass *p, int64_t layer, const fal_stack_layer *l, float *next, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &p->stack->shape;
    fal_dense up = layer_dense(p, layer, FAL_STACK_UP_WEIGHT, s->width, s->ffn);
    fal_dense down = layer_dense(p, layer, FAL_STACK_DOWN_WEIGHT, s->ffn, s->width);
    forward_norm(p, layer, FAL_STACK_GAMMA2, l->middle, l->norm2);
    FAL_TRY(forward_dense(p, &up, l->norm2, l->up, false, err));
    fal_act_apply(p->stack->run, FAL_ACT_GELU, l->up, p->frames * s->ffn, l->active);
    memcpy(next, l->middle, (size_t)(p->frames * p->width) * sizeof *next);
    FAL_TRY(forward_dense(p, &down, l->active, next, true, err));
    show(p, "layer%lld", layer, next);
done:
    return st;
}

fal_status fal_stack_forward(const fal_stack *stack, const float *x, int64_t frames, bool keep, fal_stack_trace *out,
                             fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stack_trace t;
    pass p = start_pass(stack, frames);
    fal_dense input = input_dense(&p);
    FAL_TRY(make_trace(stack, x, frames, keep, &t, err));
    FAL_TRY(forward_dense(&p, &input, x, t.layers[0].in, false, err));
    FAL_TRY(add_positions(&p, t.layers[0].in, err));
    show(&p, "embed", 0, t.layers[0].in);
    for (int64_t i = 0; i < stack->shape.layers; i++) {
        if (fal_run_cancelled(stack->run))
            FAL_FAIL(FAL_ERR_CANCELLED, "stopped between the layers of a transformer");
        FAL_TRY(forward_attention(&p, i, &t.layers[i], err));
        FAL_TRY(forward_ffn(&p, i, &t.layers[i], i + 1 < stack->shape.layers ? t.layers[i + 1].in : t.last, err));
    }
    fal_layer_norm(stack->run, t.last, frames, p.width, stack->values + p.places.gamma, stack->values + p.places.beta,
                   norm_eps, t.out);
    show(&p, "final_norm", 0, t.out);
    *out = t;
done:
    return st;
}

/* ---- backward ---- */

/* The gradients of a layer's parameters lie where the parameters do. */
static float *gradient_of(const pass *p, const float *value)
{
    return p->gradient + (value - p->stack->values);
}

static fal_status backward_dense(const pass *p, const fal_dense *dense, const float *x, const float *dy, float *dx,
                                 fal_error *err)
{
    fal_dense_gradient args = {.x = x,
                               .rows = p->frames,
                               .dy = dy,
                               .dx = dx,
                               .dweight = gradient_of(p, dense->weight),
                               .dbias = gradient_of(p, dense->bias)};
    return fal_dense_backward(p->stack->run, dense, &args, err);
}

/* dh += the gradient by x of norm(x). */
static fal_status backward_norm(const pass *p, const float *gamma, const float *beta, const float *x, const float *dy,
                                float *dh, fal_error *err)
{
    fal_layer_norm_gradient args = {.x = x,
                                    .rows = p->frames,
                                    .dim = p->width,
                                    .gamma = gamma,
                                    .eps = norm_eps,
                                    .dy = dy,
                                    .dx = dh,
                                    .accumulate_dx = true,
                                    .dgamma = gradient_of(p, gamma),
                                    .dbeta = gradient_of(p, beta)};
    return fal_layer_norm_backward(p->stack->run, &args, err);
}

/* Scratch of the backward pass, the same for all layers: dh is that of the stream between the blocks. */
typedef struct slopes {
    float *dh, *dnorm, *dqkv, *dwide;
} slopes;

static fal_status make_slopes(const fal_stack *stack, int64_t frames, slopes *d, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t narrow = frames * stack->shape.width;
    FAL_ALLOC(d->dh, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(d->dnorm, fal_run_floats(stack->run, narrow));
    FAL_ALLOC(d->dqkv, fal_run_floats(stack->run, 3 * narrow));
    FAL_ALLOC(d->dwide, fal_run_floats(stack->run, frames * stack->shape.ffn));
    memset(d->dh, 0, (size_t)narrow * sizeof *d->dh);
done:
    return st;
}

static fal_status backward_ffn(const pass *p, int64_t layer, const fal_stack_layer *l, const slopes *d, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &p->stack->shape;
    fal_dense up = layer_dense(p, layer, FAL_STACK_UP_WEIGHT, s->width, s->ffn);
    fal_dense down = layer_dense(p, layer, FAL_STACK_DOWN_WEIGHT, s->ffn, s->width);
    FAL_TRY(backward_dense(p, &down, l->active, d->dh, d->dwide, err));
    fal_gelu_backward(p->stack->run, l->up, d->dwide, p->frames * s->ffn, d->dwide);
    FAL_TRY(backward_dense(p, &up, l->norm2, d->dwide, d->dnorm, err));
    FAL_TRY(backward_norm(p, layer_value(p, layer, FAL_STACK_GAMMA2), layer_value(p, layer, FAL_STACK_BETA2), l->middle,
                          d->dnorm, d->dh, err));
done:
    return st;
}

static fal_status backward_attention(const pass *p, int64_t layer, const fal_stack_layer *l, const slopes *d,
                                     fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &p->stack->shape;
    fal_dense qkv = layer_dense(p, layer, FAL_STACK_QKV_WEIGHT, s->width, 3 * s->width);
    fal_dense out = layer_dense(p, layer, FAL_STACK_OUT_WEIGHT, s->width, s->width);
    FAL_TRY(backward_dense(p, &out, l->attended, d->dh, d->dnorm, err));
    fal_attention_gradient attention = {.rows = p->frames,
                                        .dim = s->width,
                                        .heads = s->heads,
                                        .q = l->qkv,
                                        .k = l->qkv + s->width,
                                        .v = l->qkv + 2 * s->width,
                                        .qkv_stride = 3 * s->width,
                                        .causal = s->causal,
                                        .dout = d->dnorm,
                                        .dq = d->dqkv,
                                        .dk = d->dqkv + s->width,
                                        .dv = d->dqkv + 2 * s->width,
                                        .dqkv_stride = 3 * s->width};
    FAL_TRY(fal_attention_backward(p->stack->run, &attention, err));
    FAL_TRY(backward_dense(p, &qkv, l->norm1, d->dqkv, d->dnorm, err));
    FAL_TRY(backward_norm(p, layer_value(p, layer, FAL_STACK_GAMMA1), layer_value(p, layer, FAL_STACK_BETA1), l->in,
                          d->dnorm, d->dh, err));
done:
    return st;
}

fal_status fal_stack_backward(const fal_stack *stack, const fal_stack_trace *trace, const float *dout, float *gradient,
                              fal_error *err)
{
    fal_status st = FAL_OK;
    pass p = start_pass(stack, trace->frames);
    fal_dense input = input_dense(&p);
    const float *values = stack->values;
    slopes d;
    p.gradient = gradient;
    FAL_TRY(make_slopes(stack, trace->frames, &d, err));
    FAL_TRY(backward_norm(&p, values + p.places.gamma, values + p.places.beta, trace->last, dout, d.dh, err));
    for (int64_t i = stack->shape.layers; i-- > 0;) {
        FAL_TRY(backward_ffn(&p, i, &trace->layers[i], &d, err));
        FAL_TRY(backward_attention(&p, i, &trace->layers[i], &d, err));
    }
    FAL_TRY(backward_dense(&p, &input, trace->x, d.dh, NULL, err));
done:
    return st;
}
