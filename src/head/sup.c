/* AVH-Align/sup (bit-ml/AVH-Align, avh_sup): supervised heads on the visual features, the audio features, or both.
 *
 *   linear   f_t = w . [v_t, a_t] + b              one array: w . x_t + b
 *   mlp      f_t = network of mlp.h on [v_t, a_t]  one array: with one projection
 *   s = log sum_t exp(f_t)
 *
 * Training as the linear probe's: cross-entropy over the pair (-s, s), one clip one sample. The linear form is a probe
 * on the joined row, every part of which was normalised by itself. */
#include "core/alloc.h"
#include "core/str.h"
#include "head/head.h"
#include "head/inner_probe.h"
#include "head/mlp.h"
#include "head/pooling.h"

#include <math.h>

/* The official widths of the mlp form. */
enum { PROJECTED = 512, PROJECTED_ALONE = 1024 };
static const int64_t official_widths[FAL_MLP_NORMS] = {512, 256, 128};

typedef struct sup {
    bool linear;
    fal_mlp_shape mlp; /* linear: only parts and dims */
} sup;

/* ---- configuration ---- */

/* What the file says of itself, in our own form or in Lightning's. */
static const fal_value *own_words(const fal_checkpoint *ckpt)
{
    if (fal_str_eq(fal_checkpoint_metadata(ckpt, "falsetto.kind"), "sup"))
        return fal_checkpoint_config(ckpt);
    return fal_value_path(fal_checkpoint_object(ckpt), "hyper_parameters.config.model_hparams");
}

/* Probes and sync models have the same tensors; the hyper-parameters tell. */
static bool recognise(const fal_checkpoint *ckpt)
{
    bool network = fal_checkpoint_find(ckpt, "mlp.9.weight"), alone = fal_checkpoint_find(ckpt, "proj.weight");
    bool named = fal_value_string(fal_value_get(own_words(ckpt), "model_type"), NULL);
    return (network && (named || alone)) || (named && fal_checkpoint_find(ckpt, "head.weight"));
}

static fal_status read_linear(const fal_checkpoint *ckpt, const char *input, sup *s, fal_error *err)
{
    const fal_value *says = own_words(ckpt);
    const fal_tensor *weight = &fal_checkpoint_find(ckpt, "head.weight")->tensor;
    char text[96];
    if (weight->rank != 2 || weight->shape[0] != 1 || weight->shape[1] < 1)
        return fal_fail(err, FAL_ERR_FORMAT, "head.weight is %s, expected [1,D]", fal_tensor_shape_text(text, weight));
    int64_t all = weight->shape[1];
    s->mlp.parts = fal_str_eq(input, "both") ? 2 : 1;
    s->mlp.dims[0] = s->mlp.parts == 1 ? all : fal_value_int(fal_value_get(says, "visual_dim"), all / 2);
    s->mlp.dims[1] = all - s->mlp.dims[0];
    if (s->mlp.dims[0] < 1 || s->mlp.dims[1] < (s->mlp.parts == 2))
        return fal_fail(err, FAL_ERR_FORMAT, "head.weight is %s, which does not hold %lld visual channels and audio",
                        fal_tensor_shape_text(text, weight), (long long)s->mlp.dims[0]);
    return FAL_OK;
}

static fal_head_shape shape_of(const sup *s, const char *arrays)
{
    const int64_t *dims = s->mlp.dims;
    return (fal_head_shape){
        .parts = s->mlp.parts, .dims = {dims[0], dims[1]}, .dim = dims[0] + dims[1], .arrays = arrays};
}

static fal_status read_config(const fal_checkpoint *ckpt, void *config, fal_head_shape *shape, fal_error *err)
{
    fal_status st = FAL_OK;
    sup *s = config;
    const char *input = fal_value_string(fal_value_get(own_words(ckpt), "input_type"), "both");
    s->linear = fal_checkpoint_find(ckpt, "mlp.9.weight") == NULL;
    FAL_TRY(s->linear ? read_linear(ckpt, input, s, err) : fal_mlp_read_shape(ckpt, &s->mlp, err));
    const char *alone = fal_str_eq(input, "audio") ? "audio" : fal_str_eq(input, "video") ? "visual" : NULL;
    *shape = shape_of(s, s->mlp.parts == 2 ? "visual+audio" : alone);
done:
    return st;
}

static fal_status configure(const fal_head_training *training, const fal_head_shape *shape, void *config,
                            fal_error *err)
{
    sup *s = config;
    const char *variant = training->variant ? training->variant : "mlp";
    if (!fal_str_eq(variant, "mlp") && !fal_str_eq(variant, "linear"))
        return fal_fail(err, FAL_ERR_ARGUMENT, "there is no variant \"%s\"; a sup head is mlp or linear", variant);
    if (shape->parts > FAL_MLP_PARTS)
        return fal_fail(err, FAL_ERR_ARGUMENT, "a sup head takes visual+audio, or one of the two, not %zu arrays",
                        shape->parts);
    s->linear = fal_str_eq(variant, "linear");
    s->mlp.parts = shape->parts;
    for (size_t p = 0; p < shape->parts; p++) {
        s->mlp.dims[p] = shape->dims[p];
        s->mlp.projected[p] = shape->parts == 1 ? PROJECTED_ALONE : PROJECTED;
    }
    for (int i = 0; i < FAL_MLP_NORMS; i++)
        s->mlp.width[i] = official_widths[i];
    return FAL_OK;
}

static void note(const void *config, fal_jw *w)
{
    const sup *s = config;
    fal_jw_put_string(w, "model_type", s->linear ? "linear" : "mlp");
    fal_jw_put_string(w, "input_type", s->mlp.parts == 2 ? "both" : "one"); /* which one: falsetto.arrays */
    fal_jw_put_int(w, "visual_dim", s->mlp.dims[0]);
}

static fal_status as_probe(const sup *s, fal_inner_probe *probe, fal_error *err)
{
    return fal_inner_probe_make(s->mlp.dims[0] + s->mlp.dims[1], probe, err);
}

static fal_status declare(const void *config, fal_params *params, fal_error *err)
{
    fal_status st = FAL_OK;
    const sup *s = config;
    fal_inner_probe probe;
    if (!s->linear)
        return fal_mlp_declare(&s->mlp, params, err);
    FAL_TRY(as_probe(s, &probe, err));
    FAL_TRY(fal_head_probe.declare(probe.config, params, err));
done:
    return st;
}

/* ---- scoring ---- */

static fal_status network_score(const sup *s, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_mlp mlp = fal_mlp_use(&s->mlp, pass->values, pass->run);
    FAL_TRY(fal_mlp_frames(&mlp, pass->rows, pass->frames, pass->frame_logits, err));
    *pass->clip_logit = fal_log_sum_exp(pass->frame_logits, pass->frames);
done:
    return st;
}

static fal_status score(const void *config, const fal_head_pass *pass, fal_error *err)
{
    fal_status st = FAL_OK;
    const sup *s = config;
    fal_inner_probe probe;
    if (!s->linear)
        return network_score(s, pass, err);
    FAL_TRY(as_probe(s, &probe, err));
    FAL_TRY(fal_head_probe.score(probe.config, pass, err));
done:
    return st;
}

/* ---- training ---- */

static int64_t samples(const void *config, int64_t frames)
{
    (void)config;
    return frames > 0;
}

/* ds/df_t = exp(f_t - s) */
static fal_status clip_loss(const void *config, const fal_step *step, const fal_clip_features *clip, double *loss,
                            fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_mlp mlp = fal_mlp_use(&((const sup *)config)->mlp, step->values, step->run);
    fal_mlp_trace trace;
    FAL_TRY(fal_mlp_make_trace(&mlp, clip->frames, true, &trace, err));
    FAL_TRY(fal_mlp_forward(&mlp, clip->rows, &trace, err));
    double s = fal_log_sum_exp(trace.out, clip->frames);
    double slope = step->scale * fal_pair_loss_slope(s, clip->label);
    *loss = fal_pair_loss(s, clip->label);
    if (!step->gradient)
        goto done;
    for (int64_t t = 0; t < clip->frames; t++)
        trace.out[t] = (float)(slope * exp(trace.out[t] - s));
    FAL_TRY(fal_mlp_backward(&mlp, clip->rows, &trace, trace.out, step->gradient, err));
done:
    return st;
}

static fal_status loss(const void *config, const fal_step *step, double *sum, fal_error *err)
{
    fal_status st = FAL_OK;
    const sup *s = config;
    fal_inner_probe probe;
    if (!s->linear)
        return fal_sum_clip_losses(clip_loss, config, s->mlp.dims[0] + s->mlp.dims[1], step, sum, err);
    FAL_TRY(as_probe(s, &probe, err));
    FAL_TRY(fal_head_probe.trainable.loss(probe.config, step, sum, err));
done:
    return st;
}

const fal_head_kind fal_head_sup = {
    .name = "sup",
    .what = "AVH-Align/sup: network on visual and audio frames",
    .config_size = sizeof(sup),
    .recipe = {.batch = 1, .max_epochs = 100, .patience = 10, .learning_rate = 1e-3, .arrays = "visual+audio"},
    .recognise = recognise,
    .read_config = read_config,
    .configure = configure,
    .declare = declare,
    .score = score,
    .trainable = {.kind = "sup", .samples = samples, .loss = loss},
    .note = note,
};
