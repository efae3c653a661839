/* The transformer classifier: a stack of pre-norm blocks that see the whole clip, then the probe's rule.
 *
 *   f = head(stack(x))          a logit per frame
 *   s = log sum_t exp(f_t)      of the clip
 *
 * Training: cross-entropy over the pair (-s, s), one clip one sample. */
#include "core/alloc.h"
#include "head/head.h"
#include "head/pooling.h"
#include "head/stack.h"
#include "tensor/backward.h"

#include <math.h>

enum { LAYERS = 2 };

typedef struct classifier {
    fal_stack_shape stack;
} classifier;

/* ---- configuration ---- */

static bool recognise(const fal_checkpoint *ckpt)
{
    return fal_checkpoint_find(ckpt, "input_proj.weight") && fal_checkpoint_find(ckpt, "head.weight");
}

static fal_status read_config(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err)
{
    fal_status st = FAL_OK;
    classifier *c = config;
    FAL_TRY(fal_stack_read_shape(ckpt, &c->stack, err));
    *shape = fal_stack_rows(ckpt, &c->stack);
done:
    return st;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err)
{
    return fal_stack_configure(training, shape->dim, LAYERS, &((classifier *)config)->stack, err);
}

static fal_status declare(const void *config, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &((const classifier *)config)->stack;
    const fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)s->width));
    FAL_TRY(fal_stack_declare(s, params, err));
    FAL_TRY(fal_params_add(params, "head.weight", 2, (int64_t[]){1, s->width}, uniform, NULL, err));
    FAL_TRY(fal_params_add(params, "head.bias", 1, (int64_t[]){1}, uniform, NULL, err));
done:
    return st;
}

static void note(const void *config, fal_jw *w)
{
    fal_stack_note(&((const classifier *)config)->stack, w);
}

/* ---- arithmetic ---- */

static fal_dense output_layer(const fal_stack *stack)
{
    const float *values = stack->values + fal_stack_count(&stack->shape);
    return (fal_dense){.in = stack->shape.width, .out = 1, .weight = values, .bias = values + stack->shape.width};
}

static fal_status frame_logits(const fal_stack *stack, const fal_stack_trace *trace, float *f, fal_error *err)
{
    fal_dense output = output_layer(stack);
    return fal_dense_run(stack->run, &output, &(fal_dense_args){.x = trace->out, .rows = trace->frames, .y = f}, err);
}

static fal_status score(const void *config, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stack stack = {((const classifier *)config)->stack, pass->values, pass->run};
    fal_stack_trace trace;
    FAL_TRY(fal_stack_forward(&stack, pass->rows, pass->frames, false, &trace, err));
    FAL_TRY(frame_logits(&stack, &trace, pass->frame_logits, err));
    *pass->clip_logit = fal_log_sum_exp(pass->frame_logits, pass->frames);
done:
    return st;
}

/* ---- training ---- */

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames > 0;
}

/* df [frames]: of the loss by the frame logits. */
static fal_status backward(const fal_stack *stack, const fal_stack_trace *trace, const float *df, float *gradient,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    fal_dense output = output_layer(stack);
    float *dout, *to = gradient + fal_stack_count(&stack->shape);
    FAL_ALLOC(dout, fal_run_floats(stack->run, trace->frames * stack->shape.width));
    fal_dense_gradient args = {
        .x = trace->out, .rows = trace->frames, .dy = df, .dx = dout, .dweight = to, .dbias = to + stack->shape.width};
    FAL_TRY(fal_dense_backward(stack->run, &output, &args, err));
    FAL_TRY(fal_stack_backward(stack, trace, dout, gradient, err));
done:
    return st;
}

static fal_status clip_loss(const void *config, const fal_step *step, const fal_clip_features *clip, double *loss,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stack stack = {((const classifier *)config)->stack, step->values, step->run};
    fal_stack_trace trace;
    float *f;
    FAL_ALLOC(f, fal_run_floats(step->run, clip->frames));
    FAL_TRY(fal_stack_forward(&stack, clip->rows, clip->frames, step->gradient != NULL, &trace, err));
    FAL_TRY(frame_logits(&stack, &trace, f, err));
    double s = fal_log_sum_exp(f, clip->frames), slope = step->scale * fal_pair_loss_slope(s, clip->label);
    *loss = fal_pair_loss(s, clip->label);
    if (!step->gradient)
        goto done;
    for (int64_t t = 0; t < clip->frames; t++)
        f[t] = (float)(slope * exp(f[t] - s));
    FAL_TRY(backward(&stack, &trace, f, step->gradient, err));
done:
    return st;
}

static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    return fal_sum_clip_losses(clip_loss, config, ((const classifier *)config)->stack.in, step, sum, err);
}

const fal_head_kind fal_head_transformer = {
    .name = "transformer",
    .what = "two transformer layers over the clip",
    .config_size = sizeof(classifier),
    .recipe = {.batch = 1, .max_epochs = 100, .patience = 10, .learning_rate = 1e-4},
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "transformer", .samples = samples, .loss = loss},
    .note = note,
};
