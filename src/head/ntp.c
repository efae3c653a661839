/* Next-token prediction, an anomaly detector that learns from real clips only: a causal stack of pre-norm blocks
 * guesses each frame from those before it, and what it cannot guess is suspicious.
 *
 *   p_t+1 = output_proj(stack(x)_t)            t = 1 .. T-1
 *   e_t   = mean over channels of (p_t - x_t)^2   t = 2 .. T; the frame's score; 0 for the first frame
 *   s     = max_t e_t                          the clip's
 *   loss  = mean_t e_t                         of a clip, which is one sample
 *
 * Clips of one frame have nothing to guess: they can be neither scored nor learnt from. */
#include "core/alloc.h"
#include "head/head.h"
#include "head/stack.h"
#include "tensor/backward.h"

#include <math.h>

enum { LAYERS = 4, LEAST_FRAMES = 2 };

typedef struct predictor {
    fal_stack_shape stack;
} predictor;

/* ---- configuration ---- */

static bool recognise(const fal_checkpoint *ckpt)
{
    return fal_checkpoint_find(ckpt, "input_proj.weight") && fal_checkpoint_find(ckpt, "output_proj.weight");
}

static fal_status read_config(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err)
{
    fal_status st = FAL_OK;
    predictor *p = config;
    FAL_TRY(fal_stack_read_shape(ckpt, &p->stack, err));
    p->stack.causal = true;
    *shape = fal_stack_rows(ckpt, &p->stack);
done:
    return st;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    predictor *p = config;
    FAL_TRY(fal_stack_configure(training, shape->dim, LAYERS, &p->stack, err));
    p->stack.causal = true;
done:
    return st;
}

static fal_status declare(const void *config, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &((const predictor *)config)->stack;
    const fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)s->width));
    FAL_TRY(fal_stack_declare(s, params, err));
    FAL_TRY(fal_params_add(params, "output_proj.weight", 2, (int64_t[]){s->in, s->width}, uniform, NULL, err));
    FAL_TRY(fal_params_add(params, "output_proj.bias", 1, &s->in, uniform, NULL, err));
done:
    return st;
}

static void note(const void *config, fal_jw *w)
{
    fal_stack_note(&((const predictor *)config)->stack, w);
}

/* ---- arithmetic ---- */

static fal_dense output_layer(const fal_stack *stack)
{
    const fal_stack_shape *s = &stack->shape;
    const float *values = stack->values + fal_stack_count(s);
    return (fal_dense){.in = s->width, .out = s->in, .weight = values, .bias = values + s->width * s->in};
}

/* out [frames - 1, in]: row t is the guess at row t + 1 of x [frames, in]. */
static fal_status predict(const fal_stack *stack, const float *x, int64_t frames, bool keep, fal_stack_trace *trace,
                          float **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_dense output = output_layer(stack);
    float *guess;
    FAL_TRY(fal_stack_forward(stack, x, frames - 1, keep, trace, err));
    FAL_ALLOC(guess, fal_run_floats(stack->run, (frames - 1) * stack->shape.in));
    FAL_TRY(
        fal_dense_run(stack->run, &output, &(fal_dense_args){.x = trace->out, .rows = frames - 1, .y = guess}, err));
    const int64_t shape[] = {frames - 1, stack->shape.in};
    fal_run_stage(stack->run, "prediction", guess, 2, shape);
    *out = guess;
done:
    return st;
}

/* Error of a guess; with slope != 0 the guess is replaced by slope * (guess - x). */
static double frame_error(float *guess, const float *x, int64_t dim, double slope)
{
    double sum = 0;
    for (int64_t i = 0; i < dim; i++) {
        double d = (double)guess[i] - (double)x[i];
        sum += d * d;
        if (slope != 0)
            guess[i] = (float)(slope * d);
    }
    return sum / (double)dim;
}

static fal_status score(const void *config, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stack stack = {((const predictor *)config)->stack, pass->values, pass->run};
    fal_stack_trace trace;
    int64_t dim = stack.shape.in;
    float *guess;
    double most = 0;
    if (pass->frames < LEAST_FRAMES)
        FAL_FAIL(FAL_ERR_TOO_SHORT,
                 "a clip of one frame cannot be scored by next-token prediction: there is no next one");
    FAL_TRY(predict(&stack, pass->rows, pass->frames, false, &trace, &guess, err));
    pass->frame_logits[0] = 0;
    for (int64_t t = 1; t < pass->frames; t++) {
        double error = frame_error(guess + (t - 1) * dim, pass->rows + t * dim, dim, 0);
        pass->frame_logits[t] = (float)error;
        most = error > most ? error : most;
    }
    *pass->clip_logit = most;
done:
    return st;
}

/* ---- training ---- */

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames >= LEAST_FRAMES;
}

/* dguess [frames - 1, in]: of the loss by the guesses. */
static fal_status backward(const fal_stack *stack, const fal_stack_trace *trace, const float *dguess, float *gradient,
                           fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_stack_shape *s = &stack->shape;
    fal_dense output = output_layer(stack);
    float *dout, *to = gradient + fal_stack_count(s);
    FAL_ALLOC(dout, fal_run_floats(stack->run, trace->frames * s->width));
    fal_dense_gradient args = {.x = trace->out,
                               .rows = trace->frames,
                               .dy = dguess,
                               .dx = dout,
                               .dweight = to,
                               .dbias = to + s->width * s->in};
    FAL_TRY(fal_dense_backward(stack->run, &output, &args, err));
    FAL_TRY(fal_stack_backward(stack, trace, dout, gradient, err));
done:
    return st;
}

static fal_status clip_loss(const void *config, const fal_step *step, const fal_clip_features *clip, double *loss,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    fal_stack stack = {((const predictor *)config)->stack, step->values, step->run};
    fal_stack_trace trace;
    int64_t dim = stack.shape.in, count = clip->frames - 1;
    float *guess;
    double total = 0, slope = step->gradient ? 2 * step->scale / (double)(dim * count) : 0;
    FAL_TRY(predict(&stack, clip->rows, clip->frames, step->gradient != NULL, &trace, &guess, err));
    for (int64_t t = 0; t < count; t++)
        total += frame_error(guess + t * dim, clip->rows + (t + 1) * dim, dim, slope);
    *loss = total / (double)count;
    if (step->gradient)
        FAL_TRY(backward(&stack, &trace, guess, step->gradient, err));
done:
    return st;
}

static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    return fal_sum_clip_losses(clip_loss, config, ((const predictor *)config)->stack.in, step, sum, err);
}

const fal_head_kind fal_head_ntp = {
    .name = "ntp",
    .what = "predicts the next frame; real clips only",
    .config_size = sizeof(predictor),
    .recipe = {.batch = 1, .max_epochs = 100, .patience = 10, .learning_rate = 1e-4, .real_only = true},
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "ntp", .samples = samples, .loss = loss},
    .note = note,
};
