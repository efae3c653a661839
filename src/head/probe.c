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
    return fal_fail(err, FAL_ERR_ARGUMENT, "there is no pooling \"%s\"; a probe has log-sum-exp, mean, max and attention",
                    name);
}

static bool recognise(const fal_checkpoint *ckpt)
{
    size_t known = 1 + (fal_checkpoint_find(ckpt, "head.bias") != NULL) + (fal_checkpoint_find(ckpt, "pool.query") != NULL);
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
    FAL_TRY(find_pooling(fal_value_string(fal_value_get(fal_checkpoint_config(ckpt), "pooling"), NULL), &p->pooling, err));
    *shape = (fal_head_shape){.parts = 1, .dims = {p->dim}, .dim = p->dim};
done:
    return st;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config, fal_error *err)
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

/* ---- arithmetic ---- */

/* Eight partial sums let the compiler vectorise without reordering what the C standard fixes. */
static float dot(const float *a, const float *b, int64_t n)
{
    float sum[8] = {0};
    int64_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (int k = 0; k < 8; k++)
            sum[k] += a[i + k] * b[i + k];
    float tail = 0;
    for (; i < n; i++)
        tail += a[i] * b[i];
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7])) + tail;
}

static void frame_logits(const probe *p, const float *values, const float *x, int64_t frames, float *f)
{
    for (int64_t t = 0; t < frames; t++)
        f[t] = dot(values + p->weight, x + t * p->dim, p->dim) + values[p->bias];
}

/* shares [frames]: ds/df_t, what frame t has in the clip logit s, which is returned. */
static double pool(const probe *p, const float *values, const float *x, const float *f, int64_t frames, double *shares)
{
    double s = 0;
    int64_t top = 0;
    if (p->pooling == LOG_SUM_EXP) {
        s = fal_log_sum_exp(f, frames);
        for (int64_t t = 0; t < frames; t++)
            shares[t] = exp(f[t] - s);
        return s;
    }
    for (int64_t t = 0; t < frames; t++) {
        top = f[t] > f[top] ? t : top;
        shares[t] = p->pooling == MEAN ? 1 / (double)frames : 0;
    }
    if (p->pooling == MAX)
        shares[top] = 1;
    if (p->pooling == ATTENTION) {
        double highest = -INFINITY, sum = 0;
        for (int64_t t = 0; t < frames; t++) {
            shares[t] = dot(values + p->query, x + t * p->dim, p->dim);
            highest = fmax(highest, shares[t]);
        }
        for (int64_t t = 0; t < frames; t++)
            sum += shares[t] = exp(shares[t] - highest);
        for (int64_t t = 0; t < frames; t++)
            shares[t] /= sum;
    }
    for (int64_t t = 0; t < frames; t++)
        s += shares[t] * f[t];
    return s;
}

static fal_status score(const void *config, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    probe p = placed(config);
    double *shares;
    FAL_ALLOC(shares, fal_arena_alloc(fal_run_arena(pass->run), (size_t)pass->frames, sizeof *shares));
    frame_logits(&p, pass->values, pass->rows, pass->frames, pass->frame_logits);
    *pass->clip_logit = pool(&p, pass->values, pass->rows, pass->frame_logits, pass->frames, shares);
done:
    return st;
}

/* ---- training ---- */

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames > 0;
}

/* Adds by * values[0..n-1]. */
static void add_scaled(float *to, float by, const float *values, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += by * values[i];
}

/* Scratch of one thread: frame logits and shares of the longest clip. */
typedef struct scratch {
    float *f;
    double *shares;
} scratch;

/* Loss of a clip; its gradient into `gradient` (set to 0 before) unless that is NULL. */
static double clip_loss(const probe *p, const fal_step *step, const fal_clip_features *clip, const scratch *own,
                        float *gradient)
{
    const float *values = step->values, *x = clip->rows;
    frame_logits(p, values, x, clip->frames, own->f);
    double s = pool(p, values, x, own->f, clip->frames, own->shares);
    double slope = step->scale * fal_pair_loss_slope(s, clip->label);
    for (int64_t t = 0; gradient && t < clip->frames; t++) {
        float df = (float)(slope * own->shares[t]);
        add_scaled(gradient + p->weight, df, x + t * p->dim, p->dim);
        gradient[p->bias] += df;
        if (p->pooling == ATTENTION)
            add_scaled(gradient + p->query, (float)(slope * own->shares[t] * (own->f[t] - s)), x + t * p->dim, p->dim);
    }
    return fal_pair_loss(s, clip->label);
}

static fal_status make_scratch(const fal_step *step, int threads, scratch **out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(step->run);
    int64_t longest = 1;
    scratch *all;
    for (size_t i = 0; i < step->part_count; i++)
        longest = step->parts[i].clip->frames > longest ? step->parts[i].clip->frames : longest;
    FAL_ALLOC(all, fal_arena_alloc(arena, (size_t)threads, sizeof *all));
    for (int i = 0; i < threads; i++) {
        FAL_ALLOC(all[i].f, fal_arena_alloc(arena, (size_t)longest, sizeof(float)));
        FAL_ALLOC(all[i].shares, fal_arena_alloc(arena, (size_t)longest, sizeof(double)));
    }
    *out = all;
done:
    return st;
}

/* Clips are shared out among the threads; each has its own gradient, and they are added in the order of the clips, so
 * that the result does not depend on how many threads there are. */
static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    probe p = placed(config);
    size_t width = (size_t)p.dim + 1 + (p.pooling == ATTENTION ? (size_t)p.dim : 0), n = step->part_count;
    int threads = n > 1 ? fal_run_threads(step->run) : 1;
    fal_arena *arena = fal_run_arena(step->run);
    float *gradients = NULL;
    double *losses;
    scratch *own;
    FAL_TRY(make_scratch(step, threads, &own, err));
    FAL_ALLOC(losses, fal_arena_alloc(arena, n, sizeof *losses));
    if (step->gradient && n > 1)
        FAL_ALLOC(gradients, fal_arena_alloc(arena, n * width, sizeof *gradients));
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t i = 0; i < n; i++) {
        float *gradient = gradients ? gradients + i * width : step->gradient;
        if (gradients)
            memset(gradient, 0, width * sizeof *gradient);
        losses[i] = clip_loss(&p, step, step->parts[i].clip, &own[omp_get_thread_num()], gradient);
    }
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        *sum += losses[i];
        if (gradients)
            add_scaled(step->gradient, 1, gradients + i * width, (int64_t)width);
    }
done:
    return st;
}

const fal_head_kind fal_head_probe = {
    .name = "probe",
    .config_size = sizeof(probe),
    .recipe = {.batch = 1, .max_epochs = 100, .patience = 10, .learning_rate = 1e-3},
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "probe", .samples = samples, .loss = loss},
    .note = note,
};
