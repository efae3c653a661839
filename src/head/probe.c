/* The linear probe (bit-ml/ssr-dfd, linear_probing/model.py): a logit per frame, pooled to one per clip.
 *
 *   f_t = w . x_t + b
 *   s   = log sum_t exp(f_t)      "log-sum-exp", the paper's
 *         mean_t f_t              "mean"
 *         max_t f_t               "max"
 *         sum_t a_t f_t           "attention": a = softmax_t(q . x_t), q learnt with the rest
 *
 * Training: cross-entropy over the pair (-s, s), one clip one sample. */
#include "core/alloc.h"
#include "core/str.h"
#include "head/head.h"
#include "head/pooling.h"
#include "tensor/kernels.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum pooling { LOG_SUM_EXP, MEAN, MAX, ATTENTION, POOLINGS };

static const char *const pooling_names[POOLINGS] = {"log-sum-exp", "mean", "max", "attention"};

typedef struct probe {
    int64_t dim;
    enum pooling pooling;
    size_t weight, bias, query; /* places of the parameters */
} probe;

/* ---- configuration ---- */

static fal_status find_pooling(const char *name, enum pooling *out, fal_error *err)
{
    for (int i = 0; i < POOLINGS; i++)
        if (!name || fal_str_eq(name, pooling_names[i])) {
            *out = (enum pooling)i;
            return FAL_OK;
        }
    return fal_fail(err, FAL_ERR_ARGUMENT,
                    "there is no pooling \"%s\"; a probe has log-sum-exp, mean, max and attention", name);
}

static bool recognise(const fal_checkpoint *ckpt)
{
    size_t known =
        1 + (fal_checkpoint_find(ckpt, "head.bias") != NULL) + (fal_checkpoint_find(ckpt, "pool.query") != NULL);
    return fal_checkpoint_find(ckpt, "head.weight") && fal_checkpoint_count(ckpt) == known;
}

static fal_status read_config(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err)
{
    fal_status st = FAL_OK;
    probe *p = config;
    char text[96];
    const fal_tensor *weight = &fal_checkpoint_find(ckpt, "head.weight")->tensor;
    if (weight->rank != 2 || weight->shape[0] != 1 || weight->shape[1] < 1)
        FAL_FAIL(FAL_ERR_FORMAT, "head.weight is %s, expected [1,D]: not a linear probe with one output",
                 fal_tensor_shape_text(text, weight));
    p->dim = weight->shape[1];
    FAL_TRY(
        find_pooling(fal_value_string(fal_value_get(fal_checkpoint_config(ckpt), "pooling"), NULL), &p->pooling, err));
    *shape = (fal_head_shape){.parts = 1, .dims = {p->dim}, .dim = p->dim};
done:
    return st;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err)
{
    probe *p = config;
    p->dim = shape->dim;
    return find_pooling(training->pooling, &p->pooling, err);
}

/* The places are known once the parameters are declared, and are the same every time. */
static probe placed(const void *config)
{
    probe p = *(const probe *)config;
    p.weight = 0;
    p.bias = (size_t)p.dim;
    p.query = (size_t)p.dim + 1;
    return p;
}

static size_t size_of(const probe *p)
{
    return (size_t)p->dim * (p->pooling == ATTENTION ? 2 : 1) + 1;
}

static fal_status declare(const void *config, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const probe *p = config;
    const fal_init uniform = FAL_INIT_UNIFORM(1 / sqrt((double)p->dim)), zero = FAL_INIT_ZERO;
    FAL_TRY(fal_params_add(params, "head.weight", 2, (int64_t[]){1, p->dim}, uniform, NULL, err));
    FAL_TRY(fal_params_add(params, "head.bias", 1, (int64_t[]){1}, uniform, NULL, err));
    params->list[params->list_count - 1].optional = true; /* the paper's formula has none */
    if (p->pooling == ATTENTION)
        FAL_TRY(fal_params_add(params, "pool.query", 1, &p->dim, zero, NULL, err));
done:
    return st;
}

static void note(const void *config, fal_jw *w)
{
    fal_jw_put_string(w, "pooling", pooling_names[((const probe *)config)->pooling]);
}

/* ---- one clip ----
 * A clip is read once, a few rows at a time, which stay in the fastest cache: their logits, then their part of the sums
 * that the pooling needs. Weights e_t = exp(z_t - max z) refer to the maximum so far; when it grows, the sums shrink.
 */

enum { BLOCK = 4, LINE = 16 }; /* rows at a time; floats in a cache line */

typedef struct pass {
    const probe *p;
    const fal_kernels *kernels;
    const float *values;
    const fal_clip_features *clip;
    float *wide;       /* [BLOCK, dim]; for float16 rows */
    float *logits;     /* [frames]; NULL: not wanted */
    float *direction;  /* [dim]: sum of e_t x_t; NULL: no gradient wanted */
    float *weighted;   /* [dim]: sum of e_t f_t x_t; attention only */
    double top, total; /* largest z_t; sum of e_t */
    double sum;        /* of e_t f_t */
} pass;

/* Logits without bias of the rows [first, first + count), which are returned as float32. */
static const float *block_logits(const pass *s, int64_t first, int64_t count, float *f)
{
    const fal_clip_features *clip = s->clip;
    const int64_t dim = s->p->dim;
    const float *w = s->values + s->p->weight;
    if (clip->rows) {
        s->kernels->dot_rows(clip->rows + first * dim, count, dim, w, f);
        return clip->rows + first * dim;
    }
    s->kernels->widen_dot_rows(clip->half + first * dim, count, dim, w, s->wide, f);
    return s->wide;
}

static void shrink(const pass *s, float *sums, float by)
{
    for (int64_t i = 0; sums && i < s->p->dim; i++)
        sums[i] *= by;
}

/* z_t of the block: what the pooling weighs frames by. */
static void weigh(const pass *s, const float *x, const float *f, int64_t count, float *z)
{
    if (s->p->pooling == ATTENTION)
        s->kernels->dot_rows(x, count, s->p->dim, s->values + s->p->query, z);
    else
        for (int64_t t = 0; t < count; t++)
            z[t] = s->p->pooling == MEAN ? 0 : f[t];
}

/* Takes in a new maximum and turns z into e. */
static void exponentials(pass *s, int64_t count, float *z)
{
    int64_t best = 0;
    for (int64_t t = 1; t < count; t++)
        best = z[t] > z[best] ? t : best;
    const bool higher = z[best] > s->top, alone = s->p->pooling == MAX;
    if (higher) {
        double by = alone ? 0 : exp(s->top - z[best]);
        s->top = z[best];
        s->total *= by;
        s->sum *= by;
        shrink(s, s->direction, (float)by);
        shrink(s, s->weighted, (float)by);
    }
    for (int64_t t = 0; t < count; t++)
        z[t] = alone ? (float)(higher && t == best) : (float)exp(z[t] - s->top);
}

static void take_block(pass *s, int64_t first, int64_t count)
{
    const int64_t dim = s->p->dim;
    float f[BLOCK], e[BLOCK];
    const float *x = block_logits(s, first, count, f);
    for (int64_t t = 0; t < count; t++)
        f[t] += s->values[s->p->bias];
    if (s->logits)
        memcpy(s->logits + first, f, (size_t)count * sizeof *f);
    weigh(s, x, f, count, e);
    exponentials(s, count, e);
    if (s->direction)
        s->kernels->add_rows(x, count, dim, e, s->direction);
    for (int64_t t = 0; t < count; t++) {
        s->total += e[t];
        f[t] *= e[t];
        s->sum += f[t];
    }
    if (s->weighted)
        s->kernels->add_rows(x, count, dim, f, s->weighted);
}

/* The clip logit; `direction` and `weighted` are zero before. */
static double read_clip(pass *s)
{
    s->top = -INFINITY;
    for (int64_t first = 0; first < s->clip->frames; first += BLOCK)
        take_block(s, first, s->clip->frames - first < BLOCK ? s->clip->frames - first : BLOCK);
    return s->p->pooling == LOG_SUM_EXP ? s->top + log(s->total) : s->sum / s->total;
}

static fal_status score(const void *config, const fal_head_pass *wanted, fal_error *err)
{
    (void)err;
    probe p = placed(config);
    fal_clip_features clip = {.frames = wanted->frames, .rows = wanted->rows};
    pass s = {.p = &p, .kernels = fal_kernels_get(), .values = wanted->values, .clip = &clip};
    s.logits = wanted->frame_logits;
    *wanted->clip_logit = read_clip(&s);
    return FAL_OK;
}

/* ---- training ---- */

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames > 0;
}

/* From the sums to the gradient, in place: ds/df_t = e_t / total (whatever the pooling), and with attention
 * ds/dz_t = e_t / total * (f_t - s). */
static void finish_gradient(const pass *s, double logit, double slope, float *gradient)
{
    const double by = slope / s->total;
    for (int64_t i = 0; s->weighted && i < s->p->dim; i++)
        s->weighted[i] = (float)(by * (s->weighted[i] - logit * s->direction[i]));
    for (int64_t i = 0; i < s->p->dim; i++)
        s->direction[i] = (float)(by * s->direction[i]);
    gradient[s->p->bias] = (float)slope;
}

/* Loss of a clip; its gradient into `gradient` unless that is NULL. */
static double clip_loss(const probe *p, const fal_kernels *kernels, const fal_step *step, const fal_clip_features *clip,
                        float *wide, float *gradient)
{
    pass s = {.p = p, .kernels = kernels, .values = step->values, .clip = clip, .wide = wide};
    if (gradient) {
        memset(gradient, 0, size_of(p) * sizeof *gradient);
        s.direction = gradient + p->weight;
        s.weighted = p->pooling == ATTENTION ? gradient + p->query : NULL;
    }
    double logit = read_clip(&s);
    if (gradient)
        finish_gradient(&s, logit, step->scale * fal_pair_loss_slope(logit, clip->label), gradient);
    return fal_pair_loss(logit, clip->label);
}

/* Clips are shared out among the threads; each has its own gradient, and they are added in the order of the clips, so
 * that the result does not depend on how many threads there are. */
static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    const probe p = placed(config);
    const fal_kernels *kernels = fal_kernels_get();
    const size_t width = size_of(&p), n = step->part_count, block = (size_t)(BLOCK * p.dim);
    const size_t slot = (width + LINE - 1) / LINE * LINE; /* of a clip: vectors lie within cache lines */
    const int threads = n > 1 ? fal_run_threads(step->run) : 1;
    fal_arena *arena = fal_run_arena(step->run);
    float *gradients = NULL, *wide;
    double *losses;
    FAL_ALLOC(wide, fal_arena_alloc(arena, (size_t)threads * block, sizeof *wide));
    FAL_ALLOC(losses, fal_arena_alloc(arena, n, sizeof *losses));
    if (step->gradient)
        FAL_ALLOC(gradients, fal_arena_alloc(arena, n * slot, sizeof *gradients));
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (size_t i = 0; i < n; i++)
        losses[i] = clip_loss(&p, kernels, step, step->parts[i].clip, wide + (size_t)omp_get_thread_num() * block,
                              gradients ? gradients + i * slot : NULL);
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        *sum += losses[i];
        if (gradients)
            kernels->add(step->gradient, gradients + i * slot, (int64_t)width, step->gradient);
    }
done:
    return st;
}

const fal_head_kind fal_head_probe = {
    .name = "probe",
    .what = "linear probe per frame, log-sum-exp over the clip",
    .config_size = sizeof(probe),
    .recipe = {.batch = 1,
               .max_epochs = 100,
               .patience = 10,
               .learning_rate = 1e-3,
               .fast = {.batch = 64, .learning_rate = 0.032}}, /* docs/heads.md has the measurement */
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "probe", .samples = samples, .loss = loss},
    .note = note,
};
