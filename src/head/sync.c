/* Audio-video sync (AVH-Align: bit-ml/AVH-Align, model.py, dataset.py, train.py, eval.py), learnt from real clips only.
 *
 * The network of mlp.h says how well a visual and an audio frame fit together, o = network([v, a]).
 *
 *   score     f_t = -o(v_t, a_t), s = log sum_t exp(f_t)
 *   training  every frame t is a sample: its visual vector against the 2 tau + 1 audio vectors around it,
 *             l_t = -log softmax_j o(v_t, a_t+j) at j = 0; vectors outside the clip are zeros, which take part
 *
 * The first Linear of the network reads [visual_proj(v), audio_proj(a)], so it is the sum of a visual and an audio
 * half. Both are computed once per frame and added for every pair; only what follows runs over frames x (2 tau + 1)
 * pairs. */
#include "core/alloc.h"
#include "head/head.h"
#include "head/mlp.h"
#include "head/pooling.h"

#include <math.h>
#include <string.h>

enum {
    TAU = 15,         /* official */
    MOST_TAU = 10000, /* more than any clip has frames is only a slow way to see the whole clip */
    PROJECTED = 512,
    PAIRS_AT_ONCE = 1024
};
static const int64_t official_widths[FAL_MLP_NORMS] = {512, 256, 128};

typedef struct sync_config {
    fal_mlp_shape mlp;
    int64_t tau;
} sync_config;

/* ---- configuration ---- */

/* The AVH-Align/sup network has the same tensors, but says that it is one. */
static bool recognise(const fal_checkpoint *ckpt)
{
    return fal_checkpoint_find(ckpt, "visual_proj.weight") && fal_checkpoint_find(ckpt, "audio_proj.weight") &&
           fal_checkpoint_find(ckpt, "mlp.9.weight");
}

static fal_head_shape shape_of(const fal_mlp_shape *mlp)
{
    return (fal_head_shape){
        .parts = 2, .dims = {mlp->dims[0], mlp->dims[1]}, .dim = mlp->dims[0] + mlp->dims[1], .arrays = "visual+audio"};
}

static fal_status check_tau(int64_t tau, fal_error *err)
{
    if (tau < 1 || tau > MOST_TAU)
        return fal_fail(err, FAL_ERR_ARGUMENT, "tau is %lld, expected 1 to %d frames to each side", (long long)tau,
                        MOST_TAU);
    return FAL_OK;
}

static fal_status read_config(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err)
{
    fal_status st = FAL_OK;
    sync_config *s = config;
    int64_t official = fal_value_int(fal_value_path(fal_checkpoint_object(ckpt), "args.tau"), TAU);
    s->tau = fal_value_int(fal_value_get(fal_checkpoint_config(ckpt), "tau"), official);
    FAL_TRY(check_tau(s->tau, err));
    FAL_TRY(fal_mlp_read_shape(ckpt, &s->mlp, err));
    *shape = shape_of(&s->mlp);
done:
    return st;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err)
{
    sync_config *s = config;
    if (shape->parts != 2)
        return fal_fail(err, FAL_ERR_ARGUMENT, "sync compares two feature arrays, such as visual+audio; %zu %s given",
                        shape->parts, shape->parts == 1 ? "was" : "were");
    s->tau = training->tau ? training->tau : TAU;
    s->mlp.parts = 2;
    for (int i = 0; i < 2; i++) {
        s->mlp.dims[i] = shape->dims[i];
        s->mlp.projected[i] = PROJECTED;
    }
    for (int i = 0; i < FAL_MLP_NORMS; i++)
        s->mlp.width[i] = official_widths[i];
    return check_tau(s->tau, err);
}

static fal_status declare(const void *config, fal_params *params, fal_error *err)
{
    return fal_mlp_declare(&((const sync_config *)config)->mlp, params, err);
}

static void note(const void *config, fal_jw *w)
{
    fal_jw_put_int(w, "tau", ((const sync_config *)config)->tau);
}

/* ---- scoring ---- */

static fal_status score(const void *config, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const sync_config *s = config;
    fal_mlp mlp = fal_mlp_use(&s->mlp, pass->values, pass->run);
    FAL_TRY(fal_mlp_frames(&mlp, pass->rows, pass->frames, pass->frame_logits, err));
    for (int64_t t = 0; t < pass->frames; t++)
        pass->frame_logits[t] = -pass->frame_logits[t];
    *pass->clip_logit = fal_log_sum_exp(pass->frame_logits, pass->frames);
done:
    return st;
}

/* ---- training: the vectors of a batch ---- */

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames;
}

/* Vectors of a batch, each once. A part of a clip has `count` windows over count + 2 tau positions, one after the
 * other; positions outside the clip share the last audio vector, which is zero. */
typedef struct vectors {
    int64_t dim[2], wide; /* channels; vectors in a window */
    int64_t windows, sounds, positions;
    float *visual;            /* [windows, dim[0]] */
    float *audio;             /* [sounds, dim[1]] */
    int64_t *window_position; /* [windows] where it starts */
    int64_t *sound;           /* [positions] row of `audio` */
} vectors;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Audio frames [*from, *to) that the windows of a part see. */
static void seen(const fal_samples *part, int64_t tau, int64_t *from, int64_t *to)
{
    *from = part->first > tau ? part->first - tau : 0;
    *to = least(part->first + part->count + tau, part->clip->frames);
}

static fal_status make_room(const sync_config *s, const fal_step *step, vectors *v, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_arena *arena = fal_run_arena(step->run);
    int64_t from, to;
    *v = (vectors){.dim = {s->mlp.dims[0], s->mlp.dims[1]}, .wide = 2 * s->tau + 1, .sounds = 1};
    for (size_t i = 0; i < step->part_count; i++) {
        seen(&step->parts[i], s->tau, &from, &to);
        v->windows += step->parts[i].count;
        v->sounds += to - from;
        v->positions += step->parts[i].count + 2 * s->tau;
    }
    FAL_ALLOC(v->visual, fal_run_floats(step->run, v->windows * v->dim[0]));
    FAL_ALLOC(v->audio, fal_run_floats(step->run, v->sounds * v->dim[1]));
    FAL_ALLOC(v->window_position, fal_arena_alloc(arena, (size_t)v->windows, sizeof(int64_t)));
    FAL_ALLOC(v->sound, fal_arena_alloc(arena, (size_t)v->positions, sizeof(int64_t)));
done:
    return st;
}

/* Channels [first, first + dim) of `count` rows. */
static void copy_channels(const float *rows, int64_t stride, int64_t first, int64_t dim, int64_t count, float *to)
{
    for (int64_t t = 0; t < count; t++)
        memcpy(to + t * dim, rows + t * stride + first, (size_t)dim * sizeof *to);
}

static fal_status gather(const sync_config *s, const fal_step *step, vectors *v, fal_error *err)
{
    fal_status st = FAL_OK;
    int64_t window = 0, sound = 0, position = 0, from, to;
    FAL_TRY(make_room(s, step, v, err));
    const int64_t dim = v->dim[0] + v->dim[1], zero = v->sounds - 1;
    for (size_t i = 0; i < step->part_count; i++) {
        const fal_samples *part = &step->parts[i];
        const float *rows; /* of the audio frames seen, which hold the visual ones */
        seen(part, s->tau, &from, &to);
        FAL_TRY(fal_step_rows(step->run, part->clip, dim, from, to - from, &rows, err));
        copy_channels(rows + (part->first - from) * dim, dim, 0, v->dim[0], part->count,
                      v->visual + window * v->dim[0]);
        copy_channels(rows, dim, v->dim[0], v->dim[1], to - from, v->audio + sound * v->dim[1]);
        for (int64_t k = 0; k < part->count; k++)
            v->window_position[window++] = position + k;
        for (int64_t t = part->first - s->tau; t < part->first + part->count + s->tau; t++)
            v->sound[position++] = t >= from && t < to ? sound + t - from : zero;
        sound += to - from;
    }
    memset(v->audio + zero * v->dim[1], 0, (size_t)v->dim[1] * sizeof *v->audio);
done:
    return st;
}

/* ---- training: halves of the first layer ---- */

/* One projection and its half of the network's first layer. */
typedef struct half {
    const fal_mlp_linear *projection;
    int64_t column; /* of the first layer's input */
    const float *x; /* [rows, projection->in] */
    int64_t rows;
    float *projected; /* [rows, projection->out] */
    float *y, *dy;    /* [rows, width]; dy NULL without a gradient */
} half;

static fal_status half_forward(const fal_mlp *mlp, half *h, bool backward, fal_error *err)
{
    fal_status st = FAL_OK;
    const int64_t width = mlp->layer[0].out;
    fal_dense projection = fal_mlp_dense(mlp, h->projection, 0, h->projection->in);
    fal_dense first = fal_mlp_dense(mlp, &mlp->layer[0], h->column, h->projection->out);
    FAL_ALLOC(h->projected, fal_run_floats(mlp->run, h->rows * h->projection->out));
    FAL_ALLOC(h->y, fal_run_floats(mlp->run, h->rows * width));
    if (backward) {
        FAL_ALLOC(h->dy, fal_run_floats(mlp->run, h->rows * width));
        memset(h->dy, 0, (size_t)(h->rows * width) * sizeof *h->dy);
    }
    FAL_TRY(
        fal_dense_run(mlp->run, &projection, &(fal_dense_args){.x = h->x, .rows = h->rows, .y = h->projected}, err));
    FAL_TRY(fal_dense_run(mlp->run, &first, &(fal_dense_args){.x = h->projected, .rows = h->rows, .y = h->y}, err));
done:
    return st;
}

static fal_status half_backward(const fal_mlp *mlp, const half *h, float *gradient, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_dense projection = fal_mlp_dense(mlp, h->projection, 0, h->projection->in);
    fal_dense first = fal_mlp_dense(mlp, &mlp->layer[0], h->column, h->projection->out);
    float *dprojected;
    FAL_ALLOC(dprojected, fal_run_floats(mlp->run, h->rows * h->projection->out));
    fal_dense_gradient pass = {.x = h->projected,
                               .rows = h->rows,
                               .dy = h->dy,
                               .dx = dprojected,
                               .dweight = gradient + mlp->layer[0].weight + h->column,
                               .dbias = h->column ? NULL : gradient + mlp->layer[0].bias};
    FAL_TRY(fal_dense_backward(mlp->run, &first, &pass, err));
    pass = (fal_dense_gradient){.x = h->x,
                                .rows = h->rows,
                                .dy = dprojected,
                                .dweight = gradient + h->projection->weight,
                                .dbias = gradient + h->projection->bias};
    FAL_TRY(fal_dense_backward(mlp->run, &projection, &pass, err));
done:
    return st;
}

/* ---- training: pairs ---- */

typedef struct batch {
    fal_mlp mlp;
    vectors v;
    half visual, audio;
    float *dposition;    /* [positions, width]: gradient by the audio half at every position */
    fal_mlp_trace trace; /* of some windows' pairs */
    float *dbefore;      /* [pairs, width] */
    double scale;
    float *gradient; /* NULL: only the loss is wanted */
} batch;

/* trace.before[0] of the windows [first, first + count). */
static void add_halves(const batch *b, int64_t first, int64_t count)
{
    const int64_t width = b->mlp.layer[0].out, wide = b->v.wide;
    const int threads = fal_run_threads(b->mlp.run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t pair = 0; pair < count * wide; pair++) {
        int64_t window = first + pair / wide, position = b->v.window_position[window] + pair % wide;
        const float *visual = b->visual.y + window * width, *audio = b->audio.y + b->v.sound[position] * width;
        float *to = b->trace.before[0] + pair * width;
        for (int64_t c = 0; c < width; c++)
            to[c] = visual[c] + audio[c];
    }
}

/* Loss of one window; turns its outputs into their gradient times `scale`. */
static double window_loss(float *out, int64_t wide, double scale)
{
    double all = fal_log_sum_exp(out, wide), loss = all - out[wide / 2];
    for (int64_t j = 0; j < wide; j++)
        out[j] = (float)(scale * (exp(out[j] - all) - (j == wide / 2)));
    return loss;
}

static void add_to(float *to, const float *x, int64_t count)
{
    for (int64_t c = 0; c < count; c++)
        to[c] += x[c];
}

/* dbefore of the windows [first, first + count) to both halves. A thread owns windows, then positions: every sum has
 * the same order however many there are. */
static void share_out(const batch *b, int64_t first, int64_t count)
{
    const int64_t width = b->mlp.layer[0].out, wide = b->v.wide, *start = b->v.window_position + first;
    const int threads = fal_run_threads(b->mlp.run);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t w = 0; w < count; w++)
        for (int64_t j = 0; j < wide; j++)
            add_to(b->visual.dy + (first + w) * width, b->dbefore + (w * wide + j) * width, width);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t p = start[0]; p < start[count - 1] + wide; p++)
        for (int64_t w = 0; w < count; w++)
            if (p >= start[w] && p < start[w] + wide)
                add_to(b->dposition + p * width, b->dbefore + (w * wide + p - start[w]) * width, width);
}

static fal_status windows_loss(batch *b, int64_t first, int64_t count, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    b->trace.rows = count * b->v.wide;
    add_halves(b, first, count);
    FAL_TRY(fal_mlp_trunk_forward(&b->mlp, &b->trace, err));
    for (int64_t w = 0; w < count; w++)
        *sum += window_loss(b->trace.out + w * b->v.wide, b->v.wide, b->scale);
    if (!b->gradient)
        goto done;
    FAL_TRY(fal_mlp_trunk_backward(&b->mlp, &b->trace, b->trace.out, b->gradient, b->dbefore, err));
    share_out(b, first, count);
done:
    return st;
}

static fal_status begin_batch(const sync_config *s, const fal_step *step, batch *b, int64_t at_once, fal_error *err)
{
    fal_status st = FAL_OK;
    const int64_t width = s->mlp.width[0];
    bool backward = step->gradient != NULL;
    b->mlp = fal_mlp_use(&s->mlp, step->values, step->run);
    b->scale = step->scale;
    b->gradient = step->gradient;
    b->visual = (half){.projection = &b->mlp.projection[0], .x = b->v.visual, .rows = b->v.windows};
    b->audio = (half){
        .projection = &b->mlp.projection[1], .column = b->mlp.projection[0].out, .x = b->v.audio, .rows = b->v.sounds};
    FAL_TRY(half_forward(&b->mlp, &b->visual, backward, err));
    FAL_TRY(half_forward(&b->mlp, &b->audio, backward, err));
    FAL_TRY(fal_mlp_make_trace(&b->mlp, at_once * b->v.wide, false, &b->trace, err));
    if (backward) {
        FAL_ALLOC(b->dbefore, fal_run_floats(step->run, at_once * b->v.wide * width));
        FAL_ALLOC(b->dposition, fal_run_floats(step->run, b->v.positions * width));
        memset(b->dposition, 0, (size_t)(b->v.positions * width) * sizeof *b->dposition);
    }
done:
    return st;
}

static fal_status end_batch(batch *b, fal_error *err)
{
    fal_status st = FAL_OK;
    const int64_t width = b->mlp.layer[0].out;
    for (int64_t p = 0; p < b->v.positions; p++)
        add_to(b->audio.dy + b->v.sound[p] * width, b->dposition + p * width, width);
    FAL_TRY(half_backward(&b->mlp, &b->visual, b->gradient, err));
    FAL_TRY(half_backward(&b->mlp, &b->audio, b->gradient, err));
done:
    return st;
}

static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    const sync_config *s = config;
    batch b = {.scale = 0};
    double total = 0;
    FAL_TRY(gather(s, step, &b.v, err));
    int64_t at_once = least(b.v.windows, PAIRS_AT_ONCE / b.v.wide + 1);
    FAL_TRY(begin_batch(s, step, &b, at_once, err));
    for (int64_t first = 0; first < b.v.windows; first += at_once)
        FAL_TRY(windows_loss(&b, first, least(at_once, b.v.windows - first), &total, err));
    if (b.gradient)
        FAL_TRY(end_batch(&b, err));
    *sum = total;
done:
    return st;
}

const fal_head_kind fal_head_sync = {
    .name = "sync",
    .what = "AVH-Align: do mouth and voice fit? real clips only",
    .config_size = sizeof(sync_config),
    .recipe = {.batch = 1024,
               .sum_loss = true,
               .keep_order = true,
               .max_epochs = 500,
               .patience = 10,
               .learning_rate = 1e-5,
               .plateau = {.factor = 0.1, .patience = 5, .threshold = 1e-4, .least_change = 1e-8},
               .rules = FAL_FIT_AVH_ALIGN,
               .real_only = true,
               .arrays = "visual+audio"},
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "sync", .samples = samples, .loss = loss},
    .note = note,
};
