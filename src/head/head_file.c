/* What a head's file says beside its tensors: our own metadata, and what the official Lightning checkpoints record. */
#include "core/alloc.h"
#include "core/str.h"
#include "head/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_METADATA = 40, NUMBER = 32 };

/* ---- reading ---- */

/* The official names of the feature arrays, and ours. */
static bool parse_stream(const char *text, fal_stream *out)
{
    static const struct {
        const char *name;
        fal_stream stream;
    } names[] = {
        {"audio", FAL_STREAM_AUDIO}, {"video", FAL_STREAM_VIDEO}, {"multimodal", FAL_STREAM_AV},
        {"both", FAL_STREAM_AV},     {"av", FAL_STREAM_AV},
    };
    for (size_t i = 0; i < FAL_COUNT(names); i++)
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

/* "[[x,P],...]", both rising. */
static fal_status take_knots(const fal_json *knots, fal_calibration *c)
{
    if (fal_json_kind(knots) != FAL_JSON_ARRAY || fal_json_count(knots) > FAL_CALIBRATION_KNOTS)
        return FAL_ERR_FORMAT;
    for (size_t i = 0; i < fal_json_count(knots); i++) {
        const fal_json *knot = fal_json_at(knots, i);
        double x = fal_json_real(fal_json_at(knot, 0), NAN), p = fal_json_real(fal_json_at(knot, 1), NAN);
        if (!isfinite(x) || !(p >= 0 && p <= 1) || (i && (x < c->knot_x[i - 1] || p < c->knot_p[i - 1])))
            return FAL_ERR_FORMAT;
        c->knot_x[i] = x;
        c->knot_p[i] = p;
    }
    c->knot_count = (int)fal_json_count(knots);
    return FAL_OK;
}

static fal_status read_knots(const fal_checkpoint *ckpt, fal_calibration *c, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_json *json = NULL;
    const char *key = "falsetto.calibration.knots", *text = fal_checkpoint_metadata(ckpt, key);
    if (!text)
        return FAL_OK;
    FAL_TRY(fal_json_parse(text, strlen(text), key, &json, err));
    if (take_knots(json, c) != FAL_OK)
        FAL_FAIL(FAL_ERR_FORMAT, "%s is \"%.40s\", expected up to %d rising points [x,P]", key, text,
                 FAL_CALIBRATION_KNOTS);
done:
    fal_json_free(&json);
    return st;
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
    FAL_TRY(read_knots(ckpt, &c, err));
    *out = c;
done:
    return st;
}

/* Channels of every part from "6+8". */
static fal_status parse_parts(const char *text, fal_head_shape *shape, fal_error *err)
{
    fal_head_shape read = {.arrays = shape->arrays};
    for (const char *at = text;; at++) {
        char *end;
        long long dim = strtoll(at, &end, 10);
        if (end == at || dim < 1 || dim > shape->dim - read.dim || read.parts == FAL_HEAD_PARTS)
            break;
        read.dims[read.parts++] = dim;
        read.dim += dim;
        at = end;
        if (*at == '\0' && read.dim == shape->dim) {
            *shape = read;
            return FAL_OK;
        }
        if (*at != '+')
            break;
    }
    return fal_fail(err, FAL_ERR_FORMAT, "falsetto.dims is \"%.40s\", expected up to %d numbers that add up to %lld",
                    text, FAL_HEAD_PARTS, (long long)shape->dim);
}

fal_status fal_head_read_parts(const fal_checkpoint *ckpt, fal_head_shape *shape, fal_error *err)
{
    const char *text = fal_checkpoint_metadata(ckpt, "falsetto.dims");
    return text ? parse_parts(text, shape, err) : FAL_OK;
}

/* What training wrote for people to read: kept when the file is written anew. */
static const char *const fact_keys[FAL_HEAD_FACTS] = {
    "falsetto.train.clips",      "falsetto.train.best_epoch", "falsetto.train.seed",
    "falsetto.validation.clips", "falsetto.validation.loss",
};

static fal_status read_facts(const fal_checkpoint *ckpt, fal_head *head, fal_error *err)
{
    fal_status st = FAL_OK;
    for (int i = 0; i < FAL_HEAD_FACTS; i++)
        if (fal_checkpoint_metadata(ckpt, fact_keys[i]))
            FAL_ALLOC(head->facts[i], fal_strdup(fal_checkpoint_metadata(ckpt, fact_keys[i])));
done:
    return st;
}

fal_status fal_head_read_about(const fal_checkpoint *ckpt, fal_head *head, fal_error *err)
{
    fal_status st = FAL_OK;
    fal_head_description *about = &head->about;
    const fal_value *config = fal_value_path(fal_checkpoint_object(ckpt), "hyper_parameters.config");
    const fal_value *hparams = fal_value_get(config, "model_hparams"), *data = fal_value_get(config, "data_info");
    const char *stream = fal_checkpoint_metadata(ckpt, "falsetto.stream");
    FAL_TRY(read_calibration(ckpt, &about->calibration, err));
    FAL_TRY(read_facts(ckpt, head, err));
    if (!stream)
        stream = fal_value_string(fal_value_get(hparams, "input_type"), NULL);
    if (!stream)
        stream = fal_value_string(fal_value_get(data, "input_type"), NULL);
    if (!stream)
        stream = fal_value_string(fal_value_path(fal_checkpoint_object(ckpt), "config.input_type"), NULL);
    about->stream_known = parse_stream(stream, &about->stream);
    /* apply_l2 is true in every published experiment; only a complete Lightning file records it. */
    about->l2_normalise = fal_value_bool(fal_value_get(data, "apply_l2"), true) &&
                          !fal_str_eq(fal_checkpoint_metadata(ckpt, "falsetto.l2"), "false");
    about->demonstration = metadata_true(ckpt, "falsetto.demonstration");
    FAL_TRY(fal_head_keep_source(head, fal_checkpoint_metadata(ckpt, "falsetto.encoder"),
                                 fal_checkpoint_metadata(ckpt, "falsetto.encoder.family"),
                                 fal_checkpoint_metadata(ckpt, "falsetto.encoder.feature"), err));
done:
    return st;
}

/* ---- writing ---- */

typedef struct notes {
    fal_metadata entries[MAX_METADATA];
    char numbers[MAX_METADATA][NUMBER];
    size_t count;
    fal_buf config, arrays, dims, knots, summary;
} notes;

static void note(notes *n, const char *key, const char *value)
{
    if (value && n->count < MAX_METADATA)
        n->entries[n->count++] = (fal_metadata){key, value};
}

static void note_real(notes *n, const char *key, double value)
{
    if (n->count == MAX_METADATA)
        return;
    fal_format_double(n->numbers[n->count], value);
    note(n, key, n->numbers[n->count]);
}

static void note_flag(notes *n, const char *key, bool value)
{
    note(n, key, value ? "true" : "false");
}

static void note_kind(notes *n, const fal_head *head)
{
    note(n, "format", "pt");
    note(n, "falsetto.kind", head->kind->name);
    if (head->kind->note) {
        fal_jw w = fal_jw_start(&n->config, true);
        fal_jw_object(&w);
        head->kind->note(head->config.bytes, &w);
        fal_jw_end_object(&w);
        note(n, "falsetto.config", n->config.data);
    }
    for (size_t i = 0; i < head->shape.parts && head->parts[i].array; i++)
        fal_buf_printf(&n->arrays, "%s%s", i ? "+" : "", head->parts[i].array);
    note(n, "falsetto.arrays", n->arrays.data);
    for (size_t i = 0; i < head->shape.parts && head->shape.parts > 1; i++)
        fal_buf_printf(&n->dims, "%s%lld", i ? "+" : "", (long long)head->shape.dims[i]);
    note(n, "falsetto.dims", n->dims.data);
    if (head->kind->summarise)
        head->kind->summarise(head->config.bytes, head->params.values, head->parts, &n->summary);
    note(n, "falsetto.summary", n->summary.data);
}

static void note_knots(notes *n, const fal_calibration *c)
{
    fal_jw w = fal_jw_start(&n->knots, true);
    if (!c->knot_count)
        return;
    fal_jw_array(&w);
    for (int i = 0; i < c->knot_count; i++) {
        fal_jw_array(&w);
        fal_jw_double(&w, c->knot_x[i]);
        fal_jw_double(&w, c->knot_p[i]);
        fal_jw_end_array(&w);
    }
    fal_jw_end_array(&w);
    note(n, "falsetto.calibration.knots", n->knots.data);
}

static void note_about(notes *n, const fal_head_description *about)
{
    const fal_calibration *c = &about->calibration;
    note(n, "falsetto.encoder", about->encoder);
    note(n, "falsetto.encoder.family", about->family);
    note(n, "falsetto.encoder.feature", about->feature);
    note(n, "falsetto.stream", about->stream_known ? fal_stream_name(about->stream) : NULL);
    note_flag(n, "falsetto.l2", about->l2_normalise);
    note_flag(n, "falsetto.demonstration", about->demonstration);
    note_flag(n, "falsetto.calibration.fitted", c->fitted);
    note_real(n, "falsetto.calibration.slope", c->slope);
    note_real(n, "falsetto.calibration.length_slope", c->length_slope);
    note_real(n, "falsetto.calibration.offset", c->offset);
    note_knots(n, c);
    note_real(n, "falsetto.band.low", c->low);
    note_real(n, "falsetto.band.high", c->high);
}

fal_status fal_head_write(const fal_head *head, const fal_metadata *facts, size_t fact_count, const char *path,
                          fal_error *err)
{
    fal_status st = FAL_OK;
    notes *n = NULL;
    fal_named_tensor *tensors = NULL;
    FAL_ALLOC(n, fal_calloc(1, sizeof *n));
    FAL_ALLOC(tensors, fal_malloc_array(head->params.list_count, sizeof *tensors));
    fal_params_tensors(&head->params, tensors);
    note_kind(n, head);
    note_about(n, &head->about);
    for (size_t i = 0; i < FAL_HEAD_FACTS; i++)
        note(n, fact_keys[i], head->facts[i]);
    for (size_t i = 0; i < fact_count; i++)
        note(n, facts[i].key, facts[i].value);
    if (n->config.failed || n->arrays.failed || n->dims.failed || n->knots.failed || n->summary.failed)
        FAL_FAIL(FAL_ERR_MEMORY, "%s: out of memory", path);
    FAL_TRY(fal_safetensors_write(path, tensors, head->params.list_count, FAL_F32, n->entries, n->count, err));
done:
    if (n) {
        fal_buf_free(&n->config);
        fal_buf_free(&n->arrays);
        fal_buf_free(&n->dims);
        fal_buf_free(&n->knots);
        fal_buf_free(&n->summary);
    }
    fal_free(n);
    fal_free(tensors);
    return st;
}
