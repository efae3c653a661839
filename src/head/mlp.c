#include "head/mlp.h"

#include "core/alloc.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { AT_ONCE = 1024 }; /* rows that are scored together */

static const double norm_eps = 1e-5; /* torch.nn.LayerNorm's default */

static const char *projection_name(size_t parts, size_t part)
{
    return parts == 1 ? "proj" : part == 0 ? "visual_proj" : "audio_proj";
}

/* ---- shapes ---- */

/* Outputs of the Linear layer `name`; its inputs must be `in`, or are told when *in is 0. */
static fal_status read_linear(const fal_checkpoint *ckpt, const char *name, int64_t *in, int64_t *out, fal_error *err)
{
    char full[32], text[96];
    snprintf(full, sizeof full, "%s.weight", name);
    const fal_named_tensor *found = fal_checkpoint_find(ckpt, full);
    if (!found)
        return fal_fail(err, FAL_ERR_FORMAT, "%s is missing", full);
    const fal_tensor *weight = &found->tensor;
    if (weight->rank != 2 || weight->shape[0] < 1 || weight->shape[1] < 1)
        return fal_fail(err, FAL_ERR_FORMAT, "%s is %s, expected [out,in]", full, fal_tensor_shape_text(text, weight));
    if (*in && weight->shape[1] != *in)
        return fal_fail(err, FAL_ERR_FORMAT, "%s is %s, but the layer before it has %lld outputs", full,
                        fal_tensor_shape_text(text, weight), (long long)*in);
    *in = weight->shape[1];
    *out = weight->shape[0];
    return FAL_OK;
}

fal_status fal_mlp_read_shape(const fal_checkpoint *ckpt, fal_mlp_shape *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_mlp_shape s = {.parts = fal_checkpoint_find(ckpt, "proj.weight") ? 1 : 2};
    int64_t in = 0, outputs;
    char name[16];
    for (size_t p = 0; p < s.parts; p++) {
        FAL_TRY(read_linear(ckpt, projection_name(s.parts, p), &s.dims[p], &s.projected[p], err));
        in += s.projected[p];
    }
    for (int i = 0; i < FAL_MLP_LAYERS; i++) {
        snprintf(name, sizeof name, "mlp.%d", 3 * i);
        FAL_TRY(read_linear(ckpt, name, &in, &outputs, err));
        if (i < FAL_MLP_NORMS)
            s.width[i] = outputs;
        in = outputs;
    }
    if (outputs != 1)
        FAL_FAIL(FAL_ERR_FORMAT, "mlp.9.weight has %lld outputs, expected 1", (long long)outputs);
    *out = s;
done:
    return st;
}

/* ---- parameters ---- */

static fal_mlp_linear place_linear(int64_t in, int64_t out, size_t *at)
{
    fal_mlp_linear linear = {.in = in, .out = out, .weight = *at, .bias = *at + (size_t)(in * out)};
    *at = linear.bias + (size_t)out;
    return linear;
}

fal_mlp fal_mlp_use(const fal_mlp_shape *shape, const float *values, fal_run *run)
{
    fal_mlp mlp = {.parts = shape->parts, .values = values, .run = run};
    size_t at = 0;
    int64_t in = 0;
    for (size_t p = 0; p < shape->parts; p++) {
        mlp.projection[p] = place_linear(shape->dims[p], shape->projected[p], &at);
        in += shape->projected[p];
    }
    for (int i = 0; i < FAL_MLP_LAYERS; i++) {
        int64_t out = i < FAL_MLP_NORMS ? shape->width[i] : 1;
        mlp.layer[i] = place_linear(in, out, &at);
        if (i < FAL_MLP_NORMS) {
            mlp.gamma[i] = at, at += (size_t)out;
            mlp.beta[i] = at, at += (size_t)out;
        }
        in = out;
    }
    return mlp;
}

static fal_status declare_pair(fal_params *params, const char *name, int rank, const int64_t *shape, fal_init weight,
                               fal_init bias, size_t place, fal_error *err)
{
    fal_status st = FAL_OK;
    char full[32];
    size_t at;
    snprintf(full, sizeof full, "%s.weight", name);
    FAL_TRY(fal_params_add(params, full, rank, shape, weight, &at, err));
    assert(at == place), (void)place;
    snprintf(full, sizeof full, "%s.bias", name);
    FAL_TRY(fal_params_add(params, full, 1, shape, bias, NULL, err));
done:
    return st;
}

static fal_status declare_linear(fal_params *params, const char *name, const fal_mlp_linear *linear, fal_error *err)
{
    const fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)linear->in));
    return declare_pair(params, name, 2, (int64_t[]){linear->out, linear->in}, uniform, uniform, linear->weight, err);
}

fal_status fal_mlp_declare(const fal_mlp_shape *shape, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_init one = FAL_INIT_ONE, zero = FAL_INIT_ZERO;
    fal_mlp mlp = fal_mlp_use(shape, NULL, NULL);
    char name[16];
    for (size_t p = 0; p < mlp.parts; p++)
        FAL_TRY(declare_linear(params, projection_name(mlp.parts, p), &mlp.projection[p], err));
    for (int i = 0; i < FAL_MLP_LAYERS; i++) {
        snprintf(name, sizeof name, "mlp.%d", 3 * i);
        FAL_TRY(declare_linear(params, name, &mlp.layer[i], err));
        if (i == FAL_MLP_NORMS)
            break;
        snprintf(name, sizeof name, "mlp.%d", 3 * i + 1);
        FAL_TRY(declare_pair(params, name, 1, &shape->width[i], one, zero, mlp.gamma[i], err));
    }
done:
    return st;
}

/* ---- passes ---- */

fal_dense fal_mlp_dense(const fal_mlp *mlp, const fal_mlp_linear *linear, int64_t first, int64_t count)
{
    return (fal_dense){.in = count,
                       .out = linear->out,
                       .weight = mlp->values + linear->weight + first,
                       .weight_stride = linear->in,
                       .bias = first ? NULL : mlp->values + linear->bias};
}

static fal_dense dense_of(const fal_mlp *mlp, const fal_mlp_linear *linear)
{
    return fal_mlp_dense(mlp, linear, 0, linear->in);
}

fal_status fal_mlp_make_trace(const fal_mlp *mlp, int64_t rows, bool whole, fal_mlp_trace *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_mlp_trace trace = {.rows = rows};
    if (whole)
        FAL_ALLOC(trace.joined, fal_run_floats(mlp->run, rows * mlp->layer[0].in));
    for (int i = 0; i < FAL_MLP_NORMS; i++) {
        FAL_ALLOC(trace.before[i], fal_run_floats(mlp->run, rows * mlp->layer[i].out));
        FAL_ALLOC(trace.after[i], fal_run_floats(mlp->run, rows * mlp->layer[i].out));
    }
    FAL_ALLOC(trace.out, fal_run_floats(mlp->run, rows));
    *out = trace;
done:
    return st;
}

fal_status fal_mlp_trunk_forward(const fal_mlp *mlp, const fal_mlp_trace *trace, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t rows = trace->rows;
    for (int i = 0; i < FAL_MLP_NORMS; i++) {
        int64_t width = mlp->layer[i].out;
        fal_dense next = dense_of(mlp, &mlp->layer[i + 1]);
        float *after = trace->after[i], *to = i + 1 < FAL_MLP_NORMS ? trace->before[i + 1] : trace->out;
        fal_layer_norm(mlp->run, trace->before[i], rows, width, mlp->values + mlp->gamma[i], mlp->values + mlp->beta[i],
                       norm_eps, after);
        fal_act_apply(mlp->run, FAL_ACT_RELU, after, rows * width, after);
        FAL_TRY(fal_dense_run(mlp->run, &next, &(fal_dense_args){.x = after, .rows = rows, .y = to}, err));
    }
done:
    return st;
}

fal_status fal_mlp_forward(const fal_mlp *mlp, const float *x, const fal_mlp_trace *trace, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_mlp_linear *p = mlp->projection;
    fal_dense first = dense_of(mlp, &mlp->layer[0]);
    fal_dense_args args = {.rows = trace->rows, .x_stride = p[0].in + p[1].in, .y_stride = first.in};
    for (size_t part = 0, from = 0, to = 0; part < mlp->parts; part++) {
        fal_dense projection = dense_of(mlp, &p[part]);
        args.x = x + from;
        args.y = trace->joined + to;
        FAL_TRY(fal_dense_run(mlp->run, &projection, &args, err));
        from += (size_t)p[part].in;
        to += (size_t)p[part].out;
    }
    FAL_TRY(fal_dense_run(mlp->run, &first,
                          &(fal_dense_args){.x = trace->joined, .rows = trace->rows, .y = trace->before[0]}, err));
    FAL_TRY(fal_mlp_trunk_forward(mlp, trace, err));
done:
    return st;
}

fal_status fal_mlp_frames(const fal_mlp *mlp, const float *x, int64_t rows, float *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(mlp->run);
    fal_arena_mark mark = fal_arena_save(arena);
    int64_t dim = mlp->projection[0].in + mlp->projection[1].in, most = rows < AT_ONCE ? rows : AT_ONCE;
    fal_mlp_trace trace;
    FAL_TRY(fal_mlp_make_trace(mlp, most, true, &trace, err));
    for (int64_t first = 0; first < rows; first += most) {
        trace.rows = rows - first < most ? rows - first : most;
        FAL_TRY(fal_mlp_forward(mlp, x + first * dim, &trace, err));
        memcpy(out + first, trace.out, (size_t)trace.rows * sizeof *out);
    }
done:
    fal_arena_release(arena, mark);
    return st;
}

/* Through one layer, whose gradients are added; dx NULL: not wanted. */
static fal_status layer_backward(const fal_mlp *mlp, const fal_mlp_linear *linear, const fal_dense_gradient *pass,
                                 float *gradient, fal_error *err)
{
    fal_dense dense = dense_of(mlp, linear);
    fal_dense_gradient args = *pass;
    args.dweight = gradient + linear->weight;
    args.dbias = gradient + linear->bias;
    return fal_dense_backward(mlp->run, &dense, &args, err);
}

/* Through ReLU and norm i: dafter is used up. */
static fal_status norm_backward(const fal_mlp *mlp, const fal_mlp_trace *trace, int i, float *dafter, float *gradient,
                                float *dbefore, fal_error *err)
{
    int64_t width = mlp->layer[i].out;
    fal_layer_norm_gradient args = {.x = trace->before[i],
                                    .rows = trace->rows,
                                    .dim = width,
                                    .gamma = mlp->values + mlp->gamma[i],
                                    .eps = norm_eps,
                                    .dy = dafter,
                                    .dx = dbefore,
                                    .dgamma = gradient + mlp->gamma[i],
                                    .dbeta = gradient + mlp->beta[i]};
    fal_relu_backward(mlp->run, trace->after[i], dafter, trace->rows * width, dafter);
    return fal_layer_norm_backward(mlp->run, &args, err);
}

fal_status fal_mlp_trunk_backward(const fal_mlp *mlp, const fal_mlp_trace *trace, const float *dout, float *gradient,
                                  float *dbefore, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(mlp->run);
    fal_arena_mark mark = fal_arena_save(arena);
    fal_dense_gradient pass = {.rows = trace->rows, .dy = dout};
    for (int i = FAL_MLP_NORMS - 1; i >= 0; i--) {
        float *dafter, *below = dbefore;
        FAL_ALLOC(dafter, fal_run_floats(mlp->run, trace->rows * mlp->layer[i].out));
        if (i > 0)
            FAL_ALLOC(below, fal_run_floats(mlp->run, trace->rows * mlp->layer[i].out));
        pass.x = trace->after[i];
        pass.dx = dafter;
        FAL_TRY(layer_backward(mlp, &mlp->layer[i + 1], &pass, gradient, err));
        FAL_TRY(norm_backward(mlp, trace, i, dafter, gradient, below, err));
        pass.dy = below;
    }
done:
    fal_arena_release(arena, mark);
    return st;
}

fal_status fal_mlp_backward(const fal_mlp *mlp, const float *x, const fal_mlp_trace *trace, const float *dout,
                            float *gradient, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(mlp->run);
    fal_arena_mark mark = fal_arena_save(arena);
    const fal_mlp_linear *p = mlp->projection;
    float *dbefore, *djoined;
    FAL_ALLOC(dbefore, fal_run_floats(mlp->run, trace->rows * mlp->layer[0].out));
    FAL_ALLOC(djoined, fal_run_floats(mlp->run, trace->rows * mlp->layer[0].in));
    FAL_TRY(fal_mlp_trunk_backward(mlp, trace, dout, gradient, dbefore, err));
    fal_dense_gradient pass = {.x = trace->joined, .rows = trace->rows, .dy = dbefore, .dx = djoined};
    FAL_TRY(layer_backward(mlp, &mlp->layer[0], &pass, gradient, err));
    pass = (fal_dense_gradient){.rows = trace->rows, .x_stride = p[0].in + p[1].in, .dy_stride = mlp->layer[0].in};
    for (size_t part = 0, from = 0, to = 0; part < mlp->parts; part++) {
        pass.x = x + from;
        pass.dy = djoined + to;
        FAL_TRY(layer_backward(mlp, &p[part], &pass, gradient, err));
        from += (size_t)p[part].in;
        to += (size_t)p[part].out;
    }
done:
    fal_arena_release(arena, mark);
    return st;
}
