/* Linear probe with log-sum-exp pooling, and its file forms: our safetensors and the official Lightning checkpoint
 * (torch zip; state_dict with head.weight [1,D] and head.bias [1], hyper_parameters.config.model_hparams.input_type).
 */
#include "head/probe.h"

#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"
#include "head/kind.h"
#include "tensor/ops.h"

#include <math.h>
#include <string.h>

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

void fal_probe_logits(const fal_probe *probe, const float *x, int64_t frames, float *f)
{
    for (int64_t t = 0; t < frames; t++)
        f[t] = dot(probe->weight, x + t * probe->dim, probe->dim) + probe->bias;
}

double fal_log_sum_exp(const float *f, int64_t frames)
{
    float top = f[0];
    for (int64_t t = 1; t < frames; t++)
        top = f[t] > top ? f[t] : top;
    if (!isfinite(top))
        return top;
    double sum = 0;
    for (int64_t t = 0; t < frames; t++)
        sum += exp((double)f[t] - top);
    return top + log(sum);
}

static bool recognise(const fal_checkpoint *ckpt)
{
    size_t known = fal_checkpoint_find(ckpt, "head.bias") ? 2 : 1;
    return fal_checkpoint_find(ckpt, "head.weight") && fal_checkpoint_count(ckpt) == known;
}

static void free_model(void **model)
{
    fal_probe *probe = *model;
    if (!probe)
        return;
    fal_free(probe->weight);
    fal_release(model);
}

/* The official names of the feature arrays, and ours. */
static bool parse_stream(const char *text, fal_stream *out)
{
    static const struct { const char *name; fal_stream stream; } names[] = {
        {"audio", FAL_STREAM_AUDIO},   {"video", FAL_STREAM_VIDEO}, {"multimodal", FAL_STREAM_AV},
        {"both", FAL_STREAM_AV},       {"av", FAL_STREAM_AV},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (fal_str_eq(names[i].name, text)) {
            *out = names[i].stream;
            return true;
        }
    return false;
}

/* A number as our own files write it, whatever the locale; *out stays when there is none. */
static fal_status metadata_real(const fal_checkpoint *ckpt, const char *key, double *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *json = NULL;
    const char *text = fal_checkpoint_metadata(ckpt, key);
    if (!text)
        return FAL_OK;
    FAL_TRY(fal_json_parse(text, strlen(text), key, &json, err));
    double value = fal_json_real(json, NAN);
    if (!isfinite(value))
        FAL_FAIL(FAL_ERR_FORMAT, "%s is \"%.40s\", expected a number", key, text);
    *out = value;
done:
    fal_json_free(&json);
    return st;
}

static bool metadata_true(const fal_checkpoint *ckpt, const char *key)
{
    return fal_str_eq(fal_checkpoint_metadata(ckpt, key), "true");
}

static fal_status read_calibration(const fal_checkpoint *ckpt, fal_calibration *out, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_calibration c = {.slope = 2, .low = 0.3, .high = 0.7};
    c.fitted = metadata_true(ckpt, "falsetto.calibration.fitted");
    FAL_TRY(metadata_real(ckpt, "falsetto.calibration.slope", &c.slope, err));
    FAL_TRY(metadata_real(ckpt, "falsetto.calibration.length_slope", &c.length_slope, err));
    FAL_TRY(metadata_real(ckpt, "falsetto.calibration.offset", &c.offset, err));
    FAL_TRY(metadata_real(ckpt, "falsetto.band.low", &c.low, err));
    FAL_TRY(metadata_real(ckpt, "falsetto.band.high", &c.high, err));
    *out = c;
done:
    if (st != FAL_OK)
        fal_error_prefix(err, "%s", fal_checkpoint_path(ckpt));
    return st;
}

static void read_description(const fal_checkpoint *ckpt, fal_head_description *about)
{
    const fal_value *hparams = fal_value_path(fal_checkpoint_object(ckpt), "hyper_parameters.config.model_hparams");
    const fal_value *data = fal_value_path(fal_checkpoint_object(ckpt), "hyper_parameters.config.data_info");
    const char *stream = fal_checkpoint_metadata(ckpt, "falsetto.stream");
    if (!stream)
        stream = fal_value_string(fal_value_get(hparams, "input_type"), NULL);
    if (!stream)
        stream = fal_value_string(fal_value_get(data, "input_type"), NULL);
    about->stream_known = parse_stream(stream, &about->stream);
    /* apply_l2 is true in every published experiment; only a complete Lightning file records it. */
    about->l2_normalise = fal_value_bool(fal_value_get(data, "apply_l2"), true) &&
                          !fal_str_eq(fal_checkpoint_metadata(ckpt, "falsetto.l2"), "false");
    about->demonstration = metadata_true(ckpt, "falsetto.demonstration");
    about->encoder = fal_checkpoint_metadata(ckpt, "falsetto.encoder");
    about->family = fal_checkpoint_metadata(ckpt, "falsetto.encoder.family");
    about->feature = fal_checkpoint_metadata(ckpt, "falsetto.encoder.feature");
}

/* A file that was damaged, or written by a training that diverged. */
static fal_status check_finite(const fal_checkpoint *ckpt, const fal_probe *probe, fal_error *err)
{
    for (int64_t d = 0; d < probe->dim; d++)
        if (!isfinite(probe->weight[d]))
            return fal_fail(err, FAL_ERR_FORMAT, "%s: head.weight is not finite in channel %lld",
                            fal_checkpoint_path(ckpt), (long long)d);
    if (!isfinite(probe->bias))
        return fal_fail(err, FAL_ERR_FORMAT, "%s: head.bias is not finite", fal_checkpoint_path(ckpt));
    return FAL_OK;
}

static fal_status open_probe(const fal_checkpoint *ckpt, void **model, fal_head_description *about, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_probe *probe = NULL;
    const fal_tensor *weight = &fal_checkpoint_find(ckpt, "head.weight")->tensor;
    const fal_named_tensor *bias = fal_checkpoint_find(ckpt, "head.bias");
    char shape[96];
    if (weight->rank != 2 || weight->shape[0] != 1 || weight->shape[1] < 1)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: head.weight is %s, expected [1,D]: not a linear probe with one output",
                 fal_checkpoint_path(ckpt), fal_tensor_shape_text(shape, weight));
    if (bias && fal_tensor_count(&bias->tensor) != 1)
        FAL_FAIL(FAL_ERR_FORMAT, "%s: head.bias is %s, expected [1]", fal_checkpoint_path(ckpt),
                 fal_tensor_shape_text(shape, &bias->tensor));
    FAL_ALLOC(probe, fal_calloc(1, sizeof *probe));
    probe->dim = weight->shape[1];
    FAL_ALLOC(probe->weight, fal_malloc_array((size_t)probe->dim, sizeof *probe->weight));
    fal_tensor_copy_f32(weight, probe->weight);
    if (bias)
        fal_tensor_copy_f32(&bias->tensor, &probe->bias);
    FAL_TRY(check_finite(ckpt, probe, err));
    FAL_TRY(read_calibration(ckpt, &about->calibration, err));
    read_description(ckpt, about);
    about->dim = probe->dim;
    probe->l2_normalise = about->l2_normalise;
    *model = probe, probe = NULL;
done:
    if (probe)
        free_model((void **)&probe);
    return st;
}

static fal_status score(const void *model, const float *features, int64_t frames, float *frame_logits,
                        double *clip_logit, fal_error *err)
{
    fal_status st = FAL_OK;
    const fal_probe *probe = model;
    float *rows = NULL;
    if (probe->l2_normalise) {
        FAL_ALLOC(rows, fal_malloc_array((size_t)(frames * probe->dim), sizeof *rows));
        fal_l2_normalise_rows(features, frames, probe->dim, rows);
        features = rows;
    }
    fal_probe_logits(probe, features, frames, frame_logits);
    *clip_logit = fal_log_sum_exp(frame_logits, frames);
done:
    fal_free(rows);
    return st;
}

const fal_head_kind fal_head_probe = {
    .name = "probe",
    .recognise = recognise,
    .open = open_probe,
    .score = score,
    .free = free_model,
};
